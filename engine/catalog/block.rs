//! The parts of a script that order what is declared in them.

use std::sync::Arc;

/// A part of the script that orders what is declared in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The block around it; none for the playbook itself.
    pub parent: Option<BlockId>,
    /// How it orders what is in it.
    pub order: Order,
}

/// A block's place in the catalog. The first one is the playbook itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct BlockId(pub u32);

impl BlockId {
    /// Its place in lists that have one item for each block.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// How a block orders what is declared in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// On one host in the order written; hosts go side by side.
    PerHost,
    /// In the order written, across hosts.
    Sequence,
    /// Batches, one after the other, until too much of them failed.
    Rolling {
        /// How many items may fail before no other is begun.
        max_failures: usize,
    },
    /// Items, side by side.
    Batch,
    /// One host's turn in a [`Order::Rolling`]: a sequence.
    Item {
        /// Whose turn it is.
        host: Arc<str>,
        /// Whether the host did not answer what the script asked, so that its turn has failed before it began.
        silent: bool,
    },
    /// Three parts: what comes before a body if that is going to change, the body, and what comes after it in any case.
    Around,
    /// The first part of an [`Order::Around`].
    Before {
        /// Whether it is in order across hosts, as the block around it.
        sequence: bool,
    },
    /// The second part of an [`Order::Around`].
    Body {
        /// Whether it is in order across hosts, as the block around it.
        sequence: bool,
    },
    /// The third part of an [`Order::Around`]: obligations.
    After {
        /// Whether it is in order across hosts, as the block around it.
        sequence: bool,
    },
}

impl Order {
    /// Whether what is in it comes in the order written, across hosts.
    pub fn is_sequence(&self) -> bool {
        match self {
            Order::Sequence | Order::Rolling { .. } | Order::Item { .. } => true,
            Order::Before { sequence } | Order::Body { sequence } | Order::After { sequence } => {
                *sequence
            }
            Order::PerHost | Order::Batch | Order::Around => false,
        }
    }
}
