//! What declarations give a script: resources to name in others.

use std::{ops::Range, sync::Arc};

use crate::evaluate::catalog::NodeId;

/// What a declaration gives: a resource that others can come after, or react to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Handle(pub(super) NodeId);

/// What a call that declares several things gives: all that was declared in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Handles {
    pub(super) new: Range<u32>,
    /// Those that had been declared before.
    pub(super) met: Arc<[NodeId]>,
}

impl Handles {
    pub(super) fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + '_ {
        self.met.iter().copied().chain(self.new.clone().map(NodeId))
    }
}
