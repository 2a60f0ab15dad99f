//! TOML or JSON text as values that know their place.

use std::ops::Range;

use indexmap::IndexMap;
use serde_json::value::RawValue;
use toml::de::{DeTable, DeValue};

use crate::base::{
    diagnostic::{Diagnostic, Place, Result, Source, did_you_mean},
    value::Value,
};

/// A text that was read: what it holds, and how its errors are called.
#[derive(Debug)]
pub struct Document {
    /// The text.
    pub source: Source,
    root: DocumentNode,
    kinds: Kinds,
    /// Where each line starts. A program may print a hundred thousand values, all on one line: to count from the
    /// start for each of their places would take seconds.
    lines: Vec<usize>,
    /// Whether each character is one byte.
    ascii: bool,
}

/// The kinds of error that any document can have, such as `inventory::syntax`.
#[derive(Debug, Clone, Copy)]
pub struct Kinds {
    /// The text cannot be read at all.
    pub syntax: &'static str,
    /// A key that nobody asks for.
    pub unknown_key: &'static str,
    /// A value of another type than is needed.
    pub wrong_type: &'static str,
}

/// A value, and the bytes where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentNode {
    /// The bytes of the value.
    pub span: Range<usize>,
    /// The value.
    pub item: Item,
}

/// What a value can be. A date is a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// JSON's `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text.
    Text(String),
    /// Values in order.
    List(Vec<DocumentNode>),
    /// Values by name, in the order they were written.
    Table(Table),
}

/// Values by name.
pub type Table = IndexMap<String, DocumentEntry>;

/// A value of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentEntry {
    /// The bytes of its name.
    pub key: Range<usize>,
    /// The value.
    pub node: DocumentNode,
}

impl Document {
    /// Reads TOML.
    ///
    /// # Errors
    /// Where the text is no TOML.
    pub fn toml(source: &Source, kinds: Kinds) -> Result<Self> {
        let syntax = |message: &str, span: Option<Range<usize>>| {
            Diagnostic::new(kinds.syntax, message).at(source, span.unwrap_or_default())
        };
        let root = DeTable::parse(&source.text).map_err(|e| syntax(e.message(), e.span()))?;
        let span = root.span();
        let root = from_toml(span, DeValue::Table(root.into_inner()))
            .map_err(|span| syntax("the number does not fit in 64 bits", Some(span)))?;
        Ok(Self::new(source, root, kinds))
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// Where the text is no JSON.
    pub fn json(source: &Source, kinds: Kinds) -> Result<Self> {
        let root = serde_json::from_str(&source.text)
            .and_then(|raw| from_json(raw, &source.text, 0))
            .map_err(|error| {
                let span = source.word_at(error.line(), error.column());
                let message = error.to_string();
                let message = message.split(" at line ").next().unwrap_or_default();
                Diagnostic::new(kinds.syntax, message).at(source, span)
            })?;
        Ok(Self::new(source, root, kinds))
    }

    /// What a text holds that was read elsewhere.
    pub fn new(source: &Source, root: DocumentNode, kinds: Kinds) -> Self {
        let starts = source.text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        Self { source: source.clone(), root, kinds, lines, ascii: source.text.is_ascii() }
    }

    /// The place of a byte offset: that of [`Source::place`].
    pub fn place(&self, offset: usize) -> Place {
        let line = self.lines.partition_point(|&start| start <= offset);
        let before = &self.source.text[self.lines[line - 1]..offset];
        let column = 1 + if self.ascii { before.len() } else { before.chars().count() };
        Place { file: self.source.name.clone(), line, column }
    }

    /// The whole text as one value.
    pub fn root(&self) -> &DocumentNode {
        &self.root
    }

    /// The fields of the whole text.
    ///
    /// # Errors
    /// When the text is no table.
    pub fn fields(&self) -> Result<Fields<'_>> {
        self.fields_of(&self.root)
    }

    /// The fields of a value.
    ///
    /// # Errors
    /// When it is no table.
    pub fn fields_of<'a>(&'a self, node: &'a DocumentNode) -> Result<Fields<'a>> {
        Ok(Fields { document: self, table: self.table(node)?, asked: Vec::new() })
    }

