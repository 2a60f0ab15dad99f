//! The contract of a kind: what a struct must say so that converge can manage what it describes.
//!
//! Everything here is pure: no clock, no disk, no network. A kind never learns how a host is reached.

use std::{any::Any, borrow::Cow, collections::BTreeMap, marker::PhantomData, sync::Arc};

use schemars::{JsonSchema, Schema, schema_for};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, Error as _},
};

use crate::{
    content::Content,
    diagnostic::Diagnostic,
    script::Script,
    value::{Misfit, Value},
};

/// One kind of thing that converge manages. The struct is the desired state as a role writes it:
/// its serde attributes are the parser, its doc comments are the manual.
pub trait Resource: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// What a probe learned about one resource. It is kept as data, so that a plan can be approved.
    type Observed: Serialize + Send + Sync;

    /// The function that roles call.
    const KIND: &'static str;

    /// The argument that stands first in the call, without a name.
    const FIRST: &'static str;

    /// When a resource of this kind runs.
    const NATURE: Nature = Nature::State;

    /// What a change of another resource can make this kind do.
    const REACTS: &'static [Reaction] = &[];

    /// Whether applying it can alter what is observed of other resources, as installing a package can.
    const OPAQUE: bool = false;

    /// What tells it from others of its kind on the host.
    fn key(&self) -> String;

    /// The part of the host that it owns. Two resources must not own the same part.
    fn owns(&self) -> String {
        format!("{}:{}", Self::KIND, self.key())
    }

    /// Takes what the role's folder holds for it, and checks what the types alone cannot.
    fn resolve(&mut self, _files: &dyn Files) -> Result<(), ArgumentError> {
        Ok(())
    }

    /// One script that reads the state of every resource of the batch, and only reads.
    fn probe(batch: &[&Self]) -> Script;

    /// Reads that script's output: one observation for each of the batch, in order.
    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Self::Observed>, Unreadable>;

    /// What differs. `None` means converged.
    fn plan(&self, observed: &Self::Observed) -> Option<Change>;

    /// What makes it so, from any earlier state. `change` says what is shown, and may save work;
    /// it is `None` when the resource runs for another reason, such as a check after a change.
    fn apply(&self, change: Option<&Change>) -> Step;

    /// One step for several resources that stand next to each other, such as one package transaction.
    fn apply_together(_batch: &[&Self]) -> Option<Step> {
        None
    }

    /// What it does because another resource changed.
    fn react(&self, _reaction: Reaction) -> Step {
        Step::default()
    }

    /// Whether making this change does already what a reaction would, as starting a service does.
    fn includes(_change: &Change, _reaction: Reaction) -> bool {
        false
    }
}

/// When a resource runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// When it differs from what is wanted.
    State,
    /// When it does not hold, or something before it in order changed: it waits until it holds.
    Check,
    /// Only as a reaction.
    Action,
}

/// What a resource does when another one changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reaction {
    /// Read the configuration again, without a pause in service.
    Reload,
    /// Stop and start.
    Restart,
    /// Run the action.
    Run,
}

impl Reaction {
    /// The argument that asks for it in a role.
    pub fn argument(self) -> &'static str {
        match self {
            Reaction::Reload => "reload_on",
            Reaction::Restart => "restart_on",
            Reaction::Run => "on",
        }
    }

    /// The word for it in a plan.
    pub fn verb(self) -> &'static str {
        match self {
            Reaction::Reload => "reload",
            Reaction::Restart => "restart",
            Reaction::Run => "run",
        }
    }
}

/// What would be done to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What happens to the resource as a whole.
    pub action: Action,
    /// What differs, field by field.
    pub fields: Vec<Field>,
}

impl Change {
    /// A change of some fields.
    pub fn new(action: Action, fields: Vec<Field>) -> Self {
        Self { action, fields }
    }

    /// An update of the fields that differ; `None` when none does.
    pub fn update(fields: Vec<Field>) -> Option<Self> {
        (!fields.is_empty()).then_some(Self { action: Action::Update, fields })
    }

    /// The field of a change that is there each time, because nothing says when it is done.
    pub const ALWAYS: &str = "always";

    /// Whether it is there each time, so that no second look can find it done.
    pub fn is_always_there(&self) -> bool {
        self.has(Self::ALWAYS)
    }

