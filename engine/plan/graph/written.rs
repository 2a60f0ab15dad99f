//! The order in which declarations are written, as the blocks around them mean it.
//!
//! The blocks make a series-parallel order. Each block is known by its ends alone: what in it waits for nothing in it,
//! and what nothing in it waits for. So the edges between two blocks are those between their ends.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use super::{Edge, Edges};
use crate::evaluate::catalog::{BlockId, BlockPart, Catalog, NodeId, Order, Regions};

pub(super) fn add(catalog: &Catalog, regions: &Regions, edges: &mut Edges) {
    let mut open = vec![GraphReading::new(BlockId::default(), &Order::PerHost, None, None)];
    for (id, node) in catalog.nodes() {
        let mut path: Vec<_> = catalog.blocks_around(id).collect();
        path.reverse();
        // What is declared in a block stands together: a block that this node is not in is complete.
        let shared = open.iter().zip(&path).take_while(|(part, (id, _))| part.block == *id).count();
        close(&mut open, shared, edges);
        for (id, block) in &path[shared..] {
            let inner = GraphReading::new(*id, &block.order, regions.rolling_at(*id), open.last());
            open.push(inner);
        }
        if let Some(innermost) = open.last_mut() {
            innermost.push_node(&node.name.host, id, edges);
        }
    }
    close(&mut open, 1, edges);
}

/// Completes the innermost blocks, down to so many that stay open.
fn close(open: &mut Vec<GraphReading<'_>>, stay: usize, edges: &mut Edges) {
    while open.len() > stay {
        let complete = open.pop().map(GraphReading::ends);
        if let (Some(ends), Some(outer)) = (complete, open.last_mut()) {
            outer.push(ends, edges);
        }
    }
}

/// The nodes at one end of a part of the script.
#[derive(Default, Clone)]
struct WrittenEnd<'a> {
    /// As others see it who come before or after all of it.
    all: Vec<NodeId>,
    /// As others on the same host see it.
    on: HashMap<&'a Arc<str>, Vec<NodeId>>,
}

impl<'a> WrittenEnd<'a> {
    fn extend(&mut self, other: &WrittenEnd<'a>) {
        self.all.extend(&other.all);
        for (host, nodes) in &other.on {
            let known = self.on.entry(host).or_default();
            let new: Vec<_> = nodes.iter().filter(|node| !known.contains(node)).copied().collect();
            known.extend(new);
        }
    }
}

/// Both ends of a part of the script.
#[derive(Default)]
struct Ends<'a> {
    first: WrittenEnd<'a>,
    last: WrittenEnd<'a>,
    /// The rolling that it is: what comes after it goes on while that keeps to its limit.
    rolling: Option<usize>,
    /// Whether it is what an around owes.
    outstanding: bool,
}

impl<'a> Ends<'a> {
    fn of(host: &'a Arc<str>, node: NodeId) -> Self {
        let end = WrittenEnd { all: vec![node], on: HashMap::from([(host, vec![node])]) };
        Self { first: end.clone(), last: end, rolling: None, outstanding: false }
    }
}

/// A block that is being read.
struct GraphReading<'a> {
    block: BlockId,
    order: &'a Order,
    /// Whether what a script writes in it comes in that order across hosts.
    sequence: bool,
    rolling: Option<usize>,
    ends: Ends<'a>,
    /// The end of an around's body: what comes after the around depends on it as well as on what is outstanding.
    body: Option<WrittenEnd<'a>>,
}

impl<'a> GraphReading<'a> {
    fn new(
        block: BlockId,
        order: &'a Order,
        rolling: Option<usize>,
        outer: Option<&GraphReading<'_>>,
    ) -> Self {
        let sequence = match order {
            Order::Sequence | Order::Rolling { .. } | Order::Item { .. } => true,
            Order::PerHost | Order::Batch => false,
            Order::Around | Order::Part(_) => outer.is_some_and(|outer| outer.sequence),
        };
        Self { block, order, sequence, rolling, ends: Ends::default(), body: None }
    }

    /// Takes the node that is written next in this block. Most nodes only come after the last one on their host: where
    /// they are not made a block of one each, a graph of 100,000 of them is built in half the time.
    fn push_node(&mut self, host: &'a Arc<str>, node: NodeId, edges: &mut Edges) {
        if self.sequence || matches!(self.order, Order::Batch | Order::Around) {
            return self.push(Ends::of(host, node), edges);
        }
        match self.ends.last.on.entry(host) {
            Entry::Occupied(mut last) => {
                edges.join(last.get(), &[node], Edge::Declared);
                last.get_mut().clear();
                last.get_mut().push(node);
            }
            Entry::Vacant(last) => {
                last.insert(vec![node]);
                self.ends.first.on.insert(host, vec![node]);
            }
        }
    }

    /// Takes the block that is written next in this block.
    fn push(&mut self, next: Ends<'a>, edges: &mut Edges) {
        match self.order {
            Order::Batch => self.side_by_side(&next),
            // The parts of an around are in series, whatever is in them.
            Order::Around => self.in_series(next, edges),
            _ if self.sequence => self.in_series(next, edges),
            _ => self.per_host(next, edges),
        }
    }

    fn side_by_side(&mut self, next: &Ends<'a>) {
        self.ends.first.extend(&next.first);
        self.ends.last.extend(&next.last);
    }

    fn in_series(&mut self, next: Ends<'a>, edges: &mut Edges) {
        let why = match self.rolling.or(self.ends.rolling) {
            Some(rolling) => Edge::Batch(rolling),
            None => Edge::Sequence,
        };
        edges.join(&self.ends.last.all, &next.first.all, why);
        if self.ends.first.all.is_empty() {
            self.ends.first.all.clone_from(&next.first.all);
        }
        for (host, nodes) in next.first.on {
            self.ends.first.on.entry(host).or_insert(nodes);
        }
        if *self.order == Order::Around && !next.outstanding {
            self.body = Some(next.last.clone());
        }
        self.ends.last.all = next.last.all;
        self.ends.last.on.extend(next.last.on);
        self.ends.rolling = next.rolling;
    }

    fn per_host(&mut self, next: Ends<'a>, edges: &mut Edges) {
        for (host, nodes) in next.first.on {
            match self.ends.last.on.get(host) {
                Some(last) => edges.join(last, &nodes, Edge::Declared),
                None => drop(self.ends.first.on.insert(host, nodes)),
            }
        }
        self.ends.last.on.extend(next.last.on);
    }

    /// The ends of it, once it is complete.
    fn ends(mut self) -> Ends<'a> {
        if !self.sequence && !matches!(self.order, Order::Batch | Order::Around) {
            let all = |end: &WrittenEnd<'_>| end.on.values().flatten().copied().collect();
            self.ends.first.all = all(&self.ends.first);
            self.ends.last.all = all(&self.ends.last);
        }
        if let Some(body) = &self.body {
            self.ends.last.extend(body);
        }
        self.ends.rolling = self.rolling;
        self.ends.outstanding = *self.order == Order::Part(BlockPart::After);
        self.ends
    }
}
