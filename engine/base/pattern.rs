//! A regular expression that means the same to the `awk` of any host and to converge.
//!
//! What a plan shows is computed here, and what a step does is computed there: both must find the same lines. So a
//! pattern is one that gawk, mawk, busybox and [`regex`] read alike, byte by byte; all else is refused with a way out.

use std::{iter::Peekable, str::Chars};

use regex::bytes::{Regex, RegexBuilder};

/// A pattern that was checked.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// In one line, with the text.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// For what some `awk` reads in another way or not at all, with what to write instead.
    pub fn new(text: &str) -> Result<Self, Refused> {
        let refused = |message: &str, hint: Option<&str>| Refused {
            message: format!("the pattern `{}` {message}", text.escape_debug()),
            hint: hint.map(str::to_owned),
        };
        check(text).map_err(|(message, hint)| refused(message, Some(hint)))?;
        let regex = RegexBuilder::new(text).unicode(false).build();
        let regex = regex.map_err(|error| {
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default();
            refused(&format!("is not valid: {}", reason.trim_start_matches("error: ")), None)
        })?;
        Ok(Self { text: text.to_owned(), regex })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is found in a line.
    pub fn is_in(&self, line: &[u8]) -> bool {
        self.regex.is_match(line)
    }
}

type PatternRefusal = (&'static str, &'static str);

/// Where a reader of the pattern stands.
#[derive(Clone, Copy, PartialEq)]
enum Preceding {
    /// Nothing of this alternative was read yet.
    Start,
    /// The anchor that opens it.
    Anchor,
    /// Something that can be repeated.
    Atom,
    /// Something that is repeated already.
    Repeated,
}

const EMPTY: PatternRefusal =
    ("has an empty part", "leave the part out, or make the group optional with `?`");

fn check(text: &str) -> Result<(), PatternRefusal> {
    let mut chars = text.chars().peekable();
    let mut before = Preceding::Start;
    while let Some(c) = chars.next() {
        before = match c {
            '\\' => escape(chars.next())?,
            '[' => bracket(&mut chars)?,
            '(' => {
                if chars.peek() == Some(&'?') {
                    return Err((
                        "has a group that starts with `?`",
                        "groups are plain `(...)`; there is no look-around",
                    ));
                }
                Preceding::Start
            }
            ')' if before == Preceding::Start => return Err(EMPTY),
            ')' => Preceding::Atom,
            '|' if before == Preceding::Start => return Err(EMPTY),
            '|' => Preceding::Start,
            '*' | '+' | '?' if before == Preceding::Atom => Preceding::Repeated,
            '*' | '+' | '?' => {
                return Err((
                    "repeats what cannot be repeated",
                    "`*`, `+` and `?` follow what they repeat, once; write `\\*` for a star",
                ));
            }
            '{' | '}' => {
                return Err((
                    "has a count in braces, which Debian's awk does not support",
                    "repeat the part itself; `\\{` is a literal brace",
                ));
            }
            '^' if before == Preceding::Start => Preceding::Anchor,
            '^' => {
                return Err((
                    "has a `^` that is not at the start",
                    "write `\\^` for the character",
                ));
            }
            '$' if matches!(chars.peek(), None | Some(')' | '|')) => Preceding::Anchor,
            '$' => {
                return Err(("has a `$` that is not at the end", "write `\\$` for the character"));
            }
            ' '..='~' => Preceding::Atom,
            _ => return Err(("has a character that is not ASCII", "write `.*` in its place")),
        };
    }
    if before == Preceding::Start { Err(EMPTY) } else { Ok(()) }
}

fn escape(c: Option<char>) -> Result<Preceding, PatternRefusal> {
    match c {
        Some(
            '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$' | '\\'
            | '/',
        ) => Ok(Preceding::Atom),
        Some('d') => Err(("has `\\d`", "write `[0-9]`")),
        Some('s' | 't') => Err(("has a space as `\\s` or `\\t`", "write `[[:space:]]`")),
        Some('w') => Err(("has `\\w`", "write `[[:alnum:]_]`")),
        Some('b') => Err(("has `\\b`", "write what is beside the word, such as `([[:space:]]|$)`")),
        _ => Err(("has a backslash before a character that needs none", "leave the backslash out")),
    }
}

