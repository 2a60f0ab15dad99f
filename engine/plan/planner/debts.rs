//! What earlier runs left outstanding, and who pays it now.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{
    evaluate::catalog::{Catalog, NodeId, NodeName},
    plan::probe::Outstanding,
    resources::{change::Change, resource::Reaction},
};

/// The reactions that hosts say are outstanding.
#[derive(Default)]
pub struct Debts {
    /// By the node that reacts.
    by_node: HashMap<String, Vec<Outstanding>>,
    /// Those to what is not declared any more, which others pay.
    pub taken_over: Vec<TakenOver>,
    /// Those to what is declared and a limit leaves out.
    pub left_out: Vec<Outstanding>,
    /// Those that nobody pays who is declared here.
    pub foreign: Vec<Outstanding>,
}

/// What is outstanding to a resource that is not declared any more, be it that it has another name now.
pub struct TakenOver {
    /// What is outstanding.
    pub outstanding: Outstanding,
    /// What is outstanding in its place, to those who react to its cause now.
    pub by: Vec<Outstanding>,
}

impl Debts {
    pub(super) fn new(catalog: &Catalog, outstanding: &[Outstanding]) -> Self {
        let mut debts = Self::default();
        if outstanding.is_empty() {
            return debts;
        }
        let names: HashMap<&str, NodeId> =
            catalog.nodes().map(|(id, node)| (&*node.name.node, id)).collect();
        let hosts: HashSet<Arc<str>> = catalog.hosts().collect();
        for outstanding in outstanding {
            if names.contains_key(outstanding.node.as_str()) {
                debts
                    .by_node
                    .entry(outstanding.node.clone())
                    .or_default()
                    .push(outstanding.clone());
                continue;
            }
            let is_left_out = catalog.is_left_out(&outstanding.node);
            let cause = names.get(outstanding.cause.as_str()).filter(|_| !is_left_out);
            let heirs = cause.map(|cause| heirs(catalog, *cause, outstanding)).unwrap_or_default();
            if heirs.is_empty() {
                // What a host beyond a limit owes to others is no business of this run.
                let unpaid = if is_left_out { &mut debts.left_out } else { &mut debts.foreign };
                unpaid.extend(hosts.contains(&outstanding.host).then(|| outstanding.clone()));
                continue;
            }
            let inherits = |(heir, reaction): (Arc<str>, _)| Outstanding {
                node: heir.to_string(),
                reaction,
                ..outstanding.clone()
            };
            let by: Vec<Outstanding> = heirs.into_iter().map(inherits).collect();
            for outstanding in &by {
                debts
                    .by_node
                    .entry(outstanding.node.clone())
                    .or_default()
                    .push(outstanding.clone());
            }
            debts.taken_over.push(TakenOver { outstanding: outstanding.clone(), by });
        }
        debts
    }

    /// The change of a node that looks as it should be, and was not proved to be well.
    pub(super) fn unfinished(&self, name: &NodeName) -> Option<Change> {
        let mut outstanding = self.of(&name.node).iter();
        let left =
            outstanding.find(|it| it.reaction == Reaction::Finish && it.host == name.host)?;
        Some(Change::unfinished(&left.run))
    }

    /// What is outstanding to a node, by its name.
    pub(super) fn of(&self, node: &str) -> &[Outstanding] {
        self.by_node.get(node).map_or(&[], Vec::as_slice)
    }
}

/// Who reacts now to what left something outstanding to a resource that is not declared, whether a limit leaves it out or not. A host speaks
/// for its own resources.
fn heirs(catalog: &Catalog, cause: NodeId, outstanding: &Outstanding) -> Vec<(Arc<str>, Reaction)> {
    let is_its_own = matches!(outstanding.reaction, Reaction::Afterwards | Reaction::Finish);
    if is_its_own || catalog.node(cause).name.host != outstanding.host {
        return Vec::new();
    }
    let name = |(id, reaction)| (catalog.node(id).name.node.clone(), reaction);
    let here = catalog.reacting_to(cause).map(name);
    let beyond = catalog.outstanding_beyond(cause).iter().cloned();
    here.chain(beyond).filter(|(_, it)| *it != Reaction::Afterwards).collect()
}
