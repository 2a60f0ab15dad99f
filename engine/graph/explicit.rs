//! The order that the script gives with `after` and `before`.

use super::{Dag, Edge, connect};
use crate::catalog::Catalog;

pub(super) fn add(catalog: &Catalog, dag: &mut Dag) {
    for (id, node) in catalog.nodes() {
        for &before in &node.after {
            connect(dag, before, id, Edge::Explicit);
        }
    }
}
