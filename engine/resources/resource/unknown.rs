//! What could not be looked at, and why.

use serde::{Deserialize, Serialize};

use crate::resources::change::Change;

/// What was observed of one resource, or why that is not known.
pub type Looked<T> = Result<T, Unknown>;

/// Why it is not known what a resource is like: in the words of the host where it said something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}")]
pub struct Unknown {
    /// Why, in one line.
    pub reason: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What is going to be done nevertheless, if anything, where something changes before it on its host that may bring
    /// what is missing.
    #[serde(skip)]
    pub otherwise: Option<Option<Box<Change>>>,
}

/// What hosts say, in the C locale, and what to do about it.
const HINTS: &[(&str, &str)] = &[
    (
        "ermission denied",
        "converge's user on the host lacks the permission: set `become` to run as root",
    ),
    (
        "not permitted",
        "converge's user on the host lacks the permission: set `become` to run as root",
    ),
    ("not found", "a program is missing on the host: install it in an earlier run"),
    ("rgument list too long", "declare less in one resource"),
    ("annot connect to the Docker daemon", "start Docker on the host, and run again"),
];

impl Unknown {
    /// A reason, and the hint that belongs to what it says.
    pub fn new(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        let known = HINTS.iter().find(|(said, _)| reason.contains(said));
        Self { hint: known.map(|(_, hint)| (*hint).to_owned()), reason, otherwise: None }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What is going to be done nevertheless, if anything, where something changes before it on its host that may bring
    /// what is missing.
    #[must_use]
    pub fn otherwise(mut self, change: Option<Change>) -> Self {
        self.otherwise = Some(change.map(Box::new));
        self
    }
}

/// A probe's output that cannot be read: the host is not what we take it for, or lies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read what the probe of {kind} printed: {message}")]
pub struct Unreadable {
    /// The kind whose probe it was.
    pub kind: &'static str,
    /// What is wrong with it.
    pub message: String,
}
