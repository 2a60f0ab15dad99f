//! What became of each node and host, for the summary and the exit status.

use std::sync::Arc;

use indexmap::IndexMap;

use super::fleet::Fleet;
use crate::{
    catalog::{Catalog, NodeId},
    event::{HostSummary, Outcome},
    exit_status::ExitStatus,
    plan::{Plan, Planned},
    probe::Observations,
};

/// What became of each node so far.
pub(super) struct Tally {
    outcomes: Vec<Option<Outcome>>,
    /// Changed, and not looked at since.
    unseen: Vec<bool>,
    pending: Vec<bool>,
    unobserved: Vec<bool>,
}

impl Tally {
    pub(super) fn new(catalog: &Catalog) -> Self {
        let no = vec![false; catalog.len()];
        let outcomes = vec![None; catalog.len()];
        Self { outcomes, unseen: no.clone(), pending: no.clone(), unobserved: no }
    }

    /// Notes the nodes of hosts that did not answer.
    pub(super) fn unobserved(&mut self, catalog: &Catalog, observations: &Observations) {
        for (id, _) in catalog.nodes() {
            self.unobserved[id.index()] = !observations.nodes.contains_key(&id);
        }
    }

    /// Notes what a plan would change, and what it cannot know.
    pub(super) fn pending(&mut self, catalog: &Catalog, plan: &Plan) {
        for (id, _) in catalog.nodes() {
            let planned = &plan.node(id).planned;
            self.pending[id.index()] = planned.acts();
            if let Planned::Unknown { reason } = planned {
                self.outcomes[id.index()] = Some(Outcome::Unknown { message: reason.clone() });
            }
        }
    }

    /// Notes what became of some nodes. What was changed in an earlier round stays changed.
    pub(super) fn record(&mut self, outcomes: impl IntoIterator<Item = (NodeId, Outcome)>) {
        for (id, outcome) in outcomes {
            let known = &mut self.outcomes[id.index()];
            if outcome == Outcome::Changed {
                self.unseen[id.index()] = true;
            }
            if !(outcome == Outcome::Unchanged && known.is_some()) {
                *known = Some(outcome);
            }
        }
    }

    pub(super) fn looked_at(&mut self, nodes: &[NodeId]) {
        for id in nodes {
            self.unseen[id.index()] = false;
        }
    }

    pub(super) fn changed_since_look(&self, id: NodeId) -> bool {
        self.unseen[id.index()]
    }

    pub(super) fn outcome(&self, id: NodeId) -> Option<Outcome> {
        self.outcomes[id.index()].clone()
    }

    /// The exit status that says most: a failure before an unreachable host before changes that wait.
    pub(super) fn status(&self, catalog: &Catalog) -> ExitStatus {
        let any = |bad: fn(&Outcome) -> bool| self.outcomes.iter().flatten().any(bad);
        let failed = any(|outcome| matches!(outcome, Outcome::Failed(_) | Outcome::Refused { .. }));
        let lost = any(|outcome| matches!(outcome, Outcome::Unknown { .. }));
        if failed {
            ExitStatus::Failed
        } else if lost || catalog.nodes().any(|(id, _)| self.unobserved[id.index()]) {
            ExitStatus::Unreachable
        } else if self.pending.contains(&true) {
            ExitStatus::Pending
        } else {
            ExitStatus::Converged
        }
    }

    /// How many nodes have not come to an end yet.
    pub(super) fn open(&self) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.is_none()).count()
    }

    pub(super) async fn summary(
        &self,
        catalog: &Catalog,
        fleet: &Fleet,
    ) -> IndexMap<Arc<str>, HostSummary> {
        let mut hosts: IndexMap<Arc<str>, HostSummary> = IndexMap::new();
        for (id, node) in catalog.nodes() {
            let host = hosts.entry(node.name.host.clone()).or_default();
            self.count(id, host);
        }
        for (name, host) in &mut hosts {
            host.traffic = fleet.traffic(name).await;
            host.unreachable = fleet.trouble(name).await.map(|error| error.to_string());
        }
        hosts
    }

    fn count(&self, id: NodeId, host: &mut HostSummary) {
        match &self.outcomes[id.index()] {
            Some(Outcome::Changed) => host.changed += 1,
            Some(Outcome::Failed(_)) => host.failed += 1,
            Some(Outcome::Skipped { .. }) => host.skipped += 1,
            Some(Outcome::Refused { .. }) => host.refused += 1,
            Some(Outcome::Unknown { .. }) => host.unknown += 1,
            None if self.pending[id.index()] => host.pending += 1,
            None if self.unobserved[id.index()] => host.skipped += 1,
            None | Some(Outcome::Unchanged) => host.unchanged += 1,
        }
    }
}
