//! YAML 1.1, as PyYAML reads it: what a plain word means, and what a document says.

use std::{collections::HashMap, sync::LazyLock};

use indexmap::IndexMap;
use minijinja::{Error, value::Value};
use regex::Regex;
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::super::super::{container, wrong};

/// What a plain word means.
pub(super) enum Word {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    /// A date, `<<` or `=`, which mean more than their text.
    Special,
    Text,
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
pub(super) fn word(text: &str) -> Word {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Word::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Word::Bool(true);
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Word::Bool(false);
        }
        "<<" | "=" => return Word::Special,
        _ => {}
    }
    if is(&INT, text) {
        return int(text).map_or(Word::Text, Word::Int);
    }
    if is(&FLOAT, text) {
        return float(text).map_or(Word::Text, Word::Float);
    }
    if is(&TIME, text) { Word::Special } else { Word::Text }
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

/// What the documents of a text say.
pub(super) fn read(text: &str) -> Result<Vec<Value>, Error> {
    let mut reader = Reader { parser: Parser::new_from_str(text), anchors: HashMap::new() };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            Event::StreamEnd => return Ok(documents),
            Event::DocumentStart(_) => {
                let first = reader.next()?;
                documents.push(reader.node(first, 0)?);
            }
            _ => {}
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Value>,
}

/// How deep a document may be.
const DEPTH: usize = 200;

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, Error> {
        match self.parser.next() {
            Some(Ok((event, _))) => Ok(event),
            Some(Err(error)) => Err(wrong(format!("this is no YAML: {error}"))),
            None => Ok(Event::StreamEnd),
        }
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<Value, Error> {
        if depth > DEPTH {
            return Err(wrong("this YAML is too deep"));
        }
        let (anchor, value) = match event {
            Event::Alias(anchor) => {
                return self
                    .anchors
                    .get(&anchor)
                    .cloned()
                    .ok_or_else(|| wrong("this YAML names what is not there"));
            }
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, scalar(&text, style, tag.as_deref())?)
            }
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd | Event::StreamEnd => break,
                        event => items.push(self.node(event, depth + 1)?),
                    }
                }
                (anchor, container::list(items))
            }
            Event::MappingStart(anchor, _) => (anchor, self.map(depth)?),
            _ => return Ok(Value::from(())),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn map(&mut self, depth: usize) -> Result<Value, Error> {
        let mut entries = IndexMap::new();
        let mut merged = IndexMap::new();
        loop {
            let event = match self.next()? {
                Event::MappingEnd | Event::StreamEnd => break,
                event => event,
            };
            let merges =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node(event, depth + 1)?;
            let event = self.next()?;
            let value = self.node(event, depth + 1)?;
            if merges {
                let maps = match container::entries(&value) {
                    Ok(_) => vec![value],
                    Err(_) => container::items(&value)?,
                };
                for map in maps {
                    for (key, value) in container::entries(&map)? {
                        merged.entry(key).or_insert(value);
                    }
                }
            } else {
                entries.insert(key, value);
            }
        }
        // What is merged in comes first, and what is written out wins.
        for (key, value) in entries {
            merged.insert(key, value);
        }
        Ok(container::map(merged))
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, Error> {
    let own = || Value::from(text);
    if let Some(tag) = tag {
        return match tag.suffix.as_str() {
            "int" | "float" | "bool" | "null" => Ok(meant(text)),
            "str" => Ok(own()),
            other => Err(wrong(format!("the tag `{other}` means nothing here"))),
        };
    }
    Ok(if style == ScalarStyle::Plain { meant(text) } else { own() })
}

fn meant(text: &str) -> Value {
    match word(text) {
        Word::Null => Value::from(()),
        Word::Bool(value) => Value::from(value),
        Word::Int(value) => i64::try_from(value).map_or_else(|_| Value::from(value), Value::from),
        Word::Float(value) => Value::from(value),
        Word::Special | Word::Text => Value::from(text),
    }
}
