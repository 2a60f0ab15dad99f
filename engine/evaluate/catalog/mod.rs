//! What was declared: the nodes of all hosts, in the order of the script.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{
    base::{
        content::Digest,
        diagnostic::{Diagnostic, Place, Source},
    },
    resources::{
        change::Effect,
        kind::{
            Desired, DesiredResource, Kind,
            confirm::{self, Confirm},
        },
        resource::{Nature, Reaction},
    },
};

mod beyond;
mod block;
mod again;
mod contradiction;
mod fingerprint;
mod ground;
mod region;
mod settle;
mod stretch;

pub use self::{
    block::{Block, BlockId, BlockPart, Order},
    contradiction::Contradiction,
    region::{Around, ItemId, Regions, Turn},
    stretch::{CatalogMark, Stretch},
};
use self::{fingerprint::fingerprint, stretch::Owners};

/// Everything that a playbook declares.
#[derive(Default)]
pub struct Catalog {
    nodes: Vec<Node>,
    blocks: Vec<Block>,
    /// Of each host: what is owned there, and by which node.
    owners: HashMap<Arc<str>, Owners>,
    reacting: HashMap<NodeId, Vec<(NodeId, Reaction)>>,
    /// Where a resource stands once more, in order; the first place is its key.
    again: HashMap<NodeId, Vec<NodeId>>,
    /// The names of all that was left out.
    beyond: HashSet<Arc<str>>,
    /// Who reacts to a node and was left out.
    left_out: HashMap<NodeId, Vec<(Arc<str>, Reaction)>>,
    /// What a node reacts to and was left out.
    causes_left_out: HashMap<NodeId, Vec<(NodeName, Reaction)>>,
    /// How often a declaration met one that was there before: the same, one in conflict, or the same check.
    met: u32,
    texts: BTreeMap<Arc<str>, Source>,
}

/// A resource of a host.
pub struct Node {
    /// What it is called.
    pub name: NodeName,
    /// Its kind.
    pub kind: &'static dyn Kind,
    /// The part of the host that it owns.
    pub owns: Arc<str>,
    /// What it should be.
    pub desired: Desired,
    /// Where it was declared.
    pub declared: Declaration,
    /// The innermost block that it was declared in.
    pub block: BlockId,
    /// The nodes that come first because the script says so with `after` or `before`.
    pub after: Vec<NodeId>,
    /// What it does when others change.
    pub reactions: Vec<(NodeId, Reaction)>,
    /// Seconds that its step may take, if it says so.
    pub timeout: Option<u32>,
    /// How a change of it is confirmed.
    pub confirm: Confirm,
}

impl Node {
    fn new(
        host: &Arc<str>,
        kind: &'static dyn Kind,
        resource: DesiredResource,
        declared: Declaration,
        block: BlockId,
    ) -> Self {
        Self {
            name: NodeName::new(host, kind.name(), resource.key.into()),
            kind,
            owns: resource.owns.into(),
            desired: resource.desired,
            declared,
            block,
            after: Vec::new(),
            reactions: Vec::new(),
            timeout: resource.timeout,
            confirm: resource.confirm,
        }
    }

    /// Seconds within which somebody has to log in after a change of it, if that may keep everybody out.
    pub fn guard(&self, action: Option<Effect>) -> Option<u32> {
        match self.confirm {
            Confirm::Off => None,
            _ if self.kind.goes_down().is_some() => None,
            Confirm::Within(seconds) => Some(seconds),
            Confirm::WhereRisky => {
                self.kind.is_risky(&self.desired, action).then_some(confirm::SECONDS)
            }
        }
    }

    /// What tells two desired states apart: the digest of what would be run, content included.
    pub fn fingerprint(&self) -> Digest {
        fingerprint(&self.kind.apply(&self.desired, None))
    }

    /// What someone approves of it, as a digest that tells no secret to whoever can guess: of a resource that brings one, neither
    /// that counts nor any digest that was made of it.
    pub fn approvable(&self) -> Digest {
        fingerprint(&fingerprint::without_secrets(self.kind.apply(&self.desired, None)))
    }
}

