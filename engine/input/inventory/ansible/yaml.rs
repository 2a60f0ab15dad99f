//! YAML as Ansible reads it, which is YAML 1.1: `yes` is true, `0644` is octal. Values know their places.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::super::KINDS;
use crate::base::{
    diagnostic::{Diagnostic, Result, Source},
    document::{Document, DocumentEntry, DocumentNode, Item, Table},
    yaml::{self, Anchored, Extent, PlainWord},
};

/// Reads a text.
///
/// # Errors
/// When it is no YAML, or encrypted.
pub(super) fn document(source: &Source) -> Result<Document> {
    if source.text.starts_with("$ANSIBLE_VAULT") {
        return Err(encrypted(
            Diagnostic::new(KINDS.syntax, "the file is encrypted by Ansible's vault")
                .at(source, 0..14),
        ));
    }
    let starts = source.text.char_indices().map(|(at, _)| at).chain([source.text.len()]);
    let mut reader = YamlInventoryReader {
        source,
        parser: Parser::new_from_str(&source.text),
        bytes: starts.collect(),
        anchors: HashMap::new(),
        extent: Extent::default(),
    };
    let root = reader.first()?;
    Ok(Document::new(source, root, KINDS))
}

fn encrypted(error: Diagnostic) -> Diagnostic {
    error.hint(
        "ansible-vault decrypts it; secrets come from the providers that converge.toml names, and `secret(\"NAME\")` gives one",
    )
}

struct YamlInventoryReader<'a> {
    source: &'a Source,
    parser: Parser<'a, StrInput<'a>>,
    /// Where each character begins.
    bytes: Vec<usize>,
    anchors: HashMap<usize, (DocumentNode, Anchored)>,
    extent: Extent,
}

/// How deep a text may be.
const DEEPEST: usize = 64;

