//! The rollings and arounds of a catalog, and which nodes are where in them.

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{BlockId, BlockPart, Catalog, NodeId, Order};

/// Something that is done to hosts in batches.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rolling {
    /// How many items may fail before no other is begun.
    pub max_failures: usize,
    /// How many batches there are.
    pub batches: usize,
    /// Its items, in order.
    pub items: Vec<ItemId>,
}

/// One host's turn in a rolling.
#[derive(Debug, Clone, PartialEq)]
pub struct RollingItem {
    /// The rolling, by its place in [`Regions::rollings`].
    pub rolling: usize,
    /// The batch that it belongs to, from 1.
    pub batch: usize,
    /// Whose turn it is.
    pub host: Arc<str>,
    /// Whether it has failed before it began.
    pub silent: bool,
}

/// An item's place in [`Regions::items`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId(pub usize);

/// Whose turn it is in which batch of a rolling.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Turn {
    /// Which rolling of the playbook, from 0.
    pub rolling: usize,
    /// The batch, from 1.
    pub batch: usize,
    /// How many batches there are.
    pub batches: usize,
    /// Whose turn it is.
    pub host: Arc<str>,
}

/// What stands around a body.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Around {
    /// What runs first, if the body is going to change something.
    pub before: Vec<NodeId>,
    /// What it is about.
    pub body: Vec<NodeId>,
    /// What is outstanding as soon as one of `before` was begun.
    pub after: Vec<NodeId>,
}

impl Around {
    fn part_mut(&mut self, part: BlockPart) -> &mut Vec<NodeId> {
        match part {
            BlockPart::Before => &mut self.before,
            BlockPart::Body => &mut self.body,
            BlockPart::After => &mut self.after,
        }
    }
}

/// Where a node is. The number is the place in [`Regions::arounds`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Membership {
    Around(usize, BlockPart),
    Item(ItemId),
}

/// The rollings and arounds of a catalog.
#[derive(Debug, Default)]
pub struct Regions {
    /// All that is done in batches.
    pub rollings: Vec<Rolling>,
    /// The items of all of them.
    pub items: Vec<RollingItem>,
    /// All bodies that something stands around.
    pub arounds: Vec<Around>,
    /// The blocks that the rollings are.
    blocks: HashMap<BlockId, usize>,
    /// Of each node that is in one: where, innermost first.
    members: HashMap<NodeId, Vec<Membership>>,
}

impl Regions {
    /// Finds them.
    pub fn of(catalog: &Catalog) -> Self {
        let mut regions = Self::default();
        let named = regions.name_blocks(catalog);
        if named.is_empty() {
            return regions;
        }
        for (id, _) in catalog.nodes() {
            let around = catalog.blocks_around(id);
            let member: Vec<_> =
                around.filter_map(|(block, _)| named.get(&block)).copied().collect();
            for member in &member {
                if let Membership::Around(around, part) = *member {
                    regions.arounds[around].part_mut(part).push(id);
                }
            }
            if !member.is_empty() {
                regions.members.insert(id, member);
            }
        }
        regions
    }

    /// Numbers the blocks that mean something here. A block stands behind the one around it.
    fn name_blocks(&mut self, catalog: &Catalog) -> HashMap<BlockId, Membership> {
        let mut named = HashMap::new();
        let (mut batches, mut arounds) = (HashMap::new(), HashMap::new());
        for (id, block) in catalog.blocks() {
            let parent = block.parent.unwrap_or_default();
            match &block.order {
                Order::Rolling { max_failures } => {
                    self.blocks.insert(id, self.rollings.len());
                    let max_failures = *max_failures;
                    self.rollings.push(Rolling { max_failures, ..Rolling::default() });
                }
                Order::Batch => {
                    let rolling = self.blocks[&parent];
                    self.rollings[rolling].batches += 1;
                    batches.insert(id, (rolling, self.rollings[rolling].batches));
                }
                Order::Item { host, silent } => {
                    let (rolling, batch) = batches[&parent];
                    let item = ItemId(self.items.len());
                    self.items.push(RollingItem {
                        rolling,
                        batch,
                        host: host.clone(),
                        silent: *silent,
                    });
                    self.rollings[rolling].items.push(item);
                    named.insert(id, Membership::Item(item));
                }
                Order::Around => {
                    arounds.insert(id, self.arounds.len());
                    self.arounds.push(Around::default());
                }
                Order::Part(part) => {
                    named.insert(id, Membership::Around(arounds[&parent], *part));
                }
                Order::PerHost | Order::Sequence => {}
            }
        }
        named
    }

    /// The rolling that a block is, by its place.
    pub fn rolling_at(&self, block: BlockId) -> Option<usize> {
        self.blocks.get(&block).copied()
    }

    fn members(&self, node: NodeId) -> impl Iterator<Item = Membership> + '_ {
        self.members.get(&node).into_iter().flatten().copied()
    }

    /// The items that a node belongs to, innermost first.
    pub fn items_of(&self, node: NodeId) -> impl Iterator<Item = ItemId> + '_ {
        self.members(node).filter_map(|member| match member {
            Membership::Item(item) => Some(item),
            _ => None,
        })
    }

    /// The turn that a node belongs to.
    pub fn turn_of(&self, node: NodeId) -> Option<Turn> {
        let RollingItem { rolling, batch, host, .. } =
            self.item(self.items_of(node).next()?).clone();
        Some(Turn { rolling, batch, batches: self.rollings[rolling].batches, host })
    }

    /// The item with this id.
    pub fn item(&self, id: ItemId) -> &RollingItem {
        &self.items[id.0]
    }

    /// The arounds that a node is in this part of, by their places.
    pub fn arounds_with(&self, part: BlockPart, node: NodeId) -> impl Iterator<Item = usize> + '_ {
        self.members(node).filter_map(move |member| match member {
            Membership::Around(around, of) if of == part => Some(around),
            _ => None,
        })
    }

    /// Whether a node is to be done in the end, whatever becomes of what it comes after.
    pub fn is_obligation(&self, node: NodeId) -> bool {
        self.arounds_with(BlockPart::After, node).next().is_some()
    }
}
