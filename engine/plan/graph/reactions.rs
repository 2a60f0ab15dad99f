//! Who reacts comes after what it reacts to.

use super::{Edge, Edges};
use crate::evaluate::catalog::{Catalog, Regions};

pub(super) fn add(catalog: &Catalog, _: &Regions, edges: &mut Edges) {
    for (id, node) in catalog.nodes() {
        for &(cause, _) in &node.reactions {
            edges.add(cause, id, Edge::Reaction);
        }
    }
}
