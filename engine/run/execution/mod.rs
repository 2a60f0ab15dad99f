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
    evaluate::catalog::{Catalog, NodeId},
    plan::{event::Outcome, graph::Graph, planner::Plan},
};

mod foresight;
mod readiness;
mod rollings;

use rollings::Rollings;

/// How far a plan is carried out.
pub(crate) struct Execution<'a> {
    catalog: &'a Catalog,
    graph: &'a Graph,
    plan: &'a Plan,
    states: Vec<NodeState>,
    /// What became of a node in an earlier round, as long as it waits: it comes to that end only behind what comes before
    /// it, so that the order leads through it.
    stands: Vec<Option<Outcome>>,
    /// How many of those that a node waits for have not come to an end.
    missing: Vec<usize>,
    /// Why a node is not going to be tried, if it waits for nobody any more before it is.
    doomed: Vec<Option<String>>,
    /// Whether the node changed, or one that it waits for did: then a check runs.
    dirty: Vec<bool>,
    /// Where each node stands in the order of the graph.
    place: Vec<usize>,
    /// The places of nodes that something happened before: they may be settled, or ready.
    news: BinaryHeap<Reverse<usize>>,
    hosts: BTreeMap<Arc<str>, Lane>,
    /// Idle hosts with something ready.
    startable: BTreeSet<Arc<str>>,
    rollings: Rollings<'a>,
}

#[derive(Debug, Clone, PartialEq)]
enum NodeState {
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
    /// Those with something to run. What the host goes down for is alone, and so is what may keep everybody out with what reacts to it.
    pub(crate) runs: Vec<NodeId>,
    /// Whether it is an obligation, which runs even after an interrupt. Such a one is a batch of its own, so that
    /// nothing that fails before it can keep it from running.
    pub(crate) obligation: bool,
}

pub(super) type Outcomes = Vec<(NodeId, Outcome)>;

impl<'a> Execution<'a> {
    /// Nothing is done yet. `outcomes` are of an earlier round, and stand.
    pub(crate) fn new(
        catalog: &'a Catalog,
        graph: &'a Graph,
        plan: &'a Plan,
        outcomes: impl Fn(NodeId) -> Option<Outcome>,
    ) -> Self {
        let mut stands: Vec<Option<Outcome>> =
            catalog.nodes().map(|(id, _)| outcomes(id)).collect();
        let mut rollings = Rollings::new(graph.regions());
        for ((id, _), outcome) in catalog.nodes().zip(&stands) {
            outcome.iter().for_each(|outcome| rollings.ended(id, outcome));
        }
        let mut states = vec![NodeState::Waiting; catalog.len()];
        let (mut missing, mut place) = (vec![0; catalog.len()], vec![0; catalog.len()]);
        for (at, &id) in graph.order().iter().enumerate() {
            let open = |id: &NodeId| states[id.index()] == NodeState::Waiting;
            missing[id.index()] = graph.before(id).filter(open).count();
            place[id.index()] = at;
            if missing[id.index()] == 0
                && let Some(outcome) = stands[id.index()].take()
            {
                states[id.index()] = NodeState::Done(outcome);
            }
        }
        let lane = |(host, nodes)| (host, Lane { nodes, ..Lane::default() });
        let hosts = catalog.by_host(graph.order().iter().copied()).into_iter().map(lane).collect();
        let (doomed, dirty) = (vec![None; catalog.len()], vec![false; catalog.len()]);
        let waits_for_none =
            |(place, id): (usize, &NodeId)| (missing[id.index()] == 0).then_some(Reverse(place));
        let news = graph.order().iter().enumerate().filter_map(waits_for_none).collect();
        let startable = BTreeSet::new();
        Self {
            catalog,
            graph,
            plan,
            states,
            stands,
            missing,
            doomed,
            dirty,
            place,
            news,
            hosts,
            startable,
            rollings,
        }
    }

    /// Settles what needs no work, and gives the work that can start now: at most one batch for each idle host.
    /// The outcomes of what was settled come first.
    pub(crate) fn next(&mut self) -> (Outcomes, Vec<Batch>) {
        let (mut settled, mut batches) = (self.settle(), Vec::new());
        while let Some(host) = self.startable.pop_first() {
            batches.extend(self.batch(host));
            settled.extend(self.settle());
        }
        (settled, batches)
    }

    /// Takes what became of the batch of a host, and gives what that settles.
    pub(crate) fn finish(&mut self, host: &Arc<str>, outcomes: Outcomes) -> Outcomes {
        let Some(lane) = self.hosts.get_mut(host) else { return Outcomes::new() };
        lane.busy = false;
        for id in std::mem::take(&mut lane.between) {
            self.states[id.index()] = NodeState::Waiting;
            self.news.push(Reverse(self.place[id.index()]));
        }
        if !lane.ready.is_empty() {
            self.startable.insert(host.clone());
        }
        for (id, outcome) in outcomes {
            if self.states[id.index()] == NodeState::Running {
                self.end(id, outcome);
            }
        }
        self.settle()
    }

    /// Skips all that still waits on hosts that are gone, each with why. Those that are known to be gone are named
    /// together: what is settled of the others must not take one of them for a host that is as it should be.
    pub(crate) fn abandon(&mut self, gone: &[(Arc<str>, String)]) -> Outcomes {
        for (host, because) in gone {
            let nodes = self.hosts.get(host).map(|lane| lane.nodes.clone()).unwrap_or_default();
            self.doom(&nodes, because);
        }
        self.settle()
    }

