//! After a change: looks again at what changed and at all that stands below it, and plans what still differs.

use std::sync::Arc;

use super::{Fleet, Run, obligations, observe, tally::Tally};
use crate::{
    catalog::{Catalog, Node, NodeId},
    change::{Action, Field, Shown},
    event::{Event, Failure, Outcome},
    graph::Graph,
    plan::{Plan, Planned},
    resource::Nature,
};

/// A resource that still differs after this many times does not converge.
pub(super) const ROUNDS_MAX: u32 = 3;

impl Run {
    /// Looks again, and gives the plan of what differs; none when the run is done.
    pub(super) async fn verify(
        &self,
        catalog: &Arc<Catalog>,
        graph: &Graph,
        fleet: &Arc<Fleet>,
        tally: &mut Tally,
        round: u32,
    ) -> Option<Plan> {
        let nodes = concerned(catalog, graph, tally);
        if nodes.is_empty() {
            return None;
        }
        let verifying = move |host| Event::Verifying { host, round };
        let looked_at = nodes.iter().copied();
        let seen = match obligations::unpaid(catalog, graph, tally).next() {
            // A shell is of no use after a probe that was left alone in it, and what is owed needs it.
            Some(_) => observe::observe(catalog, looked_at, fleet, verifying).await,
            None => self.observe(catalog, looked_at, fleet, verifying).await?,
        };
        if self.interrupt.is_set() {
            return None;
        }
        let mut plan = Plan::new(catalog, graph, &seen);
        for &id in &nodes {
            plan.keep_causes(catalog, id, |_| true);
            match given_up(&plan, tally, catalog.node(id), id, round) {
                GivenUp::No => {}
                GivenUp::AsItIs => plan.withdraw(id),
                GivenUp::Failed(failure) => {
                    plan.withdraw(id);
                    let outcome = [(id, Outcome::failed(failure))];
                    self.tell_finished(catalog, &outcome);
                    tally.record(outcome);
                }
            }
        }
        plan.quiet_arounds(catalog, graph);
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
    // Whether something has to come before a body again is seen by looking at that as well.
    for around in graph.regions().arounds.iter().rev() {
        if around.body.iter().any(|id| below[id.index()]) {
            around.before.iter().for_each(|id| below[id.index()] = true);
        }
    }
    let good = |id: &NodeId| match tally.outcome(*id) {
        None => true,
        Some(Outcome::Changed | Outcome::Unchanged) => below[id.index()],
        Some(_) => false,
    };
    let nodes: Vec<NodeId> = graph.order().iter().copied().filter(good).collect();
    // An action has no state: it is there only to react to what is mended.
    let stateless = |id: &NodeId| catalog.node(*id).kind.nature() == Nature::Action;
    if nodes.iter().all(|id| stateless(id) && tally.outcome(*id).is_some()) {
        return Vec::new();
    }
    nodes
}

/// Whether a difference is not mended again.
enum GivenUp {
    No,
    /// It is no difference.
    AsItIs,
    Failed(Failure),
}

fn given_up(plan: &Plan, tally: &Tally, node: &Node, id: NodeId, round: u32) -> GivenUp {
    let tried = tally.outcome(id).is_some();
    match &plan.node(id).planned {
        Planned::Unknown(unknown) => {
            let message = format!("it cannot be verified: {unknown}");
            GivenUp::Failed(Failure { message, ..Failure::unknown(unknown) })
        }
        // A command runs once in a run. Without a guard it always differs; with one, the guard must hold now.
        Planned::Change { change, .. }
            if change.action == Action::Run && tally.outcome(id) == Some(Outcome::Changed) =>
        {
            if change.is_always_there() {
                return GivenUp::AsItIs;
            }
            let message = "it ran, and its guard says that it has to run again";
            GivenUp::Failed(Failure::told(message))
        }
        // A check waits until it holds, or fails itself.
        Planned::Change { change, .. }
            if round == ROUNDS_MAX && tried && node.kind.nature() != Nature::Check =>
        {
            let fields: Vec<&str> = change.fields.iter().map(|field| &*field.name).collect();
            let message = format!(
                "it does not converge: after {ROUNDS_MAX} rounds it still differs in {}",
                fields.join(", ")
            );
            let lines: Vec<String> = change.fields.iter().map(difference).collect();
            GivenUp::Failed(Failure { output: lines.join("\n"), ..Failure::told(message) })
        }
        _ => GivenUp::No,
    }
}

fn difference(field: &Field) -> String {
    let shown = |side: &Shown| match side {
        Shown::Nothing => "nothing".to_owned(),
        Shown::Text(text) => text.clone(),
        Shown::Hidden(reason) => format!("({reason})"),
    };
    format!("{}: {} -> {}", field.name, shown(&field.before), shown(&field.after))
}
