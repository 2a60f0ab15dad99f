//! A plan as a file that someone approves: what was going to be done, and to what.
//!
//! It holds no secret and no content: the playbook is evaluated again when it is applied, and every resource is
//! compared with what was approved, by digests.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{
    catalog::{Catalog, Node, NodeId},
    content::Digest,
    event::Outcome,
    graph::Graph,
    plan::{NodePlan, Plan, Planned},
    resource::Nature,
};

/// An approved plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// The version of this format.
    pub version: u32,
    /// The resources that were going to be changed, by name.
    pub nodes: IndexMap<String, ApprovedNode>,
    /// Those that may change because of these: the digests of what they should be, by name.
    pub may_change: IndexMap<String, String>,
}

/// A resource that was going to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovedNode {
    /// The digest of what it should be.
    pub desired: String,
    /// The digest of what was observed; none where it only reacts to others.
    pub observed: Option<String>,
}

impl PlanFile {
    /// The version of this format that this converge writes and reads.
    pub const VERSION: u32 = 3;

    /// What a plan is going to do.
    pub fn new(catalog: &Catalog, plan: &Plan) -> Self {
        let acting = catalog.nodes().filter(|(id, _)| plan.node(*id).planned.acts());
        let nodes = acting.map(|(id, node)| {
            let desired = node.fingerprint().to_string();
            let observed = observed(plan.node(id));
            (node.name.node.to_string(), ApprovedNode { desired, observed })
        });
        let may_change = catalog
            .nodes()
            .filter(|(id, _)| matches!(plan.node(*id).planned, Planned::MayChange { .. }));
        let desired = |(_, node): (NodeId, &Node)| {
            (node.name.node.to_string(), node.fingerprint().to_string())
        };
        let may_change = may_change.map(desired).collect();
        Self { version: Self::VERSION, nodes: nodes.collect(), may_change }
    }

    /// Finds what differs from what was approved, and says why. What only reacts to that is taken out of the plan.
    pub(super) fn refuse(
        &self,
        catalog: &Catalog,
        graph: &Graph,
        plan: &mut Plan,
    ) -> Vec<(NodeId, Outcome)> {
        self.refuse_unless(catalog, graph, plan, |plan, id| {
            self.difference(catalog, id, plan.node(id))
        })
    }

    fn refuse_unless(
        &self,
        catalog: &Catalog,
        graph: &Graph,
        plan: &mut Plan,
        reason: impl Fn(&Plan, NodeId) -> Option<&'static str>,
    ) -> Vec<(NodeId, Outcome)> {
        let mut refused = Vec::new();
        let mut left_alone = HashSet::new();
        for &id in graph.order() {
            plan.keep_causes(catalog, id, |cause| !left_alone.contains(&cause));
            if !plan.node(id).planned.acts() {
                continue;
            }
            if let Some(reason) = reason(plan, id) {
                left_alone.insert(id);
                refused.push((id, Outcome::Refused { reason: reason.to_owned() }));
            }
        }
        plan.quiet_arounds(catalog, graph);
        refused
    }

    /// Finds what is going to be done in a later round though the approved plan neither did it nor said that it may be.
    pub(super) fn refuse_later(
        &self,
        catalog: &Catalog,
        graph: &Graph,
        plan: &mut Plan,
    ) -> Vec<(NodeId, Outcome)> {
        let covered = |id: NodeId| {
            let node = catalog.node(id);
            let desired = self.nodes.get(&*node.name.node).map(|node| &node.desired);
            let desired = desired.or_else(|| self.may_change.get(&*node.name.node));
            // A check changes nothing, and what is owed was approved with what owes it.
            node.kind.nature() == Nature::Check
                || graph.regions().is_obligation(id)
                || desired.is_some_and(|desired| desired == node.fingerprint().as_str())
        };
        self.refuse_unless(catalog, graph, plan, |_, id| match covered(id) {
            true => None,
            false => Some("the approved plan does not say that it may change"),
        })
    }

    fn difference(&self, catalog: &Catalog, id: NodeId, now: &NodePlan) -> Option<&'static str> {
        let node = catalog.node(id);
        let Some(approved) = self.nodes.get(&*node.name.node) else {
            return Some("the approved plan does not change it");
        };
        if approved.desired != node.fingerprint().as_str() {
            return Some("the playbook wants something else than what was approved");
        }
        (approved.observed != observed(now))
            .then_some("it changed on the host since the plan was made")
    }
}

fn observed(node: &NodePlan) -> Option<String> {
    node.observed.as_ref().map(Digest::to_string)
}
