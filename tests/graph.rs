//! The order of a site, as text and as a drawing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use converge::{
    base::diagnostic::Result,
    evaluate::{
        catalog::{BlockPart, Catalog, NodeId},
        language::{self, Evaluation, Input, Known},
    },
    input::inventory::{Given, Inventory, InventoryFormat},
    plan::graph::{self, Edge, Graph},
};
use proptest::prelude::*;

use crate::shown;

fn catalog(hosts: &[&str], playbook: &str) -> Catalog {
    let hosts: String = hosts.iter().map(|host| format!("{host} = {{}}\n")).collect();
    let source =
        converge::base::diagnostic::Source::new("inventory.toml", format!("[hosts]\n{hosts}"));
    let given =
        Given { source, format: InventoryFormat::Toml, folder: "/".into(), home: "/".into() };
    let input = Input {
        playbooks: vec!["site.rhai".to_owned()],
        sources: Arc::new(BTreeMap::from([("site.rhai".to_owned(), playbook.into())])),
        roles: Vec::new(),
        inventory: Arc::new(Inventory::parse(&[given], &[]).unwrap()),
        known: Known::default(),
        reuse: Default::default(),
    };
    match language::evaluate(input).unwrap() {
        Evaluation::Complete { catalog, .. } => *catalog,
        Evaluation::Asks(questions) => panic!("{questions:?}"),
    }
}

fn names(catalog: &Catalog, graph: &Graph) -> Vec<String> {
    graph.order().iter().map(|id| catalog.node(*id).name.node.to_string()).collect()
}

