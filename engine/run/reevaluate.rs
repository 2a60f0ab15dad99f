//! Later waves: what scripts were told of hosts may be otherwise once the run has changed something. Then the playbook is
//! evaluated anew with the new answers, and what it declares otherwise is planned and done in the same run.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use super::{
    PlanFile, Run, answers,
    early::EarlyLooks,
    evaluate::Evaluated,
    obligations,
    questions::Answer,
    rounds::{Rounds, Work},
    verify::ROUNDS_MAX,
    wave::{Anew, Wave},
};
use crate::{
    base::{
        content::Digest,
        diagnostic::{Diagnostic, Place},
    },
    evaluate::{
        catalog::{Catalog, Node, NodeId},
        language::{Asked, Input, Known, Note},
    },
    plan::{
        event::{Event, Failure, Outcome},
        graph::Graph,
        planner::{Plan, Planned},
    },
    resources::resource::Nature,
};

/// The answers that may be other ones after what is planned: of those hosts on which something changes.
pub(super) fn uncertain<'a>(
    catalog: &Catalog,
    plan: &Plan,
    asked: &'a BTreeMap<Asked, Place>,
) -> Vec<(&'a Asked, &'a Place)> {
    if asked.is_empty() {
        return Vec::new();
    }
    let changes = |id: NodeId| {
        let planned = &plan.node(id).planned;
        let may = planned.acts() || matches!(planned, Planned::MayChange { .. });
        may && catalog.node(id).kind.nature() != Nature::Check
    };
    let changing = catalog.nodes().filter(|(id, _)| changes(*id));
    let hosts: HashSet<&str> = changing.map(|(_, node)| &*node.name.host).collect();
    asked.iter().filter(|(it, _)| it.may_change() && hosts.contains(&*it.host)).collect()
}

impl Run {
    /// Applies a plan, and what follows from what hosts answer otherwise then. Gives the last wave.
    pub(super) async fn waves(
        &self,
        input: &impl Fn(Known) -> Input,
        mut work: Work<'_>,
        mut wave: Wave,
        mut plan: Plan,
        mut paid: bool,
    ) -> Wave {
        let (mut anew, mut debts) = (Anew::default(), Vec::new());
        for number in 1.. {
            let mut rounds = self.rounds(&mut work, &mut wave, &anew, &plan).await;
            rounds.touched |= paid;
            for debt in obligations::debts(&wave.catalog, &wave.graph, &wave.tally) {
                if !debts.contains(&debt) {
                    debts.push(debt);
                }
            }
            let Some(now) = self.asked_again(&work, &wave, rounds).await else { break };
            let Some(next) = self.evaluated_again(input, &work, &mut wave, now, number).await
            else {
                break;
            };
            (wave, anew) = self.next_wave(&work, wave, next);
            let Some(planned) = self.planned_again(&mut work, &mut wave, &anew).await else {
                break;
            };
            (plan, paid) = planned;
        }
        self.tell_debts(debts);
        wave
    }

    /// What is known by now, if something that was read is otherwise.
    async fn asked_again(&self, work: &Work<'_>, wave: &Wave, rounds: Rounds) -> Option<Known> {
        if !rounds.touched || wave.asked.is_empty() || self.interrupt.is_set() {
            return None;
        }
        let answers = match rounds.answers {
            Some(answers) => answers,
            None => self.ask_alone(work, wave).await?,
        };
        let mut now = wave.known.clone();
        answers::note(&mut now, answers);
        wave.asked.keys().any(|asked| asked.differs(&wave.known, &now)).then_some(now)
    }

    /// Asks where no look was due.
    async fn ask_alone(&self, work: &Work<'_>, wave: &Wave) -> Option<Vec<Answer>> {
        let questions = wave.asked.keys().map(Asked::question).collect::<BTreeSet<_>>();
        let nobody = |host| Event::Probing { host };
        let seen = self.observe(&wave.catalog, [], questions, work.fleet, nobody).await;
        seen.map(|seen| seen.answers)
    }

    /// What is declared by what is known now; none if that is nothing new, or if the run does not converge.
    async fn evaluated_again(
        &self,
        input: &impl Fn(Known) -> Input,
        work: &Work<'_>,
        wave: &mut Wave,
        mut now: Known,
        number: u32,
    ) -> Option<Next> {
        let evaluated = self.evaluate(input, work.fleet, &mut now, |_| Ok(()), Arc::new(|_| {}));
        let next = evaluated.await.and_then(|evaluated| {
            work.fleet.reserve(evaluated.catalog.hosts())?;
            let graph = Graph::build(&evaluated.catalog)?;
            let nodes = declared_anew(&wave.catalog, &evaluated.catalog);
            Ok(Next { evaluated, graph, known: now.clone(), nodes })
        });
        if self.interrupt.is_set() {
            return None;
        }
        let failed = match next {
            Ok(next) if next.nodes.is_empty() => return None,
            Ok(next) if number < ROUNDS_MAX => return Some(next),
            Ok(next) => restless(wave, &next),
            Err(error) => erroneous(wave, &now, &error),
        };
        self.tell_finished(&wave.catalog, &failed);
        wave.tally.record(failed);
        None
    }