    /// Whether a field is among those that differ.
    pub fn has(&self, field: &str) -> bool {
        self.fields.iter().any(|candidate| candidate.name == field)
    }
}

/// What happens to a resource as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is not there, and will be.
    Create,
    /// It is there, and differs.
    Update,
    /// It is there, and will not be.
    Remove,
    /// Something runs.
    Run,
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

/// A script that makes a change, and the content that it reads.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Step {
    /// Runs under `set -eu`, with /dev/null as its standard input.
    pub script: Script,
    /// What must lie in the staging folder before; the script names it by [`Content::staged`].
    pub contents: Vec<Content>,
}

impl From<Script> for Step {
    fn from(script: Script) -> Self {
        Self { script, contents: Vec::new() }
    }
}

/// What a role's folder gives to a resource.
pub trait Files {
    /// The bytes of `files/NAME`.
    fn source(&self, name: &str) -> Result<Vec<u8>, ArgumentError>;
    /// `templates/NAME`, rendered with the role's parameters, the host's variables and `vars`.
    fn template(
        &self,
        name: &str,
        vars: &BTreeMap<String, Value>,
    ) -> Result<Content, ArgumentError>;
    /// The files below `files/NAME`, by relative path, each with its mode.
    fn tree(&self, name: &str) -> Result<Vec<TreeFile>, ArgumentError>;
}

/// One file of a folder that a role brings.
#[derive(Debug, Clone, PartialEq)]
pub struct TreeFile {
    /// The path below the folder, with `/` between the parts.
    pub path: String,
    /// What it holds.
    pub content: Content,
}

/// What is wrong with an argument.
#[derive(Debug, Clone, PartialEq)]
pub struct ArgumentError {
    /// The argument; empty when the call as a whole is meant.
    pub argument: Cow<'static, str>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// The same mistake in another text, such as the template it is in.
    pub inside: Option<Diagnostic>,
    /// Whether there is no such argument; else what it was given is wrong.
    pub unknown: bool,
}

impl ArgumentError {
    /// A mistake in one argument.
    pub fn new(argument: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        let (argument, message) = (argument.into(), message.into());
        Self { argument, message, hint: None, inside: None, unknown: false }
    }

    /// A value that does not fit: that of the argument at `path`, or the whole call where that is `.`.
    pub fn misfit(kind: &str, path: &str, misfit: Misfit) -> Self {
        let (subject, path) = match path {
            "." => (format!("{kind}()"), ""),
            path => (format!("`{path}`"), path),
        };
        let unknown = misfit.unknown_key.is_some();
        let argument = match misfit.unknown_key {
            Some(key) => [path, &key].join(if path.is_empty() { "" } else { "." }),
            None => path.to_owned(),
        };
        let hint = match path {
            "mode" | "file_mode" => Some("a mode is a string of octal digits: \"0644\"".to_owned()),
            _ => misfit.hint,
        };
        Self { hint, unknown, ..Self::new(argument, format!("{subject} {}", misfit.predicate)) }
    }

    /// An argument that a kind does not have.
    pub fn unknown(kind: &str, name: &str) -> Self {
        Self::misfit(kind, ".", Misfit::unknown_field(name, &[]))
    }

    /// An argument that a kind cannot do without.
    pub fn missing(kind: &str, name: &str) -> Self {
        Self::new("", format!("{kind}() needs `{name}`"))
    }

    /// A mistake in a text that the argument names, such as a template.
    pub fn inside(argument: &'static str, diagnostic: Diagnostic) -> Self {
        Self { inside: Some(diagnostic), ..Self::new(argument, "") }
    }

    /// What to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A probe's output that cannot be read: the host is not what we take it for, or lies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read what the probe of {kind} printed: {message}")]
pub struct Unreadable {
    /// The kind whose probe it was.
    pub kind: &'static str,
    /// What is wrong with it.
    pub message: String,
}

/// What a probe says about one resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// What was observed, as data.
    pub observed: serde_json::Value,
    /// What differs.
    pub change: Option<Change>,
}

/// A [`Resource`] whose type is not known any more.
pub type Desired = Arc<dyn Any + Send + Sync>;

