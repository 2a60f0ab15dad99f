//! Random rollings in which random things fail: what must hold however they end.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    base::diagnostic::Source,
    evaluate::language::{self, Evaluation},
    input::inventory::{Given, Inventory, InventoryFormat},
};

/// Some nodes behind two balancers, upgraded in batches.
fn catalog(nodes: usize, batch: usize, max_failures: usize) -> Catalog {
    let names = ["lb1".to_owned(), "lb2".to_owned()].into_iter();
    let names = names.chain((0..nodes).map(|n| format!("n{n}")));
    let hosts: String = names.map(|name| format!("{name} = {{}}\n")).collect();
    let source = Source::new("inventory.toml", format!("[hosts]\n{hosts}"));
    let given =
        Given { source, format: InventoryFormat::Toml, folder: "/".into(), home: "/".into() };
    let playbook = format!(
        r#"on(hosts("n*"), |node| command("fetch"));
        rolling(hosts("n*"), #{{ batch: {batch}, max_failures: {max_failures} }}, |node| {{
            around(
                || on(hosts("lb*"), |lb| command(`drain ${{node.name}}`)),
                || on(node, |node| {{ command("stop"); command("start"); port_check(80); }}),
                || on(hosts("lb*"), |lb| command(`ready ${{node.name}}`)),
            );
            command("announce");
        }});"#
    );
    let input = Input {
        playbooks: vec!["site.rhai".to_owned()],
        sources: Arc::new(BTreeMap::from([("site.rhai".to_owned(), playbook.into_bytes())])),
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

/// What is told of the turn of a node: how its `what` ended on each balancer, in the order of time.
struct Story<'a> {
    catalog: &'a Catalog,
    outcomes: Vec<(NodeId, Outcome)>,
}

impl Story<'_> {
    /// The hosts on which the command was run, or was lost on the way.
    fn begun(&self, command: &str) -> BTreeSet<&str> {
        let ran = self.outcomes.iter().filter(|(id, outcome)| {
            *self.catalog.node(*id).name.key == *command && outcome.was_begun()
        });
        ran.map(|(id, _)| &*self.catalog.node(*id).name.host).collect()
    }

    /// When a command ended.
    fn at(&self, host: &str, command: &str) -> usize {
        let is = |(id, _): &(NodeId, Outcome)| {
            let name = &self.catalog.node(*id).name;
            *name.host == *host && *name.key == *command
        };
        self.outcomes.iter().position(is).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn whatever_fails_every_node_that_was_drained_is_ready_again(
        nodes in 1..6_usize,
        batch in 1..4_usize,
        max_failures in 0..3_usize,
        fails in any::<prop::sample::Index>(),
        host_fails in any::<bool>(),
    ) {
        let catalog = catalog(nodes, batch, max_failures);
        let graph = Graph::build(&catalog).unwrap();
        let plan = Plan::new(&catalog, &graph, &everything_differs(&catalog, &graph));
        let id = NodeId(u32::try_from(fails.index(catalog.len())).unwrap());
        let failing = match host_fails {
            true => Failing::Host(catalog.node(id).name.host.clone()),
            false => Failing::Node(id),
        };
        let story = Story { catalog: &catalog, outcomes: outcomes(&catalog, &graph, &plan, &failing) };
        prop_assert_eq!(story.outcomes.len(), catalog.len(), "everything comes to one end");

        let (mut turns, mut failed) = (Vec::new(), 0);
        for n in 0..nodes {
            let name = format!("n{n}");
            let drained = story.begun(&format!("drain {name}"));
            let ready = story.begun(&format!("ready {name}"));
            let lost = |host: &&&str| failing == Failing::Host((**host).into());
            // Ready again on both, as soon as it was drained on one: only a lost balancer cannot be told.
            if drained.is_empty() {
                prop_assert!(ready.is_empty());
                prop_assert!(!story.begun("stop").contains(&*name), "it was not drained before");
                continue;
            }
            for host in ["lb1", "lb2"].iter().filter(|host| !lost(host)) {
                prop_assert!(ready.contains(host), "{host} {name} {:?}", story.outcomes);
            }
            for host in ["lb1", "lb2"] {
                let [began, ended] = ["drain", "ready"].map(|what| story.at(host, &format!("{what} {name}")));
                prop_assert!(began < ended);
                turns.push((n, began, ended));
            }
            let bad = story.begun("announce");
            failed += usize::from(!bad.contains(&*name));
        }
        // No more than a batch at a time, and no turn begins after too many failed.
        for (n, began, ended) in &turns {
            for (other, other_began, _) in &turns {
                let meets = began < other_began && other_began < ended;
                prop_assert!(!meets || n / batch == other / batch, "{n} {other}");
            }
        }
        prop_assert!(failed <= max_failures + batch);
    }
}
