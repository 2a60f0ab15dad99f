//! How long it takes to decide, without a host: evaluate, order, write probes, plan.
//!
//! `cargo bench --bench evaluation`; what it came to is in `docs/performance.md`.

mod fleet;

use std::{collections::BTreeMap, hint::black_box, sync::Arc};

use converge::{
    evaluate::catalog::{Catalog, NodeId},
    plan::{
        graph::{self, Graph},
        planner::Plan,
        probe::{Probe, Queries},
    },
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use self::fleet::{Fleet, observe};

/// Every step from a playbook to a plan, for fleets of the given sizes.
fn stages(criterion: &mut Criterion, name: &str, fleet: fn(usize) -> Fleet, sizes: &[usize]) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    for &hosts in sizes {
        let fleet = fleet(hosts);
        let catalog = fleet.evaluate();
        let graph = Graph::build(&catalog).expect("the playbook has no cycle");
        let observations = observe(&catalog);
        group.throughput(Throughput::Elements(catalog.len() as u64));
        group
            .bench_function(BenchmarkId::new("evaluate", hosts), |it| it.iter(|| fleet.evaluate()));
        group.bench_function(BenchmarkId::new("graph", hosts), |it| {
            it.iter(|| Graph::build(&catalog).is_ok())
        });
        group.bench_function(BenchmarkId::new("draw", hosts), |it| {
            it.iter(|| graph::dot(&catalog, &graph))
        });
        group.bench_function(BenchmarkId::new("probe", hosts), |it| {
            it.iter(|| write_probes(black_box(&catalog)))
        });
        group.bench_function(BenchmarkId::new("plan", hosts), |it| {
            it.iter(|| Plan::new(&catalog, &graph, &observations))
        });
    }
}

/// The scripts that would be sent to all hosts, by their length.
fn write_probes(catalog: &Catalog) -> usize {
    let mut hosts: BTreeMap<&Arc<str>, Vec<NodeId>> = BTreeMap::new();
    for (id, node) in catalog.nodes() {
        hosts.entry(&node.name.host).or_default().push(id);
    }
    let queries = Queries::default();
    let length =
        |nodes: &Vec<_>| Probe::new(catalog, nodes, "boundary", &queries).script.text().len();
    hosts.values().map(length).sum()
}

fn evaluation(criterion: &mut Criterion) {
    stages(criterion, "site", Fleet::site, &[100, 1_000]);
    stages(criterion, "mesh", Fleet::mesh, &[100, 1_000]);
    stages(criterion, "release", Fleet::release, &[102, 1_002]);
}

criterion_group!(benches, evaluation);
criterion_main!(benches);
