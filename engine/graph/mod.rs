//! Catalog to order over the whole fleet: which node waits for which.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use petgraph::{
    Direction,
    graph::{DiGraph, EdgeIndex, NodeIndex},
    visit::EdgeRef,
};

use crate::{
    catalog::{Catalog, NodeId, Regions},
    diagnostic::Result,
};

mod around;
mod cycle;
mod draw;
mod explicit;
mod reactions;
mod written;

pub use draw::{dot, mermaid};

/// Why one node comes after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// It was written later, on the same host.
    Declared,
    /// It was written later in a `sequence`.
    Sequence,
    /// It belongs to a later batch of a `rolling`, or to what comes after it; the number is the place in
    /// [`Regions::rollings`]. What fails stops it only when too much did.
    Batch(usize),
    /// The script says so with `after` or `before`.
    Explicit,
    /// It reacts to the other one.
    Reaction,
    /// It is an obligation: it waits for the other one, whatever becomes of that.
    Finally,
}

type Dag = DiGraph<NodeId, Edge, u32>;

/// The steps that make the graph, in order. Each only adds edges.
const STEPS: &[fn(&Catalog, &Regions, &mut Edges)] = &[
    // Who reacts comes after what it reacts to.
    reactions::add,
    // What was written first comes first: on each host for itself, or across hosts, as the blocks around it say.
    written::add,
    // What the script orders itself.
    explicit::add,
    // What a body waits for, all that stands around it waits for too; and nothing keeps an obligation from being met.
    around::add,
];

/// The order of all nodes: a graph without cycles.
pub struct Graph {
    dag: Dag,
    order: Vec<NodeId>,
    regions: Regions,
}

impl Graph {
    /// Orders what was declared.
    ///
    /// # Errors
    /// A cycle, with every declaration on it.
    pub fn build(catalog: &Catalog) -> Result<Self> {
        let mut edges = Edges::default();
        for (id, _) in catalog.nodes() {
            edges.dag.add_node(id);
        }
        let regions = Regions::of(catalog);
        for step in STEPS {
            step(catalog, &regions, &mut edges);
        }
        let dag = edges.dag;
        match order(&dag) {
            Some(order) => Ok(Self { dag, order, regions }),
            None => Err(cycle::diagnostic(catalog, &dag)),
        }
    }

    /// Every node after all that it waits for; among those that could come next, as written.
    pub fn order(&self) -> &[NodeId] {
        &self.order
    }

    /// The rollings and arounds, and which nodes are where in them.
    pub fn regions(&self) -> &Regions {
        &self.regions
    }

    /// The nodes that a node waits for.
    pub fn before(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.neighbors(node, Direction::Incoming)
    }

    /// The nodes that a node waits for, and why.
    pub fn edges_before(&self, node: NodeId) -> impl Iterator<Item = (NodeId, Edge)> + '_ {
        let edges = self.dag.edges_directed(index(node), Direction::Incoming);
        edges.map(|edge| (self.dag[edge.source()], *edge.weight()))
    }

    /// The nodes that wait for a node.
    pub fn after(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.neighbors(node, Direction::Outgoing)
    }

    /// Every edge: who comes first, who comes after, and why.
    pub fn edges(&self) -> impl Iterator<Item = (NodeId, NodeId, Edge)> + '_ {
        let node = |index: NodeIndex<u32>| self.dag[index];
        let edges = self.dag.edge_references();
        edges.map(move |edge| (node(edge.source()), node(edge.target()), *edge.weight()))
    }

    fn neighbors(&self, node: NodeId, direction: Direction) -> impl Iterator<Item = NodeId> + '_ {
        self.dag.neighbors_directed(index(node), direction).map(|other| self.dag[other])
    }
}

/// Nodes enter the graph in the order of the catalog, so the two kinds of index are the same number.
fn index(node: NodeId) -> NodeIndex<u32> {
    NodeIndex::new(node.index())
}

/// The edges as they are added.
#[derive(Default)]
struct Edges {
    dag: Dag,
    /// Finds an edge at once, where the graph would look through all that leave a node.
    known: HashMap<(NodeId, NodeId), EdgeIndex<u32>>,
}

impl Edges {
    /// Adds an edge. There is one at most between two nodes; the last reason, which binds most, stands.
    fn add(&mut self, first: NodeId, then: NodeId, why: Edge) {
        let Self { dag, known } = self;
        let edge = known
            .entry((first, then))
            .or_insert_with(|| dag.add_edge(index(first), index(then), why));
        dag[*edge] = why;
    }
}

/// Kahn's algorithm; the smallest id first, so that the order is that of the script wherever it can be.
fn order(dag: &Dag) -> Option<Vec<NodeId>> {
    let count = |node| dag.neighbors_directed(node, Direction::Incoming).count();
    let mut waiting: Vec<usize> = dag.node_indices().map(count).collect();
    let ready = dag.node_indices().filter(|node| waiting[node.index()] == 0).map(Reverse);
    let mut ready: BinaryHeap<Reverse<NodeIndex<u32>>> = ready.collect();
    let mut order = Vec::with_capacity(dag.node_count());
    while let Some(Reverse(node)) = ready.pop() {
        order.push(dag[node]);
        for next in dag.neighbors_directed(node, Direction::Outgoing) {
            waiting[next.index()] -= 1;
            if waiting[next.index()] == 0 {
                ready.push(Reverse(next));
            }
        }
    }
    (order.len() == dag.node_count()).then_some(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_very_many_wait_for_takes_no_longer_to_add_to() {
        let nodes = 100_000;
        let mut edges = Edges::default();
        for id in 0..nodes {
            edges.dag.add_node(NodeId(id));
        }
        for id in 1..nodes {
            edges.add(NodeId(0), NodeId(id), Edge::Explicit);
            edges.add(NodeId(id - 1), NodeId(id), Edge::Declared);
        }
        edges.add(NodeId(0), NodeId(1), Edge::Explicit);
        let edge = edges.dag.find_edge(index(NodeId(0)), index(NodeId(1)));
        assert_eq!(edge.map(|edge| edges.dag[edge]), Some(Edge::Explicit), "the last one stands");
        assert_eq!(edges.dag.edge_count(), 2 * (nodes as usize - 1) - 1);
        let order = order(&edges.dag).unwrap();
        assert!(order.is_sorted() && order.len() == nodes as usize);
    }
}
