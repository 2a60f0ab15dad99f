//! Values as a script writes them.

use std::fmt::Write as _;

use serde_json::Value as Json;

/// A value as Rhai reads it.
pub(super) fn literal(value: &Json) -> String {
    match value {
        Json::Null => "()".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => quoted(text),
        Json::Array(items) => {
            format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", "))
        }
        Json::Object(map) => {
            let pair =
                |(name, value): (&String, &Json)| format!("{}: {}", quoted(name), literal(value));
            format!("#{{ {} }}", map.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
    }
}

/// A text between double quotes, in which nothing is put in.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted += "\\\"",
            '\\' => quoted += "\\\\",
            '\n' => quoted += "\\n",
            '\r' => quoted += "\\r",
            '\t' => quoted += "\\t",
            c if c.is_control() => _ = write!(quoted, "\\u{:04x}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
