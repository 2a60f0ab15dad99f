//! Plans of small fleets, carried out step by step; and random ones.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use proptest::prelude::*;

use super::*;
use crate::{
    base::{
        content::{Content, Digest},
        diagnostic::Place,
        value::Value,
    },
    evaluate::catalog::{BlockId, Declaration},
    plan::event::Failure,
    resources::{
        change::{Change, Effect},
        kind::Difference,
        kinds,
        resource::{ArgumentError, Files, SourceTree},
    },
};

/// A role's folder with nothing in it.
struct Empty;

impl Files for Empty {
    fn source(&self, name: &str) -> Result<Vec<u8>, ArgumentError> {
        Err(ArgumentError::new("source", name.to_owned()))
    }

    fn template(&self, name: &str, _: IndexMap<String, Value>) -> Result<Content, ArgumentError> {
        Err(ArgumentError::new("template", name.to_owned()))
    }

    fn tree(&self, name: &str) -> Result<SourceTree, ArgumentError> {
        Err(ArgumentError::new("source", name.to_owned()))
    }
}

/// A fleet to carry a plan out on, without hosts.
#[derive(Default)]
struct Site {
    catalog: Catalog,
    differing: Vec<NodeId>,
}

impl Site {
    fn new() -> Self {
        Self { catalog: Catalog::new(), differing: Vec::new() }
    }

    /// Declares a resource of `kind` that is converged, or is not.
    fn add(&mut self, host: &str, kind: &str, differs: bool, after: &[NodeId]) -> NodeId {
        let kind = kinds::kind(kind).unwrap();
        let key = self.catalog.len();
        let first = match kind.name() {
            "port_check" => Value::Int(i64::try_from(key).unwrap() + 1),
            _ => Value::Text(format!("/{key}")),
        };
        let mut arguments = vec![(kind.first().to_owned(), first)];
        if kind.name() == "link" {
            arguments.push(("to".to_owned(), "/to".into()));
        }
        let arguments = Value::Map(arguments.into_iter().collect());
        let resource = kind.declare(arguments, &Empty).unwrap();
        let place = Place { file: "x.rhai".into(), line: 1, column: 1 };
        let declared = Declaration { place, chain: [].into() };
        let host = host.into();
        let id = self.catalog.declare(&host, kind, resource, declared, BlockId::default()).unwrap();
        after.iter().for_each(|before| self.catalog.order(id, *before));
        if differs {
            self.differing.push(id);
        }
        id
    }

    fn planned(&self) -> (Graph, Plan) {
        let graph = Graph::build(&self.catalog).unwrap();
        let difference = || {
            let change = Change::new(Effect::Update, Vec::new());
            Difference { observed: Digest::of(b"something else"), change }
        };
        let differs = |id| self.differing.contains(&id).then(difference);
        let observed = self.catalog.nodes().map(|(id, _)| (id, Ok(differs(id).map(Box::new))));
        let plan = Plan::new(&self.catalog, &graph, &observed.collect());
        (graph, plan)
    }

    fn name(&self, id: NodeId) -> String {
        self.catalog.node(id).name.node.to_string()
    }
}

fn skipped(because: &str) -> Outcome {
    Outcome::Skipped { because: because.to_owned() }
}

fn failed() -> Outcome {
    Outcome::failed(Failure::told("x"))
}

fn batch(host: &str, runs: &[NodeId]) -> Batch {
    Batch { host: host.into(), runs: runs.to_vec(), obligation: false }
}

#[test]
fn what_is_looked_at_after_the_last_batch_of_a_host_is_known_before_it() {
    let mut site = Site::new();
    let a1 = site.add("a", "link", true, &[]);
    let a2 = site.add("a", "link", false, &[a1]);
    let b1 = site.add("b", "link", true, &[a1]);
    let c1 = site.add("c", "link", true, &[]);
    let c2 = site.add("c", "port_check", false, &[c1]);
    let (graph, plan) = site.planned();
    let mut execution = Execution::new(&site.catalog, &graph, &plan, |_| None);
    let looks = |execution: &mut Execution<'_>| -> Vec<Vec<NodeId>> {
        let (_, batches) = execution.next();
        batches.iter().map(|batch| execution.looks_after(batch)).collect()
    };
    // What it changes and what comes after that; nothing where a look may go to others.
    assert_eq!(looks(&mut execution), [vec![a1, a2], vec![]]);
    execution.finish(&"c".into(), vec![(c1, Outcome::Changed), (c2, Outcome::Unchanged)]);
    execution.finish(&"a".into(), vec![(a1, Outcome::Changed)]);
    assert_eq!(looks(&mut execution), [vec![b1]]);

    let mut site = Site::new();
    let a1 = site.add("a", "link", true, &[]);
    let b1 = site.add("b", "link", true, &[a1]);
    site.add("a", "link", false, &[b1]);
    let (graph, plan) = site.planned();
    let mut execution = Execution::new(&site.catalog, &graph, &plan, |_| None);
    assert_eq!(looks(&mut execution), [vec![]], "it is not the last");
}

