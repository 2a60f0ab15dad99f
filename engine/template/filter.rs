//! Filters that people who come from Ansible expect, and Jinja does not have.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use minijinja::{Environment, Error, ErrorKind, value::Value};

use crate::{content::Digest, script::Quoted};

/// Adds them all.
pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("to_json", to_json);
    environment.add_filter("to_nice_json", to_nice_json);
    environment.add_filter("from_json", from_json);
    environment.add_filter("b64encode", |text: Cow<'_, str>| STANDARD.encode(text.as_bytes()));
    environment.add_filter("b64decode", b64decode);
    environment.add_filter("quote", |text: Cow<'_, str>| Quoted(&*text).to_string());
    environment.add_filter("regex_replace", regex_replace);
    environment.add_filter("basename", |path: Cow<'_, str>| split_path(&path).1.to_owned());
    environment.add_filter("dirname", |path: Cow<'_, str>| split_path(&path).0.to_owned());
    environment.add_filter("sha256", |text: Cow<'_, str>| Digest::of(text.as_bytes()).to_string());
    environment.add_filter("bool", bool_of);
}

fn to_json(value: &Value) -> Result<String, Error> {
    serde_json::to_string(value).map_err(wrong)
}

fn to_nice_json(value: &Value) -> Result<String, Error> {
    let mut text = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut writer = serde_json::Serializer::with_formatter(&mut text, indent);
    serde::Serialize::serialize(value, &mut writer).map_err(wrong)?;
    String::from_utf8(text).map_err(wrong)
}

fn from_json(text: Cow<'_, str>) -> Result<Value, Error> {
    serde_json::from_str(&text).map_err(wrong)
}

fn b64decode(text: Cow<'_, str>) -> Result<String, Error> {
    let bytes = STANDARD.decode(text.trim()).map_err(wrong)?;
    String::from_utf8(bytes).map_err(|_| wrong("the decoded bytes are no text"))
}

/// `\1` in the replacement is the first group, as in Python.
fn regex_replace(text: Cow<'_, str>, pattern: &str, to: &str) -> Result<String, Error> {
    let pattern = regex::Regex::new(pattern).map_err(wrong)?;
    let replace = |found: &regex::Captures<'_>| {
        let mut replaced = String::new();
        let mut rest = to.chars();
        while let Some(c) = rest.next() {
            match (c, (c == '\\').then(|| rest.next()).flatten()) {
                ('\\', Some(digit)) if digit.is_ascii_digit() => {
                    let group = digit.to_digit(10).unwrap_or_default() as usize;
                    replaced.push_str(found.get(group).map_or("", |group| group.as_str()));
                }
                ('\\', Some(other)) => replaced.push(other),
                (c, _) => replaced.push(c),
            }
        }
        replaced
    };
    Ok(pattern.replace_all(&text, replace).into_owned())
}

/// A path's folder and the name in it, cut at the last `/`.
fn split_path(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((folder, name)) => (folder, name),
        None => ("", path),
    }
}

/// As Ansible: the words that mean yes are true, everything else is false.
fn bool_of(value: &Value) -> bool {
    match value.as_str() {
        Some(text) => {
            matches!(text.to_lowercase().as_str(), "yes" | "on" | "1" | "true")
        }
        None => *value == Value::from(1) || *value == Value::from(true),
    }
}

fn wrong(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidOperation, error.to_string())
}
