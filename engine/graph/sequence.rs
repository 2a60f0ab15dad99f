//! What is written in a `sequence` comes one after the other, whatever host it is on.

use std::collections::HashMap;

use super::{Edge, Edges};
use crate::catalog::{Catalog, Order};

pub(super) fn add(catalog: &Catalog, edges: &mut Edges) {
    let mut last = HashMap::new();
    for (id, _) in catalog.nodes() {
        for (block_id, block) in catalog.blocks_around(id) {
            if block.order == Order::Sequence
                && let Some(before) = last.insert(block_id, id)
            {
                edges.add(before, id, Edge::Sequence);
            }
        }
    }
}
