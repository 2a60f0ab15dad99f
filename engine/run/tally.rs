//! What became of each node and host, for the summary and the exit status.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use indexmap::IndexMap;

use super::fleet::Fleet;
use crate::{
    evaluate::catalog::{Catalog, NodeId},
    io::remote::RemoteError,
    plan::{
        event::{Failure, HostSummary, Outcome},
        exit_status::ExitStatus,
        planner::{Plan, Planned},
        probe::{Observations, Outstanding},
    },
};

/// The hosts that could not be reached, or were lost.
pub(super) type Troubles = BTreeMap<Arc<str>, RemoteError>;

/// What became of each node so far.
pub(super) struct Tally {
    outcomes: Vec<Option<Outcome>>,
    /// Told to be as they should be, by the plan.
    told: Vec<bool>,
    /// As declared at the first look.
    good: Vec<bool>,
    /// Changed, and not looked at since.
    unseen: Vec<bool>,
    pending: Vec<bool>,
    /// Changed by an earlier wave.
    before: Vec<bool>,
    /// What became of resources, and of their hosts, that a later wave does not declare any more.
    gone: Vec<(Arc<str>, Option<Outcome>)>,
    /// How often what was changed in this wave was changed, and when last.
    changes: HashMap<NodeId, Changes>,
    /// How many changes there were.
    happened: u32,
    /// What hosts said last that is outstanding.
    outstanding: Vec<Outstanding>,
}

/// The changes of a node in one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// How many there were.
    pub(super) count: u32,
    /// Which of all changes of the run, one after the other, the last one was.
    pub(super) last: u32,
}

impl Tally {
    pub(super) fn new(catalog: &Catalog) -> Self {
        let no = vec![false; catalog.len()];
        let outcomes = vec![None; catalog.len()];
        Self {
            outcomes,
            told: no.clone(),
            good: no.clone(),
            unseen: no.clone(),
            pending: no.clone(),
            before: no,
            gone: Vec::new(),
            changes: HashMap::new(),
            happened: 0,
            outstanding: Vec::new(),
        }
    }

    /// The tally of the next wave, of which `anew` are declared otherwise than in this one. What came to a bad end stays so;
    /// and where the resource that did is gone, nothing else is begun on its host: `skipped` are these.
    pub(super) fn carried(
        self,
        old: &Catalog,
        new: &Catalog,
        anew: &HashSet<NodeId>,
    ) -> (Self, Vec<(NodeId, Outcome)>) {
        let mut ids: HashMap<&str, NodeId> =
            old.nodes().map(|(id, node)| (&*node.name.node, id)).collect();
        let mut next = Self::new(new);
        for (id, node) in new.nodes() {
            let at = id.index();
            let known = ids.remove(&*node.name.node).map(NodeId::index);
            let outcome = known.and_then(|it| self.outcomes[it].clone());
            let good = is_good(outcome.as_ref());
            let declared = anew.contains(&id);
            next.told[at] = !declared && known.is_some_and(|it| self.told[it]);
            next.before[at] = known
                .is_some_and(|it| self.before[it] || self.outcomes[it] == Some(Outcome::Changed));
            next.unseen[at] = declared && good;
            next.outcomes[at] = outcome.filter(|_| !declared || !good);
        }
        next.gone = self.gone;
        next.outstanding = self.outstanding;
        let mut bad: HashMap<&str, &str> = HashMap::new();
        for (name, id) in ids {
            let host = &old.node(id).name.host;
            if !is_good(self.outcomes[id.index()].as_ref()) {
                bad.insert(host, name);
            }
            let changed = self.before[id.index()].then_some(Outcome::Changed);
            let outcome = self.outcomes[id.index()].clone();
            let outcome = outcome.filter(|it| *it != Outcome::Unchanged).or(changed);
            next.gone.push((host.clone(), outcome));
        }
        let behind = |id: NodeId| bad.get(&*new.node(id).name.host).map(|name| (id, *name));
        let skipped = next.open().filter_map(behind);
        let skipped = skipped.map(|(id, name)| (id, Outcome::Skipped { because: name.to_owned() }));
        let skipped = skipped.collect();
        (next, skipped)
    }

