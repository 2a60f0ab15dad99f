//! The graph as text that other programs draw.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use super::Graph;
use crate::evaluate::catalog::{Catalog, NodeId};

/// The graph in the language of Graphviz.
pub fn dot(catalog: &Catalog, graph: &Graph) -> String {
    let mut text = String::from("digraph converge {\n  rankdir=LR; node [shape=box];\n");
    for (index, (host, nodes)) in by_host(catalog).into_iter().enumerate() {
        writing(&mut text, format_args!("  subgraph cluster_{index} {{\n    label={host:?};\n"));
        for id in nodes {
            let label = label(catalog, id);
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
        for id in nodes {
            let label = label(catalog, id).replace('"', "#quot;");
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

/// All nodes, by the names of their hosts.
fn by_host(catalog: &Catalog) -> BTreeMap<Arc<str>, Vec<NodeId>> {
    catalog.by_host(catalog.nodes().map(|(id, _)| id)).into_iter().collect()
}

fn label(catalog: &Catalog, id: NodeId) -> String {
    let name = &catalog.node(id).name;
    format!("{}:{}", name.kind, name.key)
}

/// The edges that no other edges imply, in the order of the catalog.
///
/// What comes after a node is looked at in order, so that an edge is implied if one before it leads to the same place. No
/// way is followed past the last of them: so a long chain takes time in proportion to its length.
fn reduced(graph: &Graph) -> Vec<(NodeId, NodeId)> {
    let mut place = vec![0; graph.order().len()];
    for (at, id) in graph.order().iter().enumerate() {
        place[id.index()] = at;
    }
    let mut edges = Vec::new();
    // Of each node: which was the last one that a way led from.
    let mut reached_from = vec![None; place.len()];
    for &from in graph.order() {
        let mut next: Vec<NodeId> = graph.after(from).collect();
        next.sort_by_key(|id| place[id.index()]);
        let Some(last) = next.last().map(|id| place[id.index()]) else { continue };
        for to in next {
            if reached_from[to.index()] == Some(from) {
                continue;
            }
            edges.push((from, to));
            let mut ways = vec![to];
            while let Some(on) = ways.pop() {
                for after in graph.after(on).filter(|id| place[id.index()] <= last) {
                    if reached_from[after.index()].replace(from) != Some(from) {
                        ways.push(after);
                    }
                }
            }
        }
    }
    edges.sort();
    edges
}
