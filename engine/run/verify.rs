//! After a change: looks again at what changed and at all that stands below it, and plans what still differs.

use std::{collections::BTreeSet, sync::Arc};

use super::{Fleet, Run, observe::observe, tally::Tally};
use crate::{
    catalog::{Catalog, NodeId},
    event::{Event, Failure, Outcome},
    graph::Graph,
    plan::{Plan, Planned},
    resource::{Action, Nature},
};

/// A resource that still differs after this many times does not converge.
pub(super) const ROUNDS_MAX: u32 = 3;

impl Run {
    /// Looks again, and gives the plan of what differs; none when the run is done.
    pub(super) async fn verify(
        &self,
        catalog: &Catalog,
        graph: &Graph,
        fleet: &Fleet,
        tally: &mut Tally,
        round: u32,
    ) -> Option<Plan> {
        let nodes = concerned(catalog, graph, tally);
        if nodes.is_empty() {
            return None;
        }
        let hosts: BTreeSet<&Arc<str>> =
            nodes.iter().map(|id| &catalog.node(*id).name.host).collect();
        for host in hosts {
            self.events.send(Event::Verifying { host: host.clone(), round });
        }
        let observations = observe(catalog, nodes.iter().copied(), fleet).await;
        let mut plan = Plan::new(catalog, graph, &observations);
        for &id in &nodes {
            let Some(reason) = given_up(catalog, &plan, tally, id, round) else { continue };
            plan.withdraw(id);
            if let Some(failure) = reason {
                let outcome = Outcome::Failed(failure);
                let node = catalog.node(id);
                self.events.send(Event::Finished {
                    node: node.name.clone(),
                    declared: node.declared.clone(),
                    outcome: outcome.clone(),
                    duration_ms: 0,
                });
                tally.record([(id, outcome)]);
            }
        }
        tally.looked_at(&nodes);
        let goes_on = |id: &NodeId| plan.node(*id).planned.acts() || tally.outcome(*id).is_none();
        nodes.iter().any(goes_on).then_some(plan)
    }
}

/// What changed since the last look and all that stands below it, as far as it came to a good end or was left open.
fn concerned(catalog: &Catalog, graph: &Graph, tally: &Tally) -> Vec<NodeId> {
    let mut below = vec![false; catalog.len()];
    for &id in graph.order() {
        below[id.index()] =
            tally.changed_since_look(id) || graph.before(id).any(|before| below[before.index()]);
    }
    let good = |id: &NodeId| match tally.outcome(*id) {
        None => true,
        Some(Outcome::Changed | Outcome::Unchanged) => {
            below[id.index()] && catalog.node(*id).kind.nature() != Nature::Action
        }
        Some(_) => false,
    };
    graph.order().iter().copied().filter(good).collect()
}

/// Whether a difference is not to be mended again: `Some(None)` when it is none, `Some(Some(_))` when it is a failure.
fn given_up(
    catalog: &Catalog,
    plan: &Plan,
    tally: &Tally,
    id: NodeId,
    round: u32,
) -> Option<Option<Failure>> {
    let planned = &plan.node(id).planned;
    let failure = |message: String| {
        let (command, exit_status, output, hint) = (None, None, String::new(), None);
        Some(Some(Failure { message, command, exit_status, output, hint }))
    };
    match planned {
        Planned::Unknown { reason } => failure(format!("it cannot be verified: {reason}")),
        // A command runs once in a run. Without a guard it always differs; with one, the guard must hold now.
        Planned::Change { change, .. }
            if change.action == Action::Run && tally.outcome(id) == Some(Outcome::Changed) =>
        {
            if change.is_always_there() {
                return Some(None);
            }
            failure("it ran, and its guard says that it has to run again".to_owned())
        }
        Planned::Change { change, .. } if round == ROUNDS_MAX => {
            let fields: Vec<&str> = change.fields.iter().map(|field| &*field.name).collect();
            let host = &catalog.node(id).name.host;
            failure(format!(
                "it does not converge: after {ROUNDS_MAX} rounds it still differs on {host} in {}",
                fields.join(", ")
            ))
        }
        _ => None,
    }
}
