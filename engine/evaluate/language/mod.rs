//! Rhai to catalog: playbooks and roles, evaluated in a sandbox.
//!
//! An evaluation is a function of the files, the inventory and what is known of the hosts. When a script asks
//! for what is not known yet, such as a fact, the evaluation ends with questions; whoever runs it gets the answers
//! and evaluates again. So no script ever waits for a host, and all hosts are asked at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    base::{
        diagnostic::{Place, Result, Source},
        reuse::Reuse,
        secret::Secret,
        value::Value,
    },
    evaluate::catalog::Catalog,
    input::inventory::Inventory,
};

mod asked;
mod backticks;
mod elsewhere;
mod names;
mod parameters;
mod sources;
mod unread;
mod version;
mod written;
mod handle;
mod orders;
mod scene;
mod host_ref;
mod state;
mod convert;
mod error;
mod call;
mod compare;
mod ordered;
mod known;
mod files;
mod declare;
mod property;
mod recording;
mod hosts;
mod rolling;
mod role_folders;
mod explain;
mod roles;
mod libraries;
mod sandbox;
mod lint;
mod manual;

pub use asked::Asked;
pub use lint::check;
pub use manual::Manual;
#[cfg(feature = "internals")]
pub use parameters::Type;
pub use parameters::{Parameter, Parameters};
pub use sources::{SourceEntry, SourceError, SourceSort, Sources};

/// What an evaluation starts from.
pub struct Input {
    /// The paths of the playbooks, as the user named them: each is as if it were written after the one before it.
    pub playbooks: Vec<String>,
    /// The files of the project.
    pub sources: Arc<dyn Sources>,
    /// The folders that roles are looked for in.
    pub roles: Vec<String>,
    /// The hosts.
    pub inventory: Arc<Inventory>,
    /// The answers so far.
    pub known: Known,
    /// Whether a block runs once for all hosts of which it reads the same.
    pub reuse: Reuse,
}

/// The answers to questions that earlier evaluations ended with.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Facts of hosts; [`Value::Null`] where what one says is no text.
    pub facts: BTreeMap<Arc<str>, Value>,
    /// What read-only commands printed, by host and command; [`Value::Null`] where that is no text.
    pub probes: BTreeMap<(Arc<str>, String), Value>,
    /// Secrets, by name.
    pub secrets: BTreeMap<String, Secret>,
    /// Hosts that were asked and did not answer: a block that asks one of them is left out.
    pub silent: BTreeSet<Arc<str>>,
}

/// What a script asks for and is not known yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// The facts of a host.
    Facts(Arc<str>),
    /// What a read-only command prints on a host.
    Probe {
        /// The host.
        host: Arc<str>,
        /// The command, for `sh`.
        command: String,
    },
    /// A secret.
    Secret {
        /// Its name.
        name: String,
        /// Where it was asked for.
        place: Place,
        /// The script that asked.
        script: Source,
    },
}

impl Question {
    /// The host that is asked, if one is.
    pub fn host(&self) -> Option<&Arc<str>> {
        match self {
            Question::Facts(host) | Question::Probe { host, .. } => Some(host),
            Question::Secret { .. } => None,
        }
    }
}

/// How an evaluation ended.
pub enum Evaluation {
    /// Everything is declared.
    Complete {
        /// What was declared.
        catalog: Box<Catalog>,
        /// What the scripts had to say.
        notes: Vec<Note>,
        /// What they were told of hosts, and where they first read it.
        asked: BTreeMap<Asked, Place>,
    },
    /// Something must be known first.
    Asks(BTreeSet<Question>),
}

/// What a script had to say.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Note {
    /// Whether it warns, or only tells.
    pub warning: bool,
    /// The text.
    pub message: String,
    /// Where it was said.
    pub place: Option<Place>,
}

/// What the `role.toml` of a role says; none if there is no such role.
pub fn parameters(input: Input, role: &str) -> Option<Result<Parameters>> {
    let state = state::Evaluating::new(input, Arc::new(|_| {}));
    let folder = role_folders::folder(&state, role)?;
    Some(roles::read_parameters(&state, &folder))
}

/// Is told of each host when the first thing is declared on it: nobody has to wait for the end of a long evaluation
/// to reach for its hosts.
pub type Begins = dyn Fn(&Arc<str>) + Send + Sync;

/// Evaluates a playbook, and tells nobody before the end.
///
/// # Errors
/// As [`evaluate_telling`].
pub fn evaluate(input: Input) -> Result<Evaluation> {
    evaluate_telling(input, Arc::new(|_| {}))
}

/// Evaluates a playbook.
///
/// # Errors
/// The first error in the playbook, a role or a template, with its place and the calls that led there.
pub fn evaluate_telling(input: Input, begins: Arc<Begins>) -> Result<Evaluation> {
    let state = state::Evaluating::new(input, begins);
    let (engine, errors) = sandbox::engine(&state);
    if let Some(error) = errors.into_iter().next() {
        return Err(error);
    }
    let ended = roles::run_playbooks(&engine, &state);
    state.finish(ended)
}
