//! The contract of a check: what a kind must say that changes nothing, and waits until something holds.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{ObservedTries, Patience, observe, probe, wait};
use crate::{
    base::script::{Script, Words},
    resources::{
        before::Before,
        change::{Change, Effect, Field, Shown},
        footprint::Footprint,
        resource::{ArgumentError, Files, Looked, Nature, Resource, Step, Unreadable},
    },
    sh,
};

/// A check. The struct is what a role writes, as for a [`Resource`].
pub trait Check: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The function that roles call.
    const KIND: &'static str;

    /// The argument that stands first in the call, without a name.
    const FIRST: &'static str;

    /// What tells it from others of its kind on the host.
    fn key(&self) -> String;

    /// Checks what the types alone cannot.
    fn check(&self) -> Result<(), ArgumentError>;

    /// For how long it is tried.
    fn patience(&self) -> Patience;

    /// One try, as a list of commands. It prints nothing if all holds; else the argument that does not, and what was found instead.
    fn attempt(&self) -> Script;

    /// Each argument that a try can miss, and what it should have been.
    fn wanted(&self) -> Vec<[String; 2]>;

    /// Commands that say in words what does not hold: of the argument `$1`, that is `$2` and should have been `$3`.
    fn words(&self) -> Script;

    /// The script that a role gave for it, if it did.
    fn script(&self) -> Option<&str> {
        None
    }
}

/// Makes a [`Resource`] of a check.
pub struct Checking<C>(C);

impl<C: Check> Resource for Checking<C> {
    type Arguments = C;
    type Observed = ObservedTries;
    type Difference = Change;
    const KIND: &'static str = C::KIND;
    const FIRST: &'static str = C::FIRST;
    const NATURE: Nature = Nature::Check;
    const TIMES_ITSELF: bool = true;

    fn key(&self) -> String {
        self.0.key()
    }

    fn footprint(&self) -> Footprint<'_> {
        Footprint::of_a_script()
    }

    fn resolve(arguments: C, _: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check()?;
        arguments.patience().check()?;
        Ok(Self(arguments))
    }

    fn seconds(&self) -> Option<u32> {
        Some(self.0.patience().seconds())
    }

    fn probe(batch: &[&Self]) -> Script {
        probe(batch.iter().map(|check| check.0.attempt()))
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Looked<ObservedTries>>, Unreadable> {
        observe(C::KIND, batch.len(), output)
    }

    fn before(&self, _: &ObservedTries) -> Vec<Before> {
        Vec::new()
    }

    fn can_be_put_back(&self) -> bool {
        false
    }

    fn plan(&self, observed: &ObservedTries) -> Option<Change> {
        let argument = observed.misses.as_deref()?;
        let wanted = self.0.wanted().into_iter().find(|[of, _]| of == argument);
        let after = wanted.map_or(Shown::Nothing, |[_, wanted]| wanted.into());
        let field = Field::new(argument, observed.found.as_str(), after);
        Some(Change::new(Effect::Wait, vec![field]))
    }

    fn script(&self) -> Option<&str> {
        self.0.script()
    }

    fn apply(&self, _: Option<&()>) -> Step {
        let wanted = sh!("{}", Words(&self.0.wanted().concat()));
        wait(self.0.attempt(), self.0.patience(), wanted, self.0.words()).into()
    }
}
