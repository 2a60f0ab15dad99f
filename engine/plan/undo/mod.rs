//! What undoes a run: a playbook that declares things as they were. Pure.

mod literal;
mod record;

use std::fmt::Write as _;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use self::{
    literal::literal,
    record::{KeptState, UndoRecord},
};
use crate::{
    base::script::{Library, Script},
    resources::{before::Before, entry, kinds, prelude},
    sh,
};

/// How much of a text stands in a playbook, in bytes; of more there is a copy on its host.
const TEXT_MAX: usize = 64 * 1024;

/// How much of all texts of a host, in bytes: its answer has an end.
const TEXTS_MAX: usize = 1 << 20;

/// How a host is asked.
static KEPT: Library = Library::new("kept", &[include_str!("kept.sh")]);

/// Asks a host what it keeps of a run: nothing, if it keeps nothing of it.
pub fn asking(run: &str) -> Script {
    let functions = prelude::reading().then(entry::READABLE.script()).then(KEPT.script());
    functions.then(sh!(
        "[ -f \"$STATE/kept/\"{}.list ] || exit 0\nkept_of {} {} {}\nsay {}",
        run,
        run,
        TEXT_MAX.to_string(),
        TEXTS_MAX.to_string(),
        END
    ))
}

/// The last line of an answer that is whole.
const END: &str = "that is all";

/// What one host said.
pub struct SaidKept {
    /// The host.
    pub host: String,
    /// All of it.
    pub output: String,
}

/// Why there is no playbook.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritten {
    /// No host keeps anything of the run.
    #[error("no host that answered keeps anything of run {0}")]
    Nothing(String),
    /// The answer of a host was not whole, or cannot be read.
    #[error("{0} did not say all that it keeps")]
    Unreadable(String),
}

/// The playbook that undoes a run on the hosts that answered: on each, what was changed last is undone first.
///
/// # Errors
/// Where there is nothing to undo, or a host did not say all.
pub fn playbook(run: &str, said: &[SaidKept]) -> Result<String, Unwritten> {
    let mut text = format!("// Undoes run {run}, on each host what was changed last first.\n");
    let mut found = false;
    for SaidKept { host, output } in said {
        let unreadable = || Unwritten::Unreadable(host.clone());
        let output = match output.strip_suffix(&format!("{END}\n")) {
            Some(output) => output,
            None if output.is_empty() => continue,
            None => return Err(unreadable()),
        };
        let records = record::read(output).ok_or_else(unreadable)?;
        if records.is_empty() {
            continue;
        }
        found = true;
        let _ = write!(text, "\non(hosts({}), |host| {{\n", literal(&host.as_str().into()));
        block(records).iter().for_each(|line| _ = writeln!(text, "    {line}"));
        text += "});\n";
    }
    if found { Ok(text) } else { Err(Unwritten::Nothing(run.to_owned())) }
}

/// A declaration: a kind and its arguments; those of the one that was noted first count.
#[derive(Default)]
struct UndoDeclaration {
    kind: String,
    arguments: Map<String, Json>,
    /// What it undoes.
    nodes: Vec<String>,
    /// What it reacts to, and how.
    on: IndexMap<String, Vec<String>>,
}

