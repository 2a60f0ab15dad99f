//! What would be done to one resource, as people and programs read it.

use std::{any::Any, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::resources::before::Before;

/// What would be done to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What happens to the resource as a whole.
    pub action: Effect,
    /// What differs, field by field.
    pub fields: Vec<Field>,
    /// Why it is made.
    #[serde(skip)]
    pub reason: Reason,
    /// Whether this run changed the resource already.
    #[serde(skip)]
    pub again: bool,
    /// What was there before, as far as it can be put back.
    #[serde(skip)]
    pub before: Vec<Before>,
    /// Why it cannot be undone as a whole, if it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Box<str>>,
    /// What its step depends on.
    #[serde(skip)]
    pub detail: Detail,
}

/// Why a change is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reason {
    /// What is there differs.
    #[default]
    Differs,
    /// Nothing says when it is done: it is made each time.
    Always,
    /// What has to stay as it is for a while did not.
    NotStaying,
    /// An earlier run left it without its proof.
    Unfinished,
}

/// How a resource differs, in the terms of its kind. What people read is a part of it, and decides nothing.
pub trait Differing {
    /// What the step depends on.
    type Detail: Any + Send + Sync;

    /// What people read, which carries what the step depends on.
    fn into_change(self) -> Change;
}

/// For a kind whose step is the same whatever differs.
impl Differing for Change {
    type Detail = ();

    fn into_change(self) -> Change {
        self
    }
}

/// A change with what its step depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct DetailedChange<T> {
    /// What people read.
    pub change: Change,
    /// What the step depends on.
    pub detail: T,
}

impl<T: Any + Send + Sync> Differing for DetailedChange<T> {
    type Detail = T;

    fn into_change(self) -> Change {
        Change { detail: Detail(Some(Arc::new(self.detail))), ..self.change }
    }
}

/// What a step depends on, of any kind. It is made from the same look as the rest of its change, so it makes no two of them different.
#[derive(Clone, Default)]
pub struct Detail(Option<Arc<dyn Any + Send + Sync>>);

impl Detail {
    /// The detail as its kind knows it; none where nothing is known of what is there.
    pub fn of<T: Any>(&self) -> Option<&T> {
        self.0.as_deref()?.downcast_ref()
    }
}

impl PartialEq for Detail {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Detail {}

impl fmt::Debug for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

impl Change {
    /// A change of some fields.
    pub fn new(action: Effect, fields: Vec<Field>) -> Self {
        let reason = Reason::default();
        let detail = Detail::default();
        Self { action, fields, reason, again: false, before: Vec::new(), lost: None, detail }
    }

    /// The same change, of what was like this before.
    #[must_use]
    pub fn of(mut self, before: Vec<Before>) -> Self {
        self.lost = before.iter().find_map(|before| match before {
            Before::Lost { lost } => Some(lost.as_ref().into()),
            _ => None,
        });
        self.before = before;
        self
    }

    /// An update of the fields that differ; `None` when none does.
    pub fn update(fields: Vec<Field>) -> Option<Self> {
        (!fields.is_empty()).then_some(Self::new(Effect::Update, fields))
    }

    /// The same change, made for a reason.
    #[must_use]
    pub fn because(self, reason: Reason) -> Self {
        Self { reason, ..self }
    }

    /// Whether it is there each time, so that no second look can find it done.
    pub fn is_always_there(&self) -> bool {
        self.reason == Reason::Always
    }

    /// Whether this run made it so, and it did not stay so: to do the same once more would only hide that.
    pub fn did_not_stay(&self) -> bool {
        self.again && self.reason == Reason::NotStaying
    }

    /// Whether a field is among those that differ.
    #[cfg(test)]
    pub fn has(&self, field: &str) -> bool {
        self.fields.iter().any(|candidate| candidate.name == field)
    }

    /// Whether it is about something that must not be shown.
    pub fn is_sensitive(&self) -> bool {
        let hides = |shown: &Shown| *shown == Shown::sensitive() || *shown == Shown::closed();
        self.fields.iter().any(|field| hides(&field.before) || hides(&field.after))
    }

    /// The change of what an earlier `run` left without its proof.
    pub fn unfinished(run: &str) -> Self {
        let left = Shown::Hidden(format!("not finished by run {run}"));
        let field = Field::new("finish", left, Shown::Hidden("finished".to_owned()));
        Self::new(Effect::Update, vec![field]).because(Reason::Unfinished)
    }
}

/// What happens to a resource as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It is not there, and will be.
    Create,
    /// It is there, and differs.
    Update,
    /// It is there, and will not be.
    Remove,
    /// Something runs.
    Run,
    /// What is known of it is too old to tell how it differs: that is made new, and it is looked at again.
    Refresh,
    /// A check does not hold, and is waited for.
    Wait,
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name, as in the arguments of the kind.
    pub name: String,
    /// What was observed.
    pub before: Shown,
    /// What is wanted.
    pub after: Shown,
}

impl Field {
    /// A field that differs.
    pub fn new(name: &str, before: impl Into<Shown>, after: impl Into<Shown>) -> Self {
        Self { name: name.to_owned(), before: before.into(), after: after.into() }
    }

    /// A field that is not there yet.
    pub fn added(name: &str, after: impl Into<Shown>) -> Self {
        Self::new(name, Shown::Nothing, after)
    }

    /// A field, if the two differ.
    pub fn differing<T: ToString + PartialEq>(name: &str, before: &T, after: &T) -> Option<Self> {
        (before != after).then(|| Self::new(name, before.to_string(), after.to_string()))
    }
}

/// A side of a field, as people may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shown {
    /// There is none.
    Nothing,
    /// A text; several lines are drawn as a diff.
    Text(String),
    /// It is there but must not be shown, or is of no use to the eye; the reason why.
    Hidden(String),
}

impl Shown {
    /// It is there, and is a secret.
    pub fn sensitive() -> Self {
        Shown::Hidden("sensitive".to_owned())
    }

    /// It is there, and not everyone on the host may read it.
    pub fn closed() -> Self {
        Shown::Hidden("closed to others".to_owned())
    }
}

impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        Shown::Text(text.to_owned())
    }
}

impl From<String> for Shown {
    fn from(text: String) -> Self {
        Shown::Text(text)
    }
}
