//! What a host keeps of what was there before a run changed it, and what puts it back. Pure.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde::{Deserialize as _, Serialize};
use serde_json::Value as Json;

use super::guard::Guard;
use crate::{
    base::{content::Content, script::Script, value::Value},
    evaluate::catalog::{Catalog, NodeId},
    plan::planner::{Plan, Planned},
    resources::{
        before::Before,
        change::Effect,
        kinds,
        resource::{ArgumentError, Files, SourceTree},
    },
    sh,
};

/// What is kept of the nodes of a segment, in their order.
pub(super) struct Keeping {
    /// The run, as a name of files.
    pub(super) run: String,
    tag: String,
    count: usize,
    paths: HashSet<String>,
    /// What puts it back, in the order of the changes, and what reacts to that; none where nobody guards the segment.
    back: Option<(Vec<Script>, Script)>,
}

/// What one node has to keep.
#[derive(Default)]
pub(super) struct Kept {
    /// What comes before its step.
    pub(super) before: Script,
    /// What comes after a step that failed.
    pub(super) failed: Script,
}

/// A line that says how something was, for whoever undoes a run.
#[derive(Serialize)]
struct Record<'a> {
    node: &'a str,
    #[serde(flatten)]
    before: &'a Before,
    /// What it reacted to, and how.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    on: Vec<(&'static str, &'a str)>,
}

impl Keeping {
    /// Nothing is kept yet. `tag` tells what is from that of other segments.
    pub(super) fn new(run: &str, tag: &str, is_guarded: bool) -> Self {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let run = run.chars().map(|c| if plain(c) { c } else { '_' }).collect();
        let tag = tag.get(..12).unwrap_or(tag).to_owned();
        Self { run, tag, count: 0, paths: HashSet::new(), back: is_guarded.then(Default::default) }
    }

    /// Adds what a node changes.
    pub(super) fn of(&mut self, catalog: &Catalog, plan: &Plan, id: NodeId) -> Kept {
        let (node, planned) = (catalog.node(id), &plan.node(id).planned);
        let name = format!("{}:{}", node.name.kind, node.name.key);
        let mut kept = Kept::default();
        let change = planned.change();
        let change = change.filter(|it| !matches!(it.action, Effect::Refresh | Effect::Wait));
        let at_stake = node.kind.at_stake(&node.desired);
        if change.is_some() && self.back.is_some() {
            for path in at_stake {
                self.path(&mut kept, path, "", true);
            }
        }
        for before in change.iter().flat_map(|change| &change.before) {
            let line = |on| line(&Record { node: &name, before, on });
            match before {
                Before::Path { path, at_once, .. } => {
                    self.path(&mut kept, path, &line(Vec::new()), *at_once);
                }
                Before::Declared { kind, arguments } => {
                    kept.before.push(sh!("noted {}", line(Vec::new())));
                    if let Some((states, _)) = self.back.as_mut().filter(|_| at_stake.is_empty()) {
                        states.push(declared(kind, arguments));
                    }
                }
                Before::Lost { .. } => kept.before.push(sh!("noted {}", line(Vec::new()))),
            }
        }
        self.reaction(&mut kept, catalog, planned, id, &name);
        kept
    }

    fn reaction(
        &mut self,
        kept: &mut Kept,
        catalog: &Catalog,
        planned: &Planned,
        id: NodeId,
        name: &str,
    ) {
        let node = catalog.node(id);
        let Some(reaction) = planned.reactions().iter().map(|cause| cause.reaction).max() else {
            return;
        };
        if let Some((_, reactions)) = &mut self.back {
            let step = node.kind.react(&node.desired, reaction);
            // What it needs of the stage is gone by then.
            if step.contents.is_empty() {
                reactions.push(part(&step.script));
            }
        }
        let Some(before) = node.kind.declared(&node.desired) else { return };
        let own = |node: &str| match node.split_once('/') {
            Some((host, _)) if *host == *catalog.node(id).name.host => host.len() + 1,
            _ => 0,
        };
        let on = planned.reactions().iter().filter_map(|cause| {
            Some((cause.reaction.argument()?, &cause.node[own(&cause.node)..]))
        });
        let on: Vec<_> = on.collect();
        if !on.is_empty() {
            let record = Record { node: name, before: &before, on };
            kept.before.push(sh!("noted {}", line(&record)));
        }
    }

    /// Keeps what lies at a path, once for all of the segment.
    fn path(&mut self, kept: &mut Kept, path: &str, record: &str, at_once: bool) {
        if !self.paths.insert(path.to_owned()) {
            return;
        }
        self.count += 1;
        let number = format!("{}.{}-{}", self.run, self.tag, self.count);
        let now = if at_once { "now" } else { "" };
        kept.before.push(sh!("keep {} {} {} {}", number, path, record, now));
        kept.failed.push(sh!("unkept {} {}", number, path));
        if let Some((states, _)) = &mut self.back {
            states.push(part(&sh!("put_back {} {}", number, path)));
        }
    }

    /// What guards the segment, if somebody does.
    pub(super) fn guard(self, seconds: Option<u32>) -> Option<Guard> {
        let (back, reactions) = self.back?;
        let mut states = Script::default();
        back.into_iter().rev().for_each(|state| states.push(state));
        Some(Guard { seconds: seconds?, states, reactions })
    }
}

fn line(record: &Record<'_>) -> String {
    serde_json::to_string(record).expect("a record has only texts for its keys")
}

/// A part of what puts things back: what fails keeps nothing else from it.
fn part(script: &Script) -> Script {
    sh!("(set -eu\n{}\n) || failed=1", script)
}

/// What makes something so as it is declared.
fn declared(kind: &str, arguments: &serde_json::Map<String, Json>) -> Script {
    let declared = kinds::kind(kind).and_then(|kind| {
        let arguments = Value::deserialize(Json::Object(arguments.clone())).ok()?;
        Some((kind, kind.declare(arguments, &Nowhere).ok()?))
    });
    match declared {
        Some((kind, declared)) => part(&kind.apply(&declared.desired, None).script),
        None => sh!("failed=1"),
    }
}

/// What was there is not in the folder of a role.
struct Nowhere;

impl Files for Nowhere {
    fn source(&self, name: &str) -> Result<Vec<u8>, ArgumentError> {
        Err(ArgumentError::new("source", format!("there is no {name}")))
    }

    fn template(&self, name: &str, _: IndexMap<String, Value>) -> Result<Content, ArgumentError> {
        Err(ArgumentError::new("template", format!("there is no {name}")))
    }

    fn tree(&self, name: &str) -> Result<SourceTree, ArgumentError> {
        Err(ArgumentError::new("source", format!("there is no {name}")))
    }
}
