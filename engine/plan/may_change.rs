//! What may change because of what changes before it.

use std::{collections::HashMap, sync::Arc};

use super::Planned;
use crate::{
    catalog::{Catalog, Node, NodeId, Part},
    graph::Graph,
    resource::Nature,
};

/// Whether a node stands before or after a body: it only clears the way for it.
pub(super) fn stands_around(graph: &Graph, id: NodeId) -> bool {
    let is_in = |part| graph.regions().arounds_with(part, id).next().is_some();
    is_in(Part::Before) || is_in(Part::After)
}

/// The last change of each part of a host's script that can alter what is observed of others: a package brings files,
/// a command does anything. What stands after it in the same role may change, though it looks converged now.
#[derive(Default)]
pub(super) struct OpaqueChanges<'a> {
    by_role: HashMap<(&'a str, Option<&'a crate::catalog::Frame>), Arc<str>>,
    by_host: HashMap<&'a str, Arc<str>>,
}

impl<'a> OpaqueChanges<'a> {
    pub(super) fn record(&mut self, node: &'a Node, planned: &Planned) {
        if let Some(because) = cause(node, planned).filter(|_| node.kind.opaque()) {
            let role = (&*node.name.host, node.declared.chain.first());
            self.by_host.insert(&node.name.host, because.clone());
            self.by_role.insert(role, because);
        }
    }

    /// What may bring to the host of a node what is missing there.
    pub(super) fn before(&self, node: &Node) -> Option<Arc<str>> {
        self.by_host.get(&*node.name.host).cloned()
    }

    pub(super) fn may_change(&self, node: &'a Node) -> Option<Arc<str>> {
        if node.kind.nature() != Nature::State {
            return None;
        }
        let role = (&*node.name.host, node.declared.chain.first());
        self.by_role.get(&role).cloned()
    }
}

/// What others may change because of: a change, or what itself may change because of another one.
fn cause(node: &Node, planned: &Planned) -> Option<Arc<str>> {
    match planned {
        Planned::MayChange { because } => Some(because.clone()),
        _ if planned.acts() && node.kind.nature() != Nature::Check => Some(node.name.node.clone()),
        _ => None,
    }
}

/// The changes that each node stands behind. A guard and an observation that are scripts can see any of them, on whatever
/// host it is. Nothing is looked for as long as nothing changes.
#[derive(Default)]
pub(super) struct ChangesBefore {
    /// Of each node, up to the place that was come to: the last change that it stands behind.
    known: Vec<Option<Arc<str>>>,
    come_to: usize,
    changes: HashMap<NodeId, Arc<str>>,
}

impl ChangesBefore {
    pub(super) fn record(&mut self, catalog: &Catalog, id: NodeId, planned: &Planned) {
        self.changes.extend(cause(catalog.node(id), planned).map(|cause| (id, cause)));
    }

    /// The change that the node at this place may see.
    pub(super) fn may_change(
        &mut self,
        catalog: &Catalog,
        graph: &Graph,
        place: usize,
    ) -> Option<Arc<str>> {
        let id = graph.order()[place];
        let node = catalog.node(id);
        // What has such a script can do anything as well: the footprints of all others need not be made.
        let asks = || {
            node.kind.opaque()
                && node.kind.nature() == Nature::State
                && node.kind.footprint(&node.desired).sees_all
        };
        if self.changes.is_empty() || !asks() || stands_around(graph, id) {
            return None;
        }
        self.known.resize(catalog.len(), None);
        for &id in &graph.order()[self.come_to..=place] {
            let change = |before: NodeId| {
                self.changes.get(&before).or(self.known[before.index()].as_ref()).cloned()
            };
            self.known[id.index()] = graph.before(id).find_map(change);
        }
        self.come_to = place + 1;
        self.known[id.index()].clone()
    }
}
