//! Nodes of one host to one script that reads their state, and its output to observations.

use std::{collections::HashMap, sync::Arc};

mod query;

pub use self::query::Queries;
use self::query::Query;
use crate::{
    catalog::{Catalog, NodeId},
    content::Digest,
    kind::{Assessed, Difference},
    prelude,
    resource::{Reaction, Unknown},
    script::{Room, Script},
    sh,
};

/// A script that reads the state of some nodes of a host, in one round trip.
pub struct Probe {
    /// The script.
    pub script: Script,
    boundary: String,
    sections: Vec<Section>,
}

/// The nodes of one kind: they are read together.
struct Section {
    nodes: Vec<NodeId>,
    query: Arc<Query>,
}

/// How a node differs, if it does; or why that is not known.
pub type Observed = Result<Option<Box<Difference>>, Box<Unknown>>;

/// What a host said.
#[derive(Debug, Default)]
pub struct Said {
    /// Of each node that was asked for.
    pub nodes: Vec<(NodeId, Observed)>,
    /// The reactions that an earlier run left owed.
    pub owed: Vec<Owed>,
}

/// What all hosts said.
#[derive(Debug, Default)]
pub struct Observations {
    /// By the ids of nodes. Nothing of those that were not asked for, or whose hosts did not answer.
    nodes: Vec<Option<Observed>>,
    /// The reactions that an earlier run left owed.
    pub owed: Vec<Owed>,
}

impl Observations {
    /// What was observed of a node.
    pub fn get(&self, id: NodeId) -> Option<&Observed> {
        self.nodes.get(id.index())?.as_ref()
    }
}

impl Extend<Said> for Observations {
    fn extend<T: IntoIterator<Item = Said>>(&mut self, all: T) {
        for said in all {
            for (id, observed) in said.nodes {
                if self.nodes.len() <= id.index() {
                    self.nodes.resize_with(id.index() + 1, || None);
                }
                self.nodes[id.index()] = Some(observed);
            }
            self.owed.extend(said.owed);
        }
    }
}

impl FromIterator<(NodeId, Observed)> for Observations {
    fn from_iter<T: IntoIterator<Item = (NodeId, Observed)>>(nodes: T) -> Self {
        let nodes = nodes.into_iter().collect();
        let mut all = Self::default();
        all.extend([Said { nodes, ..Said::default() }]);
        all
    }
}

/// A reaction that was announced and not yet paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
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

impl Owed {
    /// The name of the marker on the host.
    pub fn marker(node: &str, reaction: Reaction) -> String {
        Digest::of(format!("{node} {}", reaction.verb()).as_bytes()).as_str()[..32].to_owned()
    }

    /// What the marker holds: one line.
    pub fn line(&self) -> String {
        format!("{}\t{}\t{}\t{}", self.reaction.verb(), self.run, self.cause, self.node)
    }

    fn parse(line: &str, host: &Arc<str>) -> Option<Self> {
        let mut parts = line.splitn(4, '\t');
        let verb = parts.next()?;
        let reaction = Reaction::ALL.into_iter().find(|reaction| reaction.verb() == verb)?;
        let [run, cause, node] = [parts.next()?, parts.next()?, parts.next()?].map(str::to_owned);
        Some(Self { host: host.clone(), node, reaction, cause, run })
    }
}

/// How many nodes one section reads.
const SECTION_MAX: usize = 500;

/// What the path of a node may have besides its key, in bytes: the folder that all of its kind lie in.
const FOLDER_MAX: usize = 32;

impl Probe {
    /// A probe of `nodes`, all of one host. `boundary` is a word that nobody can guess: it keeps what a host
    /// prints from being taken for the frame around it.
    pub fn new(catalog: &Catalog, nodes: &[NodeId], boundary: &str, queries: &Queries) -> Self {
        let section = |nodes: Vec<NodeId>| {
            let batch: Vec<_> = nodes.iter().map(|id| &catalog.node(*id).desired).collect();
            Section { query: queries.about(catalog.node(nodes[0]).kind, &batch), nodes }
        };
        let sections: Vec<Section> = by_kind(catalog, nodes).into_iter().map(section).collect();
        let mut script = prelude::reading();
        script.push(sh!(
            "for m in \"$STATE\"/pending/*; do if [ -f \"$m\" ]; then read -r line <\"$m\" && say \"$line\"; fi; done"
        ));
        // Each line is a packet of its own to the connection, so one ends a part and begins the next.
        // What a part said on its standard error counts where it failed, so only then it is framed too.
        script.push(sh!(
            "frame() {{ printf '\\n%s %s\\n' {} \"$*\"; [ $2 = 0 ] || printf '\\n%s %s\\n' {} \"$*\" >&2; }}\nframe 0 0",
            boundary,
            boundary
        ));
        for (index, section) in sections.iter().enumerate() {
            script.push(&section.query.script);
            script.push(sh!("frame {} $ended", index + 1));
        }
        Self { script, boundary: boundary.to_owned(), sections }
    }