    /// Adds to a look what hosts that were not looked at said before that is outstanding, to what has not come to its end.
    pub(super) fn recall_outstanding(&mut self, catalog: &Catalog, seen: &mut Observations) {
        if self.outstanding.is_empty() {
            return self.outstanding.clone_from(&seen.outstanding);
        }
        let looked_at = catalog.nodes().filter(|(id, _)| seen.get(*id).is_some());
        let hosts: HashSet<&str> = looked_at.map(|(_, node)| &*node.name.host).collect();
        let open: HashSet<&str> = self.open().map(|id| &*catalog.node(id).name.node).collect();
        let is_outstanding = |outstanding: &&Outstanding| {
            !hosts.contains(&*outstanding.host) && open.contains(&*outstanding.node)
        };
        seen.outstanding.extend(self.outstanding.iter().filter(is_outstanding).cloned());
        self.outstanding.clone_from(&seen.outstanding);
    }

    /// Notes what was as declared before anything was done, and what was outstanding.
    pub(super) fn first_look(&mut self, catalog: &Catalog, observations: &Observations) {
        self.outstanding.clone_from(&observations.outstanding);
        for (id, _) in catalog.nodes() {
            self.good[id.index()] = matches!(observations.get(id), Some(Ok(None)));
        }
    }

    /// Whether a node was as declared once in this run: at the first look, or when it had been changed.
    pub(super) fn was_as_declared(&self, id: NodeId) -> bool {
        self.good[id.index()] || self.changes(id).is_some()
    }

    /// Notes that a node was told to be as it should be.
    pub(super) fn told_unchanged(&mut self, id: NodeId) {
        self.told[id.index()] = true;
    }

    /// Whether every node was told to be as it should be.
    pub(super) fn all_told(&self) -> bool {
        !self.told.contains(&false)
    }

    /// Whether an outcome says nothing that was not told before.
    pub(super) fn is_told(&self, id: NodeId, outcome: &Outcome) -> bool {
        let known = || self.told[id.index()] || self.outcomes[id.index()].is_some();
        *outcome == Outcome::Unchanged && known()
    }

    /// Notes what a plan that is not carried out would change, and what it cannot know.
    pub(super) fn pending(&mut self, catalog: &Catalog, plan: &Plan, observations: &Observations) {
        for (id, _) in catalog.nodes() {
            let planned = &plan.node(id).planned;
            self.pending[id.index()] = planned.acts();
            self.outcomes[id.index()] = match planned {
                _ if observations.get(id).is_none() => {
                    Some(Outcome::Skipped { because: "its host did not answer".to_owned() })
                }
                Planned::Unknown(unknown) => Some(Outcome::failed(Failure::unknown(unknown))),
                _ => None,
            };
        }
    }

    /// Notes what became of some nodes. What was changed in an earlier round stays changed.
    pub(super) fn record(&mut self, outcomes: impl IntoIterator<Item = (NodeId, Outcome)>) {
        for (id, outcome) in outcomes {
            let known = &mut self.outcomes[id.index()];
            if outcome == Outcome::Changed {
                self.unseen[id.index()] = true;
                self.happened += 1;
                let changes = self.changes.entry(id).or_default();
                (changes.count, changes.last) = (changes.count + 1, self.happened);
            }
            if !(outcome == Outcome::Unchanged && known.is_some()) {
                *known = Some(outcome);
            }
        }
    }

    /// Forgets that some nodes were changed: they are going to be worked on again.
    pub(super) fn reopen(&mut self, nodes: impl IntoIterator<Item = NodeId>) {
        for id in nodes {
            let known = &mut self.outcomes[id.index()];
            known.take_if(|outcome| *outcome == Outcome::Changed);
        }
    }

    pub(super) fn looked_at(&mut self, nodes: &[NodeId]) {
        for id in nodes {
            self.unseen[id.index()] = false;
        }
    }

    /// How often a node was changed in this run, if it was.
    pub(super) fn changes(&self, id: NodeId) -> Option<Changes> {
        self.changes.get(&id).copied()
    }

