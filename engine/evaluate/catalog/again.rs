//! What a call says that a resource reacts to, where that may have been declared after the resource itself: another role
//! declared the service, and this one the file that it reads.

use super::{Block, BlockId, Catalog, Declaration, DesiredResource, Node, NodeId, Order, number};
use crate::resources::resource::{Nature, Reaction};

impl Catalog {
    /// Lets a resource react where it stands first after each cause. Where it stands before one, it stands here once more,
    /// only to react. Gives the last place that reacts; without causes, the first of all.
    pub fn react_in_order(
        &mut self,
        first: NodeId,
        reactions: Vec<(NodeId, Reaction)>,
        declared: &Declaration,
        block: BlockId,
    ) -> NodeId {
        let mut last = first;
        for (cause, reaction) in reactions {
            let places =
                [first].into_iter().chain(self.again.get(&first).into_iter().flatten().copied());
            let place = places.into_iter().find(|place| cause <= *place);
            let place = place.unwrap_or_else(|| self.stand_again(first, declared.clone(), block));
            self.react(place, cause, reaction);
            last = last.max(place);
        }
        last
    }

    fn stand_again(&mut self, first: NodeId, declared: Declaration, block: BlockId) -> NodeId {
        let node = self.node(first);
        let (host, kind) = (node.name.host.clone(), node.kind.again());
        let mut resource = DesiredResource {
            key: node.name.key.to_string(),
            owns: node.owns.to_string(),
            desired: node.desired.clone(),
            timeout: node.timeout,
            confirm: node.confirm,
        };
        let place = NodeId(
            u32::try_from(self.nodes.len()).expect("limits keep a catalog below 2^32 nodes"),
        );
        let owners = self.owners.entry(host.clone()).or_default();
        number(owners, &mut resource);
        let node = Node::new(&host, kind, resource, declared, block);
        owners.insert(node.owns.clone(), place);
        self.nodes.push(node);
        self.again.entry(first).or_default().push(place);
        place
    }

    /// Leaves of the places where a resource only reacts those that somebody could miss. Where nothing between one and the
    /// next could tell whether it reacted yet, the next one does so for both: ten roles restart a service once.
    pub fn gather_reactions(&mut self) {
        let mut stays = vec![true; self.len()];
        for places in std::mem::take(&mut self.again).into_values() {
            for pair in places.windows(2) {
                if self.can_wait(pair[0], pair[1]) {
                    stays[pair[0].index()] = false;
                    self.take_over(pair[0], pair[1]);
                }
            }
        }
        if stays.contains(&false) {
            self.retain(&stays);
        }
    }

    /// The name stays as well: what an earlier run left outstanding to the one is found by the other.
    fn take_over(&mut self, from: NodeId, to: NodeId) {
        let node = &mut self.nodes[from.index()];
        let (name, owns) = (node.name.clone(), node.owns.clone());
        let mut reactions = std::mem::take(&mut node.reactions);
        reactions.append(&mut self.nodes[to.index()].reactions);
        (self.nodes[to.index()].name, self.nodes[to.index()].owns) = (name, owns);
        reactions.into_iter().for_each(|(cause, reaction)| self.react(to, cause, reaction));
    }

    /// Whether nobody can tell whether a node reacted, until another place of the same resource.
    fn can_wait(&self, node: NodeId, until: NodeId) -> bool {
        let around = |id| self.blocks_around(id).collect::<Vec<_>>();
        let (here, there) = (around(node), around(until));
        let is_plain = |order: &Order| matches!(order, Order::PerHost);
        let leaves = |one: &[(BlockId, &Block)], other: &[(BlockId, &Block)]| {
            let inner = |(id, _): &&(BlockId, &Block)| other.iter().all(|(other, _)| other != id);
            one.iter().filter(inner).all(|(_, block)| is_plain(&block.order))
        };
        if !leaves(&here, &there) || !leaves(&there, &here) {
            return false;
        }
        let per_host = here.iter().all(|(_, block)| is_plain(&block.order));
        let host = &self.node(node).name.host;
        let is_quiet = |id: NodeId| {
            let between = self.node(id);
            per_host && between.name.host != *host || !between.notices()
        };
        let is_named = self.nodes.iter().any(|other| other.after.contains(&node));
        !is_named
            && self.reacting_to(node).next().is_none()
            && (node.0 + 1..until.0).map(NodeId).all(is_quiet)
    }
}

impl Node {
    /// Whether what it does, or what is seen of it, can depend on any program of the host.
    fn notices(&self) -> bool {
        self.kind.nature() != Nature::State
            || self.kind.opaque()
            || !self.kind.reacts().is_empty()
            || self.kind.footprint(&self.desired).sees_all
    }
}
