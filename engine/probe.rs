//! Nodes of one host to one script that reads their state, and its output to observations.

use std::collections::HashMap;

use crate::{
    catalog::{Catalog, NodeId},
    content::Digest,
    prelude,
    resource::{Assessment, Reaction},
    script::Script,
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
}

/// What a host said.
#[derive(Debug, Default)]
pub struct Observations {
    /// What each node is like; or why it is not known.
    pub nodes: HashMap<NodeId, Result<Assessment, String>>,
    /// The reactions that an earlier run left owed.
    pub owed: Vec<Owed>,
}

/// A reaction that was announced and not yet paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
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

    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.splitn(4, '\t');
        let verb = parts.next()?;
        let reactions = [Reaction::Reload, Reaction::Restart, Reaction::Run];
        let reaction = reactions.into_iter().find(|reaction| reaction.verb() == verb)?;
        let [run, cause, node] = [parts.next()?, parts.next()?, parts.next()?].map(str::to_owned);
        Some(Self { node, reaction, cause, run })
    }
}

/// How many nodes one section reads, so that no list of arguments grows past what a host takes.
const SECTION_MAX: usize = 500;

impl Probe {
    /// A probe of `nodes`, all of one host. `boundary` is a word that nobody can guess: it keeps what a host
    /// prints from being taken for the frame around it.
    pub fn new(catalog: &Catalog, nodes: &[NodeId], boundary: &str) -> Self {
        let mut sections: Vec<Section> = Vec::new();
        let mut open: HashMap<&str, usize> = HashMap::new();
        for &id in nodes {
            let kind = catalog.node(id).kind.name();
            match open.get(kind) {
                Some(&at) if sections[at].nodes.len() < SECTION_MAX => sections[at].nodes.push(id),
                _ => {
                    open.insert(kind, sections.len());
                    sections.push(Section { nodes: vec![id] });
                }
            }
        }
        let mut script = prelude::script();
        script.push(sh!("frame() {{ printf '\\n%s %s\\n' {} \"$*\"; }}", boundary));
        script.push(sh!(
            "frame owed\nfor m in \"$STATE\"/pending/*; do if [ -f \"$m\" ]; then read -r line <\"$m\" && say \"$line\"; fi; done"
        ));
        for (index, section) in sections.iter().enumerate() {
            let batch: Vec<_> = section.nodes.iter().map(|id| &catalog.node(*id).desired).collect();
            let kind = catalog.node(section.nodes[0]).kind;
            let probe = kind.probe(&batch);
            script.push(sh!("frame begin {}\n(\n{}\n)\nframe end {} \"$?\"", index, probe, index));
        }
        Self { script, boundary: boundary.to_owned(), sections }
    }

    /// Reads what the script printed.
    pub fn read(&self, catalog: &Catalog, output: &str) -> Observations {
        let frames = Frames::parse(output, &self.boundary);
        let mut observations = Observations::default();
        observations.owed = frames.owed.lines().filter_map(Owed::parse).collect();
        for (index, section) in self.sections.iter().enumerate() {
            let Some(text) = frames.sections.get(&index) else {
                let missing = || Err("the host did not answer this part of the probe".to_owned());
                observations.nodes.extend(section.nodes.iter().map(|id| (*id, missing())));
                continue;
            };
            let batch: Vec<_> = section.nodes.iter().map(|id| &catalog.node(*id).desired).collect();
            let kind = catalog.node(section.nodes[0]).kind;
            match kind.assess(&batch, text) {
                Ok(assessments) => {
                    let nodes = section.nodes.iter().copied();
                    observations.nodes.extend(nodes.zip(assessments.into_iter().map(Ok)));
                }
                Err(error) => {
                    let nodes = section.nodes.iter();
                    observations.nodes.extend(nodes.map(|id| (*id, Err(error.to_string()))));
                }
            }
        }
        observations
    }
}

/// The parts of a probe's output.
#[derive(Default)]
struct Frames<'a> {
    owed: &'a str,
    sections: HashMap<usize, &'a str>,
}

impl<'a> Frames<'a> {
    /// Each part starts with a line `BOUNDARY owed`, `BOUNDARY begin N` or `BOUNDARY end N STATUS`.
    fn parse(output: &'a str, boundary: &str) -> Self {
        let mut frames = Self::default();
        let start = format!("\n{boundary} ");
        for part in output.split(start.as_str()).skip(1) {
            let (head, text) = part.split_once('\n').unwrap_or((part, ""));
            let mut words = head.split(' ');
            match (words.next(), words.next().and_then(|word| word.parse().ok())) {
                (Some("owed"), _) => frames.owed = text,
                (Some("begin"), Some(index)) => {
                    frames.sections.insert(index, text);
                }
                _ => {}
            }
        }
        frames
    }
}
