//! What is outstanding in the end, whatever happened: by an earlier run that was cut off, or by this one.

use std::collections::BTreeSet;

use futures::future::join_all;

use super::{Fleet, Run, early::EarlyLooks, segment::hand_over, tally::Tally};
use crate::{
    evaluate::catalog::{Catalog, NodeId},
    plan::{
        event::{Event, Outcome},
        graph::Graph,
        planner::{Cause, Debts, Plan, TakenOver},
        probe::Outstanding,
    },
    resources::resource::{Nature, Reaction},
};

/// How much of what is outstanding is told one by one.
const TOLD_MAX: usize = 20;

impl Run {
    /// Pays what earlier runs owe, before anything else is done, and says whether there was something to pay.
    pub(super) async fn pay(
        &self,
        catalog: &Catalog,
        graph: &Graph,
        plan: &Plan,
        fleet: &Fleet,
        tally: &mut Tally,
    ) -> bool {
        let left =
            |cause: &Cause| cause.reaction == Reaction::Afterwards && cause.left_by.is_some();
        let is_outstanding = |id: &NodeId| plan.node(*id).planned.reactions().iter().any(left);
        let outstanding: BTreeSet<NodeId> =
            catalog.nodes().map(|(id, _)| id).filter(|id| is_outstanding(id)).collect();
        if outstanding.is_empty() || self.interrupt.is_set() {
            return false;
        }
        for id in &outstanding {
            let cause = plan.node(*id).planned.reactions().iter().find(|cause| left(cause));
            let run = cause.and_then(|cause| cause.left_by.as_deref()).unwrap_or_default();
            let message = format!(
                "{} is outstanding since run {run}: it comes first",
                catalog.node(*id).name.node
            );
            self.events.send(Event::Warning { message, place: None });
        }
        let others = |id| (!outstanding.contains(&id)).then_some(Outcome::Unchanged);
        let outcomes = self
            .carry_out((catalog, graph, plan), fleet, tally, &EarlyLooks::default(), others)
            .await;
        tally.record(outcomes);
        true
    }

    /// Warns of what is outstanding. A host may say anything: too much of it is counted.
    pub(super) fn tell_debts(&self, debts: impl IntoIterator<Item = String>) {
        let warn = |message| self.events.send(Event::Warning { message, place: None });
        let mut debts = debts.into_iter();
        debts.by_ref().take(TOLD_MAX).for_each(warn);
        let more = debts.count();
        if more > 0 {
            warn(format!("{more} more reactions are outstanding"));
        }
    }

    /// Writes down who pays what is outstanding to resources that are not declared any more.
    pub(super) async fn hand_over(&self, debts: &Debts, fleet: &Fleet) {
        self.tell_taken_over(debts);
        let scripts = hand_over(&debts.taken_over);
        // On a host that is lost it stays as it was: the next run hands it over.
        let write = scripts.iter().map(async |(host, script)| fleet.run(host, script, 0).await);
        join_all(write).await;
    }

    /// Tells who pays what is outstanding to resources that are not declared any more.
    pub(super) fn tell_taken_over(&self, debts: &Debts) {
        let taken_over = debts.taken_over.iter().map(|TakenOver { outstanding, by }| {
            let by: Vec<&str> = by.iter().map(|it| it.node.as_str()).collect();
            format!(
                "{}: it is no longer declared, and {} takes care of it",
                says(outstanding),
                by.join(", ")
            )
        });
        self.tell_debts(taken_over);
    }

    /// Warns of what this run does not pay: what is outstanding to what a limit leaves out, and to what this playbook does not declare.
    pub(super) fn tell_unpaid_debts(&self, debts: &Debts) {
        let left_out = debts.left_out.iter();
        self.tell_debts(left_out.map(|outstanding| format!("{}: {LEFT_OUT}", says(outstanding))));
        let foreign = debts.foreign.iter().map(|outstanding| {
            let marker = Outstanding::marker(&outstanding.node, outstanding.reaction);
            format!(
                "{}: only a playbook that declares it can finish it; to forget it, remove pending/{marker} from converge's directory on the host",
                says(outstanding)
            )
        });
        self.tell_debts(foreign);
    }
}

const LEFT_OUT: &str =
    "it is outside of the limit, and the next run of both hosts takes care of it";

/// What a host says of a debt.
fn says(outstanding: &Outstanding) -> String {
    let Outstanding { host, node, run, cause, reaction } = outstanding;
    let what = match reaction {
        Reaction::Finish => format!("was not finished by run {run}"),
        Reaction::Afterwards => format!("is outstanding since run {run}"),
        _ => format!("has an outstanding {} since run {run} because of {cause}", reaction.verb()),
    };
    format!("{host} says that {node} {what}")
}

/// What stays outstanding: who can pay it was lost, or is not part of this playbook.
pub(super) fn debts(catalog: &Catalog, graph: &Graph, tally: &Tally) -> Vec<String> {
    let mut debts: Vec<String> = Vec::new();
    for id in unpaid(catalog, graph, tally) {
        let name = &catalog.node(id).name.node;
        debts.push(format!(
            "{name} is still outstanding: the next run of this playbook begins with it"
        ));
    }
    let begun = |id: &NodeId| tally.outcome(*id).is_some_and(|outcome| outcome.was_begun());
    for id in graph.order().iter().copied().filter(begun) {
        for (name, reaction) in catalog.outstanding_beyond(id) {
            let (verb, cause) = (reaction.verb(), &catalog.node(id).name.node);
            debts.push(format!("{name} has an outstanding {verb} because of {cause}: {LEFT_OUT}"));
        }
    }
    debts
}

/// Whether an outcome is the good end of what a node does because of another: a check changes nothing, it only holds.
pub(super) fn is_paid(catalog: &Catalog, id: NodeId, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Changed => true,
        Outcome::Unchanged => catalog.node(id).kind.nature() == Nature::Check,
        _ => false,
    }
}

/// What this run owes, because it has begun what owes it.
pub(super) fn unpaid<'a>(
    catalog: &'a Catalog,
    graph: &'a Graph,
    tally: &'a Tally,
) -> impl Iterator<Item = NodeId> + 'a {
    let begun = |id: &NodeId| tally.outcome(*id).is_some_and(|outcome| outcome.was_begun());
    let owes = move |id: &NodeId| catalog.node(*id).reactions.iter().any(|(cause, _)| begun(cause));
    let obligations = graph.order().iter().filter(|id| graph.regions().is_obligation(**id));
    let paid = |id: &NodeId| tally.outcome(*id).is_some_and(|it| is_paid(catalog, *id, &it));
    let unpaid = obligations.filter(move |id| !paid(id));
    unpaid.filter(move |id| owes(id)).copied()
}

/// What an earlier run owes and could not be paid.
pub(super) fn debt(catalog: &Catalog, graph: &Graph, tally: &Tally) -> Option<String> {
    let bad = |id: &NodeId| {
        let outcome = tally.outcome(*id);
        !matches!(outcome, None | Some(Outcome::Changed | Outcome::Unchanged))
    };
    let outstanding = graph.order().iter().filter(|id| graph.regions().is_obligation(**id));
    outstanding.copied().find(bad).map(|id| catalog.node(id).name.node.to_string())
}
