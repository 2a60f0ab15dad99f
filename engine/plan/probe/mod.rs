//! Nodes of one host to one script that reads their state, and its output to observations.

use std::{borrow::Cow, collections::BTreeSet, ops::Range, sync::Arc};

mod frames;
mod look;
mod query;

pub use self::query::Queries;
use self::{frames::Frames, look::PathList, query::Query};
use crate::{
    base::{
        content::Digest,
        script::{Library, Room, Script},
    },
    evaluate::catalog::{Catalog, NodeId},
    resources::{
        kind::{Assessed, Difference},
        prelude,
        resource::{self, Looked, Nature, Reaction, Unknown, Unreadable},
    },
    sh,
};

/// A script that reads the state of some nodes of a host, in one round trip.
pub struct Probe {
    /// The script.
    pub script: Script,
    /// How many bytes its answer may bring along.
    pub brings: usize,
    boundary: String,
    sections: Vec<ProbeSection>,
}

/// The nodes of one kind: they are read together.
struct ProbeSection {
    nodes: Vec<NodeId>,
    query: Arc<Query>,
    /// Which of the host's lists of paths are about them.
    lists: Range<usize>,
}

/// How a node differs, if it does; or why that is not known.
pub type Observed = Result<Option<Box<Difference>>, Box<Unknown>>;

/// What a host said.
#[derive(Debug, Default)]
pub struct ProbeOutput {
    /// Of each node that was asked for.
    pub nodes: Vec<(NodeId, Observed)>,
    /// The reactions that an earlier run left outstanding.
    pub outstanding: Vec<Outstanding>,
    /// The host, if something works there in this moment, or a run that was killed left something.
    pub left: Option<Arc<str>>,
}

/// What all hosts said.
#[derive(Debug, Default)]
pub struct Observations {
    /// By the ids of nodes. Nothing of those that were not asked for, or whose hosts did not answer.
    nodes: Vec<Option<Observed>>,
    /// The reactions that an earlier run left outstanding.
    pub outstanding: Vec<Outstanding>,
    /// The hosts where something works in this moment, or where runs that were killed left something.
    pub left: BTreeSet<Arc<str>>,
}

impl Observations {
    /// Adds what was observed of other nodes.
    pub fn add(&mut self, others: Self) {
        let count = self.nodes.len().max(others.nodes.len());
        self.nodes.resize_with(count, || None);
        for (known, other) in self.nodes.iter_mut().zip(others.nodes) {
            *known = other.or(known.take());
        }
        self.outstanding.extend(others.outstanding);
        self.left.extend(others.left);
    }

    /// What was observed of a node.
    pub fn get(&self, id: NodeId) -> Option<&Observed> {
        self.nodes.get(id.index())?.as_ref()
    }
}

impl Extend<ProbeOutput> for Observations {
    fn extend<T: IntoIterator<Item = ProbeOutput>>(&mut self, all: T) {
        for said in all {
            for (id, observed) in said.nodes {
                if self.nodes.len() <= id.index() {
                    self.nodes.resize_with(id.index() + 1, || None);
                }
                self.nodes[id.index()] = Some(observed);
            }
            self.outstanding.extend(said.outstanding);
            self.left.extend(said.left);
        }
    }
}

impl FromIterator<(NodeId, Observed)> for Observations {
    fn from_iter<T: IntoIterator<Item = (NodeId, Observed)>>(nodes: T) -> Self {
        let nodes = nodes.into_iter().collect();
        let mut all = Self::default();
        all.extend([ProbeOutput { nodes, ..ProbeOutput::default() }]);
        all
    }
}

/// A reaction that was announced and not yet paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outstanding {
    /// The host that keeps the marker: that of the node that changed.
    pub host: Arc<str>,
    /// The node that reacts.
    pub node: String,
    /// What it does.
    pub reaction: Reaction,
    /// The node that changed.
    pub cause: String,
    /// The run that was cut short.
    pub run: String,
}

impl Outstanding {
    /// The name of the marker on the host.
    pub fn marker(node: &str, reaction: Reaction) -> String {
        Digest::of(format!("{node} {}", reaction.verb()).as_bytes()).as_str()[..32].to_owned()
    }