/// A kind with its type erased, so that one list holds them all.
pub trait Kind: Send + Sync {
    /// The function that roles call.
    fn name(&self) -> &'static str;
    /// The argument that stands first in the call.
    fn first(&self) -> &'static str;
    /// When resources of the kind run.
    fn nature(&self) -> Nature;
    /// What a change of another resource can make it do.
    fn reacts(&self) -> &'static [Reaction];
    /// Whether applying it can alter what is observed of others.
    fn opaque(&self) -> bool;
    /// Arguments, types and manual.
    fn schema(&self) -> Schema;
    /// Arguments to a desired state, its key and what it owns.
    fn declare(&self, arguments: Value, files: &dyn Files) -> Result<Declared, ArgumentError>;
    /// One script that reads the state of the batch.
    fn probe(&self, batch: &[&Desired]) -> Script;
    /// What the probe's output says of each of the batch.
    fn assess(&self, batch: &[&Desired], output: &str) -> Result<Vec<Assessment>, Unreadable>;
    /// What makes it so.
    fn apply(&self, desired: &Desired, change: Option<&Change>) -> Step;
    /// One step for several.
    fn apply_together(&self, batch: &[&Desired]) -> Option<Step>;
    /// What it does because another resource changed.
    fn react(&self, desired: &Desired, reaction: Reaction) -> Step;
    /// Whether making this change does already what a reaction would.
    fn includes(&self, change: &Change, reaction: Reaction) -> bool;
}

/// What a call of a kind's function declares.
pub struct Declared {
    /// What tells it from others of its kind.
    pub key: String,
    /// The part of the host that it owns.
    pub owns: String,
    /// The desired state.
    pub desired: Desired,
}

/// Makes a [`Kind`] of a [`Resource`].
pub struct Typed<R>(pub PhantomData<fn() -> R>);

impl<R: Resource> Typed<R> {
    fn typed(desired: &Desired) -> &R {
        desired.downcast_ref().expect("the catalog keeps each desired state with its own kind")
    }
}

impl<R: Resource> Kind for Typed<R> {
    fn name(&self) -> &'static str {
        R::KIND
    }

    fn first(&self) -> &'static str {
        R::FIRST
    }

    fn nature(&self) -> Nature {
        R::NATURE
    }

    fn reacts(&self) -> &'static [Reaction] {
        R::REACTS
    }

    fn opaque(&self) -> bool {
        R::OPAQUE
    }

    fn schema(&self) -> Schema {
        schema_for!(R)
    }

    fn declare(&self, arguments: Value, files: &dyn Files) -> Result<Declared, ArgumentError> {
        let mut resource: R = serde_path_to_error::deserialize(arguments).map_err(|error| {
            let path = error.path().to_string();
            ArgumentError::misfit(R::KIND, &path, error.into_inner())
        })?;
        resource.resolve(files)?;
        Ok(Declared { key: resource.key(), owns: resource.owns(), desired: Arc::new(resource) })
    }

    fn probe(&self, batch: &[&Desired]) -> Script {
        R::probe(&batch.iter().map(|desired| Self::typed(desired)).collect::<Vec<_>>())
    }

    fn assess(&self, batch: &[&Desired], output: &str) -> Result<Vec<Assessment>, Unreadable> {
        let batch: Vec<&R> = batch.iter().map(|desired| Self::typed(desired)).collect();
        let observed = R::observe(&batch, output)?;
        let unreadable = |message| Unreadable { kind: R::KIND, message };
        if observed.len() != batch.len() {
            let message = format!("{} observations of {}", observed.len(), batch.len());
            return Err(unreadable(message));
        }
        let assess = |(resource, observed): (&&R, R::Observed)| {
            let change = resource.plan(&observed);
            let observed =
                serde_json::to_value(observed).map_err(|error| unreadable(error.to_string()))?;
            Ok(Assessment { observed, change })
        };
        batch.iter().zip(observed).map(assess).collect()
    }

    fn apply(&self, desired: &Desired, change: Option<&Change>) -> Step {
        Self::typed(desired).apply(change)
    }

    fn apply_together(&self, batch: &[&Desired]) -> Option<Step> {
        R::apply_together(&batch.iter().map(|desired| Self::typed(desired)).collect::<Vec<_>>())
    }

    fn react(&self, desired: &Desired, reaction: Reaction) -> Step {
        Self::typed(desired).react(reaction)
    }

    fn includes(&self, change: &Change, reaction: Reaction) -> bool {
        R::includes(change, reaction)
    }
}
