//! The arguments of a call, by their places and by their names, as Python takes them.

use std::collections::VecDeque;

use indexmap::IndexMap;
use minijinja::{
    Error,
    value::{Kwargs, Value, ValueKind},
};

use super::{python, wrong};

/// What is left of the arguments of a call.
pub(super) struct Arguments {
    what: String,
    placed: VecDeque<Value>,
    named: IndexMap<String, Value>,
}

impl Arguments {
    /// The arguments of a call of `what`.
    pub(super) fn new(what: &str, args: &[Value]) -> Result<Self, Error> {
        let mut placed: VecDeque<Value> = args.iter().cloned().collect();
        let mut named = IndexMap::new();
        if placed.back().is_some_and(Value::is_kwargs)
            && let Some(last) = placed.pop_back()
        {
            let kwargs = Kwargs::try_from(last)?;
            for name in kwargs.args() {
                named.insert(name.to_owned(), kwargs.get::<Value>(name)?);
            }
        }
        Ok(Self { what: what.to_owned(), placed, named })
    }

    /// The next one, or the one of this name.
    pub(super) fn optional(&mut self, name: &str) -> Option<Value> {
        self.placed.pop_front().or_else(|| self.named.shift_remove(name))
    }

    pub(super) fn value(&mut self, name: &str) -> Result<Value, Error> {
        self.optional(name)
            .ok_or_else(|| wrong(format!("`{}` needs its argument `{name}`", self.what)))
    }

    pub(super) fn text(&mut self, name: &str) -> Result<String, Error> {
        self.value(name).map(|value| python::text(&value).into_owned())
    }

    pub(super) fn text_or(&mut self, name: &str, default: &str) -> Result<String, Error> {
        match self.optional(name) {
            None => Ok(default.to_owned()),
            Some(value) => Ok(python::text(&value).into_owned()),
        }
    }

    /// A text, where none and nothing mean the same.
    pub(super) fn maybe_text(&mut self, name: &str) -> Option<String> {
        self.optional(name)
            .filter(|it| !it.is_none())
            .map(|value| python::text(&value).into_owned())
    }

    pub(super) fn int(&mut self, name: &str) -> Result<i64, Error> {
        let value = self.value(name)?;
        self.whole(name, &value)
    }

    pub(super) fn int_or(&mut self, name: &str, default: i64) -> Result<i64, Error> {
        match self.optional(name).filter(|it| !it.is_none()) {
            None => Ok(default),
            Some(value) => self.whole(name, &value),
        }
    }

    fn whole(&self, name: &str, value: &Value) -> Result<i64, Error> {
        let bool = (value.kind() == ValueKind::Bool).then(|| i64::from(value.is_true()));
        bool.or_else(|| value.as_i64().filter(|_| value.is_integer())).ok_or_else(|| {
            wrong(format!("`{name}` of `{}` is an integer, not {}", self.what, python::repr(value)))
        })
    }

    pub(super) fn bool_or(&mut self, name: &str, default: bool) -> Result<bool, Error> {
        Ok(self.optional(name).map_or(default, |value| value.is_true()))
    }

    /// All that have a place, from here on.
    pub(super) fn rest(&mut self) -> Vec<Value> {
        self.placed.drain(..).collect()
    }

    /// All that have a name.
    pub(super) fn rest_named(&mut self) -> IndexMap<String, Value> {
        std::mem::take(&mut self.named)
    }

    /// The one of this name, wherever the others are.
    pub(super) fn named(&mut self, name: &str) -> Option<Value> {
        self.named.shift_remove(name)
    }

    /// Refuses what nobody took.
    pub(super) fn end(self) -> Result<(), Error> {
        if let Some(name) = self.named.keys().next() {
            return Err(wrong(format!("`{}` has no argument `{name}`", self.what)));
        }
        match self.placed.is_empty() {
            true => Ok(()),
            false => Err(wrong(format!("too many arguments for `{}`", self.what))),
        }
    }
}
