//! The `command_check` kind.

use schemars::JsonSchema;
use serde::Deserialize;

use super::command::{check_name, check_user, invocation};
use crate::{
    base::script::Script,
    resources::{
        before::Before,
        change::{Change, Effect, Field},
        check::{self, ObservedTries, Patience},
        footprint::Footprint,
        resource::{ArgumentError, Files, Looked, Nature, Resource, Step, Unreadable},
    },
    sh,
};

/// A script that must succeed: a check of what no other kind asks for.
///
/// When something before it changed, it waits until the script ends with exit status 0, up to the deadline. The script
/// only reads, since a plan runs it too. It stops at the first command that fails.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandCheck {
    /// What must hold, in words; it is also the script where `run` is not given.
    name: String,
    /// The script, for `sh`.
    run: Option<String>,
    /// The user to run as; by default the one that converge is on the host.
    user: Option<String>,
    /// Seconds that one try may take.
    #[serde(default = "timeout")]
    timeout: u32,
    /// Seconds until it must hold; 30 if `retries` is not given either.
    deadline: Option<u32>,
    /// How often it is tried once more before it has failed, in the place of a deadline.
    retries: Option<u32>,
    /// Seconds between two tries.
    #[serde(default = "check::delay", alias = "interval")]
    delay: u32,
}

fn timeout() -> u32 {
    5
}

impl Resource for CommandCheck {
    type Arguments = Self;
    type Observed = ObservedTries;
    type Difference = Change;
    const KIND: &'static str = "command_check";
    const FIRST: &'static str = "name";
    const NATURE: Nature = Nature::Check;
    const TIMES_ITSELF: bool = true;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn footprint(&self) -> Footprint<'_> {
        Footprint::of_a_script()
    }

    fn resolve(arguments: Self, _: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check()?;
        Ok(arguments)
    }

    fn seconds(&self) -> Option<u32> {
        Some(self.patience().seconds(self.timeout))
    }

    fn probe(batch: &[&Self]) -> Script {
        check::probe(batch.iter().map(|check| check.attempt()))
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Looked<ObservedTries>>, Unreadable> {
        check::observe(Self::KIND, batch.len(), output)
    }

    fn before(&self, _: &ObservedTries) -> Vec<Before> {
        Vec::new()
    }

    fn can_be_put_back(&self) -> bool {
        false
    }

    fn plan(&self, observed: &ObservedTries) -> Option<Change> {
        let found = observed.found()?;
        Some(Change::new(Effect::Wait, vec![Field::new("exit status", found, "0")]))
    }

    fn script(&self) -> Option<&str> {
        Some(self.to_run())
    }

    fn apply(&self, _: Option<&()>) -> Step {
        let wanted = sh!("'exit status' 0");
        let words = sh!("say \"the command ended with exit status $2\"");
        check::wait(self.attempt(), self.patience(), wanted, words).into()
    }
}

impl CommandCheck {
    /// Checks what the types alone cannot.
    fn check(&self) -> Result<(), ArgumentError> {
        check_name(&self.name)?;
        check_user(self.user.as_deref())?;
        if self.to_run().trim().is_empty() {
            return Err(ArgumentError::new("run", "there is nothing to run"));
        }
        self.patience().check(self.timeout)
    }

    fn patience(&self) -> Patience {
        Patience { deadline: self.deadline, retries: self.retries, delay: self.delay }
    }

    fn to_run(&self) -> &str {
        self.run.as_deref().unwrap_or(&self.name)
    }

    /// One try.
    fn attempt(&self) -> Script {
        let command = invocation(self.user.as_deref(), self.to_run(), None);
        sh!("command_succeeds {} {}", self.timeout, command)
    }
}
