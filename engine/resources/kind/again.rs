//! A resource that stands in the script once more, only to react to what was declared after it.

use std::borrow::Cow;

use schemars::Schema;

use super::{Assessed, Desired, DesiredResource, Kind, Typed};
use crate::{
    base::{script::Script, value::Value},
    resources::{
        before::Before,
        change::{Change, Effect},
        footprint::Footprint,
        resource::{ArgumentError, Files, Nature, Reaction, Resource, Step, Unreadable},
    },
};

/// Its state is looked at and made where it stands first. It owns the same, so that one is looked at after a reaction here.
pub(super) struct Again<R>(pub(super) Typed<R>);

impl<R: Resource> Kind for Again<R> {
    fn nature(&self) -> Nature {
        Nature::Action
    }

    fn leaving(&self, _desired: &Desired, _others: &[String]) -> Option<Desired> {
        None
    }

    fn words(&self, _desired: &Desired) -> usize {
        0
    }

    fn brings(&self, _desired: &Desired) -> usize {
        0
    }

    fn follows<'a>(&self, _batch: &[&'a Desired]) -> Vec<Cow<'a, str>> {
        Vec::new()
    }

    fn proves_afterwards(&self, _: &Desired) -> bool {
        false
    }

    fn looks_at<'a>(&self, _batch: &[&'a Desired]) -> Vec<Cow<'a, str>> {
        Vec::new()
    }

    fn wants_nothing(&self) -> bool {
        false
    }

    fn probe(&self, _batch: &[&Desired]) -> Script {
        Script::default()
    }

    fn assess(&self, batch: &[&Desired], _output: &str) -> Result<Vec<Assessed>, Unreadable> {
        Ok(vec![Ok(None); batch.len()])
    }

    fn apply_together(&self, _batch: &[(&Desired, Option<&Change>)]) -> Option<Step> {
        None
    }

    fn tell_end(&self, desired: &Desired) -> Step {
        self.0.tell_end(desired)
    }

    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn first(&self) -> &'static str {
        self.0.first()
    }

    fn second(&self) -> Option<&'static str> {
        self.0.second()
    }

    fn reacts(&self) -> &'static [Reaction] {
        self.0.reacts()
    }

    fn opaque(&self) -> bool {
        self.0.opaque()
    }

    fn reverted(&self) -> Option<i32> {
        self.0.reverted()
    }

    fn goes_down(&self) -> Option<i32> {
        self.0.goes_down()
    }

    fn schema(&self) -> Schema {
        self.0.schema()
    }

    fn declare(
        &self,
        arguments: Value,
        files: &dyn Files,
    ) -> Result<DesiredResource, ArgumentError> {
        self.0.declare(arguments, files)
    }

    fn footprint<'a>(&self, desired: &'a Desired) -> Footprint<'a> {
        self.0.footprint(desired)
    }

    fn script(&self, desired: &Desired) -> Option<String> {
        self.0.script(desired)
    }

    fn apply(&self, desired: &Desired, change: Option<&Change>) -> Step {
        self.0.apply(desired, change)
    }

    fn declared(&self, desired: &Desired) -> Option<Before> {
        self.0.declared(desired)
    }

    fn is_risky(&self, desired: &Desired, action: Option<Effect>) -> bool {
        self.0.is_risky(desired, action)
    }

    fn at_stake(&self, desired: &Desired) -> &'static [&'static str] {
        self.0.at_stake(desired)
    }

    fn react(&self, desired: &Desired, reaction: Reaction) -> Step {
        self.0.react(desired, reaction)
    }

    fn again(&self) -> &'static dyn Kind {
        self.0.again()
    }
}
