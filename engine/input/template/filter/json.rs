//! JSON as Python writes it.

use minijinja::{
    Error,
    value::{Value, ValueKind},
};

use super::super::{
    arguments::Arguments,
    container,
    order::compare,
    python::{self, text},
    word::Word,
    wrong,
};
use crate::input::template::parts;

pub(super) const FILTERS: &[Word] = &[
    Word::new(&["to_json"], "as JSON", |_, value, mut args| {
        let mut style = Style::new(None);
        style.take(&mut args)?;
        args.end()?;
        style.dump(value)
    }),
    Word::new(
        &["to_nice_json"],
        "as JSON for people: four spaces, in the order of the keys",
        |_, value, mut args| {
            let mut style = Style::new(Some(4));
            style.sort_keys = true;
            style.take(&mut args)?;
            args.end()?;
            style.dump(value)
        },
    ),
    Word::new(
        &["tojson"],
        "as JSON that is safe in HTML, in the order of the keys",
        |_, value, mut args| {
            let mut style = Style::new(None);
            style.sort_keys = true;
            style.take(&mut args)?;
            args.end()?;
            let json = python::text(&style.dump(value)?).into_owned();
            let named = [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\'', "\\u0027")];
            Ok(Value::from(
                named.iter().fold(json, |json, (meant, name)| json.replace(*meant, name)),
            ))
        },
    ),
    Word::new(&["from_json"], "the value of a JSON text", |_, value, args| {
        args.end()?;
        let json: serde_json::Value = serde_json::from_str(&text(value)).map_err(wrong)?;
        Ok(value_of(&json))
    }),
];

/// A value of JSON, that a template can change.
fn value_of(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Array(items) => container::list(items.iter().map(value_of).collect()),
        serde_json::Value::Object(entries) => container::map(
            entries
                .iter()
                .map(|(name, value)| (Value::from(name.as_str()), value_of(value)))
                .collect(),
        ),
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Bool(value) => Value::from(*value),
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::from(number),
            (_, Some(number)) => Value::from(number),
            _ => Value::from(number.as_f64().unwrap_or_default()),
        },
    }
}

struct Style {
    indent: Option<String>,
    ensure_ascii: bool,
    sort_keys: bool,
    between: [String; 2],
}

impl Style {
    fn new(indent: Option<usize>) -> Self {
        Self {
            indent: indent.map(|width| " ".repeat(width)),
            ensure_ascii: true,
            sort_keys: false,
            between: [if indent.is_some() { "," } else { ", " }, ": "].map(str::to_owned),
        }
    }

    fn take(&mut self, args: &mut Arguments) -> Result<(), Error> {
        let indent = args.optional("indent");
        if let Some(indent) = indent {
            self.indent = match (indent.as_str(), indent.as_usize()) {
                (Some(text), _) => Some(text.to_owned()),
                (None, Some(width)) if width <= 100 => Some(" ".repeat(width)),
                _ if indent.is_none() => None,
                _ => return Err(wrong("`indent` is a number of spaces, or a text")),
            };
            let item = if self.indent.is_some() { "," } else { ", " };
            item.clone_into(&mut self.between[0]);
        }
        if let Some(sort) = args.named("sort_keys") {
            self.sort_keys = sort.is_true();
        }
        if let Some(ascii) = args.named("ensure_ascii") {
            self.ensure_ascii = ascii.is_true();
        }
        if let Some(between) = args.named("separators") {
            let between = parts::items(&between)?;
            let [item, key] = &between[..] else { return Err(wrong("`separators` are two texts")) };
            self.between = [text(item).into_owned(), text(key).into_owned()];
        }
        Ok(())
    }

    fn dump(&self, value: &Value) -> Result<Value, Error> {
        let mut json = String::new();
        self.write(&mut json, value, 0)?;
        Ok(Value::from(json))
    }

    fn newline(&self, json: &mut String, depth: usize) {
        if let Some(indent) = &self.indent {
            json.push('\n');
            for _ in 0..depth {
                json.push_str(indent);
            }
        }
    }

    fn write(&self, json: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
        match value.kind() {
            ValueKind::None => json.push_str("null"),
            ValueKind::Bool => json.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => {
                let number = python::text(value);
                json.push_str(match &*number {
                    "inf" => "Infinity",
                    "-inf" => "-Infinity",
                    "nan" => "NaN",
                    number => number,
                });
            }
            ValueKind::String => self.quote(json, value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => {
                let items = parts::items(value)?;
                if items.is_empty() {
                    json.push_str("[]");
                    return Ok(());
                }
                json.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        json.push_str(&self.between[0]);
                    }
                    self.newline(json, depth + 1);
                    self.write(json, item, depth + 1)?;
                }
                self.newline(json, depth);
                json.push(']');
            }
            ValueKind::Map => {
                let mut entries = parts::entries(value)?;
                if entries.is_empty() {
                    json.push_str("{}");
                    return Ok(());
                }
                if self.sort_keys {
                    for pair in entries.windows(2) {
                        compare(&pair[0].0, &pair[1].0)?;
                    }
                    entries.sort_by(|one, other| {
                        compare(&one.0, &other.0).unwrap_or(std::cmp::Ordering::Equal)
                    });
                }
                json.push('{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    if at > 0 {
                        json.push_str(&self.between[0]);
                    }
                    self.newline(json, depth + 1);
                    let mut name = String::new();
                    match key.as_str() {
                        Some(text) => name.push_str(text),
                        None => self.write(&mut name, key, 0)?,
                    }
                    self.quote(json, &name);
                    json.push_str(&self.between[1]);
                    self.write(json, value, depth + 1)?;
                }
                self.newline(json, depth);
                json.push('}');
            }
            _ => {
                return Err(wrong(format!(
                    "{} cannot be written as JSON",
                    python::type_name(value)
                )));
            }
        }
        Ok(())
    }

    fn quote(&self, json: &mut String, text: &str) {
        json.push('"');
        for c in text.chars() {
            match c {
                '"' => json.push_str("\\\""),
                '\\' => json.push_str("\\\\"),
                '\n' => json.push_str("\\n"),
                '\r' => json.push_str("\\r"),
                '\t' => json.push_str("\\t"),
                '\u{8}' => json.push_str("\\b"),
                '\u{c}' => json.push_str("\\f"),
                c if u32::from(c) < 0x20 || (self.ensure_ascii && !c.is_ascii()) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        json.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => json.push(c),
            }
        }
        json.push('"');
    }
}
