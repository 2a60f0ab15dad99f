//! A plan as a file that someone approves: what was going to be done, and to what.
//!
//! It holds no secret and no content: the playbook is evaluated again when it is applied, and every resource is
//! compared with what was approved, by digests.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::wave::Anew;
use crate::{
    base::{content::Digest, diagnostic::Place, seal::Key},
    evaluate::{
        catalog::{Catalog, Node, NodeId},
        language::Asked,
    },
    plan::{
        event::Outcome,
        graph::Graph,
        planner::{NodePlan, Plan, Planned},
    },
    resources::resource::Nature,
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
    /// The answers that may be other ones because of these: what is made of another one is planned and done in the same run.
    pub answers: Vec<String>,
    /// What the digests were made with anew, if they were.
    #[serde(skip)]
    key: Option<Key>,
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
    pub const VERSION: u32 = 5;

    /// What a plan is going to do, and the `answers` that may be other ones then.
    pub fn new(catalog: &Catalog, plan: &Plan, answers: &[(&Asked, &Place)]) -> Self {
        let acting = catalog.nodes().filter(|(id, _)| plan.node(*id).planned.acts());
        let nodes = acting.map(|(id, node)| {
            let desired = node.approvable().to_string();
            let observed = observed(plan.node(id));
            (node.name.node.to_string(), ApprovedNode { desired, observed })
        });
        let may_change = catalog
            .nodes()
            .filter(|(id, _)| matches!(plan.node(*id).planned, Planned::MayChange { .. }));
        let desired = |(_, node): (NodeId, &Node)| {
            (node.name.node.to_string(), node.approvable().to_string())
        };
        let may_change = may_change.map(desired).collect();
        let answers = answers.iter().map(|(asked, _)| asked.whole()).collect();
        let nodes = nodes.collect();
        Self { version: Self::VERSION, nodes, may_change, answers, key: None }
    }

    /// The same, with digests that mean nothing without the key.
    #[must_use]
    pub fn sealed(mut self, key: Key) -> Self {
        let seal = |digest: &mut String| *digest = key.digest(digest.as_bytes()).to_string();
        for node in self.nodes.values_mut() {
            seal(&mut node.desired);
            node.observed.as_mut().map(seal);
        }
        self.may_change.values_mut().for_each(seal);
        self.keyed(key)
    }

    /// The same, whose digests were made with this key.
    #[must_use]
    pub fn keyed(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// What its digests were made with.
    pub fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// Whether a digest is that of what was approved.
    fn is_same(&self, approved: &str, now: &Digest) -> bool {
        match &self.key {
            Some(key) => key.digest(now.as_str().as_bytes()).as_str() == approved,
            None => now.as_str() == approved,
        }
    }

    /// Finds what differs from what was approved, and says why. What only reacts to that is taken out of the plan.
    pub(super) fn refuse(
        &self,
        catalog: &Catalog,
        graph: &Graph,
        plan: &mut Plan,
    ) -> Vec<(NodeId, Outcome)> {
        self.refuse_unless(catalog, graph, plan, |plan, id| {
            self.difference(catalog, id, plan.node(id)).map(str::to_owned)
        })
    }

    fn refuse_unless(
        &self,
        catalog: &Catalog,
        graph: &Graph,
        plan: &mut Plan,
        reason: impl Fn(&Plan, NodeId) -> Option<String>,
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
                refused.push((id, Outcome::Refused { reason }));
            }
        }
        plan.quiet_arounds(catalog, graph);
        refused
    }

    /// The first of some answers that this plan does not say that they may be other ones.
    pub(super) fn unnamed<'a>(
        &self,
        mut answers: impl Iterator<Item = &'a Asked>,
    ) -> Option<&'a Asked> {
        answers.find(|asked| !self.answers.contains(&asked.whole()))
    }

    /// Finds what is going to be done in a later round or wave though the approved plan neither did it nor said that it may
    /// be: by its name, or by the name of an answer that it is made of.
    pub(super) fn refuse_later(
        &self,
        catalog: &Catalog,
        graph: &Graph,
        plan: &mut Plan,
        anew: &Anew,
    ) -> Vec<(NodeId, Outcome)> {
        // Who reacts to what is refused has nothing to react to.
        let follows = |plan: &Plan, id: NodeId| {
            let reacts = matches!(plan.node(id).planned, Planned::React { .. });
            anew.unnamed.is_none() && (reacts && !anew.nodes.is_empty() || anew.nodes.contains(&id))
        };
        let covered = |id: NodeId| {
            let node = catalog.node(id);
            let desired = self.nodes.get(&*node.name.node).map(|node| &node.desired);
            let desired = desired.or_else(|| self.may_change.get(&*node.name.node));
            // A check changes nothing, and what is outstanding was approved with what owes it.
            node.kind.nature() == Nature::Check
                || graph.regions().is_obligation(id)
                || desired.is_some_and(|desired| self.is_same(desired, &node.approvable()))
        };
        self.refuse_unless(catalog, graph, plan, |plan, id| {
            if covered(id) || follows(plan, id) {
                return None;
            }
            let told = "the approved plan does not allow it to change";
            Some(match anew.unnamed.as_ref().filter(|_| anew.nodes.contains(&id)) {
                Some(answer) => format!("{told}, nor that {answer} may"),
                None => told.to_owned(),
            })
        })
    }

    fn difference(&self, catalog: &Catalog, id: NodeId, now: &NodePlan) -> Option<&'static str> {
        let node = catalog.node(id);
        let Some(approved) = self.nodes.get(&*node.name.node) else {
            return Some("the approved plan has no change for it");
        };
        if !self.is_same(&approved.desired, &node.approvable()) {
            return Some("the playbook declares something else than what was approved");
        }
        let is_same = match (&approved.observed, &now.observed) {
            (Some(approved), Some(now)) => self.is_same(approved, now),
            (approved, now) => approved.is_none() && now.is_none(),
        };
        (!is_same).then_some("it changed on the host since the plan was made")
    }
}

fn observed(node: &NodePlan) -> Option<String> {
    node.observed.as_ref().map(Digest::to_string)
}
