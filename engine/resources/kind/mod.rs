//! A kind with its type erased: what the rest of the engine knows of kinds.

use std::{any::Any, borrow::Cow, marker::PhantomData, sync::Arc};

use schemars::{Schema, schema_for};
use serde::Deserialize as _;

use crate::{
    base::{content::Digest, script::Script, value::Value},
    resources::{
        before::Before,
        change::{Change, Differing as _, Effect},
        footprint::Footprint,
        resource::{
            ArgumentError, Files, Looked, Nature, Reaction, Resource, Step, Unreadable, followed,
        },
    },
};

mod again;
pub mod confirm;
pub mod timeout;

use again::Again;
use confirm::Confirm;

/// How a resource differs from what it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The digest of what was observed: a fleet is too large to keep all of it, and nobody asks more than whether it is
    /// still the same.
    pub observed: Digest,
    /// What makes it as it should be.
    pub change: Change,
}

/// How a resource differs, if it does; or why that is not known.
pub type Assessed = Looked<Option<Difference>>;

/// A [`Resource`] whose type is not known any more.
pub type Desired = Arc<dyn Any + Send + Sync>;

/// A kind with its type erased, so that one list holds them all.
pub trait Kind: Send + Sync {
    /// The function that roles call.
    fn name(&self) -> &'static str;
    /// The argument that stands first in the call.
    fn first(&self) -> &'static str;
    /// The argument that may stand second.
    fn second(&self) -> Option<&'static str>;
    /// When resources of the kind run.
    fn nature(&self) -> Nature;
    /// What a change of another resource can make it do.
    fn reacts(&self) -> &'static [Reaction];
    /// Whether applying it can alter what is observed of others.
    fn opaque(&self) -> bool;
    /// The exit status of a step that took its change back.
    fn reverted(&self) -> Option<i32>;
    /// The exit status of a step after which the host goes down.
    fn goes_down(&self) -> Option<i32>;
    /// Arguments, types and manual.
    fn schema(&self) -> Schema;
    /// Arguments to a desired state, its key and what it owns.
    fn declare(
        &self,
        arguments: Value,
        files: &dyn Files,
    ) -> Result<DesiredResource, ArgumentError>;
    /// What it owns of its host, and what it wants of that.
    fn footprint<'a>(&self, desired: &'a Desired) -> Footprint<'a>;
    /// The same, which leaves alone what others own below it, if that makes a difference.
    fn leaving(&self, desired: &Desired, others: &[String]) -> Option<Desired>;
    /// How many bytes of words its probe hands to programs besides its key.
    fn words(&self, desired: &Desired) -> usize;
    /// How many bytes its probe may bring along: old texts, which are shown where they differ.
    fn brings(&self, desired: &Desired) -> usize;
    /// Whether its step changes the host first, and finds out afterwards whether that may stay.
    fn proves_afterwards(&self, desired: &Desired) -> bool;
    /// The paths of which its probe has to know what lies there.
    fn looks_at<'a>(&self, batch: &[&'a Desired]) -> Vec<Cow<'a, str>>;
    /// The directories to which any link may lead, whoever laid it.
    fn follows<'a>(&self, batch: &[&'a Desired]) -> Vec<Cow<'a, str>>;
    /// Whether nothing should lie there.
    fn wants_nothing(&self) -> bool;
    /// One script that reads the state of the batch, with those paths as its arguments.
    fn probe(&self, batch: &[&Desired]) -> Script;
    /// What is said of those paths, and then by the probe, of each of the batch; nothing of what is as it should be.
    fn assess(&self, batch: &[&Desired], output: &str) -> Result<Vec<Assessed>, Unreadable>;
    /// The script that a role gave for it.
    fn script(&self, desired: &Desired) -> Option<String>;
    /// What makes it so.
    fn apply(&self, desired: &Desired, change: Option<&Change>) -> Step;
    /// One step for several.
    fn apply_together(&self, batch: &[(&Desired, Option<&Change>)]) -> Option<Step>;
    /// What says how it ended, where it did not stay as it was made.
    fn tell_end(&self, desired: &Desired) -> Step;
    /// What declares it again, where it reacts to what is put back.
    fn declared(&self, desired: &Desired) -> Option<Before>;
    /// Whether a change of it may keep everybody from logging in.
    fn is_risky(&self, desired: &Desired, action: Option<Effect>) -> bool;
    /// Paths that are put back as well, where nobody can log in any more.
    fn at_stake(&self, desired: &Desired) -> &'static [&'static str];
    /// What it does because another resource changed.
    fn react(&self, desired: &Desired, reaction: Reaction) -> Step;
    /// The kind of a resource that stands in the script once more, only to react.
    fn again(&self) -> &'static dyn Kind;
}

/// What a call of a kind's function declares.
pub struct DesiredResource {
    /// What tells it from others of its kind.
    pub key: String,
    /// The part of the host that it owns.
    pub owns: String,
    /// The desired state.
    pub desired: Desired,
    /// Seconds that its step may take, if it says so.
    pub timeout: Option<u32>,
    /// How a change of it is confirmed.
    pub confirm: Confirm,
}

/// Makes a [`Kind`] of a [`Resource`].
pub struct Typed<R>(pub PhantomData<fn() -> R>);

/// What goes to a host as data can hold any byte.
const DATA: [&str; 2] = ["content", "vars"];

/// Checks that no text has a byte which neither a script nor a header can hold.
fn check_texts(arguments: &Value) -> Result<(), ArgumentError> {
    let Value::Map(arguments) = arguments else { return Ok(()) };
    let cannot = |(name, value): &(&String, &Value)| {
        !DATA.contains(&name.as_str()) && value.any_text(&|text| text.contains('\0'))
    };
    match arguments.iter().find(cannot) {
        None => Ok(()),
        Some((name, _)) => {
            let message = "a NUL byte, which no script on a host can hold";
            Err(ArgumentError::new(name.clone(), message))
        }
    }
}

