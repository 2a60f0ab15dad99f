//! Carries a plan out: which nodes may run now, as segments, host by host side by side.
//!
//! Pure but for the segments it hands out; the loop that runs them is in `apply.rs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    catalog::{Catalog, NodeId},
    event::Outcome,
    graph::{Edge, Graph},
    plan::{Plan, Planned},
    resource::Nature,
};

/// How far a plan is carried out.
pub(crate) struct Execution<'a> {
    catalog: &'a Catalog,
    graph: &'a Graph,
    plan: &'a Plan,
    states: Vec<State>,
    /// Whether the node changed, or one that it waits for did: then a check runs.
    dirty: Vec<bool>,
    /// The nodes that still wait, of each host, in the order of the graph.
    waiting: BTreeMap<Arc<str>, Vec<NodeId>>,
    busy: BTreeSet<Arc<str>>,
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    Waiting,
    Running,
    Done(Outcome),
}

/// The nodes of one host that can run now without waiting for another host.
#[derive(Debug, PartialEq)]
pub(crate) struct Batch {
    /// The host.
    pub(crate) host: Arc<str>,
    /// Those with something to run, in order.
    pub(crate) runs: Vec<NodeId>,
    /// Those that only stand between, and are settled with the others.
    passes: Vec<NodeId>,
}

impl<'a> Execution<'a> {
    /// Nothing is done yet. `outcomes` are of an earlier round, and stand.
    pub(crate) fn new(
        catalog: &'a Catalog,
        graph: &'a Graph,
        plan: &'a Plan,
        outcomes: impl Fn(NodeId) -> Option<Outcome>,
    ) -> Self {
        let state = |id| match outcomes(id) {
            Some(outcome) => State::Done(outcome),
            None => State::Waiting,
        };
        let states: Vec<State> = catalog.nodes().map(|(id, _)| state(id)).collect();
        let mut waiting: BTreeMap<Arc<str>, Vec<NodeId>> = BTreeMap::new();
        for &id in graph.order() {
            if states[id.index()] == State::Waiting {
                waiting.entry(catalog.node(id).name.host.clone()).or_default().push(id);
            }
        }
        let dirty = vec![false; catalog.len()];
        Self { catalog, graph, plan, states, dirty, waiting, busy: BTreeSet::new() }
    }

    /// Settles what needs no work, and gives the work that can start now: at most one batch for each idle host.
    /// The outcomes of what was settled come first.
    pub(crate) fn next(&mut self) -> (Vec<(NodeId, Outcome)>, Vec<Batch>) {
        let mut settled = Vec::new();
        let mut batches = Vec::new();
        loop {
            let before = settled.len();
            let hosts: Vec<Arc<str>> = self.waiting.keys().cloned().collect();
            for host in hosts {
                if !self.busy.contains(&host) {
                    self.settle(&host, &mut settled);
                }
            }
            // What was settled on one host may let another go on.
            if settled.len() == before {
                break;
            }
        }
        let hosts: Vec<Arc<str>> = self.waiting.keys().cloned().collect();
        for host in hosts {
            if !self.busy.contains(&host)
                && let Some(batch) = self.batch(&host)
            {
                batches.push(batch);
            }
        }
        (settled, batches)
    }

    /// Takes what became of a batch.
    pub(crate) fn finish(
        &mut self,
        batch: Batch,
        outcomes: Vec<(NodeId, Outcome)>,
    ) -> Vec<(NodeId, Outcome)> {
        self.busy.remove(&batch.host);
        for (id, outcome) in outcomes {
            self.done(id, outcome);
        }
        // What only stood between waits again, and is settled or skipped by what became of the others.
        for id in batch.passes {
            self.states[id.index()] = State::Waiting;
        }
        let waiting = self.waiting.entry(batch.host.clone()).or_default();
        waiting.retain(|id| self.states[id.index()] == State::Waiting);
        let mut settled = Vec::new();
        self.settle(&batch.host, &mut settled);
        settled
    }

    /// Skips all that still waits on a host.
    pub(crate) fn abandon(&mut self, host: &Arc<str>, because: &str) -> Vec<(NodeId, Outcome)> {
        let waiting = self.waiting.remove(host).unwrap_or_default();
        let skip = |id: NodeId| (id, Outcome::Skipped { because: because.to_owned() });
        let skipped: Vec<_> = waiting.into_iter().map(skip).collect();
        for (id, outcome) in &skipped {
            self.done(*id, outcome.clone());
        }
        skipped
    }

