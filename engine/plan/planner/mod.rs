//! Desired and observed to what is going to happen, for every node of the fleet. Pure.

use std::{collections::HashSet, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    base::content::Digest,
    evaluate::catalog::{Around, BlockPart, Catalog, Node, NodeId},
    plan::{
        graph::Graph,
        probe::{Observations, Outstanding},
    },
    resources::{
        change::{Change, Effect},
        kind::Difference,
        resource::{Nature, Reaction, Unknown},
    },
};

mod debts;
mod may_change;

pub use debts::{Debts, TakenOver};
use may_change::{ChangesBefore, OpaqueChanges, stands_around};

/// What is going to happen, node by node.
pub struct Plan {
    /// Of each node that is not as it should be, or may not stay so.
    nodes: Vec<Option<Box<NodePlan>>>,
    /// Of each around: whether its body is going to change something.
    active: Vec<bool>,
    debts: Debts,
}

/// What is going to happen to one node.
#[derive(Debug, Clone, PartialEq)]
pub struct NodePlan {
    /// What people are told.
    pub planned: Planned,
    /// The digest of what was observed; none when it is as it should be, or not known.
    pub observed: Option<Digest>,
}

/// The plan of a node that is as it should be, or of which nothing is known.
static UNCHANGED: NodePlan = NodePlan { planned: Planned::Unchanged, observed: None };

/// What is going to happen to a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Planned {
    /// It is as it should be. No event of its own tells that.
    #[serde(skip)]
    Unchanged,
    /// It differs.
    Change {
        /// How.
        change: Change,
        /// What it does besides, because others change.
        reactions: Vec<Cause>,
    },
    /// It only reacts to others that change.
    React {
        /// To which, and how.
        reactions: Vec<Cause>,
    },
    /// It is as it should be now, or has nothing to react to, but something before it may alter that.
    MayChange {
        /// The resource that may alter it.
        because: Arc<str>,
    },
    /// It cannot be known: it could not be looked at.
    Unknown(Unknown),
}

impl Planned {
    /// Whether something is going to be done.
    pub fn acts(&self) -> bool {
        matches!(self, Planned::Change { .. } | Planned::React { .. })
    }

    /// Whether others react to it: what is only looked at anew may turn out to be as it should be.
    pub fn is_felt(&self) -> bool {
        let refreshes = |change: &Change| change.action == Effect::Refresh;
        self.acts() && !self.change().is_some_and(refreshes)
    }

    /// What differs, if something does.
    pub fn change(&self) -> Option<&Change> {
        match self {
            Planned::Change { change, .. } => Some(change),
            _ => None,
        }
    }

    /// What it does because others change.
    pub fn reactions(&self) -> &[Cause] {
        match self {
            Planned::Change { reactions, .. } | Planned::React { reactions } => reactions,
            _ => &[],
        }
    }
}

/// Why a resource reacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What it does.
    pub reaction: Reaction,
    /// The resource that changes, or changed in an earlier run.
    pub node: Arc<str>,
    /// The earlier run that was cut short and left the reaction outstanding.
    pub left_by: Option<String>,
}

impl Plan {
    /// Plans every node that was observed. The others, of hosts that were not reached, stay unchanged here.
    pub fn new(catalog: &Catalog, graph: &Graph, observations: &Observations) -> Self {
        let regions = graph.regions();
        let debts = Debts::new(catalog, &observations.outstanding);
        let mut plan =
            Self { nodes: Vec::new(), active: vec![false; regions.arounds.len()], debts };
        // What stands around a body follows from the body, and may itself be in the body of another: so once more, as
        // long as there are more bodies that are going to change something.
        loop {
            plan.nodes = plan.pass(catalog, graph, observations);
            let active: Vec<bool> =
                regions.arounds.iter().map(|around| plan.is_changing(catalog, around)).collect();
            if active == plan.active {
                return plan;
            }
            plan.active = active;
        }
    }