impl<R: Resource> Typed<R> {
    fn all<'a>(batch: &[&'a Desired]) -> Vec<&'a R> {
        batch.iter().map(|desired| Self::typed(desired)).collect()
    }

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

    fn second(&self) -> Option<&'static str> {
        R::SECOND
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

    fn reverted(&self) -> Option<i32> {
        R::REVERTED
    }

    fn goes_down(&self) -> Option<i32> {
        R::GOES_DOWN
    }

    fn schema(&self) -> Schema {
        schema_for!(R::Arguments)
    }

    fn declare(
        &self,
        arguments: Value,
        files: &dyn Files,
    ) -> Result<DesiredResource, ArgumentError> {
        check_texts(&arguments)?;
        let (arguments, timeout) =
            if R::TIMES_ITSELF { (arguments, None) } else { timeout::taken(arguments)? };
        let (arguments, confirm) = confirm::taken(arguments)?;
        let arguments = R::Arguments::deserialize(arguments)
            .map_err(|misfit| ArgumentError::misfit(R::KIND, misfit))?;
        let resource = R::resolve(arguments, files)?;
        let timeout = timeout.or(resource.seconds());
        let (key, owns) = (resource.key(), resource.owns());
        if matches!(confirm, Confirm::Within(_)) && !resource.can_be_put_back() {
            let message = "this change cannot be reverted, so it cannot be confirmed";
            return Err(ArgumentError::new(confirm::NAME, message).hint(
                "for a command, give `undo: \"..\"`; a reaction is reverted with its cause",
            ));
        }
        Ok(DesiredResource { key, owns, desired: Arc::new(resource), timeout, confirm })
    }

    fn footprint<'a>(&self, desired: &'a Desired) -> Footprint<'a> {
        Self::typed(desired).footprint()
    }

    fn leaving(&self, desired: &Desired, others: &[String]) -> Option<Desired> {
        Some(Arc::new(Self::typed(desired).leaving(others)?))
    }

    fn words(&self, desired: &Desired) -> usize {
        Self::typed(desired).words()
    }

    fn brings(&self, desired: &Desired) -> usize {
        Self::typed(desired).brings()
    }

    fn proves_afterwards(&self, desired: &Desired) -> bool {
        Self::typed(desired).proves_afterwards()
    }

    fn looks_at<'a>(&self, batch: &[&'a Desired]) -> Vec<Cow<'a, str>> {
        R::looks_at(&Self::all(batch))
    }

    fn follows<'a>(&self, batch: &[&'a Desired]) -> Vec<Cow<'a, str>> {
        batch.iter().flat_map(|desired| Self::typed(desired).follows()).collect()
    }

    fn wants_nothing(&self) -> bool {
        R::WANTS_NOTHING
    }

    fn probe(&self, batch: &[&Desired]) -> Script {
        R::probe(&Self::all(batch))
    }

    fn assess(&self, batch: &[&Desired], output: &str) -> Result<Vec<Assessed>, Unreadable> {
        let batch = Self::all(batch);
        let observed = R::observe(&batch, output)?;
        let unreadable = |message| Unreadable { kind: R::KIND, message };
        if observed.len() != batch.len() {
            let message = format!("{} observations of {}", observed.len(), batch.len());
            return Err(unreadable(message));
        }
        let assess = |(resource, observed): (&&R, Looked<R::Observed>)| {
            let observed = match observed {
                Ok(observed) => observed,
                Err(unknown) => return Ok(Err(unknown)),
            };
            let Some(change) = resource.plan(&observed) else { return Ok(Ok(None)) };
            let change = change.into_change().of(resource.before(&observed));
            // The digest of a short secret tells what it is: of such a resource counts what people see of the change.
            let observed = match change.is_sensitive() || resource.apply(None).is_sensitive() {
                true => serde_json::to_vec(&change),
                false => serde_json::to_vec(&observed),
            };
            let observed = observed.map_err(|error| unreadable(error.to_string()))?;
            Ok(Ok(Some(Difference { observed: Digest::of(&observed), change })))
        };
        batch.iter().zip(observed).map(assess).collect()
    }

    fn script(&self, desired: &Desired) -> Option<String> {
        Self::typed(desired).script().map(str::to_owned)
    }

    fn apply(&self, desired: &Desired, change: Option<&Change>) -> Step {
        let resource = Self::typed(desired);
        let Step { script, contents } =
            resource.apply(change.and_then(|change| change.detail.of()));
        Step { script: followed(&resource.follows()).then(script), contents }
    }

    fn apply_together(&self, batch: &[(&Desired, Option<&Change>)]) -> Option<Step> {
        let mut typed = Vec::with_capacity(batch.len());
        for &(desired, change) in batch {
            typed.push((Self::typed(desired), change.and_then(|change| change.detail.of())));
        }
        R::apply_together(&typed)
    }

    fn tell_end(&self, desired: &Desired) -> Step {
        Self::typed(desired).tell_end()
    }

    fn declared(&self, desired: &Desired) -> Option<Before> {
        Self::typed(desired).declared()
    }

    fn is_risky(&self, desired: &Desired, action: Option<Effect>) -> bool {
        Self::typed(desired).is_risky(action)
    }

    fn at_stake(&self, desired: &Desired) -> &'static [&'static str] {
        Self::typed(desired).at_stake()
    }

    fn react(&self, desired: &Desired, reaction: Reaction) -> Step {
        Self::typed(desired).react(reaction)
    }

    fn again(&self) -> &'static dyn Kind {
        &Again::<R>(Typed(PhantomData))
    }
}
