//! What a segment runs, without a host.

use std::{collections::BTreeMap, sync::Arc};

use converge::{
    base::content::Digest,
    evaluate::{
        catalog::{Catalog, NodeId},
        language::{self, Evaluation, Input, Known},
    },
    input::inventory::Inventory,
    plan::{
        graph::Graph,
        planner::Plan,
        probe::{Probe, Queries},
    },
    resources::{
        change::{Change, Effect, Field},
        kind::Difference,
    },
    run::{Progress, ProgressReader, Segment},
};
use proptest::prelude::*;

pub(crate) fn catalog(declarations: &str) -> Catalog {
    let playbook = format!("on(hosts(\"localhost\"), |host| {{\n{declarations}\n}});");
    let files = BTreeMap::from([("site.rhai".to_owned(), playbook.into_bytes())]);
    let input = Input {
        playbooks: vec!["site.rhai".to_owned()],
        sources: Arc::new(files),
        roles: Vec::new(),
        inventory: Arc::new(Inventory::implied(&[])),
        known: Known::default(),
        reuse: Default::default(),
    };
    match language::evaluate(input).unwrap() {
        Evaluation::Complete { catalog, .. } => *catalog,
        Evaluation::Asks(questions) => panic!("{questions:?}"),
    }
}

/// The plan when these nodes differ in these ways.
pub(crate) fn plan(catalog: &Catalog, changes: &[(usize, Change)]) -> Plan {
    let graph = Graph::build(catalog).unwrap();
    let change = |id: NodeId| changes.iter().find(|(at, _)| *at == id.index());
    let difference = |(_, change): &(usize, Change)| {
        let observed = Digest::of(b"something else");
        Difference { observed, change: change.clone() }
    };
    let observed = |id| Ok(change(id).map(difference).map(Box::new));
    let observations = catalog.nodes().map(|(id, _)| (id, observed(id))).collect();
    Plan::new(catalog, &graph, &observations)
}

fn create() -> Change {
    Change::new(Effect::Create, vec![Field::added("version", "1")])
}

fn parts(catalog: &Catalog, plan: &Plan) -> Vec<(Vec<usize>, String)> {
    let acting = catalog.nodes().map(|(id, _)| id).filter(|id| plan.node(*id).planned.acts());
    let segment = Segment::new(catalog, plan, &Vec::from_iter(acting), "x".to_owned(), "run-1");
    let part = |part: &converge::run::Part| {
        (part.nodes.iter().map(|id| id.index()).collect(), part.script().to_string())
    };
    segment.parts.iter().map(part).collect()
}

#[test]
fn packages_that_stand_next_to_each_other_are_one_transaction() {
    let catalog = catalog(
        "package(\"one\"); package(\"two\");\nfile(\"/f\", #{ content: \"x\" });\npackage(\"three\");",
    );
    let all = [0, 1, 2, 3].map(|at| (at, create()));
    let nodes = |changes: &[(usize, Change)]| -> Vec<Vec<usize>> {
        let plan = plan(&catalog, changes);
        parts(&catalog, &plan).into_iter().map(|(nodes, _)| nodes).collect()
    };
    assert_eq!(nodes(&all), [vec![0, 1], vec![2], vec![3]]);
    let without_file = [0, 1, 3].map(|at| (at, create()));
    assert_eq!(nodes(&without_file), [vec![0, 1, 3]], "what is converged parts nobody");
}