    /// Skips all that still waits, except what is outstanding by now.
    pub(crate) fn stop(&mut self, because: &str) -> Outcomes {
        let waiting = self.graph.order().iter().copied();
        let waiting: Vec<NodeId> = waiting.filter(|id| !self.is_outstanding(*id)).collect();
        self.doom(&waiting, because);
        self.settle()
    }

    /// The hosts that have nodes.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &Arc<str>> {
        self.hosts.keys()
    }

    /// Skips nodes that still wait. Each comes to its end only after all that it waits for: what comes behind it must
    /// not begin while something before it still runs.
    fn doom(&mut self, nodes: &[NodeId], because: &str) {
        for &id in nodes {
            let is_open =
                self.states[id.index()] == NodeState::Waiting && self.stands[id.index()].is_none();
            if is_open && self.doomed[id.index()].is_none() {
                self.doomed[id.index()] = Some(because.to_owned());
                self.rollings.fails(id);
                self.news.push(Reverse(self.place[id.index()]));
            }
        }
    }

    /// Settles the nodes that can be settled without running anything, in the order of the graph.
    fn settle(&mut self) -> Outcomes {
        let mut settled = Outcomes::new();
        while let Some(Reverse(place)) = self.news.pop() {
            let id = self.graph.order()[place];
            if self.states[id.index()] != NodeState::Waiting || self.missing[id.index()] > 0 {
                continue;
            }
            if let Some(outcome) = self.stands[id.index()].take() {
                self.dirty[id.index()] = self.is_below_change(id);
                self.close(id, outcome);
                continue;
            }
            if let Some(because) = self.blocked_by(id) {
                let outcome = Outcome::Skipped { because };
                self.end(id, outcome.clone());
                settled.push((id, outcome));
                continue;
            }
            let dirty = self.is_below_change(id);
            if self.is_open(id, dirty) {
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

    /// Notes how a node ended.
    fn end(&mut self, id: NodeId, outcome: Outcome) {
        self.dirty[id.index()] = outcome == Outcome::Changed || self.is_below_change(id);
        self.close(id, outcome);
    }

    /// Lets those hear of the end of a node that wait for it.
    fn close(&mut self, id: NodeId, outcome: Outcome) {
        self.rollings.ended(id, &outcome);
        self.states[id.index()] = NodeState::Done(outcome);
        for next in self.graph.after(id) {
            self.missing[next.index()] -= 1;
            if self.missing[next.index()] == 0 {
                self.news.push(Reverse(self.place[next.index()]));
            }
        }
    }

    /// Whether it may keep everybody out, so that nothing else is done until somebody has logged in after it.
    fn is_guarded(&self, id: NodeId) -> bool {
        self.plan.guarded(self.catalog, id).is_some()
    }

    /// Whether the host goes down for it: nothing else is done on the way there.
    fn goes_down(&self, id: NodeId) -> bool {
        self.catalog.node(id).kind.goes_down().is_some()
    }

    /// The nodes of a host that can run in one go: each waits only for what is done, or for others among them.
    fn batch(&mut self, host: Arc<str>) -> Option<Batch> {
        let lane = self.hosts.get_mut(&host)?;
        let mut next: BinaryHeap<_> =
            std::mem::take(&mut lane.ready).into_iter().map(Reverse).collect();
        let (mut runs, mut between, mut later) = (Vec::new(), Vec::new(), Vec::new());
        let mut dirty: HashSet<NodeId> = HashSet::new();
        // How many of those that a node waits for are in the batch.
        let mut inside: HashMap<NodeId, usize> = HashMap::new();
        let mut obligation = false;
        while let Some(Reverse(place)) = next.pop() {
            let id = self.graph.order()[place];
            let below_change =
                self.is_below_change(id) || self.graph.before(id).any(|it| dirty.contains(&it));
            let stands = self.stands[id.index()].is_some();
            if self.states[id.index()] != NodeState::Waiting
                || !stands && self.is_open(id, below_change)
            {
                continue;
            }
            // What became of others since it was ready may keep it from running.
            if !stands && self.blocked_by(id).is_some() {
                self.news.push(Reverse(place));
                continue;
            }
            let work = !stands && self.has_work(id, below_change);
            let is_obligation = !stands && self.graph.regions().is_obligation(id);
            if is_obligation || work && self.goes_down(id) {
                if runs.is_empty() {
                    obligation = is_obligation;
                    runs.push(id);
                } else {
                    next.push(Reverse(place));
                }
                later.extend(next.drain().map(|Reverse(place)| place));
                break;
            }
            let other = |first: &NodeId| self.is_guarded(*first) != self.is_guarded(id);
            if work && runs.first().is_some_and(other) {
                later.push(place);
                continue;
            }
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
                let runs_here = self.catalog.node(after).name.host == host
                    && !self.graph.regions().is_obligation(after);
                if *count == self.missing[after.index()]
                    && (runs_here || self.stands[after.index()].is_some())
                {
                    next.push(Reverse(self.place[after.index()]));
                }
            }
        }
        if runs.is_empty() {
            return None;
        }
        for id in runs.iter().chain(&between) {
            self.states[id.index()] = NodeState::Running;
        }
        runs.iter().for_each(|id| self.rollings.began(*id));
        let lane = self.hosts.get_mut(&host)?;
        (lane.busy, lane.between) = (true, between);
        lane.ready.extend(later);
        Some(Batch { host, runs, obligation })
    }
}

#[cfg(test)]
mod tests;