    /// The next wave, in which nothing is planned yet.
    fn next_wave(&self, work: &Work<'_>, wave: Wave, next: Next) -> (Wave, Anew) {
        let Next { evaluated, graph, known, nodes } = next;
        let changed = || wave.asked.iter().filter(|(it, _)| it.differs(&wave.known, &known));
        for (asked, place) in changed() {
            let (host, answer, place) = (asked.host.clone(), asked.name(), place.clone());
            self.events.send(Event::AnswerChanged { host, answer, place });
        }
        let unnamed = work.approved.and_then(|plan| plan.unnamed(changed().map(|(it, _)| it)));
        let unnamed = unnamed.map(|it| format!("{} on {}", it.name(), it.host));
        let Evaluated { catalog, asked, mut notes } = evaluated;
        let told: HashSet<&Note> = wave.notes.iter().collect();
        notes.retain(|note| !told.contains(note));
        self.tell_notes(&notes);
        notes.extend(wave.notes);
        let (mut tally, skipped) = wave.tally.carried(&wave.catalog, &catalog, &nodes);
        self.tell_finished(&catalog, &skipped);
        tally.record(skipped);
        let wave = Wave { catalog: Arc::new(catalog), graph, known, asked, notes, tally };
        (wave, Anew { nodes, unnamed })
    }

    /// Looks at what is declared anew, and tells what is planned; and whether something was paid before. None where nothing
    /// is left to do.
    async fn planned_again(
        &self,
        work: &mut Work<'_>,
        wave: &mut Wave,
        anew: &Anew,
    ) -> Option<(Plan, bool)> {
        let Wave { catalog, graph, tally, .. } = wave;
        let (fleet, nothing) = (work.fleet, BTreeSet::new());
        let mut paid = false;
        let mut plan = loop {
            let none = EarlyLooks::default();
            let look = self.verify((catalog, graph), fleet, tally, 0, (&none, &nothing)).await;
            let Some(plan) = look.and_then(|(plan, _)| plan) else {
                let because = self.interrupt.because();
                let skipped = |id| (id, Outcome::Skipped { because: because.clone() });
                let rest: Vec<_> = tally.open().map(skipped).collect();
                self.tell_finished(catalog, &rest);
                tally.record(rest);
                return None;
            };
            if self.lock(catalog, &plan, &BTreeSet::new(), fleet, false).await {
                continue;
            }
            if !paid && self.pay(catalog, graph, &plan, fleet, tally).await {
                paid = true;
                continue;
            }
            break plan;
        };
        let refuse = |approved: &PlanFile| approved.refuse_later(catalog, graph, &mut plan, anew);
        let refused = work.approved.map(refuse).unwrap_or_default();
        let is_new = |id: &NodeId| {
            let known =
                tally.outcome(*id).is_some() && plan.node(*id).planned == Planned::Unchanged;
            !known && fleet.trouble(&catalog.node(*id).name.host).is_none()
        };
        let new: HashSet<NodeId> = catalog.nodes().map(|(id, _)| id).filter(is_new).collect();
        self.tell_plan(catalog, graph, &plan, |id| new.contains(id), tally);
        self.events.send(Event::PlanFinished);
        self.tell_finished(catalog, &refused);
        tally.record(refused);
        Some((plan, paid))
    }
}

/// What a later wave begins with.
struct Next {
    evaluated: Evaluated,
    graph: Graph,
    known: Known,
    nodes: HashSet<NodeId>,
}

/// The nodes that were not declared by now, or otherwise.
fn declared_anew(old: &Catalog, new: &Catalog) -> HashSet<NodeId> {
    let known: HashMap<&str, Digest> =
        old.nodes().map(|(_, node)| (&*node.name.node, node.fingerprint())).collect();
    let is_new = |node: &Node| known.get(&*node.name.node) != Some(&node.fingerprint());
    new.nodes().filter(|(_, node)| is_new(node)).map(|(id, _)| id).collect()
}

/// The first answer that is another one than before, as it is told.
fn told(wave: &Wave, now: &Known) -> String {
    let asked = wave.asked.keys().find(|asked| asked.differs(&wave.known, now));
    asked.map(|asked| format!("{} on {}", asked.name(), asked.host)).unwrap_or_default()
}

/// The last node that something was done to.
fn last_begun(wave: &Wave) -> Option<NodeId> {
    let begun = |id: &NodeId| wave.tally.outcome(*id).is_some_and(|outcome| outcome.was_begun());
    wave.catalog.nodes().map(|(id, _)| id).rfind(begun)
}

/// Fails what would be declared otherwise once more; where only others would come, what was done last.
fn restless(wave: &Wave, next: &Next) -> Vec<(NodeId, Outcome)> {
    let new = |id: &NodeId| &*next.evaluated.catalog.node(*id).name.node;
    let names: HashSet<&str> = next.nodes.iter().map(new).collect();
    let its = wave.catalog.nodes().filter(|(_, node)| names.contains(&*node.name.node));
    let mut failed: Vec<NodeId> = its.map(|(id, _)| id).collect();
    if failed.is_empty() {
        failed.extend(last_begun(wave));
    }
    let message = format!(
        "it does not converge: after {ROUNDS_MAX} rounds the answer of {} still changes what is declared",
        told(wave, &next.known)
    );
    let hint = "do not declare values that always differ, such as a time; if each round comes closer, run again";
    let failure = Failure { hint: Some(hint.to_owned()), ..Failure::told(message) };
    failed.into_iter().map(|id| (id, Outcome::failed(failure.clone()))).collect()
}

/// Fails what was done last: with what hosts answer since, the playbook has an error.
fn erroneous(wave: &Wave, now: &Known, error: &Diagnostic) -> Vec<(NodeId, Outcome)> {
    let place = error.place().map(|place| format!(" at {place}")).unwrap_or_default();
    let message = format!(
        "it does not converge: this run changed the answer of {}, and with the new answer there is an error{place}: {}",
        told(wave, now),
        error.message()
    );
    let hint = error.hint_text().map(str::to_owned);
    let outcome = Outcome::failed(Failure { hint, ..Failure::told(message) });
    last_begun(wave).map(|id| (id, outcome)).into_iter().collect()
}