    pub(super) fn changed_since_look(&self, id: NodeId) -> bool {
        self.unseen[id.index()]
    }

    pub(super) fn outcome(&self, id: NodeId) -> Option<Outcome> {
        self.outcomes[id.index()].clone()
    }

    /// The nodes that have not come to an end yet.
    pub(super) fn open(&self) -> impl Iterator<Item = NodeId> + '_ {
        let id = |index| NodeId(u32::try_from(index).expect("ids were made from indices"));
        let open = self.outcomes.iter().enumerate().filter(|(_, outcome)| outcome.is_none());
        open.map(move |(index, _)| id(index))
    }

    /// The exit status that says most: a failure before an unreachable host before one that another run holds before a change that was taken back before
    /// changes that wait.
    pub(super) fn status(&self, troubles: &Troubles) -> ExitStatus {
        let gone = || self.gone.iter().filter_map(|(_, outcome)| outcome.as_ref());
        let any = |bad: fn(&Outcome) -> bool| self.outcomes.iter().flatten().chain(gone()).any(bad);
        if any(|outcome| matches!(outcome, Outcome::Failed(_) | Outcome::Refused { .. })) {
            ExitStatus::Failed
        } else if troubles.values().any(|error| !matches!(error, RemoteError::Locked(_)))
            || any(|outcome| matches!(outcome, Outcome::Unknown { .. }))
        {
            ExitStatus::Unreachable
        } else if !troubles.is_empty() {
            ExitStatus::Locked
        } else if any(|outcome| matches!(outcome, Outcome::Reverted(_))) {
            ExitStatus::Reverted
        } else if self.pending.contains(&true) {
            ExitStatus::Pending
        } else {
            ExitStatus::Converged
        }
    }

    /// What became of each host: those that something is declared on, and those that could not be asked what to declare.
    pub(super) fn summary(
        &self,
        catalog: &Catalog,
        fleet: &Fleet,
        troubles: &Troubles,
    ) -> IndexMap<Arc<str>, HostSummary> {
        let mut hosts: IndexMap<Arc<str>, HostSummary> = IndexMap::new();
        for (host, nodes) in catalog.by_host(catalog.nodes().map(|(id, _)| id)) {
            let summary = hosts.entry(host).or_default();
            nodes.iter().for_each(|id| self.count(*id, summary));
        }
        for (host, outcome) in &self.gone {
            count(outcome.as_ref(), false, hosts.entry(host.clone()).or_default());
        }
        for (name, error) in troubles {
            let host = hosts.entry(name.clone()).or_default();
            match error {
                RemoteError::Locked(by) => host.locked = Some(by.clone()),
                _ => host.unreachable = Some(error.to_string()),
            }
        }
        for (name, host) in &mut hosts {
            host.traffic = fleet.traffic(name);
        }
        hosts
    }

    fn count(&self, id: NodeId, host: &mut HostSummary) {
        let at = id.index();
        let before = self.before[at].then_some(&Outcome::Changed);
        let outcome = self.outcomes[at].as_ref().filter(|it| **it != Outcome::Unchanged).or(before);
        count(outcome, self.pending[at], host);
    }

    /// The hosts of resources that are not declared any more.
    pub(super) fn gone(&self) -> impl Iterator<Item = &Arc<str>> {
        self.gone.iter().map(|(host, _)| host)
    }
}

fn is_good(outcome: Option<&Outcome>) -> bool {
    matches!(outcome, None | Some(Outcome::Changed | Outcome::Unchanged))
}

fn count(outcome: Option<&Outcome>, pending: bool, host: &mut HostSummary) {
    match outcome {
        Some(Outcome::Changed) => host.changed += 1,
        Some(Outcome::Failed(_)) => host.failed += 1,
        Some(Outcome::Reverted(_)) => host.reverted += 1,
        Some(Outcome::Skipped { .. }) => host.skipped += 1,
        Some(Outcome::Refused { .. }) => host.refused += 1,
        Some(Outcome::Unknown { .. }) => host.unknown += 1,
        None if pending => host.pending += 1,
        None | Some(Outcome::Unchanged) => host.unchanged += 1,
    }
}
