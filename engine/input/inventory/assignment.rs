//! Variables of the command line: `NAME=VALUE`, or a file of them.

use super::{KINDS, toml::is_variable_name};
use crate::base::{
    diagnostic::{Diagnostic, Place, Result, Source},
    document::{Document, Item, toml_value},
    value::Value,
};

/// A variable that the command line sets, for all hosts and above all else.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// What it is set to.
    pub value: Value,
    /// Where, when it stands in a file.
    pub place: Option<Place>,
}

impl Assignment {
    /// Reads `NAME=VALUE`. A value that TOML reads is what it reads, except a number that would print
    /// otherwise than it was given: `version=1.10` is a text, so that it stays `1.10`.
    ///
    /// # Errors
    /// When it is no `NAME=VALUE`.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, given) = text.split_once('=').unwrap_or((text, ""));
        if !is_variable_name(name) || !text.contains('=') {
            let message = format!("`{}` is not an assignment", text.escape_debug());
            return Err(Diagnostic::new("inventory::assignment", message)
                .hint("write it as NAME=VALUE, or @FILE for a file of them"));
        }
        let value = match toml_value(given).map(|node| (Value::from(&node), node.item)) {
            Some((Value::Int(number), _)) if number.to_string() != given => given.into(),
            Some((Value::Float(number), _)) if number.to_string() != given => given.into(),
            Some((value, Item::Int(_) | Item::Float(_) | Item::Bool(_))) => value,
            Some((value, Item::List(_) | Item::Table(_))) => value,
            Some((value, Item::Text(_))) if given.starts_with(['"', '\'']) => value,
            _ => given.into(),
        };
        Ok(Self { name: name.to_owned(), value, place: None })
    }

    /// Reads a TOML file whose keys are variables.
    ///
    /// # Errors
    /// Where it is no TOML, or a key cannot be a variable.
    pub fn file(source: &Source) -> Result<Vec<Self>> {
        let document = Document::toml(source, KINDS)?;
        let table = document.table(document.root())?;
        table
            .iter()
            .map(|(name, entry)| {
                if !is_variable_name(name) {
                    let message =
                        format!("`{}` is not a valid name of a variable", name.escape_debug());
                    return Err(document.error("inventory::invalid-name", message, &entry.key));
                }
                let place = Some(document.place(entry.node.span.start));
                Ok(Self { name: name.clone(), value: Value::from(&entry.node), place })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_it_looks_like_and_prints_as_it_was_given() {
        let value = |text: &str| Assignment::parse(text).unwrap().value;
        assert_eq!(value("x=3"), Value::Int(3));
        assert_eq!(value("x=1.5"), Value::Float(1.5));
        assert_eq!(value("x=true"), Value::Bool(true));
        assert_eq!(value("x=[1]"), Value::List(vec![Value::Int(1)]));
        assert_eq!(value("x=\"3\""), "3".into());
        for text in
            ["1.10", "007", "0x10", "1_000", "+5", "1.2.3", "yes", "", "a=b", "2024-01-01 01:00:00"]
        {
            assert_eq!(value(&format!("x={text}")), text.into());
        }
    }

    #[test]
    fn what_sets_nothing_is_refused() {
        for text in ["x", "=1", "1x=1", "a-b=1", ""] {
            assert_eq!(Assignment::parse(text).unwrap_err().kind(), "inventory::assignment");
        }
        let file = Source::new("vars.toml", "a = 1\nb-c = 2\n");
        assert_eq!(Assignment::file(&file).unwrap_err().place().unwrap().line, 2);
    }
}
