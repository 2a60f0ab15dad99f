//! Rhai's values to ours, and back.

use indexmap::IndexMap;
use rhai::{Array, Dynamic, ImmutableString, Map};

use super::{
    handle::{Handle, Handles},
    host_ref::HostRef,
    state::Evaluating,
    version::Version,
};
use crate::{
    base::{diagnostic::Place, secret::Secret, value::Value},
    input::inventory::Host,
};

/// Takes a value out of Rhai. Maps keep their order where it is known in which `call` it is used.
///
/// # Errors
/// The kind of value that has no meaning outside a script.
pub(super) fn to_value(
    dynamic: &Dynamic,
    call: Option<(&Evaluating, &Place)>,
) -> Result<Value, &'static str> {
    if let Some(text) = dynamic.read_lock::<ImmutableString>() {
        return Ok(Value::from(text.as_str()));
    }
    if dynamic.is_unit() {
        return Ok(Value::Null);
    }
    if let Some(host) = dynamic.read_lock::<HostRef>() {
        return Ok(Value::Map(host_parts(host.reveal())));
    }
    if let Some(secret) = dynamic.read_lock::<Secret>() {
        return Ok(Value::Secret(secret.clone()));
    }
    if let Some(items) = dynamic.read_lock::<Array>() {
        let value = |item| to_value(item, call);
        return items.iter().map(value).collect::<Result<_, _>>().map(Value::List);
    }
    if let Some(items) = dynamic.read_lock::<Map>() {
        let names: Vec<&str> = match call {
            Some((state, call)) => {
                let tag =
                    if dynamic.is_shared() { dynamic.flatten_clone().tag() } else { dynamic.tag() };
                state.keys_of(tag, &items, call)
            }
            None => items.keys().map(|name| name.as_str()).collect(),
        };
        let item = |name: &str| Ok((name.to_owned(), to_value(&items[name], call)?));
        return names.into_iter().map(item).collect::<Result<_, _>>().map(Value::Map);
    }
    if let Ok(value) = dynamic.as_bool() {
        return Ok(Value::Bool(value));
    }
    if let Ok(value) = dynamic.as_int() {
        return Ok(Value::Int(value));
    }
    if let Ok(value) = dynamic.as_float() {
        return Ok(Value::Float(value));
    }
    if let Ok(value) = dynamic.as_char() {
        return Ok(Value::Text(value.to_string()));
    }
    if let Some(version) = dynamic.read_lock::<Version>() {
        return Ok(Value::from(version.text()));
    }
    Err(kind_of(dynamic))
}

/// Gives a value to Rhai.
pub(super) fn to_dynamic(value: &Value, state: &Evaluating) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::Text(value) => value.clone().into(),
        Value::Secret(secret) => Dynamic::from(secret.clone()),
        Value::List(items) => {
            items.iter().map(|it| to_dynamic(it, state)).collect::<Array>().into()
        }
        Value::Map(items) => tagged(items, state),
    }
}

/// A map out of a value, which keeps the order of its keys.
fn tagged(items: &IndexMap<String, Value>, state: &Evaluating) -> Dynamic {
    let item = |(name, value): (&String, &Value)| (name.as_str().into(), to_dynamic(value, state));
    let mut map = Dynamic::from(items.iter().map(item).collect::<Map>());
    if items.len() > 1 {
        let keys = items.keys().map(|key| key.as_str().into()).collect();
        map.set_tag(state.gathered().orders.tag(keys));
    }
    map
}

/// What a host is outside a script, such as in a template.
pub(super) fn host_parts(host: &Host) -> IndexMap<String, Value> {
    let vars = host.vars.iter().map(|(name, var)| (name.clone(), var.value.clone())).collect();
    let groups = host.groups.iter().map(|group| Value::from(&**group)).collect();
    let parts = [
        ("name", Value::from(&*host.name)),
        ("address", Value::from(host.address.as_str())),
        ("groups", Value::List(groups)),
        ("vars", Value::Map(vars)),
    ];
    parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What a value is called in messages.
pub(super) fn kind_of(dynamic: &Dynamic) -> &'static str {
    if dynamic.is::<HostRef>() {
        "a host"
    } else if dynamic.is::<Handle>() {
        "a resource"
    } else if dynamic.is::<Handles>() {
        "resources"
    } else if dynamic.is::<Secret>() {
        "a secret"
    } else if dynamic.is::<Version>() {
        "a version"
    } else if dynamic.is_fnptr() {
        "a function"
    } else if dynamic.is_array() {
        "a list"
    } else if dynamic.is_map() {
        "a map"
    } else {
        // Of these, only what Rhai brings and nobody can give, such as a range, has no value.
        match dynamic.type_name() {
            "i64" | "f64" | "bool" | "char" | "string" | "()" => {
                to_value(dynamic, None).map_or("this", |value| value.type_name())
            }
            _ => "a value of this type",
        }
    }
}
