//! YAML as PyYAML writes it, byte for byte: where it quotes, where it breaks a line, and how far it moves in.

use minijinja::{
    Error,
    value::{Value, ValueKind},
};

use self::text::{Analysis, float, is_break, words};
use super::super::{
    arguments::Arguments,
    container,
    order::compare,
    python::{self, text},
    word::Word,
    wrong,
};

use crate::{base::yaml, input::template::parts};

mod reader;
mod text;

pub(super) const FILTERS: &[Word] = &[
    Word::new(
        &["to_yaml"],
        "as YAML, with lists and maps of plain values on one line",
        |_, value, args| dump(value, args, 2, None),
    ),
    Word::new(
        &["to_nice_yaml"],
        "as YAML for people: `indent`, 4 by default",
        |_, value, mut args| {
            let indent = args.int_or("indent", 4)?;
            dump(value, args, indent, Some(false))
        },
    ),
    Word::new(&["from_yaml"], "the value of a YAML text", |_, value, args| {
        args.end()?;
        let mut documents = reader::read(&text(value))?;
        match documents.len() {
            0 => Ok(Value::from(())),
            1 => Ok(documents.remove(0)),
            _ => Err(wrong("these are several documents: `from_yaml_all` reads them")),
        }
    }),
    Word::new(
        &["from_yaml_all"],
        "the values of a YAML text with several documents",
        |_, value, args| {
            args.end()?;
            Ok(container::list(reader::read(&text(value))?))
        },
    ),
];

fn dump(
    value: &Value,
    mut args: Arguments,
    indent: i64,
    flow: Option<bool>,
) -> Result<Value, Error> {
    let indent = args.named("indent").and_then(|it| it.as_i64()).unwrap_or(indent);
    let indent = if (2..10).contains(&indent) { indent } else { 2 };
    let width = args.named("width").and_then(|it| it.as_i64()).unwrap_or(80);
    let flow = match args.named("default_flow_style") {
        Some(flow) if flow.is_none() => None,
        Some(flow) => Some(flow.is_true()),
        None => flow,
    };
    let start = args.named("explicit_start").is_some_and(|it| it.is_true());
    let end = args.named("explicit_end").is_some_and(|it| it.is_true());
    let mut emitter = Emitter {
        out: String::new(),
        best_indent: indent as usize,
        width: usize::try_from(width)
            .ok()
            .filter(|width| *width > 2 * indent as usize)
            .unwrap_or(80),
        flow,
        sort: args.named("sort_keys").is_none_or(|it| it.is_true()),
        unicode: args.named("allow_unicode").is_none_or(|it| it.is_true()),
        column: 0,
        indent: None,
        indents: Vec::new(),
        whitespace: true,
        indention: true,
        flow_level: 0,
    };
    args.end()?;
    if start {
        emitter.indicator("---", true, false, false);
    }
    emitter.node(value, YamlPosition::Item)?;
    emitter.write_indent();
    if end {
        emitter.indicator("...", true, false, false);
        emitter.write_indent();
    }
    Ok(Value::from(emitter.out))
}

/// What a node is part of.
#[derive(Clone, Copy, PartialEq)]
enum YamlPosition {
    Item,
    Key,
    Value,
}

struct Emitter {
    out: String,
    best_indent: usize,
    width: usize,
    flow: Option<bool>,
    sort: bool,
    unicode: bool,
    column: usize,
    indent: Option<usize>,
    indents: Vec<Option<usize>>,
    whitespace: bool,
    indention: bool,
    flow_level: usize,
}

impl Emitter {
    fn write(&mut self, text: &str) {
        self.column += text.chars().count();
        self.out.push_str(text);
    }

