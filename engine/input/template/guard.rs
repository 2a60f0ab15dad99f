//! The context of a template as it reads it. Whatever way it takes to a secret leads through one of these, which notes that
//! the text is no longer for everyone's eyes.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};

use minijinja::value::{Enumerator, Object, ObjectRepr, Value as Jinja};

use super::{Context, Values, lock, names};
use crate::base::value::Value;

/// All that a template sees.
pub(super) struct Root {
    pub(super) context: Context,
    pub(super) read: Arc<ReadMark>,
}

/// What a template has read.
#[derive(Default)]
pub(super) struct ReadMark {
    /// A bit for each of the values of the context.
    pub(super) values: AtomicU8,
    pub(super) secret: AtomicBool,
    /// The hosts of which facts were read by `hostvars`, and what these are called.
    pub(super) facts: Mutex<BTreeSet<(String, String)>>,
}

/// A list or a map in the values that a template sees, by the way to it: what stands at each step. Only what a template
/// asks for is made a value of Jinja.
struct GuardedValue {
    values: Arc<Values>,
    way: Vec<usize>,
    read: Arc<ReadMark>,
}

// The engine's debug output must not hold what is guarded.

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(guarded)")
    }
}

impl fmt::Debug for GuardedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(guarded)")
    }
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        self.get_value_by_str(key.as_str()?)
    }

    /// By this way templates ask for names; the other one makes a value of each name first.
    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Jinja> {
        let (value, place, at) = self.context.find(name)?;
        self.read.values.fetch_or(1 << place, Ordering::Relaxed);
        Some(guarded(value, &self.context.0[place], || vec![at], &self.read))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.context.names().into_iter().map(Jinja::from).collect())
    }
}

impl GuardedValue {
    /// The list or the map.
    fn inner(&self) -> Option<&Value> {
        let (first, rest) = self.way.split_first()?;
        let (_, first) = self.values.get_index(*first)?;
        rest.iter().try_fold(first, |value, at| match value {
            Value::List(values) => values.get(*at),
            Value::Map(values) => values.get_index(*at).map(|(_, value)| value),
            _ => None,
        })
    }
}

impl GuardedValue {
    /// The host that this is, where it is one of `hostvars`.
    fn of_hostvars(&self) -> Option<&str> {
        let [top, place] = self.way[..] else { return None };
        match self.values.get_index(top)? {
            (top, Value::Map(hosts)) if top == "hostvars" => Some(hosts.get_index(place)?.0),
            _ => None,
        }
    }

    fn note_fact(&self, name: &str) {
        if let Some(host) = self.of_hostvars().filter(|_| names::may_be_fact(name)) {
            lock(&self.read.facts).insert((host.to_owned(), name.to_owned()));
        }
    }

    /// What stands for a fact of another host that nobody has asked yet: `hostvars[HOST].ansible_kernel`.
    fn unknown_fact(&self, host: &Values, name: &str) -> Option<Jinja> {
        let is_known = host.contains_key("ansible_facts") || !names::may_be_fact(name);
        self.of_hostvars().filter(|_| !is_known).map(|_| Jinja::from_object(UnknownValue))
    }
}

/// What is not known yet. Whatever is looked for in it is not known either: so a template gets to name all that it asks.
#[derive(Debug)]
struct UnknownValue;

impl Object for UnknownValue {
    fn get_value(self: &Arc<Self>, _: &Jinja) -> Option<Jinja> {
        Some(Jinja::from_object(UnknownValue))
    }

    fn render(self: &Arc<Self>, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl Object for GuardedValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match self.inner() {
            Some(Value::List(_)) => ObjectRepr::Seq,
            _ => ObjectRepr::Map,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        let (at, value) = match self.inner()? {
            Value::List(values) => {
                let at = key.as_usize()?;
                (at, values.get(at)?)
            }
            Value::Map(values) => {
                let name = key.as_str()?;
                self.note_fact(name);
                match values.get_full(name) {
                    Some((at, _, value)) => (at, value),
                    None => return self.unknown_fact(values, name),
                }
            }
            _ => return None,
        };
        let way = || self.way.iter().copied().chain([at]).collect();
        Some(guarded(value, &self.values, way, &self.read))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.inner() {
            Some(Value::List(values)) => Enumerator::Seq(values.len()),
            Some(Value::Map(values)) => {
                Enumerator::Values(values.keys().map(|key| Jinja::from(key.as_str())).collect())
            }
            _ => Enumerator::NonEnumerable,
        }
    }
}

/// A value as Jinja has it. Whoever reads a secret raises the flag, and has plain text from then on.
fn guarded(
    value: &Value,
    values: &Arc<Values>,
    way: impl FnOnce() -> Vec<usize>,
    read: &Arc<ReadMark>,
) -> Jinja {
    match value {
        Value::Null => Jinja::from(()),
        Value::Bool(value) => Jinja::from(*value),
        Value::Int(value) => Jinja::from(*value),
        Value::Float(value) => Jinja::from(*value),
        Value::Text(text) => Jinja::from(text.as_str()),
        Value::Secret(secret) => {
            read.secret.store(true, Ordering::Relaxed);
            Jinja::from(secret.expose())
        }
        Value::List(_) | Value::Map(_) => {
            let (values, read) = (values.clone(), read.clone());
            Jinja::from_object(GuardedValue { values, way: way(), read })
        }
    }
}
