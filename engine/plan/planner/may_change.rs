//! What may change because of what changes before it.

use std::{collections::HashMap, sync::Arc};

use super::{NodePlan, Planned};
use crate::{
    evaluate::catalog::{BlockPart, Catalog, Frame, Node, NodeId},
    plan::graph::Graph,
    resources::{footprint::Lies, resource::Nature},
};

/// Whether a node stands before or after a body: it only clears the way for it.
pub(super) fn stands_around(graph: &Graph, id: NodeId) -> bool {
    let is_in = |part| graph.regions().arounds_with(part, id).next().is_some();
    is_in(BlockPart::Before) || is_in(BlockPart::After)
}

/// The last change of each part of a host's script that can alter what is observed of others: a package brings files,
/// a command does anything. What stands after it in the same role may change, though it looks converged now.
#[derive(Default)]
pub(super) struct OpaqueChanges<'a> {
    by_host: HashMap<&'a str, OfHost<'a>>,
}

#[derive(Default)]
struct OfHost<'a> {
    last: Option<Arc<str>>,
    /// Few calls of roles have any: going through them costs less than a hash of one.
    by_role: Vec<(Option<&'a Frame>, Arc<str>)>,
}

impl<'a> OpaqueChanges<'a> {
    pub(super) fn record(&mut self, node: &'a Node, planned: &Planned) {
        if !node.kind.opaque() {
            return;
        }
        let Some(because) = cause(node, planned) else { return };
        let host = self.by_host.entry(&*node.name.host).or_default();
        host.last = Some(because.clone());
        let role = node.declared.chain.first();
        match host.by_role.iter_mut().find(|(known, _)| *known == role) {
            Some((_, last)) => *last = because.clone(),
            None => host.by_role.push((role, because.clone())),
        }
    }

    /// What may bring to the host of a node what is missing there.
    pub(super) fn before(&self, node: &Node) -> Option<Arc<str>> {
        self.by_host.get(&*node.name.host)?.last.clone()
    }

    pub(super) fn may_change(&self, node: &Node) -> Option<Arc<str>> {
        if node.kind.nature() != Nature::State {
            return None;
        }
        let role = node.declared.chain.first();
        let mut by_role = self.by_host.get(&*node.name.host)?.by_role.iter();
        by_role.find(|(known, _)| *known == role).map(|(_, because)| because.clone())
    }

    /// The same for a script whose guard asks for what anything on the host can make or remove, in whatever role.
    pub(super) fn may_run(&self, node: &Node) -> Option<Arc<str>> {
        let asks = |lies: &Lies<'_>| matches!(lies, Lies::Made | Lies::Nothing);
        let guarded = || {
            node.kind.opaque()
                && node.kind.nature() == Nature::State
                && node.kind.footprint(&node.desired).paths.iter().any(|(_, lies)| asks(lies))
        };
        self.before(node).filter(|_| guarded())
    }
}

/// What others may change because of: a change, or what itself may change because of another one.
fn cause<'p>(node: &'p Node, planned: &'p Planned) -> Option<&'p Arc<str>> {
    match planned {
        Planned::MayChange { because } => Some(because),
        _ if planned.acts() && node.kind.nature() != Nature::Check => Some(&node.name.node),
        _ => None,
    }
}

/// The changes that each node stands behind. A guard and an observation that are scripts can see any of them, on whatever
/// host it is. Nothing is looked for as long as nothing changes.
#[derive(Default)]
pub(super) struct ChangesBefore {
    any: bool,
    /// Of each node, up to the place that was come to: the last change that it stands behind.
    known: Vec<Option<Arc<str>>>,
    come_to: usize,
}

impl ChangesBefore {
    pub(super) fn record(&mut self, node: &Node, planned: &Planned) {
        self.any |= cause(node, planned).is_some();
    }

    /// The change that the node at this place may see, by the plan of all that come before it.
    pub(super) fn may_change(
        &mut self,
        catalog: &Catalog,
        graph: &Graph,
        place: usize,
        plan: &[Option<Box<NodePlan>>],
    ) -> Option<Arc<str>> {
        let id = graph.order()[place];
        let node = catalog.node(id);
        // What has such the effects of a script are unknown as well: the footprints of all others need not be made.
        let asks = || {
            node.kind.opaque()
                && node.kind.nature() == Nature::State
                && node.kind.footprint(&node.desired).sees_all
        };
        if !self.any || !asks() || stands_around(graph, id) {
            return None;
        }
        let change = |before: NodeId| {
            let planned = &plan[before.index()].as_ref()?.planned;
            cause(catalog.node(before), planned).filter(|_| !stands_around(graph, before))
        };
        self.known.resize(catalog.len(), None);
        for &id in &graph.order()[self.come_to..=place] {
            let known = |before: NodeId| change(before).or(self.known[before.index()].as_ref());
            self.known[id.index()] = graph.before(id).find_map(known).cloned();
        }
        self.come_to = place + 1;
        self.known[id.index()].clone()
    }
}
