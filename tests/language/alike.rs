//! A block is run once for all hosts of which it reads the same, and they are asked the same; nobody can tell.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use converge::{
    base::reuse::Reuse,
    evaluate::{
        catalog::{Catalog, NodeId},
        language::{Evaluation, Input, SourceEntry, SourceError, Sources, evaluate},
    },
    plan::{
        event::Problem,
        graph::Graph,
        probe::{Probe, Queries},
    },
};
use proptest::prelude::*;

use crate::project::Project;

/// What a block can do. `N` is a number.
const STATEMENTS: [&str; 40] = [
    "package(\"pN\");",
    "file(\"/f\", #{ content: \"N\" });",
    "file(\"/tN\", #{ template: \"t.j2\", vars: #{ n: N } });",
    "file(\"/uN\", #{ template: \"n.j2\", vars: #{ n: N } });",
    "file(\"/s\", #{ source: \"s\" });",
    "if host.groups.contains(\"api\") { package(\"gN\"); }",
    "line(\"/l\", #{ line: `N ${host.vars.get(\"port\") ?? 1}` });",
    "file(`/v/${host.vars.get(\"port\") ?? 1}`, #{ template: \"t.j2\", vars: #{ n: 0 } });",
    "package(host.name);",
    "package(`at-${host.address}`);",
    "package(`${host}`);",
    "if host == hosts(\"api-2\")[0] { package(\"eN\"); }",
    "sequence(|| { package(\"qN\"); sequence(|| command(\"true N\")); });",
    "port_check(N + 1);",
    "service(\"sN\", #{ restart_on: package(\"xN\") });",
    "package(\"aN\").after(package(\"bN\"));",
    "around(|| command(\"out N\"), || package(\"mN\"), || command(\"in N\"));",
    "role(\"app\", #{ n: N });",
    "role(\"app\", #{ n: host.vars.get(\"port\") ?? N });",
    "role(\"app\", #{ n: host });",
    "on(hosts(\"api-1\"), |it| package(\"nN\"));",
    "rolling(hosts(\"api\"), |it| package(\"rN\"));",
    "for peer in hosts(\"api\") { line(\"/peers\", #{ line: `${peer.name} N` }); }",
    "count += 1; package(`c${count}`);",
    "package(`o${port}`);",
    "if last != () { last.before(package(\"hN\")); }",
    "last = package(\"yN\");",
    "if last != () { package(\"kN\").before(last); }",
    "service(\"zN\", #{ reload_on: if last == () { [] } else { last } });",
    "try { file(\"/x\", #{ template: \"x.j2\" }); } catch { package(\"fN\"); }",
    "file(\"/w\", #{ template: \"w.j2\", vars: #{ tls: N == 3 } });",
    "package(host.facts.os.id);",
    "package(probe(\"id\").stdout);",
    "package(`d${global::STEP.call()}`);",
    "count.tag += 1; package(`t${count.tag}`);",
    "boxed.n += 1; package(`b${boxed.n}`);",
    "on(host, |it| package(\"iN\"));",
    "if N == 2 { return; }",
    "command(\"vN\", #{ run: \"true\" });",
    "warn(\"N\"); if N == 3 { fail(\"three\"); }",
];

/// What stands outside the block.
const GIVEN: &str = "let count = 0; let port = 80; let last = (); let boxed = #{ n: 0 }; let steps = 0; \
                     const STEP = || { steps += 1; steps };";

/// What a role does in its turn.
const ROLE: &str = "file(\"/role\", #{ template: \"r.j2\" }); sequence(|| package(\"role\"));";

/// A playbook that does something on one host, and then the statements on all. The block stands at the same place, whatever
/// stands around it.
fn playbook(first: &str, begin: &str, statements: &[String], end: &str) -> Project {
    let first = format!("on(hosts(\"api-2\"), |host| {{ {first} }});");
    let mut text = format!("{GIVEN}\n{first}\n{begin}\n|host| {{\n");
    for statement in statements {
        writeln!(text, "{statement}").unwrap();
    }
    Project::new(&format!("{text}}}\n{end}"))
        .file("playbooks/files/s", "source")
        .file(
            "playbooks/templates/t.j2",
            "{{ n }} {{ host.name }} {{ host.vars.port | default(0) }}",
        )
        .file("playbooks/templates/n.j2", "{{ n }}{% if n == 3 %} {{ host.name }}{% endif %}")
        .file("playbooks/templates/w.j2", "{% if tls %}{{ host.facts.os.id }}{% endif %}")
        .file("playbooks/templates/x.j2", "{{ host.vars.port }}")
        .facts("api-1", "debian")
        .facts("balancer-1", "debian")
        .probe("api-1", "id", "root")
        .silent("api-2")
        .file(
            "roles/app/role.toml",
            "[parameters.n]\ntype = \"any\"\n[parameters.port]\ndefault = 1\n",
        )
        .file("roles/app/main.rhai", ROLE)
        .file("roles/app/templates/r.j2", "{{ n }} {{ port }} on {{ host.groups }}")
}