#[test]
fn what_is_only_looked_at_anew_is_a_step_of_its_own_and_nobody_reacts_to_it() {
    let catalog = catalog(
        "package(\"one\"); let two = package(\"two\", #{ latest: true });
        service(\"nginx\", #{ restart_on: [two] });",
    );
    let refresh = Change::new(Effect::Refresh, vec![Field::new("version", "1", "newest")]);
    let plan = plan(&catalog, &[(0, create()), (1, refresh)]);
    let parts = parts(&catalog, &plan);
    let nodes: Vec<Vec<usize>> = parts.iter().map(|(nodes, _)| nodes.clone()).collect();
    assert_eq!(nodes, [vec![0], vec![1]]);
    assert!(parts[1].1.contains("apt_must_refresh") && !parts[1].1.contains("mark 'x"));
    assert!(!parts[1].1.contains("restart"), "{}", parts[1].1);
}

#[test]
fn a_restart_makes_a_reload_needless() {
    let catalog = catalog(
        "let one = file(\"/one\", #{ content: \"x\" });\nlet two = file(\"/two\", #{ content: \"x\" });
        service(\"nginx\", #{ reload_on: [one], restart_on: [two] });",
    );
    let of = |changes: &[(usize, Change)]| {
        let plan = plan(&catalog, changes);
        let (nodes, script) = parts(&catalog, &plan).pop().unwrap();
        assert_eq!(nodes, [2]);
        let words = script.lines().filter_map(|line| line.split_once("[ -n \"${brought-}\" ] || "));
        words.map(|(_, words)| words.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of(&[(0, create())]), ["bring reload-or-restart"]);
    assert_eq!(of(&[(1, create())]), ["restart_outstanding"]);
    assert_eq!(of(&[(0, create()), (1, create())]), ["restart_outstanding"]);
}

#[test]
fn a_service_that_its_step_started_does_not_react_besides() {
    let catalog = catalog(
        "let f = file(\"/f\", #{ content: \"x\" });\nservice(\"nginx\", #{ restart_on: [f] });",
    );
    let start = Change::update(vec![Field::new("running", "false", "true")]).unwrap();
    let plan = plan(&catalog, &[(0, create()), (1, start)]);
    let (nodes, script) = parts(&catalog, &plan).pop().unwrap();
    let order = ["bring_up", "[ -n \"${brought-}\" ] || restart_outstanding", "unmark '"];
    let places: Vec<_> = order.iter().map(|text| script.rfind(text).unwrap()).collect();
    assert!(nodes == [1] && places.is_sorted(), "{script}");
}

#[test]
fn a_marker_stands_before_the_change_and_goes_after_the_reaction() {
    let catalog = catalog(
        "let f = file(\"/f\", #{ content: \"x\" });\naction(\"tell\", #{ run: \"true\", on: [f] });",
    );
    let plan = plan(&catalog, &[(0, create())]);
    let parts = parts(&catalog, &plan);
    let [(_, file), (_, action)] = &parts[..] else { panic!("{parts:?}") };
    assert!(
        file.starts_with("(set -eu\nmark '") && file.contains("run-1\tlocalhost/file:/f"),
        "{file}"
    );
    let marker = file.split('\'').nth(1).unwrap();
    // Outside of what the step may leave early.
    assert!(action.ends_with(&format!("|| {{ unmark '{marker}'; }} 2>&1 || r=1")), "{action}");
}

fn read(chunks: &[&[u8]]) -> Vec<Progress> {
    let mut reader = ProgressReader::new("ID");
    chunks.iter().flat_map(|chunk| reader.read(chunk).0).collect()
}

#[test]
fn lines_belong_to_their_part_and_marks_are_no_lines() {
    let line = |part, text: &str| Progress::Line(part, text.to_owned());
    let output = b"noise\n\nID begin 0\none\n\n\ntwo\nID begun 5\nno end of line\n\nID warn it is old\nID end 0 0\n\nID begin 1\n\nID end 1 7\n\nID over 1\n";
    let expected = [
        line(0, "noise"),
        Progress::Began(0),
        line(0, "one"),
        line(0, ""),
        line(0, ""),
        line(0, "two"),
        line(0, "no end of line"),
        Progress::Warned(0, "it is old".to_owned()),
        Progress::Ended(0, 0),
        Progress::Began(1),
        Progress::Ended(1, 7),
        Progress::Over(1),
    ];
    assert_eq!(read(&[output]), expected);
}

proptest! {
    #[test]
    fn any_chunks_tell_the_same(
        output in "(ID begin [0-9]\n|ID end [0-9] [0-9]\n|[a-z]{0,5}\n|\n|ID ?|[^\n]{0,3}){0,20}",
        sizes in prop::collection::vec(1_usize..9, 1..6),
    ) {
        let mut rest = output.as_bytes();
        let mut chunks = Vec::new();
        for size in sizes.iter().cycle() {
            if rest.is_empty() { break }
            let (chunk, next) = rest.split_at((*size).min(rest.len()));
            chunks.push(chunk);
            rest = next;
        }
        prop_assert_eq!(read(&chunks), read(&[output.as_bytes()]));
    }
}

const PROBED: &str = "file(\"/f\", #{ content: \"x\" });\nlink(\"/l\", #{ to: \"/f\" });
    command(\"c\", #{ run: \"true\", creates: \"/c\" });\nuser(\"www\");";

proptest! {
    #[test]
    fn no_output_of_a_probe_brings_it_down(
        output in "(\nBOUNDARY (outstanding|begin|end|x) ?[0-9]{0,20} ?[0-9-]{0,12}\n?|[ -~\n\t]{0,30}|\\PC){0,12}",
        errors in "(\nBOUNDARY [0-9]{0,20} ?[0-9-]{0,12}\n?|[ -~\n\t]{0,30}|\\PC){0,12}",
    ) {
        let catalog = catalog(PROBED);
        let nodes: Vec<NodeId> = catalog.nodes().map(|(id, _)| id).collect();
        let seen = Probe::new(&catalog, &nodes, "BOUNDARY", &Queries::default()).read(&catalog, &output, &errors);
        prop_assert_eq!(seen.nodes.len(), nodes.len(), "something is said of each");
    }
}

#[test]
fn a_host_that_guesses_at_the_frame_shifts_nothing() {
    let catalog = catalog(
        "custom(\"k\", \"a\", #{ observe: \"x\", want: \"on\", apply: \"x\" });
        command(\"c\", #{ run: \"true\", creates: \"/c\" });",
    );
    let nodes: Vec<NodeId> = catalog.nodes().map(|(id, _)| id).collect();
    let probe = Probe::new(&catalog, &nodes, "BOUNDARY", &Queries::default());
    let answer = |said: &str| {
        let output = format!(
            "\nBOUNDARY 0 0\n{said}\nBOUNDARY 1 0\ncreates\n\nBOUNDARY 2 0\n\nBOUNDARY 3 0\n"
        );
        probe
            .read(&catalog, &output, "")
            .nodes
            .into_iter()
            .collect::<std::collections::HashMap<_, _>>()
    };
    let honest = answer("0 2 b24=\n");
    assert_eq!(honest[&NodeId(0)], Ok(None));
    for guess in ["GUESS 1 0\nrun\n", "BOUNDARY 1 0\nrun\n", "BOUNDARY 2 0\nrun\n", " BOUNDARY 2 0"]
    {
        let seen = answer(guess);
        assert!(seen[&NodeId(0)].is_err(), "{guess}: {:?}", seen[&NodeId(0)]);
        assert_eq!(seen[&NodeId(1)], Ok(None), "{guess}");
    }
}

#[test]
fn a_probe_that_failed_or_was_cut_off_says_nothing() {
    let catalog = catalog("command(\"c\", #{ run: \"true\", creates: \"/c\" });");
    let probe = Probe::new(&catalog, &[NodeId(0)], "B", &Queries::default());
    let said = |output: &str| {
        let seen = probe.read(&catalog, output, "").nodes.remove(0).1;
        seen.map(|it| it.map(|it| it.change)).map_err(|reason| reason.to_string())
    };
    let missing = Err("the host did not answer this part of the probe".to_owned());
    assert_eq!(said("\nB 0 0\ncreates\n\nB 1 0\n\nB 2 0\n"), Ok(None));
    assert_eq!(said("\nB 0 0\ncreates\n\nB 1 0\n"), missing, "what is outstanding is not known");
    assert_eq!(
        said("\nB 0 0\ncreates\n\nB 1 2\n\nB 2 0\n"),
        Err("its probe ended with exit status 2".to_owned())
    );
    assert_eq!(said("\nB 0 0\ncreates\n"), missing);
    assert_eq!(said(""), missing);
}

#[test]
fn what_a_host_said_of_a_part_that_failed_is_told_with_it() {
    let catalog = catalog(
        "link(\"/l\", #{ to: \"/f\" });
        command(\"c\", #{ run: \"true\", creates: \"/c\" });
        user(\"www\");",
    );
    let nodes: Vec<NodeId> = catalog.nodes().map(|(id, _)| id).collect();
    let probe = Probe::new(&catalog, &nodes, "B", &Queries::default());
    let output = "\nB 0 0\n\nB 1 127\n\nB 2 0\n\nB 3 0\n\nB 4 2\n";
    let errors = "sh: stat: not found\n\nB 1 127\na\nb\n\nno one\n  by this name\n\nB 4 2\nlater";
    let said = probe.read(&catalog, output, errors).nodes;
    let unknown = said.into_iter().map(|(_, observed)| *observed.unwrap_err()).collect::<Vec<_>>();
    assert_eq!(
        unknown[0].reason, "its probe ended with exit status 127: sh: stat: not found",
        "the hint: {:?}",
        unknown[0].hint
    );
    assert!(unknown[0].hint.as_deref().is_some_and(|hint| hint.contains("is missing on the host")));
    assert!(unknown[1].reason.starts_with("cannot read what the probe of command printed: "));
    assert!(unknown[1].reason.ends_with(": b; no one; by this name"), "{}", unknown[1]);
    assert_eq!(unknown[2].reason, "its probe ended with exit status 2: b; no one; by this name");
}
