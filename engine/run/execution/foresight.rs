//! What is going to be looked at once the last batch of a host is done.

use std::collections::HashSet;

use super::{Batch, Execution, NodeState};
use crate::{evaluate::catalog::NodeId, plan::event::Outcome, resources::resource::Nature};

impl Execution<'_> {
    /// The nodes of its host that have to be looked at after a batch, if all goes well; none if more is done there, or if what
    /// other hosts do meanwhile may count. It may be some more than it has to be.
    pub(crate) fn looks_after(&self, batch: &Batch) -> Vec<NodeId> {
        let Some(lane) = self.hosts.get(&batch.host) else { return Vec::new() };
        // What waits mostly stands at the end: so a host of many turns is not gone through in each.
        if lane.nodes.iter().rev().any(|id| self.states[id.index()] == NodeState::Waiting) {
            return Vec::new();
        }
        let mut looked: HashSet<NodeId> =
            lane.nodes.iter().copied().filter(|id| self.changes(*id, batch)).collect();
        looked.extend(self.catalog.touched_by(&lane.nodes, &looked));
        for &id in &lane.nodes {
            let is_below = |before: NodeId| looked.contains(&before) || self.dirty[before.index()];
            if self.graph.before(id).any(is_below) {
                looked.insert(id);
            }
        }
        let nodes = lane.nodes.iter().copied();
        let nodes: Vec<NodeId> =
            nodes.filter(|id| looked.contains(id) && self.is_good(*id)).collect();
        let alone = self.hosts.len() == 1;
        if alone || nodes.iter().all(|id| self.looks_at_home(*id)) { nodes } else { Vec::new() }
    }

    fn changes(&self, id: NodeId, batch: &Batch) -> bool {
        batch.runs.contains(&id) || self.states[id.index()] == NodeState::Done(Outcome::Changed)
    }

    fn is_good(&self, id: NodeId) -> bool {
        match &self.states[id.index()] {
            NodeState::Waiting | NodeState::Running => true,
            NodeState::Done(outcome) => matches!(outcome, Outcome::Changed | Outcome::Unchanged),
        }
    }

    /// Whether what it is found to be depends on its own host alone: a check, or what a role wrote, may look anywhere.
    fn looks_at_home(&self, id: NodeId) -> bool {
        let node = self.catalog.node(id);
        match node.kind.nature() {
            Nature::State => node.kind.script(&node.desired).is_none(),
            Nature::Check => false,
            Nature::Action => true,
        }
    }
}