/// The rest of `[...]`, after the bracket that opens it.
fn bracket(chars: &mut Peekable<Chars<'_>>) -> Result<Preceding, PatternRefusal> {
    chars.next_if_eq(&'^');
    let mut previous = None;
    loop {
        let Some(c) = chars.next() else {
            return Err(("has a `[` without its `]`", "write `\\[` for the character"));
        };
        match c {
            ']' if previous.is_none() => {
                return Err(("has an empty `[]`", "write `\\]` for the character"));
            }
            ']' => return Ok(Preceding::Atom),
            '[' if chars.peek() == Some(&':') => class(chars)?,
            '[' => return Err(("has a `[` in brackets", "write `\\[` outside of them")),
            '\\' => {
                return Err((
                    "has a backslash in brackets",
                    "in brackets nothing needs one; write `\\\\` outside of them",
                ));
            }
            '-' if !(previous.is_none()
                || chars.peek() == Some(&']')
                || in_range(previous, chars.peek())) =>
            {
                return Err((
                    "has a range that is not one of letters or digits",
                    "put a literal `-` first or last in the brackets",
                ));
            }
            '-' if previous.is_some() && chars.peek() != Some(&']') => {
                chars.next();
                // After a range, another `-` would start one from its end.
                previous = Some('[');
                continue;
            }
            '&' | '~' | '-' if chars.peek() == Some(&c) => {
                return Err(("has a character twice in brackets", "once is enough"));
            }
            ' '..='~' => {}
            _ => {
                return Err((
                    "has a character that is not ASCII",
                    "write `.` in the place of the brackets",
                ));
            }
        }
        previous = Some(c);
    }
}

fn in_range(from: Option<char>, to: Option<&char>) -> bool {
    let (Some(from), Some(&to)) = (from, to) else { return false };
    let both = |of: fn(&char) -> bool| of(&from) && of(&to);
    from <= to
        && (both(char::is_ascii_digit)
            || both(char::is_ascii_lowercase)
            || both(char::is_ascii_uppercase))
}

/// The rest of `[:name:]`, from its first colon.
fn class(chars: &mut Peekable<Chars<'_>>) -> Result<(), PatternRefusal> {
    let rest: String = chars.clone().collect();
    let names = ["alnum", "alpha", "blank", "digit", "lower", "punct", "space", "upper", "xdigit"];
    let known = names.iter().find(|name| rest.starts_with(&format!(":{name}:]")));
    let Some(name) = known else {
        return Err(("has an unknown character class", "such as `[[:space:]]` or `[[:digit:]]`"));
    };
    chars.nth(name.len() + 2);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_awk_reads_alike_is_taken() {
        for good in [
            "^#?Port ",
            "a|b$",
            "(^|[[:space:]])x+$",
            "[^a-z0-9_.-]*",
            "\\.conf$",
            "^$",
            ".",
            "a(b)?c",
            "[-a]",
            "[*?(){}|$.]",
            "net\\.ipv4",
            "^[^#]*[[:digit:]]+",
        ] {
            Pattern::new(good).unwrap_or_else(|error| panic!("{good}: {error:?}"));
        }
    }

    #[test]
    fn what_some_awk_reads_in_another_way_is_refused() {
        for bad in [
            "",
            "\\d",
            "\\s+",
            "\\w",
            "\\bx",
            "\\<x",
            "\\-",
            "a*?",
            "a**",
            "^*",
            "*a",
            "+",
            "(?i)a",
            "(?=a)",
            "a{2}",
            "a}",
            "a^",
            "a$b",
            "(|a)",
            "a|",
            "|a",
            "()",
            "(a",
            "a)",
            "[a",
            "[]a]",
            "[a\\]]",
            "[[a]",
            "[[.a.]]",
            "[[:word:]]",
            "[z-a]",
            "[a-Z]",
            "[!-/]",
            "[a--]",
            "[a&&b]",
            "[0-9-a]",
            "é",
            "[é]",
            "a\tb",
            "a\\",
            "[^]",
        ] {
            assert!(Pattern::new(bad).is_err(), "{bad}");
        }
    }
}
