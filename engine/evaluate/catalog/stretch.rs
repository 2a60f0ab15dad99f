//! A stretch of declarations about one host, which can be repeated for another.

use std::{collections::HashMap, ops::Range, sync::Arc};

use super::{Block, BlockId, Catalog, Node, NodeId, NodeName, Order};
use crate::resources::kind::DesiredResource;

/// A point in the catalog, between two declarations.
#[derive(Debug, Clone, Copy)]
pub struct CatalogMark {
    nodes: u32,
    blocks: u32,
    met: u32,
}

/// Declarations that stand next to each other, are about one host, and met nothing that was declared before.
pub struct Stretch {
    nodes: Range<u32>,
    blocks: Range<u32>,
    owned: Arc<Owned>,
}

/// What nodes own, and which of them.
pub(super) type Owned = HashMap<Arc<str>, NodeId>;

/// What is owned on a host.
#[derive(Default)]
pub(super) struct Owners {
    own: Owned,
    /// What another host owns as well, and how much further on these nodes are: a large fleet has it once.
    alike: Option<(Arc<Owned>, u32)>,
}

impl Owners {
    pub(super) fn get(&self, owned: &str) -> Option<NodeId> {
        let alike = || {
            let (all, by) = self.alike.as_ref()?;
            Some(NodeId(all.get(owned)?.0 + by))
        };
        self.own.get(owned).copied().or_else(alike)
    }

    pub(super) fn insert(&mut self, owned: Arc<str>, node: NodeId) {
        self.own.insert(owned, node);
    }

    fn is_empty(&self) -> bool {
        self.own.is_empty() && self.alike.is_none()
    }

    /// Adds what a stretch owns, whose nodes are further on here.
    fn extend(&mut self, owned: &Arc<Owned>, by: u32) {
        if self.is_empty() && !owned.is_empty() {
            self.alike = Some((owned.clone(), by));
        } else {
            let moved = |(owned, id): (&Arc<str>, &NodeId)| (owned.clone(), NodeId(id.0 + by));
            self.own.extend(owned.iter().map(moved));
        }
    }
}

impl Stretch {
    /// Whether nothing was declared.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

/// Says where ids of a stretch are after it was repeated. What stands before it stays where it is.
struct Shift {
    from: u32,
    by: u32,
}

impl Shift {
    /// From the first of a stretch to the first of its repetition.
    fn new(from: u32, to: u32) -> Self {
        Self { from, by: to - from }
    }

    fn node(&self, id: NodeId) -> NodeId {
        NodeId(self.index(id.0))
    }

    fn block(&self, id: BlockId) -> BlockId {
        BlockId(self.index(id.0))
    }

    fn index(&self, index: u32) -> u32 {
        if index < self.from { index } else { index + self.by }
    }
}

impl Catalog {
    /// Where the catalog ends by now.
    pub fn mark(&self) -> CatalogMark {
        let index = |len| u32::try_from(len).expect("limits keep a catalog below 2^32 nodes");
        CatalogMark {
            nodes: index(self.nodes.len()),
            blocks: index(self.blocks.len()),
            met: self.met,
        }
    }

    /// What was declared since then, if all of that is about `host` and can be repeated.
    pub fn since(&self, begin: CatalogMark, host: &Arc<str>) -> Option<Stretch> {
        let end = self.mark();
        let (nodes, blocks) = (begin.nodes..end.nodes, begin.blocks..end.blocks);
        let is_its_own = |node: &Node| node.name.host == *host;
        let names_host = |block: &Block| matches!(block.order, Order::Item { .. });
        if end.met > begin.met
            || !self.nodes[begin.nodes as usize..].iter().all(is_its_own)
            || self.blocks[begin.blocks as usize..].iter().any(names_host)
        {
            return None;
        }
        let owned = nodes.clone().map(|id| (self.node(NodeId(id)).owns.clone(), NodeId(id)));
        Some(Stretch { owned: Arc::new(owned.collect()), nodes, blocks })
    }

    /// Whether a host owns nothing of what a stretch declares.
    pub fn can_repeat(&self, stretch: &Stretch, host: &Arc<str>) -> bool {
        let Some(owners) = self.owners.get(host) else { return true };
        !stretch.owned.keys().any(|owned| owners.get(owned).is_some())
    }

    /// Declares for another host, of which [`can_repeat`](Self::can_repeat) holds, what a stretch declares for its own; some
    /// nodes, in order, as another resource of the same key. Does nothing, and is `false`, if a key is not the same.
    pub fn repeat(
        &mut self,
        stretch: &Stretch,
        host: &Arc<str>,
        other: Vec<(NodeId, DesiredResource)>,
    ) -> bool {
        let end = self.mark();
        let nodes = Shift::new(stretch.nodes.start, end.nodes);
        let blocks = Shift::new(stretch.blocks.start, end.blocks);
        let owners = self.owners.entry(host.clone()).or_default();
        let has_its_key = |(id, other): &(NodeId, DesiredResource)| {
            *self.nodes[id.index()].name.key == *other.key
        };
        if !other.iter().all(has_its_key) {
            return false;
        }
        owners.extend(&stretch.owned, nodes.by);
        let mut other = other.into_iter().peekable();
        for id in stretch.nodes.clone().map(NodeId) {
            let node = self.node(id);
            let other = other.next_if(|(other, _)| *other == id);
            let (after, reactions) = (node.after.iter(), node.reactions.iter());
            let new = Node {
                name: NodeName::new(host, node.kind.name(), node.name.key.clone()),
                kind: node.kind,
                owns: node.owns.clone(),
                desired: other.map_or_else(|| node.desired.clone(), |(_, other)| other.desired),
                declared: node.declared.clone(),
                block: blocks.block(node.block),
                after: after.map(|id| nodes.node(*id)).collect(),
                reactions: reactions.map(|(id, it)| (nodes.node(*id), *it)).collect(),
                timeout: node.timeout,
                confirm: node.confirm,
            };
            for (cause, reaction) in &new.reactions {
                self.reacting.entry(*cause).or_default().push((nodes.node(id), *reaction));
            }
            self.nodes.push(new);
        }
        for at in stretch.blocks.clone() {
            let Block { parent, order } = self.blocks[at as usize].clone();
            self.blocks.push(Block { parent: parent.map(|parent| blocks.block(parent)), order });
        }
        true
    }
}
