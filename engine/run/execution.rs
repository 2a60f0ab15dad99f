//! Carries a plan out: which nodes may run now, as batches, host by host side by side.
//!
//! Pure: the loop that runs the batches is in `apply.rs`. What an outcome costs is looked up along the edges of its
//! node alone, so that a run takes time in proportion to its nodes and edges, however many hosts there are.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet},
    sync::Arc,
};

use crate::{
    catalog::{Catalog, NodeId},
    event::{Failure, Outcome},
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
    /// How many of those that a node waits for have not come to an end.
    missing: Vec<usize>,
    /// Whether the node changed, or one that it waits for did: then a check runs.
    dirty: Vec<bool>,
    /// Where each node stands in the order of the graph.
    place: Vec<usize>,
    /// The places of nodes that something happened before: they may be settled, or ready.
    news: BinaryHeap<Reverse<usize>>,
    hosts: BTreeMap<Arc<str>, Lane>,
    /// Idle hosts with something ready.
    startable: BTreeSet<Arc<str>>,
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    Waiting,
    Running,
    Done(Outcome),
}

/// What is known of one host.
#[derive(Default)]
struct Lane {
    nodes: Vec<NodeId>,
    /// The places of those with something to run that wait for nobody any more.
    ready: BTreeSet<usize>,
    busy: bool,
    /// What stands between the nodes that run: it is settled by what becomes of them.
    between: Vec<NodeId>,
}

/// The nodes of one host that can run now without waiting for another host, in order.
#[derive(Debug, PartialEq)]
pub(crate) struct Batch {
    /// The host.
    pub(crate) host: Arc<str>,
    /// Those with something to run.
    pub(crate) runs: Vec<NodeId>,
}

type Outcomes = Vec<(NodeId, Outcome)>;

impl<'a> Execution<'a> {
    /// Nothing is done yet. `outcomes` are of an earlier round, and stand.
    pub(crate) fn new(
        catalog: &'a Catalog,
        graph: &'a Graph,
        plan: &'a Plan,
        outcomes: impl Fn(NodeId) -> Option<Outcome>,
    ) -> Self {
        let state = |(id, _)| outcomes(id).map_or(State::Waiting, State::Done);
        let states: Vec<State> = catalog.nodes().map(state).collect();
        let open = |id: &NodeId| !matches!(states[id.index()], State::Done(_));
        let missing = catalog.nodes().map(|(id, _)| graph.before(id).filter(open).count());
        let missing = missing.collect();
        let mut place = vec![0; catalog.len()];
        let mut hosts: BTreeMap<Arc<str>, Lane> = BTreeMap::new();
        for (at, &id) in graph.order().iter().enumerate() {
            place[id.index()] = at;
            hosts.entry(catalog.node(id).name.host.clone()).or_default().nodes.push(id);
        }
        let dirty = vec![false; catalog.len()];
        let news = (0..catalog.len()).map(Reverse).collect();
        let startable = BTreeSet::new();
        Self { catalog, graph, plan, states, missing, dirty, place, news, hosts, startable }
    }

    /// Settles what needs no work, and gives the work that can start now: at most one batch for each idle host.
    /// The outcomes of what was settled come first.
    pub(crate) fn next(&mut self) -> (Outcomes, Vec<Batch>) {
        let settled = self.settle();
        let hosts = std::mem::take(&mut self.startable);
        let batches = hosts.into_iter().filter_map(|host| self.batch(host)).collect();
        (settled, batches)
    }

    /// Takes what became of the batch of a host, and gives what that settles.
    pub(crate) fn finish(&mut self, host: &Arc<str>, outcomes: Outcomes) -> Outcomes {
        let Some(lane) = self.hosts.get_mut(host) else { return Outcomes::new() };
        lane.busy = false;
        for id in std::mem::take(&mut lane.between) {
            self.states[id.index()] = State::Waiting;
            self.news.push(Reverse(self.place[id.index()]));
        }
        if !lane.ready.is_empty() {
            self.startable.insert(host.clone());
        }
        for (id, outcome) in outcomes {
            if self.states[id.index()] == State::Running {
                self.end(id, outcome);
            }
        }
        self.settle()
    }

    /// Skips all that still waits on a host.
    pub(crate) fn abandon(&mut self, host: &Arc<str>, because: &str) -> Outcomes {
        let nodes = self.hosts.get(host).map(|lane| lane.nodes.clone()).unwrap_or_default();
        self.skip(&nodes, because)
    }

    /// Skips all that still waits.
    pub(crate) fn stop(&mut self, because: &str) -> Outcomes {
        self.skip(self.graph.order(), because)
    }

