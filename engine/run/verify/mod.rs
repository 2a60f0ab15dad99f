//! After a change: looks again at all that it may have touched, and plans what still differs. A run is green only if the
//! next one would find nothing to do.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use super::{
    Fleet, Run,
    early::EarlyLooks,
    obligations,
    observe::{self, Seen},
    questions::Answer,
    tally::Tally,
};
use crate::{
    evaluate::{
        catalog::{BlockPart, Catalog, NodeId},
        language::Question,
    },
    plan::{
        event::{Event, Failure, Outcome},
        graph::Graph,
        planner::{Cause, Plan, Planned},
    },
    resources::{
        change::{Effect, Field, Shown},
        resource::{Nature, Reaction},
    },
};

/// A resource that still differs after this many times does not converge.
pub(super) const ROUNDS_MAX: u32 = 3;

/// After this many looks nothing is done any more: what still reacts would do so for ever.
const LOOKS_MAX: u32 = 2 * ROUNDS_MAX;

impl Run {
    /// Looks again, and asks again what scripts asked. Gives the plan of what differs, if something does, and the answers;
    /// nothing where there was nothing to look at. Round 0 is the first look at what a later wave declares.
    pub(super) async fn verify(
        &self,
        (catalog, graph): (&Arc<Catalog>, &Graph),
        fleet: &Arc<Fleet>,
        tally: &mut Tally,
        round: u32,
        (looks, questions): (&EarlyLooks, &BTreeSet<Question>),
    ) -> Option<(Option<Plan>, Vec<Answer>)> {
        let nodes = concerned(catalog, graph, tally);
        if nodes.is_empty() {
            return None;
        }
        let verifying = move |host| match round {
            0 => Event::Probing { host },
            _ => Event::Verifying { host, round },
        };
        let tells = |host| self.events.send(verifying(host));
        let (early, unknown) = looks.take(catalog, &nodes, questions, tells);
        let (looked_at, questions) = (unknown.into_iter(), questions.iter().cloned());
        let seen = match obligations::unpaid(catalog, graph, tally).next() {
            // A shell is of no use after a probe that was left alone in it, and what is outstanding needs it.
            Some(_) => observe::observe(catalog, looked_at, questions, fleet, verifying).await,
            None => self.observe(catalog, looked_at, questions, fleet, verifying).await?,
        };
        if self.interrupt.is_set() {
            return None;
        }
        let Seen { nodes: mut observed, answers } = seen;
        observed.add(early);
        tally.recall_outstanding(catalog, &mut observed);
        let mut plan = Plan::new(catalog, graph, &observed);
        let looked = LookedAgain { catalog, graph, tally: &*tally };
        for warning in nodes.iter().filter_map(|id| looked.undone_each_time(&plan, *id)) {
            self.events.send(warning);
        }
        for &id in &nodes {
            plan.keep_causes(catalog, id, |_| true);
            if tally.outcome(id) == Some(Outcome::Changed) {
                plan.set_again(id);
            }
            match given_up(&LookedAgain { catalog, graph, tally: &*tally }, &plan, id, round) {
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
        Some((nodes.iter().any(goes_on).then_some(plan), answers))
    }
}

/// Whether a reaction that ran in this run waits: what it reacts to is mended once more, and may be again. It stays outstanding on
/// the host, and runs once all is as it should be; so what undoes each other does not restart anything each time.
pub(super) fn waits(plan: &Plan, earlier: &Tally, id: NodeId) -> bool {
    let Planned::React { reactions } = &plan.node(id).planned else { return false };
    let is_new = |cause: &Cause| cause.left_by.is_none();
    let obliged = |cause: &Cause| cause.reaction == Reaction::Afterwards;
    earlier.changes(id).is_some() && reactions.iter().any(is_new) && !reactions.iter().any(obliged)
}

/// What has to be looked at, as far as it came to a good end or was left open: what changed since the last look, all that
/// stands below it, and all that it may have touched, wherever that stands.
fn concerned(catalog: &Catalog, graph: &Graph, tally: &Tally) -> Vec<NodeId> {
    let mut looked_at = vec![false; catalog.len()];
    for &id in graph.order() {
        looked_at[id.index()] = tally.changed_since_look(id)
            || tally.outcome(id).is_none()
            || graph.before(id).any(|before| looked_at[before.index()]);
    }
    for nodes in catalog.by_host(graph.order().iter().copied()).into_values() {
        let all = |id: &&NodeId| looked_at[id.index()] || tally.changes(**id).is_some();
        let changed = nodes.iter().filter(|id| tally.changed_since_look(**id)).copied();
        let changed: HashSet<NodeId> = changed.collect();
        if changed.is_empty() || nodes.iter().all(|id| looked_at[id.index()]) {
            continue;
        }
        let known: Vec<NodeId> = nodes.iter().filter(all).copied().collect();
        let touched = catalog.touched_by(&nodes, &changed).into_iter().chain(known);
        touched.for_each(|id| looked_at[id.index()] = true);
    }
    // Whether something has to come before a body again is seen by looking at that as well.
    for around in graph.regions().arounds.iter().rev() {
        if around.body.iter().any(|id| looked_at[id.index()]) {
            around.before.iter().for_each(|id| looked_at[id.index()] = true);
        }
    }
    let good = |id: &NodeId| match tally.outcome(*id) {
        None => true,
        Some(Outcome::Changed | Outcome::Unchanged) => looked_at[id.index()],
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

fn given_up(run: &LookedAgain<'_>, plan: &Plan, id: NodeId, round: u32) -> GivenUp {
    let tally = run.tally;
    let outcome = tally.outcome(id);
    let nature = run.catalog.node(id).kind.nature();
    match &plan.node(id).planned {
        // What is declared anew may be known once the wave has begun.
        Planned::Unknown(_) if round == 0 && outcome.is_none() => GivenUp::No,
        Planned::Unknown(unknown) => {
            let known = Failure::unknown(unknown);
            let message = format!("it cannot be verified: {unknown}");
            GivenUp::Failed(if outcome.is_some() { Failure { message, ..known } } else { known })
        }
        // A command runs once in a run. Without a guard it always differs; with one, the guard must hold now, until a later
        // wave changes what it looks at.
        Planned::Change { change, .. }
            if change.is_always_there() && outcome == Some(Outcome::Changed) =>
        {
            // What comes before a body comes before it each time.
            let mut bodies = run.graph.regions().arounds_with(BlockPart::Before, id);
            bodies.next().map_or(GivenUp::AsItIs, |_| GivenUp::No)
        }
        Planned::Change { change, .. }
            if change.action == Effect::Run && tally.changes(id).is_some() && outcome.is_some() =>
        {
            let message = "it ran, and its guard says that it must run again";
            GivenUp::Failed(run.blamed(id, Failure::told(message)))
        }
        // A check waits until it holds, or fails itself.
        Planned::Change { change, .. }
            if round >= ROUNDS_MAX && outcome.is_some() && nature != Nature::Check =>
        {
            let fields: Vec<&str> = change.fields.iter().map(|field| &*field.name).collect();
            let message = format!(
                "it does not converge: after {ROUNDS_MAX} rounds it still differs in {}",
                fields.join(", ")
            );
            let lines: Vec<String> = change.fields.iter().map(difference).collect();
            let failure = Failure { output: lines.join("\n"), ..Failure::told(message) };
            GivenUp::Failed(run.blamed(id, failure))
        }
        planned if round >= LOOKS_MAX && planned.acts() => {
            let message = "it does not converge: its reaction runs after each verification";
            GivenUp::Failed(Failure::told(message))
        }
        _ => GivenUp::No,
    }
}

/// What a run knows when it looks again.
struct LookedAgain<'a> {
    catalog: &'a Catalog,
    graph: &'a Graph,
    tally: &'a Tally,
}

impl LookedAgain<'_> {
    /// Names what undid a node, if that is known.
    fn blamed(&self, id: NodeId, failure: Failure) -> Failure {
        let Some(other) = self.undone_by(id) else { return failure };
        let [node, other_node] = [id, other].map(|id| self.catalog.node(id));
        let [name, other_name] = [node, other_node].map(|node| &node.name.node);
        let again = |id| self.tally.changes(id).is_some_and(|changes| changes.count > 1);
        let why = match again(other) {
            true => format!("{name} and {other_name} undo each other"),
            false => format!("{other_name} undoes it"),
        };
        let [place, other_place] = [node, other_node].map(|node| &node.declared.place);
        let hint = format!(
            "{name} is declared at {place}, {other_name} at {other_place}: remove one of the two, or make them agree"
        );
        let message = format!("{}: {why}", failure.message);
        Failure { message, hint: Some(hint), ..failure }
    }

    /// What to tell of a node that was as declared in this run, until what runs each time undid it: it is made again, but
    /// the next run may find the same.
    fn undone_each_time(&self, plan: &Plan, id: NodeId) -> Option<Event> {
        let node = self.catalog.node(id);
        let change = plan.node(id).planned.change()?;
        if node.kind.nature() != Nature::State
            || change.is_always_there()
            || !self.tally.was_as_declared(id)
        {
            return None;
        }
        let other = self.undone_by(id)?;
        if !plan.node(other).planned.change()?.is_always_there() {
            return None;
        }
        let other = self.catalog.node(other);
        let message = format!(
            "{} ran and undid {}, which is applied again: without a guard this may happen in each run",
            other.name.node, node.name.node
        );
        Some(Event::Warning { message, place: Some(other.declared.place.clone()) })
    }

    /// What was changed after a node was, and may have touched it: what owns a part of the same before what can do
    /// anything, what changed most often, and what changed last.
    fn undone_by(&self, id: NodeId) -> Option<NodeId> {
        let when = |id: NodeId| self.tally.changes(id).map(|changes| changes.last);
        let host = &self.catalog.node(id).name.host;
        let others = self.catalog.nodes().filter(|(_, node)| node.name.host == *host);
        let others: Vec<NodeId> = others.map(|(id, _)| id).collect();
        let overlapping = self.catalog.overlapping_with(&others, id);
        let touched = self.catalog.touched_by(&others, &HashSet::from([id]));
        let rank = |other: NodeId| {
            let count = self.tally.changes(other).map_or(0, |changes| changes.count);
            let opaque = self.catalog.node(other).kind.opaque();
            let may = touched.contains(&other) || opaque || count > 1;
            may.then_some((overlapping.contains(&other), count, when(other), other))
        };
        let later = others.iter().copied().filter(|other| *other != id && when(*other) > when(id));
        later.filter_map(rank).max().map(|(.., other)| other)
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

#[cfg(test)]
mod tests;