#[test]
fn what_a_host_can_do_without_waiting_is_one_batch() {
    let mut site = Site::new();
    let a1 = site.add("a", "link", true, &[]);
    let a2 = site.add("a", "link", false, &[]);
    let a3 = site.add("a", "link", true, &[]);
    let b1 = site.add("b", "link", true, &[a3]);
    let a4 = site.add("a", "link", true, &[b1]);
    let (graph, plan) = site.planned();
    let mut execution = Execution::new(&site.catalog, &graph, &plan, |_| None);
    assert_eq!(execution.next(), (vec![], vec![batch("a", &[a1, a3])]));
    assert_eq!(execution.next(), (vec![], vec![]));
    assert_eq!(execution.stop("stopped"), [], "what runs, and what stands between, goes on");
    let ran = vec![(a1, Outcome::Changed), (a3, Outcome::Changed)];
    let skipped = |id| (id, skipped("stopped"));
    let ended = [(a2, Outcome::Unchanged), skipped(b1), skipped(a4)];
    assert_eq!(execution.finish(&"a".into(), ran), ended);
    assert_eq!(execution.next(), (vec![], vec![]));
}

#[test]
fn a_host_goes_on_when_another_one_is_done() {
    let mut site = Site::new();
    let a1 = site.add("a", "link", true, &[]);
    let b1 = site.add("b", "link", true, &[a1]);
    let a2 = site.add("a", "link", true, &[b1]);
    let (graph, plan) = site.planned();
    let mut execution = Execution::new(&site.catalog, &graph, &plan, |_| None);
    assert_eq!(execution.next(), (vec![], vec![batch("a", &[a1])]));
    execution.finish(&"a".into(), vec![(a1, Outcome::Changed)]);
    assert_eq!(execution.next(), (vec![], vec![batch("b", &[b1])]));
    execution.finish(&"b".into(), vec![(b1, Outcome::Changed)]);
    assert_eq!(execution.next(), (vec![], vec![batch("a", &[a2])]));
}

#[test]
fn what_stands_from_an_earlier_round_leads_the_order_on() {
    let mut site = Site::new();
    let a1 = site.add("a", "link", true, &[]);
    let c1 = site.add("c", "link", false, &[a1]);
    let b1 = site.add("b", "link", true, &[c1]);
    let check = site.add("d", "port_check", false, &[c1]);
    let a2 = site.add("a", "link", true, &[c1]);
    let (graph, plan) = site.planned();
    let earlier = |id| (id == c1).then_some(Outcome::Unchanged);
    let mut execution = Execution::new(&site.catalog, &graph, &plan, earlier);
    // What is between on another host is no reason for two batches.
    assert_eq!(execution.next(), (vec![], vec![batch("a", &[a1, a2])]));
    assert_eq!(execution.next(), (vec![], vec![]), "the others wait for it");
    let ran = vec![(a1, Outcome::Changed), (a2, Outcome::Changed)];
    assert_eq!(execution.finish(&"a".into(), ran), [], "what stands is told no more");
    // A check is asked again behind a change, whatever stands between.
    let next = vec![batch("b", &[b1]), batch("d", &[check])];
    assert_eq!(execution.next(), (vec![], next));
}

#[test]
fn what_stands_as_failed_keeps_back_what_comes_behind_it() {
    let mut site = Site::new();
    let a1 = site.add("a", "link", true, &[]);
    let a2 = site.add("a", "link", true, &[a1]);
    let a3 = site.add("a", "link", true, &[a2]);
    let (graph, plan) = site.planned();
    let earlier = |id| (id == a2).then(failed);
    let mut execution = Execution::new(&site.catalog, &graph, &plan, earlier);
    assert_eq!(execution.next(), (vec![], vec![batch("a", &[a1])]));
    let settled = execution.finish(&"a".into(), vec![(a1, Outcome::Changed)]);
    assert_eq!(settled, [(a3, skipped(&site.name(a2)))]);
}

