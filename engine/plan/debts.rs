//! What earlier runs left owed, and who pays it now.

use std::collections::HashMap;

use crate::{
    catalog::{Catalog, NodeId, NodeName},
    change::Change,
    probe::Owed,
    resource::Reaction,
};

/// The reactions that hosts say are owed.
#[derive(Default)]
pub struct Debts {
    /// By the node that reacts.
    by_node: HashMap<String, Vec<Owed>>,
    /// Those to what is not declared any more, which others pay.
    pub taken_over: Vec<TakenOver>,
    /// Those that nobody pays who is declared here.
    pub foreign: Vec<Owed>,
}

/// What is owed to a resource that is not declared any more, be it that it has another name now.
pub struct TakenOver {
    /// What is owed.
    pub owed: Owed,
    /// What is owed in its place, to those who react to its cause now.
    pub by: Vec<Owed>,
}

impl Debts {
    pub(super) fn new(catalog: &Catalog, owed: &[Owed]) -> Self {
        let mut debts = Self::default();
        if owed.is_empty() {
            return debts;
        }
        let names: HashMap<&str, NodeId> =
            catalog.nodes().map(|(id, node)| (&*node.name.node, id)).collect();
        for owed in owed {
            if names.contains_key(owed.node.as_str()) {
                debts.by_node.entry(owed.node.clone()).or_default().push(owed.clone());
                continue;
            }
            let heirs = names.get(owed.cause.as_str()).map(|cause| heirs(catalog, *cause, owed));
            let heirs = heirs.unwrap_or_default();
            if heirs.is_empty() {
                debts.foreign.push(owed.clone());
                continue;
            }
            let inherits = |(heir, reaction)| {
                let node = catalog.node(heir).name.node.to_string();
                Owed { node, reaction, ..owed.clone() }
            };
            let by: Vec<Owed> = heirs.into_iter().map(inherits).collect();
            for owed in &by {
                debts.by_node.entry(owed.node.clone()).or_default().push(owed.clone());
            }
            debts.taken_over.push(TakenOver { owed: owed.clone(), by });
        }
        debts
    }

    /// The change of a node that looks as it should be, and was not proved to be well.
    pub(super) fn unfinished(&self, name: &NodeName) -> Option<Change> {
        let mut owed = self.of(&name.node).iter();
        let left = owed.find(|it| it.reaction == Reaction::Finish && it.host == name.host)?;
        Some(Change::unfinished(&left.run))
    }

    /// What is owed to a node, by its name.
    pub(super) fn of(&self, node: &str) -> &[Owed] {
        self.by_node.get(node).map_or(&[], Vec::as_slice)
    }
}

/// Who reacts now to what left something owed to a resource that is not declared. A host speaks for its own resources; and
/// what only a limit leaves out is still owed to the same one.
fn heirs(catalog: &Catalog, cause: NodeId, owed: &Owed) -> Vec<(NodeId, Reaction)> {
    let is_left_out = catalog.owed_beyond(cause).iter().any(|(node, _)| **node == *owed.node);
    let is_its_own = matches!(owed.reaction, Reaction::Afterwards | Reaction::Finish);
    if is_its_own || is_left_out || catalog.node(cause).name.host != owed.host {
        return Vec::new();
    }
    catalog.reacting_to(cause).filter(|(_, it)| *it != Reaction::Afterwards).collect()
}