/// A node's place in the catalog: the order of declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    /// Its place in lists that have one item for each node.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Which resource it is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NodeName {
    /// `web-1/file:/etc/motd`.
    pub node: Arc<str>,
    /// The host it belongs to.
    pub host: Arc<str>,
    /// Its kind.
    pub kind: Cow<'static, str>,
    /// What tells it from others of its kind.
    pub key: Arc<str>,
}

impl NodeName {
    /// The name of a resource of `host`.
    pub fn new(host: &Arc<str>, kind: &'static str, key: Arc<str>) -> Self {
        let node = [host, "/", kind, ":", &key].concat().into();
        Self { node, host: host.clone(), kind: kind.into(), key }
    }
}

/// Where a resource was declared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Declaration {
    /// The call that declared it.
    pub place: Place,
    /// The calls that led there, innermost first: each role with the place of its call.
    pub chain: Arc<[Frame]>,
}

/// A call that led to a declaration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// `role nginx`.
    pub what: String,
    /// Where it was called.
    pub place: Place,
}

impl Frame {
    /// The calls that lead to what is declared in this one, which is itself reached by `outer`.
    pub fn within(self, outer: &[Frame]) -> Arc<[Frame]> {
        std::iter::once(self).chain(outer.iter().cloned()).collect()
    }
}

/// Another node owns the same part of the host, and wants it otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// The node that was declared first.
    pub first: NodeId,
}

impl Catalog {
    /// An empty catalog, with the playbook as its only block.
    pub fn new() -> Self {
        let playbook = Block { parent: None, order: Order::PerHost };
        Self { blocks: vec![playbook], ..Self::default() }
    }

    /// Opens a block inside another one.
    pub fn open_block(&mut self, parent: BlockId, order: Order) -> BlockId {
        self.blocks.push(Block { parent: Some(parent), order });
        BlockId(
            u32::try_from(self.blocks.len() - 1).expect("a script is too short for 2^32 blocks"),
        )
    }

    /// Adds a node. One that says the same as an earlier one is that one, unless it is a check.
    ///
    /// # Errors
    /// [`Conflict`] when an earlier node owns the same thing and wants it otherwise.
    pub fn declare(
        &mut self,
        host: &Arc<str>,
        kind: &'static dyn Kind,
        resource: DesiredResource,
        declared: Declaration,
        block: BlockId,
    ) -> Result<NodeId, Conflict> {
        let mut resource = resource;
        let owners = self.owners.entry(host.clone()).or_default();
        if kind.nature() == Nature::Check {
            self.met += u32::from(number(owners, &mut resource));
        }
        if let Some(first) = owners.get(&resource.owns) {
            self.met += 1;
            let node = self.node(first);
            let same = node.kind.name() == kind.name()
                && node.fingerprint() == fingerprint(&kind.apply(&resource.desired, None));
            if !same {
                return Err(Conflict { first });
            }
            let known = &mut self.nodes[first.index()].timeout;
            *known = (*known).max(resource.timeout);
            let confirm = &mut self.nodes[first.index()].confirm;
            if resource.confirm != Confirm::WhereRisky {
                *confirm = resource.confirm;
            }
            return Ok(first);
        }
        let id = NodeId(
            u32::try_from(self.nodes.len()).expect("limits keep a catalog below 2^32 nodes"),
        );
        let node = Node::new(host, kind, resource, declared, block);
        owners.insert(node.owns.clone(), id);
        self.nodes.push(node);
        Ok(id)
    }

    /// The resource of a kind that owns a part of the host already, for a call that says nothing of it but its name.
    pub fn named(&mut self, host: &Arc<str>, kind: &dyn Kind, owns: &str) -> Option<NodeId> {
        let id = self.owners.get(host)?.get(owns)?;
        let is_one = self.node(id).kind.name() == kind.name();
        self.met += u32::from(is_one);
        is_one.then_some(id)
    }

    /// Says that `node` comes after `other`.
    pub fn order(&mut self, node: NodeId, other: NodeId) {
        self.nodes[node.index()].after.push(other);
    }