    /// The value as a table.
    ///
    /// # Errors
    /// When it is none.
    pub fn table<'a>(&self, node: &'a DocumentNode) -> Result<&'a Table> {
        match &node.item {
            Item::Table(table) => Ok(table),
            _ => Err(self.wrong_type(node, "a table")),
        }
    }

    /// The value as a list.
    ///
    /// # Errors
    /// When it is none.
    pub fn list<'a>(&self, node: &'a DocumentNode) -> Result<&'a [DocumentNode]> {
        match &node.item {
            Item::List(list) => Ok(list),
            _ => Err(self.wrong_type(node, "a list")),
        }
    }

    /// The value as a text.
    ///
    /// # Errors
    /// When it is none.
    pub fn text<'a>(&self, node: &'a DocumentNode) -> Result<&'a str> {
        match &node.item {
            Item::Text(text) => Ok(text),
            _ => Err(self.wrong_type(node, "a string")),
        }
    }

    /// An error at some bytes of this text.
    pub fn error(&self, kind: &'static str, message: String, span: &Range<usize>) -> Diagnostic {
        Diagnostic::new(kind, message).at(&self.source, span.clone())
    }

    /// The error of a value that is not of the type that is needed.
    pub fn wrong_type(&self, node: &DocumentNode, expected: &str) -> Diagnostic {
        let message = format!("expected {expected}, not {}", node.item.type_name());
        self.error(self.kinds.wrong_type, message, &node.span)
            .label(format!("this is {}", node.item.type_name()))
    }
}

impl Item {
    /// The type, for messages: `a string`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Item::Null => "nothing",
            Item::Bool(_) => "a boolean",
            Item::Int(_) => "an integer",
            Item::Float(_) => "a float",
            Item::Text(_) => "a string",
            Item::List(_) => "a list",
            Item::Table(_) => "a table",
        }
    }
}

impl From<&DocumentNode> for Value {
    fn from(node: &DocumentNode) -> Self {
        match &node.item {
            Item::Null => Value::Null,
            Item::Bool(value) => Value::Bool(*value),
            Item::Int(value) => Value::Int(*value),
            Item::Float(value) => Value::Float(*value),
            Item::Text(text) => Value::Text(text.clone()),
            Item::List(nodes) => Value::List(nodes.iter().map(Value::from).collect()),
            Item::Table(table) => {
                let value =
                    |(name, entry): (&String, &DocumentEntry)| (name.clone(), (&entry.node).into());
                Value::Map(table.iter().map(value).collect())
            }
        }
    }
}

/// A table that is read field by field; what nobody asked for is an error.
#[derive(Debug)]
pub struct Fields<'a> {
    document: &'a Document,
    table: &'a Table,
    asked: Vec<&'a str>,
}