/// What undoes all that a host keeps, line by line.
fn block(records: Vec<UndoRecord>) -> Vec<String> {
    let mut all: IndexMap<(String, String), UndoDeclaration> = IndexMap::new();
    let mut lines = Vec::new();
    for UndoRecord { node, before, kept, on } in records {
        let declared = match before {
            Before::Lost { lost } => {
                lines.push(comment(&format!("{node} cannot be undone: {lost}")));
                continue;
            }
            Before::Declared { kind, arguments } => Some((kind.into_owned(), arguments)),
            Before::Path { path, kind, key, .. } => {
                let declared = of_path(path, &kind, key, kept);
                if declared.is_none() {
                    lines.push(comment(&format!(
                        "{node} cannot be undone: its old state is no longer kept"
                    )));
                }
                declared
            }
        };
        let Some((kind, arguments)) = declared else { continue };
        let Some(first) = kinds::kind(&kind).map(|kind| kind.first()) else { continue };
        let key = arguments.get(first).map(ToString::to_string).unwrap_or_default();
        // What lies at a path is declared once, whatever it is.
        let owner = if first == "path" { "path".to_owned() } else { kind.clone() };
        let its = all.entry((owner, key)).or_default();
        if its.kind.is_empty() {
            its.kind = kind;
        } else if its.kind != kind {
            continue;
        }
        for (name, value) in arguments {
            // A reaction alone says nothing of the state.
            let known = its.arguments.entry(name).or_insert(Json::Null);
            if known.is_null() {
                *known = value;
            }
        }
        for (how, cause) in on {
            its.on.entry(how).or_default().push(cause);
        }
        if !its.nodes.contains(&node) {
            its.nodes.push(node);
        }
    }
    let (reacting, plain): (Vec<_>, Vec<_>) =
        all.into_values().partition(|declaration| !declaration.on.is_empty());
    let mut handles: IndexMap<String, Vec<String>> = IndexMap::new();
    for (number, declaration) in plain.iter().rev().chain(&reacting).enumerate() {
        let handle = format!("r{}", number + 1);
        lines.push(comment(&declaration.nodes.join(", ")));
        lines.push(format!("let {handle} = {};", declaration.call(&handles)));
        for node in &declaration.nodes {
            handles.entry(node.clone()).or_default().push(handle.clone());
        }
    }
    lines
}

impl UndoDeclaration {
    fn call(&self, handles: &IndexMap<String, Vec<String>>) -> String {
        let first = kinds::kind(&self.kind).map_or("", |kind| kind.first());
        let key = self.arguments.get(first).map(literal).unwrap_or_default();
        let others = self.arguments.iter().filter(|(name, _)| *name != first);
        let others = others.map(|(name, value)| format!("{}: {}", name_of(name), literal(value)));
        let on = self.on.iter().map(|(how, causes)| {
            let known = causes.iter().filter_map(|cause| handles.get(cause)).flatten();
            let known: Vec<&str> = known.map(String::as_str).collect();
            format!("{}: [{}]", name_of(how), known.join(", "))
        });
        let all: Vec<String> = others.chain(on).collect();
        match all.is_empty() {
            true => format!("{}({key})", self.kind),
            false => format!("{}({key}, #{{ {} }})", self.kind, all.join(", ")),
        }
    }
}

/// The name of an argument, which is a plain word or a quoted one.
fn name_of(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain);
    if is_plain { name.to_owned() } else { literal(&name.into()) }
}

fn comment(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    format!("// {}", text.chars().map(plain).collect::<String>())
}

/// What declares what was kept of a path.
fn of_path(
    path: String,
    kind: &str,
    key: String,
    kept: Option<KeptState>,
) -> Option<(String, Map<String, Json>)> {
    let declared = |kind: &str, arguments: Vec<(&str, Json)>| {
        let arguments = arguments.into_iter().map(|(name, value)| (name.to_owned(), value));
        Some((kind.to_owned(), arguments.collect()))
    };
    match kept? {
        KeptState::Nothing if kind == "unit" => {
            declared(kind, vec![("name", key.into()), ("absent", true.into())])
        }
        KeptState::Nothing => declared("absent", vec![("path", path.into())]),
        KeptState::Link(to) => {
            declared("link", vec![("path", path.into()), ("to", to.into()), ("force", true.into())])
        }
        KeptState::File { text: Some(text), .. } if kind == "unit" => {
            declared(kind, vec![("name", key.into()), ("content", text.into())])
        }
        KeptState::File { at, path, mode, owner, group, text } => {
            let (kind, content) = match text {
                Some(text) => ("file", ("content", text)),
                None => ("local_copy", ("from", at)),
            };
            let access = [("mode", mode), ("owner", owner), ("group", group)];
            let access = access.into_iter().map(|(name, value)| (name, value.into()));
            let first = [("path", path.into()), (content.0, content.1.into())];
            declared(kind, first.into_iter().chain(access).collect())
        }
    }
}

#[cfg(test)]
mod tests;
