//! Why a value does not fit where it was given, in words for the person who wrote it.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::base::diagnostic::did_you_mean;

/// How much of a text is shown, in characters.
const SHOWN_MAX: usize = 40;

/// Why a value does not fit. It is said without its subject, such as an argument's name, which serde does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Where it is in the value: `health.port`, `ports[0]`; empty for the value itself.
    pub path: String,
    /// What follows the subject: `takes a string, not the integer 644`.
    pub predicate: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// The key of a map that nobody asked for, if that is what is wrong.
    pub unknown_key: Option<String>,
}

impl Misfit {
    fn new(predicate: String, hint: Option<String>) -> Self {
        Self { path: String::new(), predicate, hint, unknown_key: None }
    }

    /// A map that lacks a key.
    pub fn missing(name: &str) -> Self {
        Self::new(format!("needs `{name}`"), None)
    }

    /// The same misfit, in a map that has it at `key`.
    #[must_use]
    pub fn at_key(self, key: &str) -> Self {
        self.below(key.to_owned())
    }

    /// The same misfit, in a list that has it at `index`.
    #[must_use]
    pub(super) fn at_index(self, index: usize) -> Self {
        self.below(format!("[{index}]"))
    }

    fn below(self, step: String) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        Self { path: [&step, dot, &self.path].concat(), ..self }
    }

    fn mismatch(given: Unexpected<'_>, wanted: &str) -> Self {
        let wanted = in_words(wanted);
        Self::new(format!("takes {wanted}, not {}", GivenValue(given)), instead(given, wanted))
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.predicate)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(format!("is not valid: {message}"), None)
    }

    fn invalid_type(given: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::mismatch(given, &wanted.to_string())
    }

    fn invalid_value(given: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::mismatch(given, &wanted.to_string())
    }

    fn unknown_variant(given: &str, known: &'static [&'static str]) -> Self {
        let choices = quoted(known).join(" or ");
        let hint = did_you_mean(given, known.iter().copied());
        Self::new(format!("takes {choices}, not {}", GivenValue(Unexpected::Str(given))), hint)
    }

    fn unknown_field(given: &str, known: &'static [&'static str]) -> Self {
        let hint = did_you_mean(given, known.iter().copied())
            .unwrap_or_else(|| format!("it takes {}", known.join(", ")));
        let unknown_key = Some(given.to_owned());
        Self { unknown_key, ..Self::new(format!("has no argument `{given}`"), Some(hint)) }
    }

    fn missing_field(name: &'static str) -> Self {
        Self::missing(name)
    }
}

/// What was given, with its text where it is short.
pub(super) struct GivenValue<'a>(pub(super) Unexpected<'a>);

impl fmt::Display for GivenValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Unexpected::Bool(value) => write!(f, "the boolean {value}"),
            Unexpected::Unsigned(value) => write!(f, "the integer {value}"),
            Unexpected::Signed(value) => write!(f, "the integer {value}"),
            Unexpected::Float(value) => write!(f, "the float {value:?}"),
            Unexpected::Str(text) if text.chars().count() > SHOWN_MAX => {
                let start: String = text.chars().take(SHOWN_MAX).collect();
                write!(f, "the string {start:?}…")
            }
            Unexpected::Str(text) => write!(f, "the string {text:?}"),
            Unexpected::Unit | Unexpected::Option => f.write_str("nothing"),
            // Only a secret is handed over as a newtype; its text is not in the error.
            Unexpected::NewtypeStruct => f.write_str("a secret"),
            Unexpected::Seq => f.write_str("a list"),
            Unexpected::Map => f.write_str("a map"),
            other => other.fmt(f),
        }
    }
}

/// What serde calls a type, in the words of the manual.
fn in_words(wanted: &str) -> &str {
    match wanted {
        "u8" => "an integer from 0 to 255",
        "u16" => "an integer from 0 to 65535",
        "u32" | "u64" | "usize" => "an integer of at least 0",
        "i8" | "i16" | "i32" | "i64" => "an integer",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        wanted if wanted.starts_with("struct ") => "a map",
        wanted => wanted,
    }
}

/// What to write instead. A number that should be a text only lacks its quotes, and in reverse order.
fn instead(given: Unexpected<'_>, wanted: &str) -> Option<String> {
    let add = |value: &dyn fmt::Display| {
        Some(format!("write \"{value}\"; convert a variable with .to_string()"))
    };
    match (given, wanted) {
        (Unexpected::Unsigned(value), "a string") => add(&value),
        (Unexpected::Signed(value), "a string") => add(&value),
        (Unexpected::Float(value), "a string") => add(&value),
        (Unexpected::Str(_), "a boolean") => Some("write true or false, without quotes".to_owned()),
        (Unexpected::Str(text), words) if words.contains("number") => {
            let number = text.parse::<i64>().ok()?;
            Some(format!("leave out the quotes: {number}"))
        }
        (Unexpected::NewtypeStruct, _) => Some(
            "this value is shown, so it cannot be a secret; content and templates can hold one"
                .to_owned(),
        ),
        _ => None,
    }
}

fn quoted(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| format!("{word:?}")).collect()
}
