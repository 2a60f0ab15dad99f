//! The order that the script gives with `after` and `before`.

use std::collections::HashMap;

use super::{Edge, Edges, JUNCTION_MIN};
use crate::evaluate::catalog::{Catalog, NodeId, Regions};

pub(super) fn add(catalog: &Catalog, _: &Regions, edges: &mut Edges) {
    // Where a whole block comes after another, many nodes wait for the same ones.
    let mut alike: HashMap<&[NodeId], Vec<NodeId>> = HashMap::new();
    for (id, node) in catalog.nodes() {
        if node.after.len() >= JUNCTION_MIN {
            alike.entry(&node.after).or_default().push(id);
            continue;
        }
        for &before in &node.after {
            edges.add(before, id, Edge::Explicit);
        }
    }
    let mut alike: Vec<_> = alike.into_iter().collect();
    alike.sort();
    for (before, nodes) in alike {
        edges.join(before, &nodes, Edge::Explicit);
    }
}
