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
    catalog::{Catalog, NodeId, Part},
    event::{Failure, Outcome},
    graph::{Edge, Graph},
    plan::{Cause, Plan, Planned},
    resource::{Nature, Reaction},
};

mod rollings;

use rollings::Rollings;

/// How far a plan is carried out.
pub(crate) struct Execution<'a> {
    catalog: &'a Catalog,
    graph: &'a Graph,
    plan: &'a Plan,
    states: Vec<State>,
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
    /// Whether it is an obligation, which runs even after an interrupt. Such a one is a batch of its own, so that
    /// nothing that fails before it can keep it from running.
    pub(crate) obligation: bool,
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
        let missing: Vec<usize> = missing.collect();
        let mut place = vec![0; catalog.len()];
        for (at, id) in graph.order().iter().enumerate() {
            place[id.index()] = at;
        }
        let lane = |(host, nodes)| (host, Lane { nodes, ..Lane::default() });
        let hosts = catalog.by_host(graph.order().iter().copied()).into_iter().map(lane).collect();
        let (doomed, dirty) = (vec![None; catalog.len()], vec![false; catalog.len()]);
        let waits_for_none =
            |(place, id): (usize, &NodeId)| (missing[id.index()] == 0).then_some(Reverse(place));
        let news = graph.order().iter().enumerate().filter_map(waits_for_none).collect();
        let startable = BTreeSet::new();
        let mut rollings = Rollings::new(graph.regions());
        for (id, _) in catalog.nodes() {
            if let State::Done(outcome) = &states[id.index()] {
                rollings.ended(id, outcome);
            }
        }
        Self {
            catalog,
            graph,
            plan,
            states,
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

    /// Skips all that still waits on hosts that are gone, each with why. Those that are known to be gone are named
    /// together: what is settled of the others must not take one of them for a host that is as it should be.
    pub(crate) fn abandon(&mut self, gone: &[(Arc<str>, String)]) -> Outcomes {
        for (host, because) in gone {
            let nodes = self.hosts.get(host).map(|lane| lane.nodes.clone()).unwrap_or_default();
            self.doom(&nodes, because);
        }
        self.settle()
    }

    /// Skips all that still waits, except what is owed by now.
    pub(crate) fn stop(&mut self, because: &str) -> Outcomes {
        let waiting = self.graph.order().iter().copied();
        let waiting: Vec<NodeId> = waiting.filter(|id| !self.is_owed(*id)).collect();
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
            if self.states[id.index()] == State::Waiting && self.doomed[id.index()].is_none() {
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
            if self.states[id.index()] != State::Waiting || self.missing[id.index()] > 0 {
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

    /// Notes how a node ended, and who has to hear of it.
    fn end(&mut self, id: NodeId, outcome: Outcome) {
        self.dirty[id.index()] = outcome == Outcome::Changed || self.is_below_change(id);
        self.rollings.ended(id, &outcome);
        self.states[id.index()] = State::Done(outcome);
        for next in self.graph.after(id) {
            self.missing[next.index()] -= 1;
            if self.missing[next.index()] == 0 {
                self.news.push(Reverse(self.place[next.index()]));
            }
        }
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
            if self.states[id.index()] != State::Waiting || self.is_open(id, below_change) {
                continue;
            }
            // What became of others since it was ready may keep it from running.
            if self.blocked_by(id).is_some() {
                self.news.push(Reverse(place));
                continue;
            }
            if self.graph.regions().is_obligation(id) {
                if runs.is_empty() {
                    obligation = true;
                    runs.push(id);
                } else {
                    next.push(Reverse(place));
                }
                later.extend(next.drain().map(|Reverse(place)| place));
                break;
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
                    && !self.graph.regions().is_obligation(after)
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
        runs.iter().for_each(|id| self.rollings.began(*id));
        let lane = self.hosts.get_mut(&host)?;
        (lane.busy, lane.between) = (true, between);
        lane.ready.extend(later);
        Some(Batch { host, runs, obligation })
    }

    fn is_below_change(&self, id: NodeId) -> bool {
        self.graph.before(id).any(|before| self.dirty[before.index()])
    }

    /// Whether a node must be looked at again before it and all behind it can go on: something before it changed
    /// that may have altered it, or what kept it from being known. It is left waiting, for the next round.
    fn is_open(&self, id: NodeId, dirty: bool) -> bool {
        let may_change = match &self.plan.node(id).planned {
            Planned::Unknown(_) => true,
            // Nothing keeps what is owed from being done.
            Planned::MayChange { .. } => !self.graph.regions().is_obligation(id),
            _ => false,
        };
        dirty && may_change
    }

    /// What a node without work comes to.
    fn without_work(&self, id: NodeId) -> Outcome {
        match &self.plan.node(id).planned {
            Planned::Unknown(unknown) => Outcome::failed(Failure::unknown(unknown)),
            _ => Outcome::Unchanged,
        }
    }

    fn has_work(&self, id: NodeId, dirty: bool) -> bool {
        if self.plan.is_idle(self.graph, id) {
            return false;
        }
        let planned = &self.plan.node(id).planned;
        // What would only be owed is not, as long as nothing that owes it was begun.
        let only_owed =
            |cause: &Cause| cause.reaction == Reaction::Afterwards && cause.left_by.is_none();
        if matches!(planned, Planned::React { reactions } if reactions.iter().all(only_owed)) {
            return self.is_owed(id);
        }
        let check = self.catalog.node(id).kind.nature() == Nature::Check;
        planned.acts() || (check && dirty)
    }

    /// Whether a node is an obligation by now: something of what owes it was begun.
    fn is_owed(&self, id: NodeId) -> bool {
        let regions = self.graph.regions();
        let mut arounds =
            regions.arounds_with(Part::After, id).map(|around| &regions.arounds[around]);
        arounds.any(|around| around.before.iter().any(|before| self.has_begun(*before)))
    }

    fn has_begun(&self, id: NodeId) -> bool {
        match &self.states[id.index()] {
            State::Waiting => false,
            State::Running => true,
            State::Done(outcome) => outcome.was_begun(),
        }
    }

    /// The name of the node that this one cannot go on without.
    fn blocked_by(&self, id: NodeId) -> Option<String> {
        if let Some(because) = &self.doomed[id.index()] {
            return Some(because.clone());
        }
        let regions = self.graph.regions();
        if regions.is_obligation(id) {
            return None;
        }
        // What comes before a body is of no use when the body cannot be done.
        let arounds = regions.arounds_with(Part::Before, id);
        let body = arounds.flat_map(|around| &regions.arounds[around].body);
        let edges = self.graph.edges_before(id).map(|(before, why)| self.blocks(before, why));
        let body = body.map(|body| self.blocks(*body, Edge::Sequence));
        self.rollings.refuses(id).or_else(|| edges.chain(body).flatten().next())
    }

    /// The name of what keeps all that comes after a node from being done, if it ended so.
    fn blocks(&self, before: NodeId, why: Edge) -> Option<String> {
        let name = || self.catalog.node(before).name.node.to_string();
        match (why, &self.states[before.index()]) {
            (Edge::Finally, _) => None,
            (Edge::Batch(rolling), _) => self.rollings.exhausted(rolling),
            (
                _,
                State::Done(Outcome::Failed(_) | Outcome::Reverted(_) | Outcome::Unknown { .. }),
            ) => Some(name()),
            (_, State::Done(Outcome::Skipped { because })) => Some(because.clone()),
            // What was refused stops only what was said to depend on it. Who reacts to it goes without.
            (Edge::Sequence | Edge::Explicit, State::Done(Outcome::Refused { .. })) => Some(name()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