    /// The hosts that still have something waiting.
    pub(crate) fn hosts_waiting(&self) -> Vec<Arc<str>> {
        self.waiting.keys().cloned().collect()
    }

    /// Settles the nodes of a host that can be settled without running anything.
    fn settle(&mut self, host: &Arc<str>, settled: &mut Vec<(NodeId, Outcome)>) {
        let Some(waiting) = self.waiting.remove(host) else { return };
        let mut left = Vec::new();
        for id in waiting {
            match self.settled(id) {
                Some(outcome) => {
                    self.done(id, outcome.clone());
                    settled.push((id, outcome));
                }
                None => left.push(id),
            }
        }
        if !left.is_empty() {
            self.waiting.insert(host.clone(), left);
        }
    }

    fn settled(&self, id: NodeId) -> Option<Outcome> {
        if let Some(because) = self.blocked_by(id) {
            return Some(Outcome::Skipped { because });
        }
        let all_done = self.graph.before(id).all(|before| self.is_done(before));
        let dirty = self.graph.before(id).any(|before| self.dirty[before.index()]);
        (all_done && !self.has_work(id, dirty) && !self.is_open(id, dirty))
            .then(|| self.without_work(id))
    }

    /// Whether a node must be looked at again before it and all behind it can go on: something before it changed
    /// that may have altered it. It is left waiting, for the next round.
    fn is_open(&self, id: NodeId, dirty: bool) -> bool {
        dirty && matches!(self.plan.node(id).planned, Planned::MayChange { .. })
    }

    /// What a node without work comes to.
    fn without_work(&self, id: NodeId) -> Outcome {
        match &self.plan.node(id).planned {
            Planned::Unknown { reason } => Outcome::Failed(crate::event::Failure {
                message: reason.clone(),
                command: None,
                exit_status: None,
                output: String::new(),
                hint: None,
            }),
            _ => Outcome::Unchanged,
        }
    }

    fn has_work(&self, id: NodeId, dirty: bool) -> bool {
        let check = self.catalog.node(id).kind.nature() == Nature::Check;
        self.plan.node(id).planned.acts() || (check && dirty)
    }

    /// The nodes of a host that can run in one go: each waits only for what is done, or for others among them.
    fn batch(&mut self, host: &Arc<str>) -> Option<Batch> {
        let waiting = self.waiting.get(host)?.clone();
        let mut inside = BTreeSet::new();
        let mut dirty = BTreeSet::new();
        let mut batch = Batch { host: host.clone(), runs: Vec::new(), passes: Vec::new() };
        for id in waiting {
            let ready = |before| self.is_done(before) || inside.contains(&before);
            if !self.graph.before(id).all(ready) {
                continue;
            }
            let below_change = self
                .graph
                .before(id)
                .any(|before| self.dirty[before.index()] || dirty.contains(&before));
            if self.is_open(id, below_change) {
                continue;
            }
            inside.insert(id);
            let work = self.has_work(id, below_change);
            if below_change || work {
                dirty.insert(id);
            }
            if work { batch.runs.push(id) } else { batch.passes.push(id) }
        }
        if batch.runs.is_empty() {
            return None;
        }
        for id in batch.runs.iter().chain(&batch.passes) {
            self.states[id.index()] = State::Running;
        }
        self.busy.insert(host.clone());
        Some(batch)
    }

    fn is_done(&self, id: NodeId) -> bool {
        matches!(self.states[id.index()], State::Done(_))
    }

    fn done(&mut self, id: NodeId, outcome: Outcome) {
        let below_change = self.graph.before(id).any(|before| self.dirty[before.index()]);
        self.dirty[id.index()] = below_change || outcome == Outcome::Changed;
        self.states[id.index()] = State::Done(outcome);
    }

    /// The name of the node that this one cannot go on without.
    fn blocked_by(&self, id: NodeId) -> Option<String> {
        let blocking = self.graph.edges_before(id).find(|(before, why)| {
            let State::Done(outcome) = &self.states[before.index()] else { return false };
            match outcome {
                Outcome::Failed(_) | Outcome::Skipped { .. } | Outcome::Unknown { .. } => true,
                // What was refused stops only what was said to depend on it.
                Outcome::Refused { .. } => *why != Edge::Declared,
                Outcome::Changed | Outcome::Unchanged => false,
            }
        });
        let (before, _) = blocking?;
        Some(match &self.states[before.index()] {
            State::Done(Outcome::Skipped { because }) => because.clone(),
            _ => self.catalog.node(before).name.node.to_string(),
        })
    }
}
