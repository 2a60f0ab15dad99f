//! What dpkg and apt say of packages.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::{self, Display},
};

use serde::Serialize;

use crate::resources::resource::Unknown;

/// What a probe prints where there is no dpkg.
pub const NO_DPKG: &str = "this host has no package manager that converge supports (apt)";

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

/// A package as dpkg lists it, under its own name or one that it provides.
#[derive(Debug)]
pub struct DpkgLine<'a> {
    /// The name.
    pub name: &'a str,
    /// The version.
    pub version: &'a str,
    /// How far it is installed.
    pub state: PackageState,
    /// What was not finished of its installation.
    pub unfinished: Option<&'static str>,
    /// Whether apt was told to leave it alone.
    pub held: bool,
    /// Whether it is a name that another one provides.
    pub provided: bool,
}

impl<'a> DpkgLine<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let [name, version, status] =
            <[&str; 3]>::try_from(line.split('\t').collect::<Vec<_>>()).ok()?;
        let provided = status == "provided";
        // Wanted, status, error: dpkg-query(1).
        let [wanted, status, error] = match status.as_bytes() {
            _ if provided => *b"ii ",
            [wanted, status] => [*wanted, *status, b' '],
            [wanted, status, error, ..] => [*wanted, *status, *error],
            _ => return None,
        };
        let unfinished = match (status, error) {
            (_, b'R') => Some("must be installed again"),
            (b'H', _) => Some("half installed"),
            (b'U', _) => Some("unpacked, not configured"),
            (b'F', _) => Some("half configured"),
            (b'W', _) => Some("waits for triggers"),
            (b't', _) => Some("has triggers pending"),
            _ => None,
        };
        let state = match status {
            _ if unfinished.is_some() => PackageState::Broken,
            b'i' => PackageState::Installed,
            b'c' => PackageState::Configuration,
            _ => PackageState::Missing,
        };
        Some(Self { name, version, state, unfinished, held: wanted == b'h', provided })
    }

    /// Whether it is the same package with its architecture.
    fn architecture_of(&self, plain: &Self) -> Option<&'a str> {
        self.name.strip_prefix(plain.name)?.strip_prefix(':')
    }
}

/// The version that apt would install.
#[derive(Debug, Default)]
pub enum Candidate {
    /// apt has not heard of the package.
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

/// What a probe printed of packages.
#[derive(Debug, Default)]
pub struct DpkgOutput<'a> {
    /// Whether there is no dpkg.
    pub without_dpkg: bool,
    /// The packages that dpkg knows, among those that were asked for.
    pub lines: Vec<DpkgLine<'a>>,
    /// The names that nothing is installed under.
    pub missing: HashSet<&'a str>,
    /// The versions that apt would install; none for a name that is only provided.
    pub candidates: BTreeMap<&'a str, Option<&'a str>>,
    /// Whether apt-cache failed.
    pub apt_failed: bool,
    /// The age of the index.
    pub age: Age,
    /// What else was said.
    words: Vec<&'a str>,
}

impl<'a> DpkgOutput<'a> {
    /// Reads it.
    pub fn new(output: &'a str) -> Self {
        let mut said = Self::default();
        let (mut heading, mut at, mut now, mut unread) = ("", None, None, false);
        for line in output.lines() {
            if line == NO_DPKG {
                said.without_dpkg = true;
            } else if let Some(words) = line.strip_prefix("?\t") {
                said.words.push(words);
            } else if let Some(name) = line.strip_prefix("missing\t") {
                said.missing.insert(name);
            } else if let Some(line) = DpkgLine::parse(line) {
                said.lines.push(line);
            } else if let Some(seconds) = line.strip_prefix("index at ") {
                at = seconds.parse::<u64>().ok();
            } else if line == "index unread" {
                unread = true;
            } else if let Some(seconds) = line.strip_prefix("index now ") {
                now = seconds.parse::<u64>().ok();
            } else if let Some(version) = line.strip_prefix("  Candidate: ") {
                said.candidates.insert(heading, (version != "(none)").then_some(version));
            } else if let Some(name) = line.strip_suffix(':').filter(|it| !it.starts_with(' ')) {
                heading = name;
            } else if !line.starts_with([' ', 'N']) && !line.is_empty() {
                said.apt_failed |= line.starts_with("apt-cache ended");
                said.words.push(line);
            }
        }
        said.age = match (at, now) {
            (Some(at), Some(now)) => Age::Seconds(now.saturating_sub(at)),
            _ if unread => Age::Unread,
            _ => Age::Unasked,
        };
        said.without_foreign()
    }

    /// A name without an architecture is that of the host's own, which is that of dpkg.
    fn without_foreign(mut self) -> Self {
        let own = self.lines.iter().find_map(|line| line.name.strip_prefix("dpkg:"));
        let Some(own) = own else { return self };
        let is_foreign = |pair: &[DpkgLine<'a>]| {
            let architecture = pair[1].architecture_of(&pair[0]);
            architecture.is_some_and(|it| it != own && it != "all")
        };
        let mut foreign: Vec<bool> = self.lines.windows(2).map(is_foreign).collect();
        foreign.push(false);
        let mut at = foreign.into_iter();
        let missing = &mut self.missing;
        self.lines.retain(|line| {
            let is_foreign = at.next().unwrap_or_default();
            if is_foreign {
                missing.insert(line.name);
            }
            !is_foreign
        });
        self
    }

    /// Why something is not known: what was said, or what nobody said.
    pub fn unknown(&self, nobody_said: &str) -> Unknown {
        const WORDS_MAX: usize = 3;
        match self.words.as_slice() {
            [] => Unknown::new(nobody_said),
            words => Unknown::new(words[..words.len().min(WORDS_MAX)].join("; ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_alone_is_that_of_the_own_architecture() {
        let said = DpkgOutput::new(
            "dpkg\t1\tii \ndpkg:amd64\t1\tii \nlibc6\t2\tii \nlibc6:i386\t2\tii \n\
             cow\t3\tii \ncow:all\t3\tii \n",
        );
        let names: Vec<&str> = said.lines.iter().map(|line| line.name).collect();
        assert_eq!(names, ["dpkg", "dpkg:amd64", "libc6:i386", "cow", "cow:all"]);
        assert!(said.missing.contains("libc6"));
    }

    #[test]
    fn the_age_of_an_index_is_told_in_words() {
        let age = |output| DpkgOutput::new(output).age;
        assert_eq!(age("index at 100\nindex now 3699"), Age::Seconds(3599));
        assert!(Age::Seconds(3599).is_fresh() && !Age::Seconds(3600).is_fresh());
        assert_eq!(age("index unread\nindex now 3699"), Age::Unread);
        assert_eq!(age("index now 3699"), Age::Unasked);
        assert!(!Age::Unread.is_fresh() && !age("").is_fresh());
        let text = |seconds| Age::Seconds(seconds).to_string();
        assert_eq!(text(60), "the package index is 1 minute old");
        assert_eq!(text(3 * 86_400), "the package index is 3 days old");
    }

    proptest! {
        #[test]
        fn any_output_is_read(output in "[a-z:\t\n .]{0,80}|\\PC*") {
            DpkgOutput::new(&output);
        }
    }
}