    /// Plans every node, in order, for the arounds that are active by now.
    fn pass(
        &self,
        catalog: &Catalog,
        graph: &Graph,
        observations: &Observations,
    ) -> Vec<Option<Box<NodePlan>>> {
        let debts = &self.debts;
        let mut nodes = vec![None; catalog.len()];
        let (mut opaque, mut before) = (OpaqueChanges::default(), ChangesBefore::default());
        for (place, &id) in graph.order().iter().enumerate() {
            let Some(observed) = observations.get(id) else { continue };
            let node = catalog.node(id);
            let planned = match observed {
                Err(unknown) => match (&unknown.otherwise, opaque.before(node)) {
                    (Some(Some(change)), Some(_)) => {
                        let reactions = reactions(catalog, id, &nodes, debts);
                        Planned::Change { change: Change::clone(change), reactions }
                    }
                    (Some(None), Some(because)) => Planned::MayChange { because },
                    _ => Planned::Unknown((**unknown).clone()),
                },
                Ok(_) if self.is_idle(graph, id) => Planned::Unchanged,
                Ok(difference) => {
                    let mut reactions = reactions(catalog, id, &nodes, debts);
                    let change = difference.as_deref().map(|Difference { change, .. }| change);
                    let change = change.filter(|it| !only_outstanding(it, graph, id)).cloned();
                    if let Some(change) = change.or_else(|| debts.unfinished(&node.name)) {
                        Planned::Change { change, reactions }
                    } else {
                        reactions.extend(undone_first(catalog, graph, id, debts));
                        match reactions.is_empty() {
                            true => {
                                let may_change = reacts_perhaps(node, &nodes)
                                    .or_else(|| opaque.may_change(node))
                                    .or_else(|| {
                                        opaque.may_run(node).filter(|_| !stands_around(graph, id))
                                    })
                                    .or_else(|| before.may_change(catalog, graph, place, &nodes));
                                may_change.map_or(Planned::Unchanged, |because| {
                                    Planned::MayChange { because }
                                })
                            }
                            false => Planned::React { reactions },
                        }
                    }
                }
            };
            if !stands_around(graph, id) {
                opaque.record(node, &planned);
                before.record(node, &planned);
            }
            let difference = observed.as_ref().ok().and_then(Option::as_ref);
            let observed = difference.map(|difference| difference.observed.clone());
            if planned != Planned::Unchanged || observed.is_some() {
                nodes[id.index()] = Some(Box::new(NodePlan { planned, observed }));
            }
        }
        self.note_arounds(graph, &mut nodes);
        nodes
    }

    /// What stands around a body that may change, may be done too.
    fn note_arounds(&self, graph: &Graph, nodes: &mut [Option<Box<NodePlan>>]) {
        let inactive = graph.regions().arounds.iter().zip(&self.active).filter(|(_, it)| !**it);
        for (around, _) in inactive {
            let because = around.body.iter().find_map(|id| may_change(nodes, *id)).cloned();
            let Some(because) = because else { continue };
            for id in around.before.iter().chain(&around.after) {
                let node = nodes[id.index()].get_or_insert_with(|| Box::new(UNCHANGED.clone()));
                if node.planned == Planned::Unchanged {
                    node.planned = Planned::MayChange { because: because.clone() };
                }
            }
        }
    }

    /// Whether the body of an around is going to change something. That a check does not hold changes nothing.
    fn is_changing(&self, catalog: &Catalog, around: &Around) -> bool {
        let changes = |id: &NodeId| {
            self.node(*id).planned.acts() && catalog.node(*id).kind.nature() != Nature::Check
        };
        around.body.iter().any(changes)
    }

    /// Whether a node stands before a body that is not going to change anything: then it has nothing to do.
    pub fn is_idle(&self, graph: &Graph, id: NodeId) -> bool {
        graph.regions().arounds_with(BlockPart::Before, id).any(|around| !self.active[around])
    }