/// All that a playbook means, or the error in it.
fn meaning(project: &Project, reuse: Reuse) -> Result<String, String> {
    match evaluate(Input { reuse, ..project.input() }) {
        Ok(Evaluation::Complete { catalog, notes, .. }) => {
            let questions = probes(&catalog, reuse);
            Ok(format!("{}\n{notes:?}\n{:?}\n{questions}", nodes(&catalog), project.told()))
        }
        Ok(Evaluation::Asks(questions)) => Ok(format!("{questions:?}")),
        // Without the text that it is in, which is another one.
        Err(error) => Err(format!("{:?}", Problem::from(&error))),
    }
}

/// What each host is asked.
fn probes(catalog: &Catalog, reuse: Reuse) -> String {
    let queries = Queries::new(reuse);
    let hosts = catalog.by_host(catalog.nodes().map(|(id, _)| id));
    let script =
        |nodes: &Vec<NodeId>| Probe::new(catalog, nodes, "B", &queries).script.text().to_owned();
    hosts.values().map(script).collect()
}

fn nodes(catalog: &Catalog) -> String {
    let mut text = String::new();
    for (id, node) in catalog.nodes() {
        let blocks: Vec<_> = catalog.blocks_around(id).collect();
        let reacting: Vec<_> = catalog.reacting_to(id).collect();
        let (name, declared) = (&node.name, &node.declared);
        let (after, reactions) = (&node.after, &node.reactions);
        let fingerprint = node.fingerprint();
        let owns = &node.owns;
        writeln!(
            text,
            "{id:?} {name:?} {owns} {fingerprint} {declared:?} {blocks:?} {after:?} {reactions:?} {reacting:?}"
        )
        .unwrap();
    }
    if let Ok(graph) = Graph::build(catalog) {
        let mut edges: Vec<_> = graph.edges().map(|edge| format!("{edge:?}")).collect();
        edges.sort();
        writeln!(text, "{edges:?}").unwrap();
    }
    text
}

