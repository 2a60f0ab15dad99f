//! A cycle, shown with every declaration on it.

use petgraph::{Direction, algo::tarjan_scc, graph::NodeIndex};

use super::Dag;
use crate::{
    base::diagnostic::Diagnostic,
    evaluate::catalog::{Catalog, NodeId},
};

/// The error of a graph that has a cycle: the shortest one through its first node.
pub(super) fn diagnostic(catalog: &Catalog, dag: &Dag) -> Diagnostic {
    let path: Vec<NodeId> = shortest(dag).into_iter().filter_map(|node| dag[node]).collect();
    let names: Vec<&str> = path.iter().map(|node| &*catalog.node(*node).name.node).collect();
    let first = names.first().copied().unwrap_or_default();
    let message = match names.len() {
        1 => format!("{first} waits for itself"),
        _ => format!("{} waits for itself: {} -> {first}", first, names.join(" -> ")),
    };
    let diagnostic = Diagnostic::new("graph::cycle", message)
        .hint("remove one `after`, `before` or reaction of the cycle");
    path.iter().fold(diagnostic, |diagnostic, node| {
        let node = catalog.node(*node);
        let declared = Diagnostic::new("", format!("{} is declared here", node.name.node));
        diagnostic.related(catalog.locate(declared, &node.declared.place))
    })
}

fn shortest(dag: &Dag) -> Vec<NodeIndex<u32>> {
    let on_itself = |node: &NodeIndex<u32>| dag.find_edge(*node, *node).is_some();
    if let Some(node) = dag.node_indices().find(on_itself) {
        return vec![node];
    }
    let mut components = tarjan_scc(dag);
    components.retain(|component| component.len() > 1);
    let Some(component) = components.into_iter().min_by_key(Vec::len) else { return Vec::new() };
    let Some(&start) = component.iter().min() else { return Vec::new() };
    way_back(dag, start)
}

/// The shortest way from a node back to itself, breadth first.
fn way_back(dag: &Dag, start: NodeIndex<u32>) -> Vec<NodeIndex<u32>> {
    let mut came_from = vec![None; dag.node_count()];
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for next in dag.neighbors_directed(node, Direction::Outgoing) {
            if next == start {
                let back = std::iter::successors(Some(node), |node| came_from[node.index()]);
                let mut path: Vec<_> = back.collect();
                path.reverse();
                return path;
            }
            if came_from[next.index()].is_none() {
                came_from[next.index()] = Some(node);
                queue.push_back(next);
            }
        }
    }
    vec![start]
}