    /// What the marker holds: one line.
    pub fn line(&self) -> String {
        format!("{}\t{}\t{}\t{}", self.reaction.verb(), self.run, self.cause, self.node)
    }

    /// Asks a host for all that is outstanding there.
    pub fn script() -> Script {
        prelude::reading().then(OUTSTANDING.script()).then(sh!("all_outstanding; say {}", END))
    }

    /// What a host answered, if it did to the end.
    pub fn read(said: &str, host: &Arc<str>) -> Option<Vec<Self>> {
        let lines = said.strip_suffix('\n')?.strip_suffix(END)?.lines();
        Some(lines.filter_map(|line| Self::parse(line, host)).collect())
    }

    fn parse(line: &str, host: &Arc<str>) -> Option<Self> {
        let mut parts = line.splitn(4, '\t');
        let verb = parts.next()?;
        let reaction = Reaction::ALL.into_iter().find(|reaction| reaction.verb() == verb)?;
        let [run, cause, node] = [parts.next()?, parts.next()?, parts.next()?].map(str::to_owned);
        Some(Self { host: host.clone(), node, reaction, cause, run })
    }
}

/// The functions that tell what is outstanding on a host, and that print [`LEFT`] where something works or was left.
static OUTSTANDING: Library = Library::new("outstanding", &[include_str!("outstanding.sh")]);

/// What tells of that. No marker is one word.
const LEFT: &str = "left";

/// What an answer of nothing but markers ends with; none looks like this.
const END: &str = "that is all";

/// How many nodes one section reads.
const SECTION_MAX: usize = 500;

/// What the path of a node may have besides its key, in bytes: the folder that all of its kind lie in.
const FOLDER_MAX: usize = 32;

impl Probe {
    /// A probe of `nodes`, all of one host. `boundary` is a word that nobody can guess: it keeps what a host
    /// prints from being taken for the frame around it.
    pub fn new(catalog: &Catalog, nodes: &[NodeId], boundary: &str, queries: &Queries) -> Self {
        let mut begin = 0;
        let section = |nodes: Vec<NodeId>| {
            let batch: Vec<_> = nodes.iter().map(|id| &catalog.node(*id).desired).collect();
            let query = queries.about(catalog.node(nodes[0]).kind, &batch);
            let lists = begin..begin + query.lists.len();
            begin = lists.end;
            ProbeSection { nodes, query, lists }
        };
        let sections: Vec<ProbeSection> =
            by_kind(catalog, nodes).into_iter().map(section).collect();
        let lists = lists(&sections);
        let mut script = prelude::reading();
        let followed = sections.iter().flat_map(|section| &section.query.followed);
        script.push(resource::followed(&followed.map(|it| it.as_str().into()).collect::<Vec<_>>()));
        script.push(frames::begin(boundary));
        script.push(look::kept(&lists));
        let looks = look::together(&lists);
        let parts = looks.iter().map(|look| (Cow::Owned(look::script(&lists[look.clone()])), look));
        let own = sections.iter().map(|it| (Cow::Borrowed(&it.query.script), &it.lists));
        for (index, (part, lists)) in parts.chain(own).enumerate() {
            frames::push(&mut script, index, &part, &look::named(lists.clone()));
        }
        // A step writes down what it owes before it changes anything. So what is outstanding is read last: nothing is seen that was changed, and not
        // what is outstanding for it, though a run that is gone works there.
        let outstanding = OUTSTANDING.script().then(sh!("all_outstanding\nleft_over"));
        frames::push(&mut script, looks.len() + sections.len(), &outstanding, &Script::default());
        let brings = nodes.iter().map(|id| brings(catalog, *id)).sum();
        Self { script, brings, boundary: boundary.to_owned(), sections }
    }