const SITE: &str = r#"let found = #{};
on(hosts("api-1 | api-2"), |host| {
    package("api");
    found[host.name] = service("api");
});
on(hosts("balancer"), |host| {
    let config = file("/etc/haproxy \"x\".cfg", #{ content: "x" });
    config.after(found.values());
    service("haproxy", #{ reload_on: [config] });
});
sequence(|| {
    on(hosts("api-1"), |host| link("/live", #{ to: "/srv" }));
    on(hosts("balancer"), |host| port_check(80));
});"#;

#[test]
fn a_site_is_drawn_without_edges_that_others_imply() {
    let catalog = catalog(&["api-1", "api-2", "balancer"], SITE);
    let graph = Graph::build(&catalog).unwrap();
    insta::assert_snapshot!("dot", graph::dot(&catalog, &graph));
    insta::assert_snapshot!("mermaid", graph::mermaid(&catalog, &graph));
}

const RELEASE: &str = r#"on(hosts("api*"), |node| image("api:2"));
rolling(hosts("api*"), #{ batch: [1, 2] }, |node| {
    around(
        || on(hosts("lb*"), |lb| command(`drain ${node.name}`)),
        || on(node, |node| container("api", #{ image: "api:2" })),
        || on(hosts("lb*"), |lb| command(`ready ${node.name}`)),
    );
});
on(hosts("lb*"), |lb| port_check(80));"#;

/// The nodes that a node waits for, and why, with nothing that others imply left out.
fn awaited(catalog: &Catalog, graph: &Graph) -> String {
    let mut lines = String::new();
    for &id in graph.order() {
        lines += &format!("{}\n", catalog.node(id).name.node);
        let mut before: Vec<_> = graph.edges_before(id).collect();
        before.sort_by_key(|(before, _)| *before);
        for (before, why) in before {
            lines += &format!("    {why:?}: {}\n", catalog.node(before).name.node);
        }
    }
    lines
}

#[test]
fn a_rolling_is_nothing_but_edges() {
    let catalog = catalog(&["api-1", "api-2", "api-3", "lb-1", "lb-2"], RELEASE);
    let graph = Graph::build(&catalog).unwrap();
    insta::assert_snapshot!("rolling", awaited(&catalog, &graph));
}

#[test]
fn the_order_is_that_of_the_script_wherever_it_can_be() {
    let site = catalog(&["api-1", "api-2", "balancer"], SITE);
    let order = names(&site, &Graph::build(&site).unwrap());
    let declared: Vec<String> = site.nodes().map(|(_, node)| node.name.node.to_string()).collect();
    assert_eq!(order, declared);

    let turned = r#"let found = #{};
        on(hosts("a"), |host| { found.late = link("/1", #{ to: "/" }); link("/2", #{ to: "/" }); });
        on(hosts("b"), |host| link("/3", #{ to: "/" }).before(found.late));"#;
    let turned = catalog(&["a", "b"], turned);
    let order = names(&turned, &Graph::build(&turned).unwrap());
    assert_eq!(order, ["b/link:/3", "a/link:/1", "a/link:/2"]);
}

#[test]
fn a_cycle_shows_every_declaration_on_it() {
    let playbook = r#"let found = #{};
on(hosts("a"), |host| found.one = link("/one", #{ to: "/" }));
on(hosts("b"), |host| { found.two = link("/two", #{ to: "/" }); found.three = link("/three", #{ to: "/" }); });
found.one.after(found.three);
found.two.after(found.one);
"#;
    let catalog = catalog(&["a", "b"], playbook);
    let error = Graph::build(&catalog).err().unwrap();
    insta::assert_snapshot!("cycle", shown(&error));
}

fn build(nodes: usize, edges: impl Iterator<Item = (usize, usize)>) -> (Catalog, Result<Graph>) {
    let hosts: Vec<String> = (0..nodes).map(|n| format!("h{n}")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let playbook = r#"on(hosts("all"), |host| link("/l", #{ to: "/" }));"#;
    let mut catalog = catalog(&hosts, playbook);
    let id = |n: usize| NodeId(u32::try_from(n).unwrap());
    edges.for_each(|(first, then)| catalog.order(id(then), id(first)));
    let graph = Graph::build(&catalog);
    (catalog, graph)
}

#[test]
fn many_that_wait_for_many_wait_for_each_of_them() {
    let hosts: Vec<String> = (0..20).map(|n| format!("h{n:02}")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let playbook = r#"sequence(|| {
        on(hosts("all"), |host| package("a"));
        on(hosts("all"), |host| package("b"));
    });
    rolling(hosts("all"), #{ batch: 10 }, |host| package("c"));"#;
    let catalog = catalog(&hosts, playbook);
    let graph = Graph::build(&catalog).unwrap();
    assert!(graph.order().is_sorted(), "the order is not that of the script");
    let ids = |ids: std::ops::Range<u32>| ids.map(NodeId).collect::<Vec<_>>();
    let before = |id| graph.before(NodeId(id)).collect::<BTreeSet<_>>();
    // In a sequence, one host comes after the other.
    assert_eq!(before(25), [NodeId(24)].into());
    // A batch of ten comes after the batch of ten before.
    let earlier = ids(40..50);
    assert!(earlier.iter().all(|id| before(55).contains(id)), "{:?}", before(55));
    assert!(ids(50..60).iter().all(|id| graph.after(NodeId(45)).any(|after| after == *id)));
    let edges = graph.edges().filter(|(_, _, why)| matches!(why, Edge::Batch(_))).count();
    assert_eq!(edges, 100);
}

/// The edges of a drawing.
fn drawn(dot: &str) -> BTreeSet<(usize, usize)> {
    let id = |word: &str| word.trim().strip_prefix('n')?.parse().ok();
    let edge = |line: &str| {
        let (first, then) = line.strip_suffix(';')?.split_once(" -> ")?;
        Some((id(first)?, id(then)?))
    };
    dot.lines().filter_map(edge).collect()
}

/// Every pair of which one comes before the other.
fn implied(edges: &BTreeSet<(usize, usize)>) -> BTreeSet<(usize, usize)> {
    let mut all = edges.clone();
    loop {
        let further = all.iter().flat_map(|(a, b)| {
            edges.iter().filter(move |(from, _)| from == b).map(move |(_, to)| (*a, *to))
        });
        let further: Vec<_> = further.filter(|pair| !all.contains(pair)).collect();
        if further.is_empty() {
            return all;
        }
        all.extend(further);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_drawing_has_all_that_is_needed_and_nothing_else(
        edges in prop::collection::vec((0..11_usize, 1..12_usize), 0..30),
    ) {
        let forward = edges.into_iter().map(|(from, by)| (from, (from + by).min(11)));
        let edges: BTreeSet<_> = forward.filter(|(first, then)| first < then).collect();
        let (catalog, graph) = build(12, edges.iter().copied());
        let drawn = drawn(&graph::dot(&catalog, &graph.unwrap()));
        prop_assert_eq!(implied(&drawn), implied(&edges));
        for edge in &drawn {
            let others = drawn.iter().filter(|it| *it != edge).copied().collect();
            prop_assert!(!implied(&others).contains(edge), "{:?} is implied", edge);
        }
    }

    #[test]
    fn everyone_comes_after_all_that_it_waits_for(
        edges in prop::collection::vec((0..12_usize, 0..12_usize), 0..30),
    ) {
        let (_, graph) = build(12, edges.iter().copied());
        match graph {
            Ok(graph) => {
                let place = |n: usize| graph.order().iter().position(|id| id.index() == n);
                prop_assert_eq!(graph.order().len(), 12);
                prop_assert!(edges.iter().all(|(first, then)| place(*first) < place(*then)));
            }
            Err(error) => {
                prop_assert_eq!(error.kind(), "graph::cycle");
                let on_it = error.others().len();
                prop_assert!(on_it > 0 && on_it <= 12);
            }
        }
    }
}

/// A part of a random script.
#[derive(Debug, Clone)]
enum Piece {
    /// A declaration on one of the hosts, or on the one whose turn it is; and whether it is a check.
    One(usize, bool),
    PerHost(Vec<Piece>),
    Sequence(Vec<Piece>),
    Around(Vec<Piece>, Vec<Piece>, Vec<Piece>),
    Rolling(Vec<Piece>),
}

fn piece() -> impl Strategy<Value = Piece> {
    let one = (0..5_usize, any::<bool>()).prop_map(|(host, check)| Piece::One(host, check));
    one.prop_recursive(4, 24, 4, |inner| {
        let some = || prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            some().prop_map(Piece::PerHost),
            some().prop_map(Piece::Sequence),
            (some(), some(), some())
                .prop_map(|(before, body, after)| Piece::Around(before, body, after)),
            some().prop_map(Piece::Rolling),
        ]
    })
}

/// The script of some pieces; `number` tells its declarations apart.
fn script(pieces: &[Piece], turn: bool, number: &mut usize) -> String {
    let mut text = String::new();
    for piece in pieces {
        let mut inner = |pieces: &[Piece], turn| script(pieces, turn, number);
        text += &match piece {
            Piece::PerHost(all) => inner(all, turn),
            Piece::Sequence(all) => format!("sequence(|| {{ {} }});\n", inner(all, turn)),
            Piece::Around(before, body, after) => {
                let parts =
                    [before, body, after].map(|part| format!("|| {{ {} }}", inner(part, turn)));
                format!("around({});\n", parts.join(", "))
            }
            Piece::Rolling(all) => {
                format!(
                    "rolling(hosts(\"h0 | h1 | h2\"), #{{ batch: 1 }}, |turn| {{ {} }});\n",
                    inner(all, true)
                )
            }
            Piece::One(host, check) => {
                *number += 1;
                let number = *number;
                let host = if turn && *host == 4 {
                    "turn".to_owned()
                } else {
                    format!("hosts(\"h{}\")", host % 4)
                };
                let name = if turn {
                    format!("`{number}-${{turn.name}}`")
                } else {
                    format!("\"{number}\"")
                };
                let declared = match check {
                    true => format!("command_check({name}, #{{ run: \"true\" }})"),
                    false => format!("command({name})"),
                };
                format!("on({host}, |host| all.push({declared}));\n")
            }
        };
    }
    text
}

/// All that comes before each node, by name.
fn all_before(catalog: &Catalog, graph: &Graph) -> BTreeMap<String, BTreeSet<String>> {
    let name = |id: NodeId| catalog.node(id).name.node.to_string();
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for &id in graph.order() {
        let direct = graph.before(id).map(name);
        let before =
            direct.flat_map(|it| all[&it].iter().cloned().chain([it.clone()]).collect::<Vec<_>>());
        all.insert(name(id), before.collect());
    }
    all
}

/// The turns that each node belongs to: which rolling, and which one of it.
fn all_turns(catalog: &Catalog, graph: &Graph) -> BTreeMap<String, BTreeMap<usize, usize>> {
    let regions = graph.regions();
    let turns =
        |id| regions.items_of(id).map(|item| (regions.item(item).rolling, item.0)).collect();
    catalog.nodes().map(|(id, node)| (node.name.node.to_string(), turns(id))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn what_a_limit_keeps_has_every_check_before_and_after_it(
        pieces in prop::collection::vec(piece(), 1..6),
        edges in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..4),
        kept in prop::collection::btree_set(0..4_usize, 1..3),
    ) {
        let text = format!("let all = [];\n{}", script(&pieces, false, &mut 0));
        let declare = || {
            let mut catalog = catalog(&["h0", "h1", "h2", "h3"], &text);
            let count = catalog.len();
            for (one, other) in edges.iter().filter(|_| count > 1) {
                let (one, other) = (one.index(count), other.index(count));
                let id = |index: usize| NodeId(u32::try_from(index).unwrap());
                if one < other { catalog.order(id(other), id(one)) }
            }
            catalog
        };
        let whole = declare();
        // What is written first may have to come last: then there is no order to keep.
        let Ok(graph) = Graph::build(&whole) else { return Ok(()) };
        let (before, turns) = (all_before(&whole, &graph), all_turns(&whole, &graph));
        let named = |host: &str| kept.contains(&host[1..].parse().unwrap());
        let mut limited = declare();
        graph::limit(&mut limited, named).unwrap();
        let limited_graph = Graph::build(&limited).unwrap();
        let still = all_before(&limited, &limited_graph);
        let is_check = |name: &str| name.contains("/command_check:");
        let other_turn = |a: &str, b: &str| turns[a].iter().any(|(rolling, item)| turns[b].get(rolling).is_some_and(|it| it != item));
        for change in still.keys().filter(|name| !is_check(name)) {
            for check in before.keys().filter(|name| is_check(name) && !other_turn(name, change)) {
                if before[change].contains(check) {
                    prop_assert!(still.contains_key(check), "{} before {} is left out of\n{}", check, change, text);
                    prop_assert!(still[change].contains(check), "{} does not wait for {} in\n{}", change, check, text);
                }
                if before[check].contains(change) {
                    prop_assert!(still.contains_key(check), "{} after {} is left out of\n{}", check, change, text);
                    prop_assert!(still[check].contains(change), "{} does not wait for {} in\n{}", check, change, text);
                }
            }
        }
        // Of other hosts, only what stands around a change is changed.
        let around = |id| [BlockPart::Before, BlockPart::After].iter().any(|part| graph.regions().arounds_with(*part, id).next().is_some());
        for (id, node) in whole.nodes() {
            let name = &*node.name.node;
            if named(&node.name.host) {
                prop_assert!(still.contains_key(name), "{} is left out of\n{}", name, text);
            } else if still.contains_key(name) {
                prop_assert!(is_check(name) || around(id), "{} is kept of\n{}", name, text);
            }
        }
    }
}
