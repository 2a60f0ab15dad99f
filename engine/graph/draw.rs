//! The graph as text that other programs draw.

use std::{collections::BTreeMap, fmt::Write as _};

use petgraph::{
    adj::List,
    algo::tred::{dag_to_toposorted_adjacency_list, dag_transitive_reduction_closure},
    visit::{IntoNeighbors as _, NodeIndexable as _},
};

use super::Graph;
use crate::catalog::{Catalog, NodeId};

/// The graph in the language of Graphviz.
pub fn dot(catalog: &Catalog, graph: &Graph) -> String {
    let mut text = String::from("digraph converge {\n  rankdir=LR; node [shape=box];\n");
    for (index, (host, nodes)) in by_host(catalog).into_iter().enumerate() {
        writing(&mut text, format_args!("  subgraph cluster_{index} {{\n    label={host:?};\n"));
        for (id, label) in nodes {
            writing(&mut text, format_args!("    n{} [label={label:?}];\n", id.0));
        }
        text.push_str("  }\n");
    }
    for (first, then) in reduced(graph) {
        writing(&mut text, format_args!("  n{} -> n{};\n", first.0, then.0));
    }
    text.push_str("}\n");
    text
}

/// The graph in the language of Mermaid.
pub fn mermaid(catalog: &Catalog, graph: &Graph) -> String {
    let mut text = String::from("flowchart LR\n");
    for (index, (host, nodes)) in by_host(catalog).into_iter().enumerate() {
        writing(&mut text, format_args!("  subgraph h{index}[{host:?}]\n"));
        for (id, label) in nodes {
            let label = label.replace('"', "#quot;");
            writing(&mut text, format_args!("    n{}[\"{label}\"]\n", id.0));
        }
        text.push_str("  end\n");
    }
    for (first, then) in reduced(graph) {
        writing(&mut text, format_args!("  n{} --> n{}\n", first.0, then.0));
    }
    text
}

fn writing(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a String takes all that is written");
}

fn by_host(catalog: &Catalog) -> BTreeMap<&str, Vec<(NodeId, String)>> {
    let mut hosts: BTreeMap<&str, Vec<(NodeId, String)>> = BTreeMap::new();
    for (id, node) in catalog.nodes() {
        let label = format!("{}:{}", node.name.kind, node.name.key);
        hosts.entry(&node.name.host).or_default().push((id, label));
    }
    hosts
}

/// The edges that no other edges imply, in the order of the catalog.
fn reduced(graph: &Graph) -> Vec<(NodeId, NodeId)> {
    let sorted: Vec<_> = graph.order().iter().map(|id| super::index(*id)).collect();
    let (list, _): (List<(), u32>, _) = dag_to_toposorted_adjacency_list(&graph.dag, &sorted);
    let (reduction, _) = dag_transitive_reduction_closure(&list);
    let mut edges = Vec::new();
    for from in 0..sorted.len() {
        for to in reduction.neighbors(reduction.from_index(from)) {
            edges.push((graph.order()[from], graph.order()[to as usize]));
        }
    }
    edges.sort();
    edges
}