fn statement() -> impl Strategy<Value = String> {
    let number = 0..4_u8;
    (prop::sample::select(STATEMENTS.to_vec()), number)
        .prop_map(|(text, number)| text.replace('N', &number.to_string()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_block_for_all_hosts_means_what_it_means_for_each_alone(
        first in statement(),
        statements in prop::collection::vec(statement(), 0..5),
    ) {
        let together = playbook(&first, "on(hosts(\"all\"),", &statements, ");");
        let each = playbook(&first, "for it in hosts(\"all\") { on(it,", &statements, "); }");
        let alone = meaning(&together, Reuse::Each);
        prop_assert_eq!(&meaning(&together, Reuse::Shared), &alone);
        prop_assert_eq!(&meaning(&each, Reuse::Shared), &alone);
    }
}

/// Files, and how often they were read.
struct Counted(BTreeMap<String, Vec<u8>>, AtomicUsize);

impl Sources for Counted {
    fn read(&self, path: &str, within: Option<&str>) -> Result<Vec<u8>, SourceError> {
        if path == "playbooks/files/s" {
            self.1.fetch_add(1, Ordering::Relaxed);
        }
        self.0.read(path, within)
    }

    fn list(&self, folder: &str, within: Option<&str>) -> Result<Vec<String>, SourceError> {
        self.0.list(folder, within)
    }

    fn tree(&self, folder: &str, within: &str) -> Result<Vec<SourceEntry>, SourceError> {
        self.0.tree(folder, within)
    }
}

/// How often a block is run for the hosts of a pattern: each run reads a file.
fn runs(pattern: &str, block: &str) -> usize {
    let statements = ["file(\"/s\", #{ source: \"s\" });".to_owned(), block.to_owned()];
    let project = playbook("", &format!("on(hosts(\"{pattern}\"),"), &statements, ");");
    let sources = Arc::new(Counted(project.files.clone(), AtomicUsize::new(0)));
    let input = Input { sources: sources.clone(), ..project.input() };
    assert!(matches!(evaluate(input), Ok(Evaluation::Complete { .. })));
    sources.1.load(Ordering::Relaxed)
}

#[test]
fn a_block_is_run_for_those_hosts_only_that_it_can_tell_apart() {
    assert_eq!(runs("all", "package(`for-${port}`);"), 1);
    assert_eq!(runs("all", "role(\"app\", #{ n: 1, port: 1 }); sequence(|| package(\"x\"));"), 1);
    assert_eq!(runs("all", "role(\"app\", #{ n: 1 });"), 2, "web-1 has a port of its own");
    assert_eq!(runs("all", "host.vars.get(\"port\");"), 3, "the two API servers have the same");
    assert_eq!(runs("all", "host.groups;"), 3);
    assert_eq!(runs("all", "host.name;"), 4);
    assert_eq!(runs("all", "role(\"app\", #{ n: host });"), 4);
    assert_eq!(runs("all", "hosts(\"api\")[0].name;"), 1, "of another host it reads the same");
    assert_eq!(runs("all", "count += 1;"), 4);
    assert_eq!(runs("all", "last = package(\"x\");"), 4);
    assert_eq!(runs("api-1", ""), 1);
}

#[test]
fn a_template_is_rendered_for_those_hosts_only_that_it_can_tell_apart() {
    let shared = |template: &str| {
        let block = "|host| file(\"/a\", #{ template: \"a.j2\", vars: #{ n: 1 } })";
        let project = Project::new(&format!("on(hosts(\"all\"), {block});"))
            .file("playbooks/templates/a.j2", template)
            .file("playbooks/templates/inner.j2", "{{ host.name }}");
        let catalog = project.catalog();
        let places = catalog.nodes().map(|(_, node)| Arc::as_ptr(&node.desired).addr());
        places.collect::<BTreeSet<_>>().len() == 1
    };
    assert!(shared("{{ n }}"));
    assert!(!shared("{{ host.name }}"));
    assert!(!shared("{% include \"inner.j2\" %}"));
    assert!(!shared("{% set it = host %}{{ n }}"));
    assert!(!shared("{% if n == 1 %}{{ host.vars.port is defined }}{% endif %}"));
    assert!(shared("{% if n == 2 %}{{ host.vars.port is defined }}{% endif %}"));
}

#[test]
fn alike_hosts_are_asked_the_same_and_each_is_heard() {
    let block = "command(\"c\", #{ run: \"true\", creates: \"/c\" });";
    let catalog = Project::new(&format!("on(hosts(\"api\"), |host| {{ {block} }});")).catalog();
    let queries = Queries::default();
    let [one, other] = [0, 1].map(|id| Probe::new(&catalog, &[NodeId(id)], "B", &queries));
    assert_eq!(one.script.text(), other.script.text());
    let said = |probe: &Probe, text: &str| {
        let output = format!("\nB 0 0\n{text}\n\nB 1 0\n\nB 2 0\n");
        let (_, observed) = probe.read(&catalog, &output, "").nodes.remove(0);
        observed.map(|difference| difference.is_some())
    };
    let of_one = ["creates", "run", "creates"].map(|text| said(&one, text));
    assert_eq!(of_one, [Ok(false), Ok(true), Ok(false)]);
    let of_other = ["run", "creates", "run"].map(|text| said(&other, text));
    assert_eq!(of_other, [Ok(true), Ok(false), Ok(true)]);
}

/// What only one of them has shifts what is said of the others, and is not taken for theirs.
#[test]
fn hosts_that_share_some_paths_have_each_the_part_that_is_theirs() {
    let block = "if host.name == \"api-1\" { absent(\"/own\") } directory(\"/all\");";
    let catalog = Project::new(&format!("on(hosts(\"api\"), |host| {{ {block} }});")).catalog();
    let queries = Queries::default();
    let [one, other] =
        [&[0, 1][..], &[2]].map(|ids| Vec::from_iter(ids.iter().copied().map(NodeId)));
    let [one, other] = [one, other].map(|ids| Probe::new(&catalog, &ids, "B", &queries));
    let there = "41ed:755:0:0:4096:root:root:";
    let said = |probe: &Probe, look: &str, sections: usize| {
        let ends: String = (1..=sections + 2).map(|it| format!("\nB {it} 0\n")).collect();
        let mut nodes = probe.read(&catalog, &format!("\nB 0 0\n{look}{ends}"), "").nodes;
        nodes.sort_by_key(|(id, _)| *id);
        let differs = nodes.into_iter().map(|(_, it)| it.map(|it| it.is_some()).map_err(|_| ()));
        differs.collect::<Vec<_>>()
    };
    let gone =
        |path: &str| format!("missed\nstat: cannot stat '{path}': No such file or directory\n.\n");
    for _ in 0..2 {
        assert_eq!(said(&one, &format!("{there}/all\n{}", gone("/own")), 2), [Ok(false); 2]);
        assert_eq!(said(&other, &format!("{there}/all\n"), 1), [Ok(false)]);
        assert_eq!(said(&other, &gone("/all"), 1), [Ok(true)]);
        let both = format!("{there}/own\n{there}/all\n");
        assert_eq!(said(&one, &both, 2), [Ok(true), Ok(false)]);
        assert_eq!(said(&one, &format!("{there}/own\n"), 2), [Ok(true), Err(())]);
    }
}
