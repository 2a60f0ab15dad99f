//! The order that the script gives with `after` and `before`.

use super::{Edge, Edges};
use crate::catalog::{Catalog, Regions};

pub(super) fn add(catalog: &Catalog, _: &Regions, edges: &mut Edges) {
    for (id, node) in catalog.nodes() {
        for &before in &node.after {
            edges.add(before, id, Edge::Explicit);
        }
    }
}