impl<'a> YamlInventoryReader<'a> {
    fn first(&mut self) -> Result<DocumentNode> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd => return Ok(DocumentNode { span: 0..0, item: Item::Null }),
                event => return self.node(event, span, 0),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span)> {
        match self.parser.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let at = self.byte(error.marker().index());
                let message = error.info().to_lowercase();
                Err(Diagnostic::new(KINDS.syntax, message).at(self.source, at..at))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn byte(&self, index: usize) -> usize {
        self.bytes.get(index).copied().unwrap_or(self.source.text.len())
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<DocumentNode> {
        let start = self.byte(span.start.index());
        let mut span = start..self.byte(span.end.index()).max(start);
        if depth > DEEPEST {
            let message = "lists and tables are nested too deeply";
            return Err(Diagnostic::new(KINDS.syntax, message).at(self.source, span));
        }
        if let Event::Alias(anchor) = event {
            let item = match self.anchors.get(&anchor) {
                None => Item::Null,
                Some((_, anchored)) if !self.extent.takes(*anchored, depth, DEEPEST) => {
                    let message = "its aliases expand to too much data";
                    return Err(Diagnostic::new(KINDS.syntax, message).at(self.source, span));
                }
                Some((node, _)) => node.item.clone(),
            };
            return Ok(DocumentNode { span, item });
        }
        let begun = self.extent.begin(depth);
        let (anchor, item) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_deref();
                if tag.is_some_and(|tag| tag.suffix.starts_with("vault")) {
                    let message = "the value is encrypted by Ansible's vault";
                    let error = Diagnostic::new(KINDS.syntax, message).at(self.source, span);
                    return Err(encrypted(error));
                }
                (anchor, scalar(&text, style, tag))
            }
            Event::SequenceStart(anchor, _) => {
                let mut nodes = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd | Event::StreamEnd, _) => break,
                        (event, at) => nodes.push(self.node(event, at, depth + 1)?),
                    }
                }
                (anchor, Item::List(nodes))
            }
            Event::MappingStart(anchor, _) => (anchor, Item::Table(self.table(depth)?)),
            _ => (0, Item::Null),
        };
        if let Item::Table(table) = &item {
            span.end = table.values().last().map_or(span.end, |entry| entry.node.span.end);
        }
        let (node, anchored) = (DocumentNode { span, item }, self.extent.end(begun));
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), anchored));
        }
        Ok(node)
    }

    fn table(&mut self, depth: usize) -> Result<Table> {
        let (mut table, mut merged) = (Table::new(), Table::new());
        loop {
            let (event, at) = match self.next()? {
                (Event::MappingEnd | Event::StreamEnd, _) => break,
                next => next,
            };
            let merges =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node(event, at, depth + 1)?;
            let (event, at) = self.next()?;
            let node = self.node(event, at, depth + 1)?;
            if merges {
                let nodes = match node.item {
                    Item::List(nodes) => nodes,
                    item => vec![DocumentNode { span: node.span, item }],
                };
                for node in nodes {
                    let Item::Table(more) = node.item else { continue };
                    for (name, entry) in more {
                        merged.entry(name).or_insert(entry);
                    }
                }
                continue;
            }
            let name = match &key.item {
                Item::Text(name) => name.clone(),
                Item::Int(number) => number.to_string(),
                Item::Float(number) => number.to_string(),
                Item::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
                Item::Null => "None".to_owned(),
                Item::List(_) | Item::Table(_) => {
                    let message = "expected a name";
                    return Err(Diagnostic::new(KINDS.syntax, message).at(self.source, key.span));
                }
            };
            table.insert(name, DocumentEntry { key: key.span, node });
        }
        for (name, entry) in merged {
            table.entry(name).or_insert(entry);
        }
        Ok(table)
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Item {
    let kind = tag.map(|tag| tag.suffix.as_str());
    match kind {
        Some("str" | "unsafe") => Item::Text(text.to_owned()),
        None if style != ScalarStyle::Plain => Item::Text(text.to_owned()),
        _ => word(text),
    }
}

/// What a plain word means. What is more than its text to YAML is a text here, and so is a number that is too large.
fn word(text: &str) -> Item {
    let own = || Item::Text(text.to_owned());
    match yaml::word(text) {
        PlainWord::Null => Item::Null,
        PlainWord::Bool(value) => Item::Bool(value),
        PlainWord::Int(number) => i64::try_from(number).map_or_else(|_| own(), Item::Int),
        PlainWord::Float(number) => Item::Float(number),
        PlainWord::Special | PlainWord::Text => own(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::value::Value;

    fn read(text: &str) -> Value {
        Value::from(document(&Source::new("a.yml", text)).unwrap().root())
    }

    #[test]
    fn aliases_stand_for_so_much_and_no_more() {
        let refused = |text: &str| document(&Source::new("a.yml", text)).unwrap_err();
        let tens = |from: usize| format!("[{}]", vec![format!("*a{from}"); 10].join(","));
        let wide = |lines: usize| -> String {
            (1..lines).map(|at| format!("k{at}: &a{at} {}\n", tens(at - 1))).collect()
        };
        read(&format!("k0: &a0 x\n{}", wide(5)));
        let error = refused(&format!("k0: &a0 x\n{}", wide(20)));
        assert_eq!(error.message(), "its aliases expand to too much data");
        let deep = |lines: usize| -> String {
            let line = |at: usize| format!("k{at}: &a{at} [[[[[[[[[[*a{}]]]]]]]]]]\n", at - 1);
            (1..lines).map(line).collect()
        };
        read(&format!("k0: &a0 x\n{}", deep(6)));
        let error = refused(&format!("k0: &a0 x\n{}", deep(8)));
        assert_eq!(error.message(), "its aliases expand to too much data");
    }

    #[test]
    fn a_plain_word_is_what_yaml_1_1_makes_of_it() {
        assert_eq!(
            (read("yes"), read("Off"), read("~")),
            (Value::Bool(true), Value::Bool(false), Value::Null)
        );
        assert_eq!(
            (read("0644"), read("0x1F"), read("1_000"), read("-7")),
            (Value::Int(420), Value::Int(31), Value::Int(1000), Value::Int(-7))
        );
        assert_eq!(
            (read("1:30"), read("1.5"), read("1.e+3")),
            (Value::Int(90), Value::Float(1.5), Value::Float(1000.0))
        );
        for text in ["1.2.3", "0o17", "08", "1e3", "y", "n", "2024-01-01", "10.0.0.1", "1:99"] {
            assert_eq!(read(text), text.into(), "{text}");
        }
        assert_eq!(
            (read("'yes'"), read("!!str 1"), read("|\n  a\n  b\n")),
            ("yes".into(), "1".into(), "a\nb\n".into())
        );
    }

    #[test]
    fn values_know_their_bytes_and_anchors_their_values() {
        let source = Source::new("a.yml", "é: &x\n  k: [1, ö]\nb: *x\nc:\n  <<: *x\n  d: 2\n");
        let document = document(&source).unwrap();
        let root = document.table(document.root()).unwrap();
        let list = &document.table(&root["é"].node).unwrap()["k"].node;
        let inner = &document.list(list).unwrap()[1];
        assert_eq!(&source.text[inner.span.clone()], "ö");
        assert_eq!(&source.text[root["b"].key.clone()], "b");
        assert_eq!(Value::from(&root["b"].node), Value::from(&root["é"].node));
        assert_eq!(document.table(&root["c"].node).unwrap().len(), 2);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for text in [
            "a: [",
            "$ANSIBLE_VAULT;1.1;AES256\n33",
            "a: !vault |\n  $ANSIBLE_VAULT;1.1\n  33\n",
            "[1]: 2",
        ] {
            assert_eq!(
                document(&Source::new("a.yml", text)).unwrap_err().kind(),
                "inventory::syntax",
                "{text}"
            );
        }
    }
}
