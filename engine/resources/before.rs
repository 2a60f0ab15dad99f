//! What was there before a change, as far as it can be put back. Pure.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// What was there before a change, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Before {
    /// What lies at a path, or that nothing does: the host keeps it.
    Path {
        /// The path.
        path: String,
        /// The kind that declares it with a `content`; `file`, if nothing else matters to it.
        kind: Cow<'static, str>,
        /// What that kind calls it.
        key: String,
        /// Whether it is kept before the step begins: what changes it does not hold it by itself.
        #[serde(skip)]
        at_once: bool,
    },
    /// What declares it as it was.
    Declared {
        /// The kind.
        kind: Cow<'static, str>,
        /// Its arguments.
        arguments: Map<String, Json>,
    },
    /// Nothing puts it back.
    Lost {
        /// Why.
        lost: Cow<'static, str>,
    },
}

impl Before {
    /// A file, of which a new one takes the place.
    pub fn file(path: &str) -> Self {
        Self::Path {
            path: path.to_owned(),
            kind: "file".into(),
            key: path.to_owned(),
            at_once: false,
        }
    }

    /// What lies at a path, whatever it is.
    pub fn path(path: &str) -> Self {
        Self::Path {
            path: path.to_owned(),
            kind: "file".into(),
            key: path.to_owned(),
            at_once: true,
        }
    }

    /// What declares it as it was; `()` in a script is null here.
    pub fn declared<const N: usize>(kind: &'static str, arguments: [(&str, Json); N]) -> Self {
        let arguments = arguments.into_iter().map(|(name, value)| (name.to_owned(), value));
        Self::Declared { kind: kind.into(), arguments: arguments.collect() }
    }

    /// Nothing puts it back, and why.
    pub fn lost(why: &'static str) -> Self {
        Self::Lost { lost: why.into() }
    }
}

/// The largest file that a host keeps, in bytes.
pub const KEPT_MAX: u64 = 8 << 20;
