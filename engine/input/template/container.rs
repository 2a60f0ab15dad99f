//! Lists and maps that a template can change: `{% set _ = list.append(x) %}`.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use indexmap::IndexMap;
use minijinja::{
    Error, ErrorKind, State,
    value::{Enumerator, Object, ObjectRepr, Tuple, Value, ValueKind},
};

use super::{arguments::Arguments, wrong};
use crate::input::template::parts::{entries, items, pairs};

/// A list that grows.
pub(super) struct List(Mutex<Vec<Value>>);

/// A map that grows.
pub(super) struct Map(Mutex<IndexMap<Value, Value>>);

/// The methods of lists, and of maps.
pub(super) const LIST_METHODS: [&str; 11] = [
    "append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse",
    "sort",
];
pub(super) const MAP_METHODS: [&str; 10] =
    ["clear", "copy", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"];

/// A list.
pub(super) fn list(items: Vec<Value>) -> Value {
    Value::from_object(List(Mutex::new(items)))
}

/// A map.
pub(super) fn map(items: IndexMap<Value, Value>) -> Value {
    Value::from_object(Map(Mutex::new(items)))
}

/// A tuple.
pub(super) fn tuple(items: Vec<Value>) -> Value {
    Value::from(Tuple::from(items))
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(list)")
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(map)")
    }
}

impl List {
    fn items(&self) -> MutexGuard<'_, Vec<Value>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Map {
    fn items(&self) -> MutexGuard<'_, IndexMap<Value, Value>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Whether an object is in a value, at any depth: one in itself could never be printed.
fn holds(value: &Value, object: *const ()) -> bool {
    let inside = |items: &[Value]| items.iter().any(|item| holds(item, object));
    if let Some(list) = value.downcast_object::<List>() {
        return Arc::as_ptr(&list).cast::<()>() == object || inside(&list.items().clone());
    }
    if let Some(map) = value.downcast_object::<Map>() {
        let values: Vec<_> = map.items().values().cloned().collect();
        return Arc::as_ptr(&map).cast::<()>() == object || inside(&values);
    }
    match value.kind() {
        ValueKind::Seq => {
            value.try_iter().is_ok_and(|mut items| items.any(|item| holds(&item, object)))
        }
        _ => false,
    }
}

fn not_in_itself(value: &Value, object: *const ()) -> Result<(), Error> {
    match holds(value, object) {
        true => Err(wrong("a list or a map cannot be put into itself")),
        false => Ok(()),
    }
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.items().get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.items().len())
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let own = Arc::as_ptr(self).cast();
        let mut args = Arguments::new(method, args)?;
        let result = match method {
            "append" => {
                let item = args.value("object")?;
                not_in_itself(&item, own)?;
                self.items().push(item);
                Value::from(())
            }
            "extend" => {
                let more = items(&args.value("iterable")?)?;
                more.iter().try_for_each(|item| not_in_itself(item, own))?;
                self.items().extend(more);
                Value::from(())
            }
            "insert" => {
                let (at, item) = (args.int("index")?, args.value("object")?);
                not_in_itself(&item, own)?;
                let mut items = self.items();
                let at = from_end(at, items.len()).min(items.len());
                items.insert(at, item);
                Value::from(())
            }
            "pop" => {
                let at = args.int_or("index", -1)?;
                let mut items = self.items();
                let at = from_end(at, items.len());
                if at >= items.len() {
                    return Err(wrong("pop from an empty list"));
                }
                items.remove(at)
            }
            "remove" => {
                let item = args.value("value")?;
                let mut items = self.items();
                let at = items.iter().position(|it| *it == item);
                drop(
                    items.remove(at.ok_or_else(|| wrong("the item to remove is not in the list"))?),
                );
                Value::from(())
            }
            "clear" => {
                self.items().clear();
                Value::from(())
            }
            "reverse" => {
                self.items().reverse();
                Value::from(())
            }
            "sort" => {
                let reverse = args.bool_or("reverse", false)?;
                let mut sorted = self.items().clone();
                super::order::sort_by(&mut sorted, |item| Ok(item.clone()), reverse)?;
                *self.items() = sorted;
                Value::from(())
            }
            "copy" => list(self.items().clone()),
            _ => return read_list(&self.items(), method, args),
        };
        args.end()?;
        Ok(result)
    }
}

