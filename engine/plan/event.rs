//! Everything that can happen in a run, as data. The report reads it; nothing else speaks to people.
//!
//! Written as JSON lines by `--format json`; `docs/events.md` describes each. [`VERSION`] grows when a reader of
//! an older one would misunderstand.

use std::{borrow::Cow, sync::Arc};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{
    base::diagnostic::{Diagnostic, Place},
    base::traffic::Traffic,
};
pub use crate::{
    evaluate::catalog::{Declaration, Frame, NodeName, Turn},
    plan::planner::{Cause, Planned},
    resources::resource::Unknown,
};

/// The version of the events, given in the first one.
pub const VERSION: u32 = 1;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run began.
    RunStarted {
        /// [`VERSION`].
        version: u32,
        /// The run's id, by which `converge show` finds it.
        run: String,
        /// `apply`, `plan` or another subcommand.
        command: String,
        /// The playbook, as the user named it.
        playbook: String,
        /// The options that it was given and that another command needs to mean the same: `-i`, `-e`, `-l`.
        options: Vec<String>,
        /// The approved plan that is applied, if it is one.
        approved: Option<String>,
        /// The file that the plan is kept in, if it is.
        #[serde(default)]
        output: Option<String>,
        /// What else a run that resumes this one is given: `--ask`, who must have signed the plan.
        #[serde(default)]
        more: Vec<String>,
        /// The folder that it was begun in.
        #[serde(default)]
        folder: String,
        /// How many hosts the inventory has.
        hosts: usize,
    },
    /// Something a role or the engine warns of.
    Warning {
        /// In one line.
        message: String,
        /// Where it comes from.
        place: Option<Place>,
    },
    /// An error in what the user gave. The run stops before any change.
    Error(Problem),
    /// What a script printed with `print`.
    Printed {
        /// The text.
        message: String,
        /// Where it was printed.
        place: Option<Place>,
    },
    /// A connection is being opened.
    Connecting {
        /// The host.
        host: Arc<str>,
    },
    /// A host answered and was logged in to.
    Connected {
        /// The host.
        host: Arc<str>,
    },
    /// A host could not be reached, or was lost; nothing more is done on it.
    Unreachable {
        /// The host.
        host: Arc<str>,
        /// What happened, in one line.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Another run holds a host; nothing more is done on it.
    Locked {
        /// The host.
        host: Arc<str>,
        /// Who holds it, in one line.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The state of a host is being read.
    Probing {
        /// The host.
        host: Arc<str>,
    },
    /// The resources of one host that are as they should be, in order. Those that stay so are told only here.
    Unchanged {
        /// The host.
        host: Arc<str>,
        /// The resources.
        resources: Vec<AsDeclared>,
    },
    /// What is planned for one resource that is not as it should be, or may not stay so.
    Planned {
        /// The resource.
        #[serde(flatten)]
        node: NodeName,
        /// Where it was declared.
        declared: Declaration,
        /// What is going to happen.
        plan: Planned,
        /// The turn that it belongs to, in a rolling.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn: Option<Turn>,
        /// Seconds within which somebody has to log in after it: else the host puts back what was there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        guarded: Option<u32>,
    },
    /// Something is planned on a host that may give a script another answer than it gave. What is made of that is planned and
    /// done in the same run.
    AnswerMayChange {
        /// The host.
        host: Arc<str>,
        /// The answer, as scripts write it.
        answer: String,
        /// Where it was first read.
        place: Place,
    },
    /// A host gives another answer than before, and the playbook declares something else by it: that is planned next.
    AnswerChanged {
        /// The host.
        host: Arc<str>,
        /// The answer, as scripts write it.
        answer: String,
        /// Where it was first read.
        place: Place,
    },
    /// All of the plan was told; also of one that follows from other answers.
    PlanFinished,
    /// A resource is being worked on.
    Started {
        /// The resource.
        #[serde(flatten)]
        node: NodeName,
    },
    /// A line that the step of a resource printed.
    Output {
        /// The resource.
        #[serde(flatten)]
        node: NodeName,
        /// The line, without its end. It comes from a host: it may hold anything.
        line: String,
    },
    /// A resource came to an end.
    Finished {
        /// The resource.
        #[serde(flatten)]
        node: NodeName,
        /// Where it was declared.
        declared: Declaration,
        /// How it ended.
        outcome: Outcome,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    /// What was changed on a host is being read again.
    Verifying {
        /// The host.
        host: Arc<str>,
        /// Which time, from 1.
        round: u32,
    },
    /// The run ended. Always the last event.
    Summary {
        /// What became of each host, by name.
        hosts: IndexMap<Arc<str>, HostSummary>,
        /// The exit status of converge.
        exit_status: u8,
        /// How long the run took, in milliseconds.
        duration_ms: u64,
    },
}

impl Event {
    /// The last event of a run that ended before a host was looked at.
    pub fn nothing_done(exit_status: u8) -> Self {
        Self::Summary { hosts: IndexMap::new(), exit_status, duration_ms: 0 }
    }
}

/// A resource that is as it should be. A fleet has many of them, so of each only what tells it from the others of its host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AsDeclared {
    /// Its kind.
    pub kind: Cow<'static, str>,
    /// What tells it from others of its kind.
    pub key: Arc<str>,
    /// The call that declared it.
    pub place: Place,
}

/// An error in what the user gave, without the text it is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The kind of the error, such as `inventory::unknown-key`.
    pub code: String,
    /// What is wrong, in one line.
    pub message: String,
    /// Where it is.
    pub place: Option<Place>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Other places that explain it, such as the calls that led there.
    pub related: Vec<Problem>,
}

