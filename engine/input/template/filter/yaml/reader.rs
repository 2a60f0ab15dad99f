//! What a document of YAML says, as PyYAML reads it.

use std::collections::HashMap;

use indexmap::IndexMap;
use minijinja::{Error, value::Value};
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::super::super::{container, wrong};
use crate::{
    base::yaml::{Anchored, Extent, PlainWord, word},
    input::template::parts,
};

/// What the documents of a text say.
pub(super) fn read(text: &str) -> Result<Vec<Value>, Error> {
    let (parser, anchors) = (Parser::new_from_str(text), HashMap::new());
    let mut reader = Reader { parser, anchors, extent: Extent::default() };
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
    anchors: HashMap<usize, (Value, Anchored)>,
    extent: Extent,
}

/// How deep a document may be.
const DEPTH: usize = 200;

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, Error> {
        match self.parser.next() {
            Some(Ok((event, _))) => Ok(event),
            Some(Err(error)) => Err(wrong(format!("not valid YAML: {error}"))),
            None => Ok(Event::StreamEnd),
        }
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<Value, Error> {
        if depth > DEPTH {
            return Err(wrong("this YAML is nested too deeply"));
        }
        if let Event::Alias(anchor) = event {
            let known = self.anchors.get(&anchor);
            let (value, anchored) =
                known.ok_or_else(|| wrong("this YAML refers to an unknown anchor"))?;
            if !self.extent.takes(*anchored, depth, DEPTH) {
                return Err(wrong("the aliases of this YAML expand to too much data"));
            }
            return Ok(value.clone());
        }
        let begun = self.extent.begin(depth);
        let (anchor, value) = match event {
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
            _ => (0, Value::from(())),
        };
        let anchored = self.extent.end(begun);
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), anchored));
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
                let maps = match parts::entries(&value) {
                    Ok(_) => vec![value],
                    Err(_) => parts::items(&value)?,
                };
                for map in maps {
                    for (key, value) in parts::entries(&map)? {
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
            other => Err(wrong(format!("unknown tag `{other}`"))),
        };
    }
    Ok(if style == ScalarStyle::Plain { meant(text) } else { own() })
}

fn meant(text: &str) -> Value {
    match word(text) {
        PlainWord::Null => Value::from(()),
        PlainWord::Bool(value) => Value::from(value),
        PlainWord::Int(value) => {
            i64::try_from(value).map_or_else(|_| Value::from(value), Value::from)
        }
        PlainWord::Float(value) => Value::from(value),
        PlainWord::Special | PlainWord::Text => Value::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_stand_for_so_much_and_no_more() {
        let lines = |count: usize, line: &dyn Fn(usize) -> String| -> String {
            (1..count).map(|at| format!("k{at}: &a{at} {}\n", line(at - 1))).collect()
        };
        let wide = |at: usize| format!("[{}]", vec![format!("*a{at}"); 10].join(","));
        let deep = |at: usize| format!("[[[[[[[[[[*a{at}]]]]]]]]]]");
        for (line, few, many) in [(&wide as &dyn Fn(usize) -> String, 5, 20), (&deep, 19, 22)] {
            let text = |count| format!("k0: &a0 x\n{}", lines(count, line));
            assert!(read(&text(few)).is_ok());
            let refused = read(&text(many)).unwrap_err().to_string();
            assert!(
                refused.contains("the aliases of this YAML expand to too much data"),
                "{refused}"
            );
        }
    }
}
