//! What stands around a body: it waits for all that the body waits for, and its end comes whatever happened.

use petgraph::Direction;

use super::{Edge, Edges};
use crate::evaluate::catalog::{Around, Catalog, NodeId, Regions};

pub(super) fn add(catalog: &Catalog, regions: &Regions, edges: &mut Edges) {
    for around in regions.arounds.iter().rev() {
        for (outside, why) in awaited(around, edges) {
            around.before.iter().for_each(|&before| edges.add(outside, before, why));
        }
    }
    let obligations = catalog.nodes().map(|(id, _)| id).filter(|id| regions.is_obligation(*id));
    for obligation in obligations {
        let before: Vec<NodeId> = edges.before(obligation).map(|(before, _)| before).collect();
        before.into_iter().for_each(|before| edges.add(before, obligation, Edge::Finally));
    }
}

/// What the body and its end wait for outside, and why: nothing is begun that would then have to wait halfway.
fn awaited(around: &Around, edges: &Edges) -> Vec<(NodeId, Edge)> {
    let all = || [&around.before, &around.body, &around.after].into_iter().flatten();
    let inside: std::collections::HashSet<NodeId> = all().copied().collect();
    let late = around.body.iter().chain(&around.after);
    let awaited = late.flat_map(|&node| edges.before(node));
    awaited.filter(|(before, _)| !inside.contains(before)).collect()
}

impl Edges {
    fn before(&self, node: NodeId) -> impl Iterator<Item = (NodeId, Edge)> + '_ {
        super::edges(&self.dag, node, Direction::Incoming)
    }
}
