//! What dpkg and apt say of packages.

use std::collections::{BTreeMap, HashSet};

use super::super::state::{Age, PackageState};
use crate::resources::resource::Unknown;

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

/// What a probe printed of packages.
#[derive(Debug, Default)]
pub struct DpkgOutput<'a> {
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
            if let Some(words) = line.strip_prefix("?\t") {
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
