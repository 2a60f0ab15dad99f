//! The keys that say how a host is reached.

use std::path::{Component, Path, PathBuf};

use schemars::schema_for;
use serde::Deserialize as _;

use super::{Connection, Given, declared::Layer, mark::Mark};
use crate::base::{
    diagnostic::{Diagnostic, Result},
    document::{Document, DocumentNode, Fields},
    value::{Misfit, Value},
};

/// The keys whose value is a path, relative to the inventory that names it.
const PATHS: [&str; 3] = ["identity_file", "known_hosts", "ssh_config"];

/// All keys, the fields of [`Connection`], each with its meaning.
pub(super) fn meanings() -> Vec<(String, String)> {
    let schema = schema_for!(Connection);
    let fields = schema.get("properties").and_then(|it| it.as_object()).into_iter().flatten();
    let meaning = |field: &serde_json::Value| {
        let about = field.get("description").and_then(|it| it.as_str()).unwrap_or_default();
        about.trim_end_matches('.').to_owned()
    };
    fields.map(|(key, field)| (key.clone(), meaning(field))).collect()
}

/// The names of all keys.
pub(super) fn keys() -> Vec<String> {
    meanings().into_iter().map(|(key, _)| key).collect()
}

/// Reads the keys that are there.
pub(super) fn read<'a>(
    given: &Given,
    document: &Document,
    fields: &mut Fields<'a>,
    keys: &'a [String],
) -> Result<Layer> {
    let mut layer = Layer::new();
    for key in keys {
        if let Some(node) = fields.get(key) {
            let mark = Mark::new(document, &node.span);
            layer.insert(key.clone(), vec![(setting(given, key, node, &mark)?, mark)]);
        }
    }
    Ok(layer)
}

/// One value, checked on its own so that an error is found where it stands, whoever overrides it.
pub(super) fn setting(given: &Given, key: &str, node: &DocumentNode, mark: &Mark) -> Result<Value> {
    let value = match Value::from(node) {
        Value::Text(path) if PATHS.contains(&key) => Value::Text(absolute(given, &path)),
        other => other,
    };
    build([(key.to_owned(), value.clone())]).map_err(|misfit| {
        let message = format!("`{key}` {}", misfit.predicate);
        let error = Diagnostic::new("inventory::wrong-type", message)
            .at(&mark.source, mark.span.clone())
            .label("cannot be used");
        misfit.hint.into_iter().fold(error, Diagnostic::hint)
    })?;
    Ok(value)
}

/// The connection that some settings make.
pub(super) fn build(
    settings: impl IntoIterator<Item = (String, Value)>,
) -> Result<Connection, Misfit> {
    Connection::deserialize(Value::Map(settings.into_iter().collect()))
}

fn absolute(given: &Given, path: &str) -> String {
    let path = match path.strip_prefix("~/") {
        Some(rest) => given.home.join(rest),
        None => given.folder.join(path),
    };
    normal(&path).to_string_lossy().into_owned()
}

/// Without `.` and, where a name stands before it, without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(normal.components().next_back(), Some(Component::Normal(_))) =>
            {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}