    /// Reads what the script printed, on its standard output and on its standard error.
    pub fn read(&self, catalog: &Catalog, output: &str, errors: &str) -> ProbeOutput {
        let frames = Frames::parse(output, errors, &self.boundary);
        let lists = lists(&self.sections);
        let looks = look::together(&lists);
        let outstanding = frames.text(looks.len() + self.sections.len());
        let mut said = ProbeOutput::default();
        said.nodes.reserve(self.sections.iter().map(|section| section.nodes.len()).sum());
        if let Some(first) = self.sections.first() {
            let host = &catalog.node(first.nodes[0]).name.host;
            if let Ok(outstanding) = &outstanding {
                said.outstanding =
                    outstanding.lines().filter_map(|line| Outstanding::parse(line, host)).collect();
                said.left = outstanding.lines().any(|line| line == LEFT).then(|| host.clone());
            }
        }
        let looked = look::read(&lists, &looks, &frames);
        for (index, section) in (looks.len()..).zip(&self.sections) {
            let nodes = section.nodes.iter().copied();
            let looked = &looked[section.lists.clone()];
            match section.assess(catalog, looked, (&frames, index)) {
                Ok(differences) => {
                    let boxed = |it: Assessed| it.map(|it| it.map(Box::new)).map_err(Box::new);
                    said.nodes.extend(nodes.zip(differences.into_iter().map(boxed)));
                }
                Err(unknown) => {
                    let unknown = Box::new(unknown);
                    said.nodes.extend(nodes.map(|id| (id, Err(unknown.clone()))));
                }
            }
        }
        // What may be outstanding to it is not known to be as declared.
        if let Err(unknown) = outstanding {
            for (_, seen) in said.nodes.iter_mut().filter(|(_, seen)| seen.is_ok()) {
                *seen = Err(Box::new(unknown.clone()));
            }
        }
        said
    }
}

/// How much is said of a resource, in bytes, besides its name and what it brings along: what lies there, whose it is, what
/// it holds.
const WORDS_MAX: usize = 512;

fn brings(catalog: &Catalog, id: NodeId) -> usize {
    let node = catalog.node(id);
    // Its name stands in each part that is about it.
    WORDS_MAX + 4 * node.name.node.len() + node.kind.brings(&node.desired)
}

/// Some nodes in sections, in the order in which their kinds come, so that no list of words grows past what a host takes.
fn by_kind(catalog: &Catalog, nodes: &[NodeId]) -> Vec<Vec<NodeId>> {
    let mut sections: Vec<Vec<NodeId>> = Vec::new();
    let mut open: Vec<((Nature, &str), usize, Room)> = Vec::new();
    for &id in nodes {
        let node = catalog.node(id);
        let bytes = node.name.node.len() + FOLDER_MAX + node.kind.words(&node.desired);
        // What stands in the script once more, only to react, has the name of its kind, and is not asked.
        let kind = (node.kind.nature(), node.kind.name());
        // There are few kinds: a list is searched faster than a map.
        let known = open.iter().position(|(it, ..)| *it == kind);
        let place = known.unwrap_or_else(|| {
            open.push((kind, sections.len(), Room::of(SECTION_MAX)));
            open.len() - 1
        });
        let (_, at, room) = &mut open[place];
        if !room.takes(bytes) {
            *at = sections.len();
        }
        match sections.get_mut(*at) {
            Some(section) => section.push(id),
            None => sections.push(vec![id]),
        }
    }
    sections
}

impl ProbeSection {
    /// How its nodes differ, by what a host said of its lists, and then itself.
    fn assess(
        &self,
        catalog: &Catalog,
        looked: &[Looked<String>],
        (frames, index): (&Frames<'_>, usize),
    ) -> Looked<Vec<Assessed>> {
        let mut said = Cow::Borrowed(frames.text(index)?);
        if !looked.is_empty() {
            let looked = looked.iter().map(|part| part.as_deref().map_err(Unknown::clone));
            said = looked.chain([Ok(&*said)]).collect::<Looked<String>>()?.into();
        }
        let batch: Vec<_> = self.nodes.iter().map(|id| &catalog.node(*id).desired).collect();
        let unreadable = |error: Unreadable| frames.explained(index, error.to_string());
        self.query.assess(&batch, &said).map_err(unreadable)
    }
}

/// All lists of paths of a host, in the order of its sections.
fn lists(sections: &[ProbeSection]) -> Vec<&PathList> {
    sections.iter().flat_map(|section| &section.query.lists).collect()
}
