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
    /// A part of an [`Order::Around`], in order as the block around it.
    Part(BlockPart),
}

/// The parts of an [`Order::Around`], in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockPart {
    /// What runs first, if the body is going to change something.
    Before,
    /// What it is about.
    Body,
    /// What is outstanding as soon as something of the first part was begun.
    After,
}

impl BlockPart {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Before, Self::Body, Self::After];
}
