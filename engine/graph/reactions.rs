//! Who reacts comes after what it reacts to.

use super::{Dag, Edge, connect};
use crate::catalog::Catalog;

pub(super) fn add(catalog: &Catalog, dag: &mut Dag) {
    for (id, node) in catalog.nodes() {
        for &(cause, _) in &node.reactions {
            connect(dag, cause, id, Edge::Reaction);
        }
    }
}
