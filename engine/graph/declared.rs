//! What was written first comes first, on each host for itself.

use std::collections::HashMap;

use super::{Edge, Edges};
use crate::catalog::Catalog;

pub(super) fn add(catalog: &Catalog, edges: &mut Edges) {
    let mut last = HashMap::new();
    for (id, node) in catalog.nodes() {
        if let Some(before) = last.insert(&node.name.host, id) {
            edges.add(before, id, Edge::Declared);
        }
    }
}
