//! YAML 1.1, as PyYAML reads it: what a plain word means. `yes` is true, and `0644` is octal.

use std::sync::LazyLock;

use regex::Regex;

/// What a plain word means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PlainWord {
    /// Nothing.
    Null,
    /// Yes or no, also by the words that YAML 1.2 has no more.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A number with a fraction.
    Float(f64),
    /// A date, `<<` or `=`, which mean more than their text.
    Special,
    /// Itself.
    Text,
}

/// How much all aliases of a text may stand for, in values: more than any inventory has, and less than fills the memory.
const ALIASED_MAX: usize = 1 << 20;

/// How much is read of a text. What an alias stands for counts each time: ten lines can stand for a thousand million values, and
/// for a depth that no stack has room for.
#[derive(Default)]
pub struct Extent {
    values: usize,
    /// The depth of the deepest value since the one that is read was begun.
    reach: usize,
    aliased: usize,
}

/// A value that is read, and what was read before it.
pub struct Begun {
    depth: usize,
    before: usize,
    reach: usize,
}

/// How much an anchor stands for.
#[derive(Debug, Clone, Copy)]
pub struct Anchored {
    values: usize,
    height: usize,
}

impl Extent {
    /// Begins a value at this depth.
    pub fn begin(&mut self, depth: usize) -> Begun {
        let (before, reach) = (self.values, self.reach);
        self.values = before.saturating_add(1);
        self.reach = depth;
        Begun { depth, before, reach }
    }

    /// Ends it.
    pub fn end(&mut self, begun: Begun) -> Anchored {
        let Begun { depth, before, reach } = begun;
        let anchored = Anchored { values: self.values - before, height: self.reach - depth };
        self.reach = self.reach.max(reach);
        anchored
    }

    /// Whether there is room at this depth for what an alias stands for.
    pub fn takes(&mut self, anchored: Anchored, depth: usize, deepest: usize) -> bool {
        let reach = depth + anchored.height;
        self.values = self.values.saturating_add(anchored.values);
        self.aliased = self.aliased.saturating_add(anchored.values);
        self.reach = self.reach.max(reach);
        reach <= deepest && self.aliased <= ALIASED_MAX
    }
}

fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static FLOAT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
    )
});
static INT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$",
    )
});
static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)$",
    )
});

fn is(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// Reads a plain word.
pub fn word(text: &str) -> PlainWord {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return PlainWord::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return PlainWord::Bool(true);
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return PlainWord::Bool(false);
        }
        "<<" | "=" => return PlainWord::Special,
        _ => {}
    }
    if is(&INT, text) {
        return int(text).map_or(PlainWord::Text, PlainWord::Int);
    }
    if is(&FLOAT, text) {
        return float(text).map_or(PlainWord::Text, PlainWord::Float);
    }
    if is(&TIME, text) { PlainWord::Special } else { PlainWord::Text }
}

/// The sign of a number, and its digits.
fn signed(text: &str) -> (i128, String) {
    let text = text.replace('_', "");
    match text.strip_prefix('-') {
        Some(digits) => (-1, digits.to_owned()),
        None => (1, text.strip_prefix('+').unwrap_or(&text).to_owned()),
    }
}

fn int(text: &str) -> Option<i128> {
    let (sign, digits) = signed(text);
    let number = if let Some(digits) = digits.strip_prefix("0b") {
        i128::from_str_radix(digits, 2).ok()?
    } else if let Some(digits) = digits.strip_prefix("0x") {
        i128::from_str_radix(digits, 16).ok()?
    } else if digits.len() > 1 && digits.starts_with('0') {
        i128::from_str_radix(&digits, 8).ok()?
    } else {
        // Hours, minutes and seconds.
        digits
            .split(':')
            .try_fold(0_i128, |sum, part| sum.checked_mul(60)?.checked_add(part.parse().ok()?))?
    };
    Some(sign * number)
}

fn float(text: &str) -> Option<f64> {
    let (sign, digits) = signed(text);
    let digits = digits.to_lowercase();
    let number = match digits.as_str() {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        _ => digits
            .split(':')
            .try_fold(0.0, |sum, part| Some(sum * 60.0 + part.parse::<f64>().ok()?))?,
    };
    Some(sign as f64 * number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_word_is_what_yaml_1_1_makes_of_it() {
        assert_eq!(
            ["yes", "Off", "~", ""].map(word),
            [PlainWord::Bool(true), PlainWord::Bool(false), PlainWord::Null, PlainWord::Null]
        );
        for (text, number) in
            [("0644", 420), ("0x1F", 31), ("1_000", 1000), ("-7", -7), ("1:30", 90), ("0b11", 3)]
        {
            assert_eq!(word(text), PlainWord::Int(number), "{text}");
        }
        assert_eq!(
            ["1.5", "1.e+3", "-.inf"].map(word),
            [PlainWord::Float(1.5), PlainWord::Float(1000.0), PlainWord::Float(f64::NEG_INFINITY)]
        );
        for text in ["1.2.3", "0o17", "08", "1e3", "y", "n", "10.0.0.1", "1:99", "1_", "-"] {
            assert_eq!(
                word(text),
                if text == "1_" { PlainWord::Int(1) } else { PlainWord::Text },
                "{text}"
            );
        }
        assert_eq!(word("2024-01-01"), PlainWord::Special);
    }
}