impl From<&Diagnostic> for Problem {
    fn from(diagnostic: &Diagnostic) -> Self {
        Self {
            code: diagnostic.kind().to_owned(),
            message: diagnostic.message().to_owned(),
            place: diagnostic.place(),
            hint: diagnostic.hint_text().map(str::to_owned),
            related: diagnostic.others().iter().map(Self::from).collect(),
        }
    }
}

/// How a resource came to an end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing had to be done.
    Unchanged,
    /// It was changed.
    Changed,
    /// Its step, or its verification, failed.
    Failed(Box<Failure>),
    /// Its step took its change back: what was there before is there again.
    Reverted(Box<Failure>),
    /// It was not tried, because of another one.
    Skipped {
        /// The resource or host that failed.
        because: String,
    },
    /// It is not what the approved plan saw, and was left alone.
    Refused {
        /// What differs from the approved plan.
        reason: String,
    },
    /// The connection was lost while it ran.
    Unknown {
        /// What is known.
        message: String,
    },
}

impl Outcome {
    /// Its step, or its verification, failed.
    pub fn failed(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }

    /// Its step took its change back.
    pub fn reverted(failure: Failure) -> Self {
        Self::Reverted(Box::new(failure))
    }

    /// Whether its step was begun, so that something may be different from before.
    pub fn was_begun(&self) -> bool {
        match self {
            Self::Changed | Self::Failed(_) | Self::Reverted(_) | Self::Unknown { .. } => true,
            Self::Unchanged | Self::Skipped { .. } | Self::Refused { .. } => false,
        }
    }
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// What happened, in one line.
    pub message: String,
    /// The script that ran; none when the verification failed, or the script took its change back.
    pub command: Option<String>,
    /// Its exit status.
    pub exit_status: Option<i32>,
    /// The end of what it printed, both streams, as it arrived.
    pub output: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure of something that was no step, so that there is nothing to tell but what happened.
    pub fn told(message: impl Into<String>) -> Self {
        let (command, exit_status, output, hint) = (None, None, String::new(), None);
        Self { message: message.into(), command, exit_status, output, hint }
    }

    /// A resource that could not be looked at.
    pub fn unknown(unknown: &Unknown) -> Self {
        Self { hint: unknown.hint.clone(), ..Self::told(unknown.reason.clone()) }
    }
}

/// What became of a host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostSummary {
    /// Resources that were as they should be.
    pub unchanged: usize,
    /// Resources that were changed.
    pub changed: usize,
    /// Resources that would change; only for a plan.
    pub pending: usize,
    /// Resources that failed.
    pub failed: usize,
    /// Resources whose change was taken back.
    pub reverted: usize,
    /// Resources that were not tried.
    pub skipped: usize,
    /// Resources that the approved plan does not cover.
    pub refused: usize,
    /// Resources of which nobody knows how they ended.
    pub unknown: usize,
    /// Why the host could not be reached.
    pub unreachable: Option<String>,
    /// Who holds the host, if another run does.
    #[serde(default)]
    pub locked: Option<String>,
    /// What it cost to talk to it.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// Takes events. The engine does not know who listens.
pub trait Events: Send + Sync {
    /// Something happened.
    fn send(&self, event: Event);
}
