//! What earlier runs left owed, and who pays it now.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{
    evaluate::catalog::{Catalog, NodeId, NodeName},
    plan::probe::Owed,
    resources::{change::Change, resource::Reaction},
};

/// The reactions that hosts say are owed.
#[derive(Default)]
pub struct Debts {
    /// By the node that reacts.
    by_node: HashMap<String, Vec<Owed>>,
    /// Those to what is not declared any more, which others pay.
    pub taken_over: Vec<TakenOver>,
    /// Those to what is declared and a limit leaves out.
    pub left_out: Vec<Owed>,
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
        let hosts: HashSet<Arc<str>> = catalog.hosts().collect();
        for owed in owed {
            if names.contains_key(owed.node.as_str()) {
                debts.by_node.entry(owed.node.clone()).or_default().push(owed.clone());
                continue;
            }
            let is_left_out = catalog.is_left_out(&owed.node);
            let cause = names.get(owed.cause.as_str()).filter(|_| !is_left_out);
            let heirs = cause.map(|cause| heirs(catalog, *cause, owed)).unwrap_or_default();
            if heirs.is_empty() {
                // What a host beyond a limit owes to others is no business of this run.
                let unpaid = if is_left_out { &mut debts.left_out } else { &mut debts.foreign };
                unpaid.extend(hosts.contains(&owed.host).then(|| owed.clone()));
                continue;
            }
            let inherits = |(heir, reaction): (Arc<str>, _)| Owed {
                node: heir.to_string(),
                reaction,
                ..owed.clone()
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

/// Who reacts now to what left something owed to a resource that is not declared, whether a limit leaves it out or not. A host speaks
/// for its own resources.
fn heirs(catalog: &Catalog, cause: NodeId, owed: &Owed) -> Vec<(Arc<str>, Reaction)> {
    let is_its_own = matches!(owed.reaction, Reaction::Afterwards | Reaction::Finish);
    if is_its_own || catalog.node(cause).name.host != owed.host {
        return Vec::new();
    }
    let name = |(id, reaction)| (catalog.node(id).name.node.clone(), reaction);
    let here = catalog.reacting_to(cause).map(name);
    let beyond = catalog.owed_beyond(cause).iter().cloned();
    here.chain(beyond).filter(|(_, it)| *it != Reaction::Afterwards).collect()
}