#[test]
fn a_check_runs_where_something_before_it_changed() {
    let mut site = Site::new();
    let calm = site.add("a", "port_check", false, &[]);
    let change = site.add("b", "link", true, &[]);
    let check = site.add("b", "port_check", false, &[]);
    let far = site.add("c", "port_check", false, &[check]);
    let (graph, plan) = site.planned();
    let mut execution = Execution::new(&site.catalog, &graph, &plan, |_| None);
    let settled = vec![(calm, Outcome::Unchanged)];
    assert_eq!(execution.next(), (settled, vec![batch("b", &[change, check])]));
    execution.finish(&"b".into(), vec![(change, Outcome::Changed), (check, Outcome::Unchanged)]);
    assert_eq!(execution.next(), (vec![], vec![batch("c", &[far])]));
}

#[test]
fn what_may_have_been_altered_is_left_open_with_all_behind_it() {
    let mut site = Site::new();
    let command = site.add("a", "command", true, &[]);
    let altered = site.add("a", "link", false, &[]);
    site.add("a", "link", true, &[altered]);
    let (graph, plan) = site.planned();
    let mut execution = Execution::new(&site.catalog, &graph, &plan, |_| None);
    assert_eq!(execution.next(), (vec![], vec![batch("a", &[command])]));
    execution.finish(&"a".into(), vec![(command, Outcome::Changed)]);
    assert_eq!(execution.next(), (vec![], vec![]));
}

#[test]
fn what_was_refused_stops_only_what_depends_on_it() {
    let mut site = Site::new();
    let refused = site.add("a", "link", true, &[]);
    let later = site.add("a", "link", true, &[]);
    let dependent = site.add("b", "link", true, &[refused]);
    let (graph, plan) = site.planned();
    let outcome = Outcome::Refused { reason: String::new() };
    let earlier = |id| (id == refused).then(|| outcome.clone());
    let mut execution = Execution::new(&site.catalog, &graph, &plan, earlier);
    let settled = vec![(dependent, skipped(&site.name(refused)))];
    assert_eq!(execution.next(), (settled, vec![batch("a", &[later])]));
}

#[test]
fn who_is_abandoned_takes_only_what_depends_on_it_along() {
    let mut site = Site::new();
    let a = site.add("a", "link", true, &[]);
    let b = site.add("b", "link", true, &[]);
    let c = site.add("c", "link", true, &[a]);
    let (graph, plan) = site.planned();
    let mut execution = Execution::new(&site.catalog, &graph, &plan, |_| None);
    let gone = |id| (id, skipped("a: gone"));
    assert_eq!(execution.abandon(&[("a".into(), "a: gone".to_owned())]), [gone(a), gone(c)]);
    assert_eq!(execution.next(), (vec![], vec![batch("b", &[b])]));
    assert_eq!(execution.stop("stopped"), []);
}

/// What a random run is made of.
#[derive(Debug, Clone)]
struct Step {
    host: usize,
    kind: bool,
    differs: bool,
    after: Vec<prop::sample::Index>,
    ends: u8,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let after = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    let step = (0..5_usize, prop::bool::weighted(0.8), any::<bool>(), after, 0..10_u8);
    let step = step.prop_map(|(host, kind, differs, after, ends)| Step {
        host,
        kind,
        differs,
        after,
        ends,
    });
    prop::collection::vec(step, 1..40)
}

