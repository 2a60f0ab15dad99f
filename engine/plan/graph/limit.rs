//! What a limit leaves of a catalog. It leaves out changes, and never a check: a run that changes less is no less careful.

use std::collections::{BTreeMap, HashSet};

use petgraph::Direction;

use super::{Edge, Graph, edges};
use crate::{
    base::diagnostic::Result,
    evaluate::catalog::{BlockPart, Catalog, ItemId, NodeId, Regions},
    resources::resource::Nature,
};

/// Leaves what is on the hosts that `named` names, what stands around a body in which something is left, and every check
/// that has to hold before or after one of these, on whatever host. Each turn of a rolling stands for itself: what is
/// left of one needs no check of another.
///
/// # Errors
/// A cycle, with every declaration on it.
pub fn limit(catalog: &mut Catalog, named: impl Fn(&str) -> bool) -> Result<()> {
    let graph = Graph::build(catalog)?;
    let regions = &graph.regions;
    let mut stays: Vec<bool> = catalog.nodes().map(|(_, node)| named(&node.name.host)).collect();
    for around in regions.arounds.iter().rev() {
        if around.body.iter().any(|id| stays[id.index()]) {
            around.before.iter().chain(&around.after).for_each(|id| stays[id.index()] = true);
        }
    }
    let mut by_turn: BTreeMap<Vec<ItemId>, Vec<NodeId>> = BTreeMap::new();
    for (id, _) in catalog.nodes().filter(|(id, _)| stays[id.index()]) {
        by_turn.entry(regions.items_of(id).collect()).or_default().push(id);
    }
    let is_check = |id: &NodeId| catalog.node(*id).kind.nature() == Nature::Check;
    for left in by_turn.values() {
        for side in [Direction::Incoming, Direction::Outgoing] {
            let checks = graph.reach(left, side, |_| true).into_iter().filter(is_check);
            let its = checks.filter(|check| !are_of_different_turns(regions, left[0], *check));
            its.for_each(|check| stays[check.index()] = true);
        }
    }
    // What is left out leads from one that stays to another, which has to wait for it all the same. So has what comes before
    // a body, for what the body waits for.
    for &id in graph.order.iter().filter(|id| stays[id.index()]) {
        let left_out = |id: NodeId| !stays[id.index()];
        let before: Vec<_> = graph.before(id).filter(|id| left_out(*id)).collect();
        let mut first = graph.reach(&before, Direction::Incoming, left_out);
        if regions.arounds_with(BlockPart::Before, id).next().is_some() {
            let written = graph.edges_before(id).filter(|(_, why)| !matches!(why, Edge::Batch(_)));
            first.extend(written.map(|(first, _)| first));
        }
        for first in first.into_iter().filter(|first| stays[first.index()]) {
            if !are_of_different_turns(regions, id, first) {
                catalog.order(id, first);
            }
        }
    }
    catalog.retain(&stays);
    Ok(())
}

impl Graph {
    /// All that can be reached from some nodes on one side, beyond those that `passes`.
    fn reach(
        &self,
        from: &[NodeId],
        side: Direction,
        passes: impl Fn(NodeId) -> bool,
    ) -> Vec<NodeId> {
        let mut open = from.to_vec();
        let mut known: HashSet<NodeId> = HashSet::new();
        let mut found = Vec::new();
        while let Some(id) = open.pop() {
            let next = edges(&self.dag, id, side).map(|(next, _)| next);
            let next: Vec<_> = next.filter(|_| passes(id)).filter(|it| known.insert(*it)).collect();
            open.extend(&next);
            found.extend(next);
        }
        found
    }
}

/// Whether two nodes belong to different turns of one rolling.
fn are_of_different_turns(regions: &Regions, one: NodeId, other: NodeId) -> bool {
    regions.items_of(one).any(|a| {
        let rolling = regions.item(a).rolling;
        regions.items_of(other).any(|b| a != b && regions.item(b).rolling == rolling)
    })
}