/// The place that an index means, counted from the end if it is below zero.
fn from_end(at: i64, length: usize) -> usize {
    match at < 0 {
        true => usize::try_from(at + length as i64).unwrap_or_default(),
        false => usize::try_from(at).unwrap_or(usize::MAX),
    }
}

fn read_list(items: &[Value], method: &str, mut args: Arguments) -> Result<Value, Error> {
    let item = match method {
        "count" | "index" => args.value("value")?,
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    };
    args.end()?;
    if method == "count" {
        return Ok(Value::from(items.iter().filter(|it| **it == item).count()));
    }
    let at = items.iter().position(|it| *it == item);
    at.map(Value::from)
        .ok_or_else(|| wrong(format!("{} is not in the list", super::python::repr(&item))))
}

impl Object for Map {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.items().get(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.items().keys().cloned().collect())
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let own = Arc::as_ptr(self).cast();
        let mut args = Arguments::new(method, args)?;
        let result = match method {
            "update" => {
                let mut more =
                    args.optional("other").map(|it| pairs(&it)).transpose()?.unwrap_or_default();
                more.extend(
                    args.rest_named().into_iter().map(|(name, value)| (Value::from(name), value)),
                );
                more.values().try_for_each(|item| not_in_itself(item, own))?;
                self.items().extend(more);
                Value::from(())
            }
            "pop" => {
                let (key, default) = (args.value("key")?, args.optional("default"));
                let popped = self.items().shift_remove(&key).or(default);
                popped.ok_or_else(|| {
                    wrong(format!("there is no key {}", super::python::repr(&key)))
                })?
            }
            "popitem" => {
                let popped = self.items().pop();
                let (key, value) = popped.ok_or_else(|| wrong("popitem from an empty map"))?;
                tuple(vec![key, value])
            }
            "setdefault" => {
                let (key, value) =
                    (args.value("key")?, args.optional("default").unwrap_or(Value::from(())));
                not_in_itself(&value, own)?;
                self.items().entry(key).or_insert(value).clone()
            }
            "clear" => {
                self.items().clear();
                Value::from(())
            }
            "copy" => map(self.items().clone()),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        };
        args.end()?;
        Ok(result)
    }
}

/// The methods of lists and maps that are not the template's own to change.
pub(super) fn method(value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let mut given = Arguments::new(method, args)?;
    match value.kind() {
        ValueKind::Map => match method {
            "get" => {
                let (key, default) = (given.value("key")?, given.optional("default"));
                given.end()?;
                let found = value.get_item(&key).ok().filter(|it| !it.is_undefined());
                Ok(found.unwrap_or_else(|| default.unwrap_or(Value::from(()))))
            }
            "keys" => Ok(list(items(value)?)),
            "values" => Ok(list(entries(value)?.into_iter().map(|(_, value)| value).collect())),
            "items" => {
                let pair = |(key, value)| tuple(vec![key, value]);
                Ok(list(entries(value)?.into_iter().map(pair).collect()))
            }
            "copy" => Ok(map(pairs(value)?)),
            _ if MAP_METHODS.contains(&method) => Err(not_its_own(method)),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        },
        _ if method == "copy" => Ok(list(items(value)?)),
        _ if matches!(method, "count" | "index") => read_list(&items(value)?, method, given),
        _ if LIST_METHODS.contains(&method) => Err(not_its_own(method)),
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

fn not_its_own(method: &str) -> Error {
    wrong(format!(
        "`.{method}()` would change a value given to the template: change a copy, `x.copy()`"
    ))
}