    /// Says of every around what it owes: all that comes after it, as soon as something of what comes before is begun.
    pub fn oblige(&mut self) {
        for around in Regions::of(self).arounds {
            for &outstanding in &around.after {
                around
                    .before
                    .iter()
                    .for_each(|&cause| self.react(outstanding, cause, Reaction::Afterwards));
            }
        }
    }

    /// Says what `node` does when `cause` changes.
    pub fn react(&mut self, node: NodeId, cause: NodeId, reaction: Reaction) {
        let reactions = &mut self.nodes[node.index()].reactions;
        if !reactions.contains(&(cause, reaction)) {
            reactions.push((cause, reaction));
            self.reacting.entry(cause).or_default().push((node, reaction));
        }
    }

    /// The nodes that react to `cause`, and how.
    pub fn reacting_to(&self, cause: NodeId) -> impl Iterator<Item = (NodeId, Reaction)> + '_ {
        self.reacting.get(&cause).into_iter().flatten().copied()
    }

    /// The node with this id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// Every node with its id, in the order of declaration.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = (NodeId, &Node)> + ExactSizeIterator {
        let id = |index: usize| NodeId(u32::try_from(index).expect("ids were made from indices"));
        self.nodes.iter().enumerate().map(move |(index, node)| (id(index), node))
    }

    /// Some nodes by their hosts, all in the order given.
    pub fn by_host(
        &self,
        nodes: impl IntoIterator<Item = NodeId>,
    ) -> IndexMap<Arc<str>, Vec<NodeId>> {
        let mut hosts: IndexMap<Arc<str>, Vec<NodeId>> = IndexMap::new();
        let mut nodes = nodes.into_iter().peekable();
        while let Some(first) = nodes.next() {
            // What is declared on a host mostly stands together: its name is looked for once then.
            let host = &self.node(first).name.host;
            let its = hosts.entry(host.clone()).or_default();
            its.push(first);
            while let Some(next) = nodes.next_if(|id| self.node(*id).name.host == *host) {
                its.push(next);
            }
        }
        hosts
    }

    /// The hosts that something is declared on.
    pub fn hosts(&self) -> impl Iterator<Item = Arc<str>> {
        self.by_host(self.nodes().map(|(id, _)| id)).into_keys()
    }

    /// Keeps the texts that declarations stand in, so that later errors can show them.
    pub fn keep_texts(&mut self, texts: BTreeMap<Arc<str>, Source>) {
        self.texts = texts;
    }

    /// Says where an error is: at the word that starts at `place`.
    pub fn locate(&self, diagnostic: Diagnostic, place: &Place) -> Diagnostic {
        match self.texts.get(&place.file) {
            Some(source) => diagnostic.at(source, source.word_at(place.line, place.column)),
            None => diagnostic,
        }
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nothing was declared.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Every block with its id; one stands behind the block around it.
    pub fn blocks(&self) -> impl Iterator<Item = (BlockId, &Block)> {
        let id = |index: usize| BlockId(u32::try_from(index).expect("ids were made from indices"));
        self.blocks.iter().enumerate().map(move |(index, block)| (id(index), block))
    }

    /// The blocks around a node, innermost first.
    pub fn blocks_around(&self, id: NodeId) -> impl Iterator<Item = (BlockId, &Block)> + '_ {
        let block = |id: BlockId| (id, &self.blocks[id.index()]);
        let innermost = Some(block(self.node(id).block));
        std::iter::successors(innermost, move |(_, inner)| inner.parent.map(block))
    }
}

/// A check owns nothing: the same one can stand in several places of a script, and each is a gate of its own. So can what
/// only reacts. Whether it is not the first.
fn number(owners: &Owners, resource: &mut DesiredResource) -> bool {
    let numbered = |number: usize, text: &str| match number {
        1 => text.to_owned(),
        _ => format!("{text} ({number})"),
    };
    let free = (1..).find(|number| owners.get(&numbered(*number, &resource.owns)).is_none());
    let free = free.expect("there are more numbers than nodes");
    (resource.key, resource.owns) = (numbered(free, &resource.key), numbered(free, &resource.owns));
    free > 1
}
