//! What is known of a package, whichever manager said it.

use std::fmt::{self, Display};

use serde::Serialize;

/// How far a package is installed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageState {
    /// Not at all.
    #[default]
    Missing,
    /// Removed, but its configuration is there.
    Configuration,
    /// Its installation did not finish.
    Broken,
    /// It is.
    Installed,
}

/// The version that would be installed.
#[derive(Debug, Default)]
pub(super) enum Candidate {
    /// The package manager does not know the package.
    #[default]
    Unheard,
    /// Nothing has just this name: others provide it, or nobody any more.
    Virtual,
    /// This one.
    Version(String),
}

/// How old the package index is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// Nobody asked, or nobody could tell.
    #[default]
    Unasked,
    /// It was never read.
    Unread,
    /// So many seconds.
    Seconds(u64),
}

/// Seconds after which an index is refreshed before it is relied on; `apt.sh` has it in minutes.
const FRESH: u64 = 3600;

impl Age {
    /// Whether it can be relied on.
    pub fn is_fresh(self) -> bool {
        matches!(self, Age::Seconds(seconds) if seconds < FRESH)
    }
}

impl Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match *self {
            Age::Unasked => return write!(f, "the age of the package index is unknown"),
            Age::Unread => return write!(f, "the package index was never fetched"),
            Age::Seconds(seconds) => match seconds {
                0..=7199 => (seconds / 60, "minute"),
                7200..=172_799 => (seconds / 3600, "hour"),
                _ => (seconds / 86_400, "day"),
            },
        };
        let plural = if number == 1 { "" } else { "s" };
        write!(f, "the package index is {number} {unit}{plural} old")
    }
}
