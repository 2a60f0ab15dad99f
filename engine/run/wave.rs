//! What is declared by the same answers of hosts, and all that becomes of it.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use super::tally::Tally;
use crate::{
    base::diagnostic::Place,
    evaluate::{
        catalog::{Catalog, NodeId},
        language::{Asked, Known, Note},
    },
    plan::graph::Graph,
};

/// What was declared, what that was made of, and what became of it.
pub(super) struct Wave {
    pub(super) catalog: Arc<Catalog>,
    pub(super) graph: Graph,
    /// What was known of hosts when it was declared.
    pub(super) known: Known,
    /// What of that was read, and where.
    pub(super) asked: BTreeMap<Asked, Place>,
    /// What the scripts had to say by now.
    pub(super) notes: Vec<Note>,
    pub(super) tally: Tally,
}

/// What a later wave declares otherwise than the one before it.
#[derive(Default)]
pub(super) struct Anew {
    pub(super) nodes: HashSet<NodeId>,
    /// An answer that it is made of, and that the approved plan does not say that it may be another one.
    pub(super) unnamed: Option<String>,
}