    /// Seconds within which somebody has to log in once this is done, if it may keep everybody out: what reacts to such a change is
    /// guarded with it.
    pub fn guarded(&self, catalog: &Catalog, id: NodeId) -> Option<u32> {
        let (node, planned) = (catalog.node(id), &self.node(id).planned);
        let guard = |id: NodeId| {
            let planned = &self.node(id).planned;
            let action = planned.change().map(|change| change.action);
            planned.is_felt().then(|| catalog.node(id).guard(action)).flatten()
        };
        if !planned.acts() || node.kind.goes_down().is_some() || node.kind.nature() == Nature::Check
        {
            return None;
        }
        let reacts = !planned.reactions().is_empty();
        let causes = node.reactions.iter().filter(|(cause, how)| {
            let is_here = catalog.node(*cause).name.host == node.name.host;
            reacts && is_here && *how != Reaction::Afterwards
        });
        guard(id).into_iter().chain(causes.filter_map(|(cause, _)| guard(*cause))).max()
    }

    /// Whether something is going to be done at all.
    pub fn acts(&self) -> bool {
        self.nodes.iter().flatten().any(|node| node.planned.acts())
    }

    /// The host that is going to be changed, if it is only one.
    pub fn alone(&self, catalog: &Catalog) -> Option<Arc<str>> {
        let acting = catalog.nodes().filter(|(id, _)| self.node(*id).planned.acts());
        let mut hosts = acting.map(|(_, node)| &node.name.host);
        let first = hosts.next()?;
        hosts.all(|host| host == first).then(|| first.clone())
    }

    /// What earlier runs left outstanding.
    pub fn debts(&self) -> &Debts {
        &self.debts
    }

    /// What is going to happen to a node.
    pub fn node(&self, id: NodeId) -> &NodePlan {
        self.nodes[id.index()].as_deref().unwrap_or(&UNCHANGED)
    }

    /// Takes a node out of the plan, such as one that differs from what was approved.
    pub fn withdraw(&mut self, id: NodeId) {
        if let Some(node) = &mut self.nodes[id.index()] {
            node.planned = Planned::Unchanged;
        }
    }

    /// Notes that this run changed a node already.
    pub fn set_again(&mut self, id: NodeId) {
        if let Some(Planned::Change { change, .. }) =
            self.nodes[id.index()].as_mut().map(|node| &mut node.planned)
        {
            change.again = true;
        }
    }

    /// Leaves a node the reactions that an earlier run owes, and those to nodes that still act. Nodes that come
    /// before it must have been seen to first.
    pub fn keep_causes(&mut self, catalog: &Catalog, id: NodeId, acts: impl Fn(NodeId) -> bool) {
        if self.node(id).planned.reactions().is_empty() {
            return;
        }
        let causes = catalog.node(id).reactions.iter().map(|(cause, _)| *cause);
        let acting = causes.filter(|cause| self.node(*cause).planned.acts() && acts(*cause));
        let acting: HashSet<&str> = acting.map(|cause| &*catalog.node(cause).name.node).collect();
        let Some(NodePlan { planned, .. }) = self.nodes[id.index()].as_deref_mut() else { return };
        if let Planned::Change { reactions, .. } | Planned::React { reactions } = planned {
            reactions.retain(|cause| cause.left_by.is_some() || acting.contains(&*cause.node));
        }
        if matches!(planned, Planned::React { reactions } if reactions.is_empty()) {
            *planned = Planned::Unchanged;
        }
    }

    /// Takes out what stands around bodies from which everything was taken out.
    pub fn quiet_arounds(&mut self, catalog: &Catalog, graph: &Graph) {
        for (index, around) in graph.regions().arounds.iter().enumerate() {
            if self.active[index] && !self.is_changing(catalog, around) {
                self.active[index] = false;
                around.before.iter().for_each(|&before| self.withdraw(before));
                around
                    .after
                    .iter()
                    .for_each(|&outstanding| self.keep_causes(catalog, outstanding, |_| true));
            }
        }
    }
}

