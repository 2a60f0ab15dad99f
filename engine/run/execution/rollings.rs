//! How much of each rolling failed, and whether more of it may be begun.

use crate::{
    evaluate::catalog::{ItemId, NodeId, Regions},
    plan::event::Outcome,
};

/// The rollings of a run.
pub(super) struct Rollings<'a> {
    regions: &'a Regions,
    /// Of each item: whether something of it was begun.
    begun: Vec<bool>,
    /// Of each rolling: the items that failed.
    failed: Vec<Vec<ItemId>>,
}

/// How many names of hosts are told.
const NAMES_MAX: usize = 5;

impl<'a> Rollings<'a> {
    /// Nothing is begun yet; what did not answer has failed already.
    pub(super) fn new(regions: &'a Regions) -> Self {
        let silent = |item: &ItemId| regions.item(*item).silent;
        let failed = regions.rollings.iter();
        let failed = failed.map(|rolling| rolling.items.iter().copied().filter(silent).collect());
        Self { regions, begun: vec![false; regions.items.len()], failed: failed.collect() }
    }

    /// Notes that something of a node's items was begun.
    pub(super) fn began(&mut self, node: NodeId) {
        self.regions.items_of(node).for_each(|item| self.begun[item.0] = true);
    }

    /// Notes how a node ended. What was not begun because too much failed is no failure more.
    pub(super) fn ended(&mut self, node: NodeId, outcome: &Outcome) {
        match outcome {
            Outcome::Unchanged => {}
            Outcome::Changed => self.began(node),
            Outcome::Failed(_)
            | Outcome::Reverted(_)
            | Outcome::Skipped { .. }
            | Outcome::Refused { .. }
            | Outcome::Unknown { .. } => self.fails(node),
        }
    }

    /// Notes that a node is not going to come to a good end, though it may still have to wait for it.
    pub(super) fn fails(&mut self, node: NodeId) {
        for item in self.regions.items_of(node) {
            let rolling = self.regions.item(item).rolling;
            let counts = self.begun[item.0] || self.exhausted(rolling).is_none();
            if counts && !self.failed[rolling].contains(&item) {
                self.failed[rolling].push(item);
            }
        }
    }

    /// Why nothing more of a node's items may be begun, if that is so.
    pub(super) fn refuses(&self, node: NodeId) -> Option<String> {
        let waiting = self.regions.items_of(node).filter(|item| !self.begun[item.0]);
        waiting.filter_map(|item| self.exhausted(self.regions.item(item).rolling)).next()
    }

    /// Why a rolling does not go on, if more of it failed than may.
    pub(super) fn exhausted(&self, rolling: usize) -> Option<String> {
        let (failed, max) = (&self.failed[rolling], self.regions.rollings[rolling].max_failures);
        if failed.len() <= max {
            return None;
        }
        let names = failed.iter().map(|item| &*self.regions.item(*item).host);
        let names: Vec<&str> = names.take(NAMES_MAX).collect();
        let more = match failed.len() - names.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!("too many failures ({}{more}; max_failures is {max})", names.join(", ")))
    }
}