    fn line_break(&mut self) {
        self.whitespace = true;
        self.indention = true;
        self.column = 0;
        self.out.push('\n');
    }

    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or_default();
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break();
        }
        if self.column < indent {
            self.whitespace = true;
            let spaces = " ".repeat(indent - self.column);
            self.write(&spaces);
        }
    }

    fn indicator(&mut self, sign: &str, spaced: bool, whitespace: bool, indention: bool) {
        if spaced && !self.whitespace {
            self.write(" ");
        }
        self.whitespace = whitespace;
        self.indention = self.indention && indention;
        self.write(sign);
    }

    fn increase(&mut self, flow: bool, indentless: bool) {
        self.indents.push(self.indent);
        self.indent = match self.indent {
            None => Some(if flow { self.best_indent } else { 0 }),
            Some(indent) if !indentless => Some(indent + self.best_indent),
            same => same,
        };
    }

    fn decrease(&mut self) {
        self.indent = self.indents.pop().flatten();
    }

    fn entries(&self, value: &Value) -> Result<Vec<(Value, Value)>, Error> {
        let mut entries = parts::entries(value)?;
        if self.sort {
            // Keys that have no order stay as they are, as in Python.
            let ordered = entries.windows(2).all(|pair| compare(&pair[0].0, &pair[1].0).is_ok());
            if ordered {
                entries.sort_by(|one, other| {
                    compare(&one.0, &other.0).unwrap_or(std::cmp::Ordering::Equal)
                });
            }
        }
        Ok(entries)
    }

    /// Whether a value goes on one line.
    fn is_flow(&self, parts: &[Value]) -> bool {
        let is_plain = |value: &Value| match value.as_str() {
            Some(_) => true,
            None => !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map),
        };
        self.flow_level > 0
            || parts.is_empty()
            || self.flow.unwrap_or_else(|| parts.iter().all(is_plain))
    }

    fn node(&mut self, value: &Value, place: YamlPosition) -> Result<(), Error> {
        match value.kind() {
            ValueKind::Seq | ValueKind::Iterable => self.sequence(&parts::items(value)?, place),
            ValueKind::Map => {
                let entries = self.entries(value)?;
                let parts: Vec<Value> =
                    entries.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect();
                match self.is_flow(&parts) {
                    true => self.flow_map(&entries),
                    false => self.block_map(&entries),
                }
            }
            ValueKind::Undefined => Err(wrong("an undefined value cannot be written as YAML")),
            _ => {
                self.increase(true, false);
                let written = self.scalar(value, place);
                self.decrease();
                written
            }
        }
    }

    fn sequence(&mut self, items: &[Value], place: YamlPosition) -> Result<(), Error> {
        if !self.is_flow(items) {
            let indentless = place == YamlPosition::Value && !self.indention;
            self.increase(false, indentless);
            for item in items {
                self.write_indent();
                self.indicator("-", true, false, true);
                self.node(item, YamlPosition::Item)?;
            }
            self.decrease();
            return Ok(());
        }
        self.open("[");
        for (at, item) in items.iter().enumerate() {
            self.next(at);
            self.node(item, YamlPosition::Item)?;
        }
        self.close("]");
        Ok(())
    }

    fn open(&mut self, sign: &str) {
        self.indicator(sign, true, true, false);
        self.flow_level += 1;
        self.increase(true, false);
    }

    fn next(&mut self, at: usize) {
        if at > 0 {
            self.indicator(",", false, false, false);
        }
        if self.column > self.width {
            self.write_indent();
        }
    }

    fn close(&mut self, sign: &str) {
        self.decrease();
        self.flow_level -= 1;
        self.indicator(sign, false, false, false);
    }

    /// Whether a key can stand before a colon.
    fn is_simple(key: &Value) -> bool {
        match key.kind() {
            ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => key.len() == Some(0),
            _ => {
                let text = text(key);
                !text.is_empty() && text.chars().count() < 128 && !text.contains(is_break)
            }
        }
    }

    fn flow_map(&mut self, entries: &[(Value, Value)]) -> Result<(), Error> {
        self.open("{");
        for (at, (key, value)) in entries.iter().enumerate() {
            self.next(at);
            if Self::is_simple(key) {
                self.node(key, YamlPosition::Key)?;
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, false);
                self.node(key, YamlPosition::Value)?;
                if self.column > self.width {
                    self.write_indent();
                }
                self.indicator(":", true, false, false);
            }
            self.node(value, YamlPosition::Value)?;
        }
        self.close("}");
        Ok(())
    }

    fn block_map(&mut self, entries: &[(Value, Value)]) -> Result<(), Error> {
        self.increase(false, false);
        for (key, value) in entries {
            self.write_indent();
            if Self::is_simple(key) {
                self.node(key, YamlPosition::Key)?;
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.node(key, YamlPosition::Value)?;
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.node(value, YamlPosition::Value)?;
        }
        self.decrease();
        Ok(())
    }

    fn scalar(&mut self, value: &Value, place: YamlPosition) -> Result<(), Error> {
        let plain = match value.kind() {
            ValueKind::String => None,
            ValueKind::None => Some("null".to_owned()),
            ValueKind::Bool => Some(if value.is_true() { "true" } else { "false" }.to_owned()),
            ValueKind::Number if value.is_integer() => Some(value.to_string()),
            ValueKind::Number => Some(float(value)),
            _ => {
                return Err(wrong(format!(
                    "{} cannot be written as YAML",
                    python::type_name(value)
                )));
            }
        };
        // A key is never broken over lines.
        let split = place != YamlPosition::Key;
        if let Some(plain) = plain {
            self.plain(&plain, split);
            return Ok(());
        }
        let text = value.as_str().unwrap_or_default();
        let found = Analysis::of(text, self.unicode);
        let is_key = place == YamlPosition::Key;
        let fits = !(is_key && (text.is_empty() || found.multiline))
            && (if self.flow_level > 0 { found.flow_plain } else { found.block_plain });
        if matches!(yaml::word(text), yaml::PlainWord::Text) && fits {
            self.plain(text, split);
        } else if found.single_quoted && !(is_key && found.multiline) {
            self.single_quoted(text, split);
        } else {
            self.double_quoted(text, split);
        }
        Ok(())
    }

    fn plain(&mut self, text: &str, split: bool) {
        if text.is_empty() {
            return;
        }
        if !self.whitespace {
            self.write(" ");
        }
        self.whitespace = false;
        self.indention = false;
        for (word, spaces) in words(text) {
            self.write(word);
            if spaces == " " && self.column > self.width && split {
                self.write_indent();
                self.whitespace = false;
                self.indention = false;
            } else {
                self.write(spaces);
            }
        }
    }
}