    /// The hosts that have nodes.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &Arc<str>> {
        self.hosts.keys()
    }

    fn skip(&mut self, nodes: &[NodeId], because: &str) -> Outcomes {
        let mut skipped = Outcomes::new();
        for &id in nodes {
            if self.states[id.index()] == State::Waiting {
                let outcome = Outcome::Skipped { because: because.to_owned() };
                self.end(id, outcome.clone());
                skipped.push((id, outcome));
            }
        }
        skipped
    }

    /// Settles the nodes that can be settled without running anything, in the order of the graph.
    fn settle(&mut self) -> Outcomes {
        let mut settled = Outcomes::new();
        while let Some(Reverse(place)) = self.news.pop() {
            let id = self.graph.order()[place];
            if self.states[id.index()] != State::Waiting {
                continue;
            }
            if let Some(because) = self.blocked_by(id) {
                let outcome = Outcome::Skipped { because };
                self.end(id, outcome.clone());
                settled.push((id, outcome));
                continue;
            }
            let dirty = self.is_below_change(id);
            if self.missing[id.index()] > 0 || self.is_open(id, dirty) {
                continue;
            }
            if self.has_work(id, dirty) {
                self.make_ready(id);
            } else {
                let outcome = self.without_work(id);
                self.end(id, outcome.clone());
                settled.push((id, outcome));
            }
        }
        settled
    }

    fn make_ready(&mut self, id: NodeId) {
        let host = &self.catalog.node(id).name.host;
        let Some(lane) = self.hosts.get_mut(host) else { return };
        lane.ready.insert(self.place[id.index()]);
        if !lane.busy {
            self.startable.insert(host.clone());
        }
    }

    /// Notes how a node ended, and who has to hear of it.
    fn end(&mut self, id: NodeId, outcome: Outcome) {
        self.dirty[id.index()] = outcome == Outcome::Changed || self.is_below_change(id);
        let good = matches!(outcome, Outcome::Changed | Outcome::Unchanged);
        self.states[id.index()] = State::Done(outcome);
        for next in self.graph.after(id) {
            self.missing[next.index()] -= 1;
            if !good || self.missing[next.index()] == 0 {
                self.news.push(Reverse(self.place[next.index()]));
            }
        }
    }

    /// The nodes of a host that can run in one go: each waits only for what is done, or for others among them.
    fn batch(&mut self, host: Arc<str>) -> Option<Batch> {
        let lane = self.hosts.get_mut(&host)?;
        let mut next: BinaryHeap<_> =
            std::mem::take(&mut lane.ready).into_iter().map(Reverse).collect();
        let (mut runs, mut between) = (Vec::new(), Vec::new());
        let mut dirty: HashSet<NodeId> = HashSet::new();
        // How many of those that a node waits for are in the batch.
        let mut inside: HashMap<NodeId, usize> = HashMap::new();
        while let Some(Reverse(place)) = next.pop() {
            let id = self.graph.order()[place];
            let below_change =
                self.is_below_change(id) || self.graph.before(id).any(|it| dirty.contains(&it));
            if self.states[id.index()] != State::Waiting || self.is_open(id, below_change) {
                continue;
            }
            let work = self.has_work(id, below_change);
            if work {
                runs.push(id)
            } else {
                between.push(id)
            }
            if work || below_change {
                dirty.insert(id);
            }
            for after in self.graph.after(id) {
                let count = inside.entry(after).or_default();
                *count += 1;
                if *count == self.missing[after.index()]
                    && self.catalog.node(after).name.host == host
                {
                    next.push(Reverse(self.place[after.index()]));
                }
            }
        }
        if runs.is_empty() {
            return None;
        }
        for id in runs.iter().chain(&between) {
            self.states[id.index()] = State::Running;
        }
        let lane = self.hosts.get_mut(&host)?;
        (lane.busy, lane.between) = (true, between);
        Some(Batch { host, runs })
    }

    fn is_below_change(&self, id: NodeId) -> bool {
        self.graph.before(id).any(|before| self.dirty[before.index()])
    }

    /// Whether a node must be looked at again before it and all behind it can go on: something before it changed
    /// that may have altered it. It is left waiting, for the next round.
    fn is_open(&self, id: NodeId, dirty: bool) -> bool {
        dirty && matches!(self.plan.node(id).planned, Planned::MayChange { .. })
    }

    /// What a node without work comes to.
    fn without_work(&self, id: NodeId) -> Outcome {
        match &self.plan.node(id).planned {
            Planned::Unknown { reason } => Outcome::Failed(Failure::told(reason.clone())),
            _ => Outcome::Unchanged,
        }
    }

    fn has_work(&self, id: NodeId, dirty: bool) -> bool {
        let check = self.catalog.node(id).kind.nature() == Nature::Check;
        self.plan.node(id).planned.acts() || (check && dirty)
    }

    /// The name of the node that this one cannot go on without.
    fn blocked_by(&self, id: NodeId) -> Option<String> {
        self.graph.edges_before(id).find_map(|(before, why)| {
            let name = || self.catalog.node(before).name.node.to_string();
            match &self.states[before.index()] {
                State::Done(
                    Outcome::Failed(_) | Outcome::Reverted(_) | Outcome::Unknown { .. },
                ) => Some(name()),
                State::Done(Outcome::Skipped { because }) => Some(because.clone()),
                // What was refused stops only what was said to depend on it. Who reacts to it goes without.
                State::Done(Outcome::Refused { .. })
                    if matches!(why, Edge::Sequence | Edge::Explicit) =>
                {
                    Some(name())
                }
                _ => None,
            }
        })
    }
}

#[cfg(test)]
mod tests;
