//! Order as Python has it: numbers with numbers, texts with texts, lists item by item, and nothing else.

use std::cmp::Ordering;

use minijinja::{
    Error,
    value::{Value, ValueKind},
};

use super::{python, wrong};
use crate::input::template::parts;

/// Which of two comes first.
///
/// # Errors
/// Where neither does.
pub(super) fn compare(one: &Value, other: &Value) -> Result<Ordering, Error> {
    let is_number = |value: &Value| matches!(value.kind(), ValueKind::Number | ValueKind::Bool);
    let is_list = |value: &Value| value.kind() == ValueKind::Seq;
    if is_number(one) && is_number(other) {
        return Ok(one.cmp(other));
    }
    if let (Some(one), Some(other)) = (one.as_str(), other.as_str()) {
        return Ok(one.cmp(other));
    }
    if is_list(one) && is_list(other) {
        let (one, other) = (parts::items(one)?, parts::items(other)?);
        for (one, other) in one.iter().zip(&other) {
            if one != other {
                return compare(one, other);
            }
        }
        return Ok(one.len().cmp(&other.len()));
    }
    let kinds = [one, other].map(python::type_name);
    Err(wrong(format!("a value of type {} and one of type {} have no order", kinds[0], kinds[1])))
}

/// Sorts by a key; equal ones keep their order.
pub(super) fn sort_by(
    items: &mut Vec<Value>,
    key: impl Fn(&Value) -> Result<Value, Error>,
    reverse: bool,
) -> Result<(), Error> {
    let keyed = items.drain(..).map(|item| Ok((key(&item)?, item)));
    let mut keyed: Vec<(Value, Value)> = keyed.collect::<Result<_, Error>>()?;
    // Before the sort, since a sort cannot end with an error.
    for pair in keyed.windows(2) {
        compare(&pair[0].0, &pair[1].0)?;
    }
    let order = |one: &Value, other: &Value| compare(one, other).unwrap_or(Ordering::Equal);
    match reverse {
        false => keyed.sort_by(|one, other| order(&one.0, &other.0)),
        true => keyed.sort_by(|one, other| order(&other.0, &one.0)),
    }
    items.extend(keyed.into_iter().map(|(_, item)| item));
    Ok(())
}

/// What lies at a path such as `tags.role` or `0.name`; nothing where there is none.
pub(super) fn attribute(value: &Value, path: &Value) -> Value {
    if path.is_integer() {
        return value.get_item(path).unwrap_or_default();
    }
    python::text(path).split('.').fold(value.clone(), |value, part| {
        let key = part.parse::<i64>().map_or_else(|_| Value::from(part), Value::from);
        value.get_item(&key).unwrap_or_default()
    })
}

/// Texts that differ in nothing but their case are the same.
pub(super) fn folded(value: Value, case_sensitive: bool) -> Value {
    match value.as_str() {
        Some(text) if !case_sensitive => Value::from(text.to_lowercase()),
        _ => value,
    }
}
