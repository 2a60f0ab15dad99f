//! `version("1.10")`: a text that is compared as the version that it names.

use std::cmp::Ordering;

/// Words that name what comes before a release, in their order. A single letter is one only between two numbers: 1.0a1 comes
/// before 1.0, but 1.1.1a after 1.1.1.
const BEFORE_RELEASE: [&[&str]; 5] =
    [&["dev", "snapshot"], &["a", "alpha"], &["b", "beta"], &["pre", "preview"], &["c", "rc"]];

/// A version, as people and packages write them.
#[derive(Debug, Clone)]
pub(super) struct Version {
    text: String,
    /// What stands before a colon, as in the versions of Debian's packages.
    epoch: u64,
    /// What stands between its hyphens.
    sections: Vec<Vec<VersionPart>>,
}

/// A part of a version. The order of the variants is the order of versions that differ in this part; one that ends before it
/// has a zero there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum VersionPart {
    /// `~`, which comes before everything.
    Tilde,
    /// A place in [`BEFORE_RELEASE`].
    BeforeRelease(usize),
    Zero,
    Word(String),
    Number(u64),
}

impl Version {
    /// Reads a version: none where no number is in it, or one that is out of all bounds.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let trimmed = text.trim().to_ascii_lowercase();
        let (epoch, rest) = match trimmed.split_once(':') {
            Some((epoch, rest)) => (epoch.parse().ok()?, rest),
            None => (0, trimmed.as_str()),
        };
        let digit = |c: char| c.is_ascii_digit();
        let rest = rest.strip_prefix('v').filter(|it| it.starts_with(digit)).unwrap_or(rest);
        if !rest.contains(digit) {
            return None;
        }
        let mut sections: Vec<Vec<VersionPart>> = Vec::new();
        for section in rest.split('-') {
            let section = parts(section)?;
            // `1.0-rc1` is no revision of 1.0.
            match (section.first(), sections.last_mut()) {
                (Some(VersionPart::BeforeRelease(_)), Some(last)) => last.extend(section),
                _ => sections.push(section),
            }
        }
        Some(Self { text: text.to_owned(), epoch, sections })
    }

    /// As it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let section = |of: &Self, at: usize| of.sections.get(at).cloned().unwrap_or_default();
        let sections = (0..self.sections.len().max(other.sections.len()))
            .map(|at| compare(&section(self, at), &section(other, at)));
        self.epoch.cmp(&other.epoch).then(sections.fold(Ordering::Equal, Ordering::then))
    }
}

fn compare(one: &[VersionPart], other: &[VersionPart]) -> Ordering {
    let part =
        |parts: &[VersionPart], at: usize| parts.get(at).cloned().unwrap_or(VersionPart::Zero);
    let parts = (0..one.len().max(other.len())).map(|at| part(one, at).cmp(&part(other, at)));
    parts.fold(Ordering::Equal, Ordering::then)
}

/// The parts of a version, or of the revision after it; none where a number is out of all bounds.
fn parts(mut rest: &str) -> Option<Vec<VersionPart>> {
    let digit = |c: char| c.is_ascii_digit();
    let mut parts = Vec::new();
    let mut after_digit = false;
    while let Some(first) = rest.chars().next() {
        let same = |c: char| match first {
            first if digit(first) => digit(c),
            first => first.is_alphabetic() && c.is_alphabetic(),
        };
        let end = rest.find(|c| !same(c)).unwrap_or(rest.len()).max(first.len_utf8());
        let (part, later) = rest.split_at(end);
        rest = later;
        let part = match first {
            first if digit(first) => match part.parse().ok()? {
                0 => Some(VersionPart::Zero),
                number => Some(VersionPart::Number(number)),
            },
            '~' => Some(VersionPart::Tilde),
            first if first.is_alphabetic() => {
                Some(word(part, after_digit && rest.starts_with(digit)))
            }
            _ => None,
        };
        after_digit = digit(first);
        // `1.0~rc1` and `1.0-rc1` are the same.
        if matches!(
            (parts.last(), &part),
            (Some(VersionPart::Tilde), Some(VersionPart::BeforeRelease(_)))
        ) {
            parts.pop();
        }
        parts.extend(part);
    }
    Some(parts)
}

fn word(word: &str, between_numbers: bool) -> VersionPart {
    let may_be = word.len() > 1 || between_numbers;
    let before = BEFORE_RELEASE.iter().position(|words| may_be && words.contains(&word));
    before.map_or_else(|| VersionPart::Word(word.to_owned()), VersionPart::BeforeRelease)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_the_order_that_people_mean() {
        let ascending = [
            "0.9",
            "1.0~~",
            "1.0~",
            "1.0.dev3",
            "1.0a1",
            "1.0-beta.2",
            "1.0~rc1",
            "1.0-rc2",
            "1.0",
            "1.0-1",
            "1.0-1+b2",
            "1.0.1",
            "1.1.1a",
            "1.1.1k",
            "1.1.1w",
            "1.9",
            "1.10",
            "2",
            "11",
            "12.1",
            "12.10",
            "2024.1",
            "1:0.1",
        ];
        for (at, one) in ascending.iter().enumerate() {
            for (other_at, other) in ascending.iter().enumerate() {
                let [one, other] = [one, other].map(|text| Version::parse(text).unwrap());
                assert_eq!(one.compare(&other), at.cmp(&other_at), "{} {}", one.text, other.text);
            }
        }
        for same in [
            ["12", "12.0"],
            ["v1.2.0", "1.2"],
            ["1.0~rc1", "1.0-RC1"],
            ["01.2", "1.02"],
            ["1.0-0", "1"],
        ] {
            let [one, other] = same.map(|text| Version::parse(text).unwrap());
            assert_eq!(one.compare(&other), Ordering::Equal, "{same:?}");
        }
        assert!(
            ["", "sid", "x:1", "99999999999999999999999"]
                .map(Version::parse)
                .iter()
                .all(Option::is_none)
        );
    }
}
