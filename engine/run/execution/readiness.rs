//! Whether a node can go on, as far as the plan is carried out.

use super::{Execution, NodeState};
use crate::{
    evaluate::catalog::{BlockPart, NodeId},
    plan::{
        event::{Failure, Outcome},
        graph::Edge,
        planner::{Cause, Planned},
    },
    resources::resource::{Nature, Reaction},
};

impl Execution<'_> {
    pub(super) fn is_below_change(&self, id: NodeId) -> bool {
        self.graph.before(id).any(|before| self.dirty[before.index()])
    }

    /// Whether a node must be looked at again before it and all behind it can go on: something before it changed
    /// that may have altered it, or what kept it from being known. It is left waiting, for the next round.
    pub(super) fn is_open(&self, id: NodeId, dirty: bool) -> bool {
        let may_change = match &self.plan.node(id).planned {
            Planned::Unknown(_) => true,
            // Nothing keeps what is outstanding from being done.
            Planned::MayChange { .. } => !self.graph.regions().is_obligation(id),
            _ => false,
        };
        dirty && may_change
    }

    /// What a node without work comes to.
    pub(super) fn without_work(&self, id: NodeId) -> Outcome {
        match &self.plan.node(id).planned {
            Planned::Unknown(unknown) => Outcome::failed(Failure::unknown(unknown)),
            _ => Outcome::Unchanged,
        }
    }

    pub(super) fn has_work(&self, id: NodeId, dirty: bool) -> bool {
        if self.plan.is_idle(self.graph, id) {
            return false;
        }
        let planned = &self.plan.node(id).planned;
        // What would only be outstanding is not, as long as nothing that owes it was begun.
        let only_outstanding =
            |cause: &Cause| cause.reaction == Reaction::Afterwards && cause.left_by.is_none();
        if matches!(planned, Planned::React { reactions } if reactions.iter().all(only_outstanding))
        {
            return self.is_outstanding(id);
        }
        let check = self.catalog.node(id).kind.nature() == Nature::Check;
        planned.acts() || (check && dirty)
    }

    /// Whether a node is an obligation by now: something of what owes it was begun.
    pub(super) fn is_outstanding(&self, id: NodeId) -> bool {
        let regions = self.graph.regions();
        let mut arounds =
            regions.arounds_with(BlockPart::After, id).map(|around| &regions.arounds[around]);
        arounds.any(|around| around.before.iter().any(|before| self.has_begun(*before)))
    }

    pub(super) fn has_begun(&self, id: NodeId) -> bool {
        match self.outcome(id) {
            Some(outcome) => outcome.was_begun(),
            None => self.states[id.index()] == NodeState::Running,
        }
    }

    /// What became of a node, in this round or in an earlier one.
    pub(super) fn outcome(&self, id: NodeId) -> Option<&Outcome> {
        match &self.states[id.index()] {
            NodeState::Done(outcome) => Some(outcome),
            NodeState::Waiting | NodeState::Running => self.stands[id.index()].as_ref(),
        }
    }

    /// The name of the node that this one cannot go on without.
    pub(super) fn blocked_by(&self, id: NodeId) -> Option<String> {
        if let Some(because) = &self.doomed[id.index()] {
            return Some(because.clone());
        }
        let regions = self.graph.regions();
        if regions.is_obligation(id) {
            return None;
        }
        // What comes before a body is of no use when the body cannot be done.
        let arounds = regions.arounds_with(BlockPart::Before, id);
        let body = arounds.flat_map(|around| &regions.arounds[around].body);
        let edges = self.graph.edges_before(id).map(|(before, why)| self.blocks(before, why));
        let body = body.map(|body| self.blocks(*body, Edge::Sequence));
        self.rollings.refuses(id).or_else(|| edges.chain(body).flatten().next())
    }

    /// The name of what keeps all that comes after a node from being done, if it ended so.
    pub(super) fn blocks(&self, before: NodeId, why: Edge) -> Option<String> {
        let name = || self.catalog.node(before).name.node.to_string();
        match (why, self.outcome(before)) {
            (Edge::Finally, _) => None,
            (Edge::Batch(rolling), _) => self.rollings.exhausted(rolling),
            (_, Some(Outcome::Failed(_) | Outcome::Reverted(_) | Outcome::Unknown { .. })) => {
                Some(name())
            }
            (_, Some(Outcome::Skipped { because })) => Some(because.clone()),
            // What was refused stops only what was said to depend on it. Who reacts to it goes without.
            (Edge::Sequence | Edge::Explicit, Some(Outcome::Refused { .. })) => Some(name()),
            _ => None,
        }
    }
}