impl<'a> Fields<'a> {
    /// A field, if it is there.
    pub fn get(&mut self, name: &'a str) -> Option<&'a DocumentNode> {
        self.asked.push(name);
        self.table.get(name).map(|entry| &entry.node)
    }

    /// A text.
    ///
    /// # Errors
    /// When it is none.
    pub fn text(&mut self, name: &'a str) -> Result<Option<&'a str>> {
        self.get(name).map(|node| self.document.text(node)).transpose()
    }

    /// A whole number that is at least 1.
    ///
    /// # Errors
    /// When it is none.
    pub fn count(&mut self, name: &'a str) -> Result<Option<u64>> {
        let Some(node) = self.get(name) else { return Ok(None) };
        match node.item {
            Item::Int(number @ 1..) => Ok(Some(number.unsigned_abs())),
            Item::Int(_) => Err(self
                .document
                .error(
                    self.document.kinds.wrong_type,
                    format!("`{name}` must be at least 1"),
                    &node.span,
                )
                .label("too small")),
            _ => Err(self.document.wrong_type(node, "an integer")),
        }
    }

    /// Texts with their places; none when the field is not there.
    ///
    /// # Errors
    /// When it is no list of texts.
    pub fn texts(&mut self, name: &'a str) -> Result<Vec<(&'a str, &'a Range<usize>)>> {
        let Some(node) = self.get(name) else { return Ok(Vec::new()) };
        let nodes = self.document.list(node)?;
        nodes.iter().map(|node| Ok((self.document.text(node)?, &node.span))).collect()
    }

    /// The fields of a table within; no fields when it is not there.
    ///
    /// # Errors
    /// When it is no table.
    pub fn table(&mut self, name: &'a str) -> Result<Option<&'a Table>> {
        self.get(name).map(|node| self.document.table(node)).transpose()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// When there is a field that nobody asked for.
    pub fn finish(self) -> Result<()> {
        let mut entries = self.table.iter();
        let Some((name, entry)) = entries.find(|(name, _)| !self.asked.contains(&name.as_str()))
        else {
            return Ok(());
        };
        let kind = self.document.kinds.unknown_key;
        let near = did_you_mean(name, self.asked.iter().copied());
        let known = || format!("valid keys: {}", self.asked.join(", "));
        Err(self
            .document
            .error(kind, format!("unknown key `{name}`"), &entry.key)
            .label("unknown")
            .hint(near.unwrap_or_else(known)))
    }
}

/// One TOML value, given on its own; a date is a text.
pub fn toml_value(text: &str) -> Option<DocumentNode> {
    let value = DeValue::parse(text).ok()?;
    from_toml(value.span(), value.into_inner()).ok()
}

/// The value, or the bytes of a number that is too large.
fn from_toml(span: Range<usize>, value: DeValue<'_>) -> Result<DocumentNode, Range<usize>> {
    let item = match value {
        DeValue::String(text) => Item::Text(text.into_owned()),
        DeValue::Boolean(value) => Item::Bool(value),
        DeValue::Datetime(date) => Item::Text(date.to_string()),
        DeValue::Integer(int) => i64::from_str_radix(int.as_str(), int.radix())
            .map(Item::Int)
            .map_err(|_| span.clone())?,
        DeValue::Float(float) => {
            float.as_str().parse().map(Item::Float).map_err(|_| span.clone())?
        }
        DeValue::Array(values) => Item::List(
            values
                .into_iter()
                .map(|value| from_toml(value.span(), value.into_inner()))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(values) => Item::Table(
            values
                .into_iter()
                .map(|(name, value)| {
                    let node = from_toml(value.span(), value.into_inner())?;
                    Ok((name.get_ref().to_string(), DocumentEntry { key: name.span(), node }))
                })
                .collect::<Result<_, Range<usize>>>()?,
        ),
    };
    Ok(DocumentNode { span, item })
}

/// How deep lists and tables of JSON may lie in each other; the TOML reader has a limit of its own.
const DEEPEST: usize = 64;

/// `raw` is a part of `text`, so that where it begins tells its place. Its names have none of their own.
fn from_json(raw: &RawValue, text: &str, depth: usize) -> Result<DocumentNode, serde_json::Error> {
    if depth > DEEPEST {
        return Err(serde::de::Error::custom("lists and tables are nested too deeply"));
    }
    let part = raw.get();
    let start = part.as_ptr().addr() - text.as_ptr().addr();
    let item = match part.as_bytes().first() {
        Some(b'{') => Item::Table(
            serde_json::from_str::<IndexMap<String, &RawValue>>(part)?
                .into_iter()
                .map(|(name, raw)| {
                    let node = from_json(raw, text, depth + 1)?;
                    Ok((name, DocumentEntry { key: node.span.clone(), node }))
                })
                .collect::<Result<_, serde_json::Error>>()?,
        ),
        Some(b'[') => Item::List(
            serde_json::from_str::<Vec<&RawValue>>(part)?
                .into_iter()
                .map(|raw| from_json(raw, text, depth + 1))
                .collect::<Result<_, _>>()?,
        ),
        Some(b'"') => Item::Text(serde_json::from_str(part)?),
        Some(b't' | b'f') => Item::Bool(serde_json::from_str(part)?),
        Some(b'n') | None => Item::Null,
        Some(_) => match part.parse() {
            Ok(int) => Item::Int(int),
            Err(_) => Item::Float(serde_json::from_str(part)?),
        },
    };
    Ok(DocumentNode { span: start..start + part.len(), item })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: Kinds =
        Kinds { syntax: "x::syntax", unknown_key: "x::unknown-key", wrong_type: "x::wrong-type" };

    #[test]
    fn every_value_knows_its_bytes_in_toml_and_in_json() {
        let toml = Source::new("a.toml", "[a]\nb = [1, { c = \"é\" }]\nd = 2024-01-01\n");
        let json = Source::new("a.json", "{\"a\": {\"b\": [1, {\"c\": \"é\"}], \"d\": null}}");
        for document in [Document::toml(&toml, KINDS), Document::json(&json, KINDS)] {
            let document = document.unwrap();
            let mut fields = document.fields().unwrap();
            let a = fields.table("a").unwrap().unwrap();
            let b = document.list(&a["b"].node).unwrap();
            let c = &document.table(&b[1]).unwrap()["c"].node;
            assert_eq!(&document.source.text[c.span.clone()], "\"é\"");
            assert_eq!(document.text(c).unwrap(), "é");
            assert_eq!(b[0].item, Item::Int(1));
            for (at, _) in document.source.text.char_indices() {
                assert_eq!(document.place(at), document.source.place(at));
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_where_it_stands() {
        let place = |result: Result<Document>| result.unwrap_err().place().unwrap().to_string();
        let toml = Source::new("a.toml", "a = 1\nb = \n");
        assert_eq!(place(Document::toml(&toml, KINDS)), "a.toml:2:5");
        let toml = Source::new("a.toml", "a = 99999999999999999999\n");
        assert_eq!(place(Document::toml(&toml, KINDS)), "a.toml:1:5");
        let json = Source::new("a.json", "{\n\"a\": }");
        assert_eq!(place(Document::json(&json, KINDS)), "a.json:2:6");
        let deep = Source::new("a.json", "[".repeat(1000) + &"]".repeat(1000));
        assert_eq!(Document::json(&deep, KINDS).unwrap_err().kind(), "x::syntax");
    }
}