    /// Reads what the script printed, on its standard output and on its standard error.
    pub fn read(&self, catalog: &Catalog, output: &str, errors: &str) -> Said {
        let frames = Frames::parse(output, &self.boundary);
        let mut said = Said::default();
        said.nodes.reserve(self.sections.iter().map(|section| section.nodes.len()).sum());
        if let Some(first) = self.sections.first() {
            let host = &catalog.node(first.nodes[0]).name.host;
            let owed = frames.owed.lines().filter_map(|line| Owed::parse(line, host));
            said.owed = owed.collect();
        }
        for (index, section) in self.sections.iter().enumerate() {
            let nodes = section.nodes.iter().copied();
            match section.assess(catalog, frames.sections.get(&index)) {
                Ok(differences) => {
                    let boxed = |it: Assessed| it.map(|it| it.map(Box::new)).map_err(Box::new);
                    said.nodes.extend(nodes.zip(differences.into_iter().map(boxed)));
                }
                Err(reason) => {
                    let unknown = Box::new(explained(reason, words(errors, &self.boundary, index)));
                    said.nodes.extend(nodes.map(|id| (id, Err(unknown.clone()))));
                }
            }
        }
        said
    }
}

/// Some nodes in sections, in the order in which their kinds come, so that no list of words grows past what a host takes.
fn by_kind(catalog: &Catalog, nodes: &[NodeId]) -> Vec<Vec<NodeId>> {
    let mut sections: Vec<Vec<NodeId>> = Vec::new();
    let mut open: HashMap<&str, (usize, Room)> = HashMap::new();
    for &id in nodes {
        let node = catalog.node(id);
        let bytes = node.name.node.len() + FOLDER_MAX + node.kind.words(&node.desired);
        let (at, room) =
            open.entry(node.kind.name()).or_insert_with(|| (sections.len(), Room::of(SECTION_MAX)));
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

impl Section {
    fn assess(
        &self,
        catalog: &Catalog,
        answer: Option<&Answer<'_>>,
    ) -> Result<Vec<Assessed>, String> {
        match answer {
            Some(Answer { text, status: Some(0) }) => {
                let batch: Vec<_> =
                    self.nodes.iter().map(|id| &catalog.node(*id).desired).collect();
                self.query.assess(&batch, text).map_err(|error| error.to_string())
            }
            Some(Answer { status: Some(status), .. }) => {
                Err(format!("its probe ended with exit status {status}"))
            }
            _ => Err("the host did not answer this part of the probe".to_owned()),
        }
    }
}

/// What a host said on its standard error in a section that failed; up to its end, where it ended well.
fn words<'a>(errors: &'a str, boundary: &str, index: usize) -> &'a str {
    let start = format!("\n{boundary} ");
    let mut parts = errors.split(start.as_str());
    let mut text = parts.next().unwrap_or_default();
    for part in parts {
        // A section's mark stands at its end, under the number of the next one.
        let (mark, after) = part.split_once('\n').unwrap_or((part, ""));
        let ended = mark.split(' ').next().and_then(|number| number.parse::<usize>().ok());
        if ended.is_some_and(|ended| ended > index) {
            break;
        }
        text = after;
    }
    text
}

/// Why a section is not known, with the last that the host said about it.
fn explained(reason: String, words: &str) -> Unknown {
    const LINES: usize = 3;
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(LINES)..].join("; ");
    Unknown::new(if last.is_empty() { reason } else { format!("{reason}: {last}") })
}

/// The parts of a probe's output.
#[derive(Default)]
struct Frames<'a> {
    owed: &'a str,
    sections: HashMap<usize, Answer<'a>>,
}

/// What one section printed.
struct Answer<'a> {
    text: &'a str,
    /// How it ended; none when it was cut off.
    status: Option<i32>,
}

impl<'a> Frames<'a> {
    /// What is owed comes first. A line `BOUNDARY N STATUS` begins section N, and says how the one before it ended.
    fn parse(output: &'a str, boundary: &str) -> Self {
        let mut frames = Self::default();
        let start = format!("\n{boundary} ");
        let mut parts = output.split(start.as_str());
        let owed = parts.next().unwrap_or_default();
        for part in parts {
            frames.owed = owed;
            let (head, text) = part.split_once('\n').unwrap_or((part, ""));
            let Some((index, status)) = head.split_once(' ') else { continue };
            let Ok(index) = index.parse::<usize>() else { continue };
            if let Some(ended) = index.checked_sub(1).and_then(|it| frames.sections.get_mut(&it)) {
                ended.status = status.parse().ok();
            }
            frames.sections.insert(index, Answer { text, status: None });
        }
        frames
    }
}
