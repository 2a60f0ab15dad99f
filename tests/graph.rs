//! The order of a site, as text and as a drawing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use converge::{
    catalog::{Catalog, NodeId},
    diagnostic::Result,
    graph::{self, Edge, Graph},
    inventory::{Format, Given, Inventory},
    language::{self, Evaluation, Input, Known},
};
use proptest::prelude::*;

use crate::shown;

fn catalog(hosts: &[&str], playbook: &str) -> Catalog {
    let hosts: String = hosts.iter().map(|host| format!("{host} = {{}}\n")).collect();
    let source = converge::diagnostic::Source::new("inventory.toml", format!("[hosts]\n{hosts}"));
    let given = Given { source, format: Format::Toml, folder: "/".into(), home: "/".into() };
    let input = Input {
        playbook: "site.rhai".to_owned(),
        sources: Arc::new(BTreeMap::from([("site.rhai".to_owned(), playbook.into())])),
        roles: Vec::new(),
        inventory: Arc::new(Inventory::parse(&[given], &[]).unwrap()),
        known: Known::default(),
    };
    match language::evaluate(input).unwrap() {
        Evaluation::Complete { catalog, .. } => catalog,
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
    let mistake = Graph::build(&catalog).err().unwrap();
    insta::assert_snapshot!("cycle", shown(&mistake));
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
            Err(mistake) => {
                prop_assert_eq!(mistake.kind(), "graph::cycle");
                let on_it = mistake.others().len();
                prop_assert!(on_it > 0 && on_it <= 12);
            }
        }
    }
}
