//! What values are made of: the items of a list, the entries of a map.

use indexmap::IndexMap;
use minijinja::{
    Error,
    value::{Value, ValueKind},
};

use super::{python::repr, wrong};

/// The items of anything that has some: a list, the keys of a map, the characters of a text.
pub(super) fn items(value: &Value) -> Result<Vec<Value>, Error> {
    if let Some(text) = value.as_str() {
        return Ok(text.chars().map(|c| Value::from(c.to_string())).collect());
    }
    value
        .try_iter()
        .map(Iterator::collect)
        .map_err(|_| wrong(format!("{} is not a list", repr(value))))
}

/// The entries of a map.
pub(super) fn entries(value: &Value) -> Result<Vec<(Value, Value)>, Error> {
    if value.kind() != ValueKind::Map {
        return Err(wrong(format!("{} is not a map", repr(value))));
    }
    let entry = |key: Value| Ok((key.clone(), value.get_item(&key)?));
    items(value)?.into_iter().map(entry).collect()
}

/// What `dict()` takes: a map, or a list of pairs.
pub(super) fn pairs(value: &Value) -> Result<IndexMap<Value, Value>, Error> {
    if value.kind() == ValueKind::Map {
        return Ok(entries(value)?.into_iter().collect());
    }
    let pair = |item: Value| match <[Value; 2]>::try_from(items(&item)?) {
        Ok([key, value]) => Ok((key, value)),
        Err(_) => Err(wrong("a map is made of pairs")),
    };
    items(value)?.into_iter().map(pair).collect()
}
