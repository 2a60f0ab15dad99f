//! Names that are meant by a pattern, in which `*` is any text and `?` any character.

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WildcardPart {
    /// Any text, also none.
    Many,
    /// Any character.
    One,
    /// This character.
    Is(char),
    /// A character that is in one of these ranges; or in none of them.
    Among(Vec<(char, char)>, bool),
}

impl WildcardPart {
    fn takes(&self, c: char) -> bool {
        match self {
            WildcardPart::Many | WildcardPart::One => true,
            WildcardPart::Is(wanted) => *wanted == c,
            WildcardPart::Among(ranges, inside) => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) == *inside
            }
        }
    }
}

/// Whether a name is meant by a pattern.
pub fn matches(pattern: &str, name: &str) -> bool {
    let part = |c| match c {
        '*' => WildcardPart::Many,
        '?' => WildcardPart::One,
        c => WildcardPart::Is(c),
    };
    fits(&pattern.chars().map(part).collect::<Vec<_>>(), name)
}

/// Whether a name is meant by a list of patterns: by one of them, and by none that comes after `!`.
pub fn list_matches<'a>(patterns: impl IntoIterator<Item = &'a str>, name: &str) -> bool {
    let mut found = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(denied) if matches(denied, name) => return false,
            Some(_) => {}
            None => found |= matches(pattern, name),
        }
    }
    found
}

/// Whether a name fits these parts. It remembers the last `*` only: when a later part does not fit, that one takes a character
/// more. To try each of them anew would take ages with ten of them.
pub fn fits(parts: &[WildcardPart], name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut seen, mut many) = (0, 0, None);
    while seen < name.len() {
        match parts.get(at) {
            Some(WildcardPart::Many) => {
                at += 1;
                many = Some((at, seen));
            }
            Some(part) if part.takes(name[seen]) => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((after, from)) = many else { return false };
                many = Some((after, from + 1));
                (at, seen) = (after, from + 1);
            }
        }
    }
    parts[at..].iter().all(|part| *part == WildcardPart::Many)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_pattern_is_the_regex_it_looks_like(pattern in "[aé*?]{0,8}", name in "[aé]{0,8}") {
            let regex = pattern.replace('?', ".").replace('*', ".*");
            let regex = regex::Regex::new(&format!("^{regex}$")).unwrap();
            prop_assert_eq!(matches(&pattern, &name), regex.is_match(&name));
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_longer() {
        let name = "a".repeat(100);
        assert!(!matches(&("*a".repeat(40) + "b"), &name));
        assert!(matches(&"*".repeat(1000), &name));
    }
}
