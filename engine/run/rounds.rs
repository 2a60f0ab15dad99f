//! Carries out what is planned, then looks again at all that it may have touched, until nothing differs.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Fleet, PlanFile, Run,
    apply::{Apply, Guarded},
    early::EarlyLooks,
    execution::Execution,
    obligations,
    questions::Answer,
    tally::Tally,
    verify,
    wave::{Anew, Wave},
};
use crate::{
    evaluate::{
        catalog::{Catalog, NodeId},
        language::Asked,
    },
    plan::{event::Outcome, graph::Graph, planner::Plan},
    resources::resource::Nature,
};

/// What is carried out, and where.
pub(super) struct Work<'a> {
    pub(super) fleet: &'a Arc<Fleet>,
    /// What was approved, if something was.
    pub(super) approved: Option<&'a PlanFile>,
}

/// What came of the rounds of a wave.
#[derive(Default)]
pub(super) struct Rounds {
    /// Whether something was begun, so that hosts may answer otherwise.
    pub(super) touched: bool,
    /// What hosts answered after all that was done, if they were asked.
    pub(super) answers: Option<Vec<Answer>>,
}

impl Rounds {
    fn note(&mut self, outcomes: &[(NodeId, Outcome)]) {
        if outcomes.iter().any(|(_, outcome)| outcome.was_begun()) {
            (self.touched, self.answers) = (true, None);
        }
    }
}

impl Run {
    /// Applies the plan of a wave, then looks again at all that it may have touched, until nothing differs.
    pub(super) async fn rounds(
        &self,
        work: &mut Work<'_>,
        wave: &mut Wave,
        anew: &Anew,
        plan: &Plan,
    ) -> Rounds {
        let fleet = work.fleet;
        let (mut rounds, looks) = (Rounds::default(), EarlyLooks::default());
        let Wave { catalog, graph, tally, asked, .. } = wave;
        let (catalog, graph) = (&*catalog, &*graph);
        // Nothing else is begun where what an earlier run owes could not be paid.
        if let Some(because) = obligations::debt(catalog, graph, tally) {
            let skipped = |id| (id, Outcome::Skipped { because: because.clone() });
            let rest: Vec<_> = tally.open().map(skipped).collect();
            self.tell_finished(catalog, &rest);
            tally.record(rest);
            return rounds;
        }
        // What was paid by now and is going to be outstanding again has not come to its end.
        tally.reopen(catalog.nodes().map(|(id, _)| id).filter(|id| plan.node(*id).planned.acts()));
        let stands = |id| settled(catalog, plan, tally, id);
        let outcomes = self.carry_out((catalog, graph, plan), fleet, tally, &looks, stands).await;
        rounds.note(&outcomes);
        tally.record(outcomes);
        let questions = asked.keys().map(Asked::question).collect();
        let rides = work.approved.is_none() && asked.is_empty();
        let mut round = 1;
        while !self.interrupt.is_set() {
            let open = tally.open().count();
            let look =
                self.verify((catalog, graph), fleet, tally, round, (&looks, &questions)).await;
            let Some((again, answers)) = look else { break };
            rounds.answers = Some(answers);
            let Some(mut again) = again else { break };
            let refuse =
                |approved: &PlanFile| approved.refuse_later(catalog, graph, &mut again, anew);
            let refused = work.approved.map(refuse).unwrap_or_default();
            self.tell_finished(catalog, &refused);
            tally.record(refused);
            self.lock(catalog, &again, &BTreeSet::new(), fleet, rides).await;
            let stands = |id| settled(catalog, &again, tally, id);
            let outcomes =
                self.carry_out((catalog, graph, &again), fleet, tally, &looks, stands).await;
            rounds.note(&outcomes);
            tally.record(outcomes);
            // A round that went on with what was left open was not spent on mending.
            round += u32::from(tally.open().count() == open);
        }
        // Only an interrupt leaves something open for good: what is outstanding by now is paid, the rest is skipped.
        if tally.open().next().is_some() {
            let stands = |id| tally.outcome(id);
            let outcomes =
                self.carry_out((catalog, graph, plan), fleet, tally, &looks, stands).await;
            rounds.note(&outcomes);
            tally.record(outcomes);
        }
        rounds
    }

    pub(super) async fn carry_out(
        &self,
        (catalog, graph, plan): (&Catalog, &Graph, &Plan),
        fleet: &Fleet,
        earlier: &Tally,
        looks: &EarlyLooks,
        stands: impl Fn(NodeId) -> Option<Outcome>,
    ) -> Vec<(NodeId, Outcome)> {
        let execution = Execution::new(catalog, graph, plan, stands);
        let guarded = Guarded::default();
        // A lock that was not taken by now rides.
        let alone = if fleet.holds_some() { None } else { plan.alone(catalog) };
        let apply = Apply { catalog, plan, fleet, earlier, run: self, guarded, looks, alone };
        apply.carry_out(execution).await
    }
}

/// What an earlier round settled, unless it differs again. A check that held is asked again where something before it
/// changes again: what waits for it has to wait once more.
fn settled(catalog: &Catalog, plan: &Plan, earlier: &Tally, id: NodeId) -> Option<Outcome> {
    let may_run = || {
        let planned = &plan.node(id).planned;
        let acts = planned.acts() && !verify::waits(plan, earlier, id);
        acts || catalog.node(id).kind.nature() == Nature::Check
    };
    match earlier.outcome(id) {
        Some(Outcome::Changed | Outcome::Unchanged) if may_run() => None,
        outcome => outcome,
    }
}