/// Whether a change is none by itself: it is there each time, in what comes after a body. It is outstanding once something of what
/// comes before that body was begun, and not before.
fn only_outstanding(change: &Change, graph: &Graph, id: NodeId) -> bool {
    let regions = graph.regions();
    let mut arounds =
        regions.arounds_with(BlockPart::After, id).map(|around| &regions.arounds[around]);
    change.is_always_there() && arounds.any(|around| !around.before.is_empty())
}

/// Why a node may change, if it may.
fn may_change(nodes: &[Option<Box<NodePlan>>], id: NodeId) -> Option<&Arc<str>> {
    match &nodes[id.index()].as_ref()?.planned {
        Planned::MayChange { because } => Some(because),
        _ => None,
    }
}

/// Why a node may have something to react to, if one of its causes may change.
fn reacts_perhaps(node: &Node, nodes: &[Option<Box<NodePlan>>]) -> Option<Arc<str>> {
    let causes = node.reactions.iter().filter(|(_, how)| *how != Reaction::Afterwards);
    causes.map(|(cause, _)| *cause).find_map(|cause| may_change(nodes, cause)).cloned()
}

/// The reactions of a node to what is planned before it, and those that an earlier run owes.
fn reactions(
    catalog: &Catalog,
    id: NodeId,
    nodes: &[Option<Box<NodePlan>>],
    debts: &Debts,
) -> Vec<Cause> {
    let node = catalog.node(id);
    let planned = node.reactions.iter().filter(|(cause, _)| {
        nodes[cause.index()].as_ref().is_some_and(|node| node.planned.is_felt())
            && catalog.node(*cause).kind.nature() != Nature::Check
    });
    let mut causes: Vec<Cause> = planned
        .map(|(cause, reaction)| Cause {
            reaction: *reaction,
            node: catalog.node(*cause).name.node.clone(),
            left_by: None,
        })
        .collect();
    let outstanding = debts.of(&node.name.node).iter();
    let reacts = |outstanding: &&Outstanding| {
        outstanding.reaction != Reaction::Finish && is_believable(catalog, id, outstanding)
    };
    for outstanding in outstanding.filter(reacts) {
        causes.push(Cause {
            reaction: outstanding.reaction,
            node: outstanding.cause.as_str().into(),
            left_by: Some(outstanding.run.clone()),
        });
    }
    causes
}

/// What comes before an active body, though it is done already: what an earlier run owes undoes it first.
fn undone_first(catalog: &Catalog, graph: &Graph, id: NodeId, debts: &Debts) -> Option<Cause> {
    let regions = graph.regions();
    let arounds =
        regions.arounds_with(BlockPart::Before, id).map(|around| &regions.arounds[around]);
    let mut after = arounds.flat_map(|around| &around.after).map(|id| &catalog.node(*id).name.node);
    let undone_by = after.find(|node| !debts.of(node).is_empty())?;
    Some(Cause { reaction: Reaction::Afterwards, node: undone_by.clone(), left_by: None })
}

/// Whether a host may say this of a node: it speaks for its own, and for those elsewhere that react to its own.
fn is_believable(catalog: &Catalog, id: NodeId, outstanding: &Outstanding) -> bool {
    let node = catalog.node(id);
    if node.name.host == outstanding.host && node.kind.reacts().contains(&outstanding.reaction) {
        return true;
    }
    let here = node.reactions.iter().map(|(cause, it)| (&catalog.node(*cause).name, *it));
    let mut all = here.chain(catalog.causes_beyond(id).iter().map(|(cause, it)| (cause, *it)));
    all.any(|(cause, reaction)| {
        reaction == outstanding.reaction
            && cause.host == outstanding.host
            && *cause.node == *outstanding.cause
    })
}