proptest! {
    #[test]
    fn every_node_ends_once_after_all_before_it(
        steps in steps(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 40),
        lost in prop::option::of((0..40_usize, 0..5_usize)),
    ) {
        let mut site = Site::new();
        for (at, step) in steps.iter().enumerate() {
            let earlier = |index: &prop::sample::Index| NodeId(u32::try_from(index.index(at)).unwrap());
            let after: Vec<_> = if at == 0 { vec![] } else { step.after.iter().map(earlier).collect() };
            let kind = if step.kind { "link" } else { "port_check" };
            site.add(&format!("h{}", step.host), kind, step.differs, &after);
        }
        let (graph, plan) = site.planned();
        let mut execution = Execution::new(&site.catalog, &graph, &plan, |_| None);
        let mut ended: HashMap<NodeId, Outcome> = HashMap::new();
        let mut bad: BTreeSet<String> = BTreeSet::new();
        let mut running: Vec<Batch> = Vec::new();
        let mut told = Vec::new();
        for turn in 0.. {
            if let Some((_, host)) = lost.filter(|(when, _)| *when == turn) {
                let host: Arc<str> = format!("h{host}").into();
                bad.insert(format!("{host}: lost"));
                told.extend(execution.abandon(&[(host.clone(), format!("{host}: lost"))]));
            }
            let (settled, batches) = execution.next();
            told.extend(settled);
            running.extend(batches);
            for (id, outcome) in told.drain(..) {
                let idle = matches!(outcome, Outcome::Unchanged | Outcome::Skipped { .. });
                prop_assert!(idle, "{outcome:?} without running");
                prop_assert!(ended.insert(id, outcome).is_none(), "{id:?} ended twice");
            }
            for batch in &running {
                let inside = |id: &NodeId| batch.runs.contains(id);
                for id in &batch.runs {
                    for before in graph.before(*id) {
                        let same = site.catalog.node(before).name.host == batch.host;
                        prop_assert!(ended.contains_key(&before) || inside(&before) || same);
                    }
                }
                let hosts = running.iter().filter(|other| other.host == batch.host);
                prop_assert_eq!(hosts.count(), 1, "one batch at a time on a host");
            }
            if running.is_empty() {
                break;
            }
            let batch = running.swap_remove(order[turn % order.len()].index(running.len()));
            let mut stopped: Option<String> = None;
            let mut outcomes = Vec::new();
            for id in &batch.runs {
                let outcome = match (&stopped, steps[id.index()].ends) {
                    (Some(because), _) => skipped(because),
                    (None, 0) => failed(),
                    (None, 1) => Outcome::Unknown { message: String::new() },
                    (None, 2) => Outcome::reverted(Failure::told("x")),
                    (None, _) => Outcome::Changed,
                };
                if outcome != Outcome::Changed && stopped.is_none() {
                    bad.insert(site.name(*id));
                    stopped = Some(site.name(*id));
                }
                prop_assert!(ended.insert(*id, outcome.clone()).is_none(), "{id:?} ended twice");
                outcomes.push((*id, outcome));
            }
            told = execution.finish(&batch.host, outcomes);
        }
        prop_assert_eq!(ended.len(), site.catalog.len(), "every node came to an end");
        for (id, outcome) in &ended {
            let good = |id: &NodeId| matches!(ended[id], Outcome::Changed | Outcome::Unchanged);
            if good(id) {
                prop_assert!(graph.before(*id).all(|before| good(&before)), "{id:?} went on");
            }
            if let Outcome::Skipped { because } = outcome {
                prop_assert!(bad.contains(because), "{because} did not fail");
                let above = ancestors(&graph, *id);
                let named = above.iter().any(|id| site.name(*id) == *because);
                prop_assert!(named || because.ends_with(": lost"), "{because} is no ancestor");
            }
        }
    }
}

fn ancestors(graph: &Graph, id: NodeId) -> BTreeSet<NodeId> {
    let mut above = BTreeSet::new();
    let mut next = vec![id];
    while let Some(id) = next.pop() {
        next.extend(graph.before(id).filter(|before| above.insert(*before)));
    }
    above
}

#[test]
fn a_large_fleet_is_carried_out_along_its_edges() {
    let mut site = Site::new();
    let hub = site.add("hub", "link", true, &[]);
    for host in 0..1000 {
        let host = format!("h{host}");
        site.add(&host, "link", false, &[hub]);
        for _ in 1..20 {
            site.add(&host, "link", false, &[]);
        }
    }
    let (graph, plan) = site.planned();
    let mut execution = Execution::new(&site.catalog, &graph, &plan, |_| None);
    assert_eq!(execution.next(), (vec![], vec![batch("hub", &[hub])]));
    let settled = execution.finish(&"hub".into(), vec![(hub, Outcome::Changed)]);
    assert_eq!(settled.len(), 20_000);
    assert_eq!(execution.next(), (vec![], vec![]));
}
