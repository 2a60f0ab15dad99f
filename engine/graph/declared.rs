//! What was written first comes first, on each host for itself.

use std::collections::HashMap;

use super::{Dag, Edge, connect};
use crate::catalog::Catalog;

pub(super) fn add(catalog: &Catalog, dag: &mut Dag) {
    let mut last = HashMap::new();
    for (id, node) in catalog.nodes() {
        if let Some(before) = last.insert(&node.name.host, id) {
            connect(dag, before, id, Edge::Declared);
        }
    }
}
