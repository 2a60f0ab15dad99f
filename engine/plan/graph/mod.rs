//! Catalog to order over the whole fleet: which node waits for which.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashSet},
};

use petgraph::{
    Direction,
    graph::{DiGraph, EdgeIndex, NodeIndex},
    visit::EdgeRef,
};

use crate::{
    base::diagnostic::Result,
    evaluate::catalog::{Catalog, NodeId, Regions},
};

mod around;
mod cycle;
mod draw;
mod explicit;
mod limit;
mod reactions;
mod written;

pub use draw::{dot, mermaid};
pub use limit::limit;

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

/// The nodes, and behind them junctions, which have no id: where all of some nodes come before all of some others, the
/// edges meet in one, so that there are not as many as there are pairs.
type Dag = DiGraph<Option<NodeId>, Edge, u32>;

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
        // Most nodes wait for one other.
        let mut edges = Edges { dag: Dag::with_capacity(catalog.len(), catalog.len()) };
        for (id, _) in catalog.nodes() {
            edges.dag.add_node(Some(id));
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
        self.edges_before(node).map(|(before, _)| before)
    }

    /// The nodes that a node waits for, and why. One that it waits for for two reasons may be there twice.
    pub fn edges_before(&self, node: NodeId) -> impl Iterator<Item = (NodeId, Edge)> + '_ {
        edges(&self.dag, node, Direction::Incoming)
    }

    /// The nodes that wait for a node.
    pub fn after(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        edges(&self.dag, node, Direction::Outgoing).map(|(after, _)| after)
    }

    /// Every edge: who comes first, who comes after, and why.
    pub fn edges(&self) -> impl Iterator<Item = (NodeId, NodeId, Edge)> + '_ {
        let before = |&then| self.edges_before(then).map(move |(first, why)| (first, then, why));
        self.order.iter().flat_map(before)
    }
}

/// The nodes on one side of a node, and why they are there; those that a junction leads to in its place.
fn edges(dag: &Dag, node: NodeId, side: Direction) -> impl Iterator<Item = (NodeId, Edge)> + '_ {
    dag.edges_directed(index(node), side).flat_map(move |edge| {
        let next = if side == Direction::Incoming { edge.source() } else { edge.target() };
        let beyond = dag[next].is_none().then(|| dag.neighbors_directed(next, side));
        let beyond = beyond.into_iter().flatten().filter_map(|other| dag[other]);
        dag[next].into_iter().chain(beyond).map(move |other| (other, *edge.weight()))
    })
}

/// Nodes enter the graph in the order of the catalog, so the two kinds of index are the same number.
fn index(node: NodeId) -> NodeIndex<u32> {
    NodeIndex::new(node.index())
}

/// The edges as they are added.
#[derive(Default)]
struct Edges {
    dag: Dag,
}

impl Edges {
    /// Adds an edge. There is one at most between two nodes; the last reason, which binds most, stands.
    fn add(&mut self, first: NodeId, then: NodeId, why: Edge) {
        match self.find(index(first), index(then)) {
            Some(edge) => self.dag[edge] = why,
            None => drop(self.dag.add_edge(index(first), index(then), why)),
        }
    }

    /// The edge between two nodes. It is looked for on both sides in turn, so that the smaller one says how long it takes:
    /// very many nodes may wait for one.
    fn find(&self, first: NodeIndex<u32>, then: NodeIndex<u32>) -> Option<EdgeIndex<u32>> {
        let leaving = self.dag.edges_directed(first, Direction::Outgoing);
        let reaching = self.dag.edges_directed(then, Direction::Incoming);
        leaving.zip(reaching).find_map(|(leaving, reaching)| {
            let found = [leaving, reaching].into_iter();
            let mut found = found.filter(|edge| edge.source() == first && edge.target() == then);
            found.next().map(|edge| edge.id())
        })
    }

    /// Lets each of some nodes come before each of some others.
    fn join(&mut self, first: &[NodeId], then: &[NodeId], why: Edge) {
        if first.len().min(then.len()) < JUNCTION_MIN {
            for &before in first {
                then.iter().for_each(|&after| self.add(before, after, why));
            }
            return;
        }
        // As of an edge, the last reason stands: also where two of them had one of their own.
        let late: HashSet<_> = then.iter().map(|&after| index(after)).collect();
        let own = first.iter().flat_map(|&before| self.dag.edges(index(before)));
        let own = own.filter(|edge| late.contains(&edge.target()));
        for edge in own.map(|edge| edge.id()).collect::<Vec<_>>() {
            self.dag[edge] = why;
        }
        let junction = self.dag.add_node(None);
        for &before in first {
            self.dag.add_edge(index(before), junction, why);
        }
        for &after in then {
            self.dag.add_edge(junction, index(after), why);
        }
    }
}

/// A junction is for so many nodes on each side at least. With fewer, there are hardly more pairs than nodes.
const JUNCTION_MIN: usize = 8;

/// Kahn's algorithm; the smallest id first, so that the order is that of the script wherever it can be. A junction, which
/// has none, is passed at once.
fn order(dag: &Dag) -> Option<Vec<NodeId>> {
    let count = |node| dag.neighbors_directed(node, Direction::Incoming).count();
    let mut waiting: Vec<usize> = dag.node_indices().map(count).collect();
    let next = |node: NodeIndex<u32>| Reverse((dag[node], node));
    let ready = dag.node_indices().filter(|node| waiting[node.index()] == 0);
    let mut ready: BinaryHeap<_> = ready.map(next).collect();
    let mut order = Vec::with_capacity(dag.node_count());
    while let Some(Reverse((id, node))) = ready.pop() {
        order.extend(id);
        for after in dag.neighbors_directed(node, Direction::Outgoing) {
            waiting[after.index()] -= 1;
            if waiting[after.index()] == 0 {
                ready.push(next(after));
            }
        }
    }
    let nodes = dag.node_weights().flatten().count();
    (order.len() == nodes).then_some(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_very_many_wait_for_takes_no_longer_to_add_to() {
        let nodes = 100_000;
        let mut edges = Edges::default();
        for id in 0..nodes {
            edges.dag.add_node(Some(NodeId(id)));
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
