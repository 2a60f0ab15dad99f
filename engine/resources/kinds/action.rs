//! The `action` kind.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::command::{CommandExecution, Retries, check_name};
use crate::{
    base::{script::Script, secret::Text},
    resources::{
        before::Before,
        change::Change,
        footprint::Footprint,
        resource::{ArgumentError, Files, Looked, Nature, Reaction, Resource, Step, Unreadable},
    },
};

/// A script that runs once when one of the resources that `on` names has changed, and not otherwise.
///
/// The script stops at the first command that fails. It runs again in the next run if it failed or was cut off.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// What it does, in words; it is also the script where `run` is not given.
    name: String,
    /// The script, for `sh`.
    run: Option<String>,
    /// The directory to run in; by default `/`.
    cwd: Option<String>,
    /// Environment variables; secrets are allowed.
    #[serde(default)]
    env: BTreeMap<String, Text>,
    /// The user to run as; by default the one that converge is on the host.
    user: Option<String>,
    /// Seconds after which it is stopped, and has failed.
    timeout: Option<u32>,
    /// How often it is run once more if it fails.
    #[serde(default)]
    retries: u32,
    /// Seconds between two tries; 5 if not given.
    delay: Option<u32>,
}

impl Resource for Action {
    type Arguments = Self;
    type Observed = ();
    type Difference = Change;
    const KIND: &'static str = "action";
    const FIRST: &'static str = "name";
    const NATURE: Nature = Nature::Action;
    const REACTS: &'static [Reaction] = &[Reaction::Run];
    const OPAQUE: bool = true;
    const TIMES_ITSELF: bool = true;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn footprint(&self) -> Footprint<'_> {
        Footprint::default()
    }

    fn resolve(arguments: Self, _: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check()?;
        Ok(arguments)
    }

    fn seconds(&self) -> Option<u32> {
        self.execution().seconds()
    }

    fn probe(_batch: &[&Self]) -> Script {
        Script::default()
    }

    fn observe(batch: &[&Self], _output: &str) -> Result<Vec<Looked<()>>, Unreadable> {
        Ok(vec![Ok(()); batch.len()])
    }

    fn before(&self, (): &()) -> Vec<Before> {
        Vec::new()
    }

    fn declared(&self) -> Option<Before> {
        if self.env.values().any(Text::is_secret) {
            return None;
        }
        let texts = [
            ("name", Some(&self.name)),
            ("run", self.run.as_ref()),
            ("cwd", self.cwd.as_ref()),
            ("user", self.user.as_ref()),
        ];
        let texts = texts
            .into_iter()
            .filter_map(|(name, text)| Some((name.to_owned(), text?.as_str().into())));
        let env: Map<String, Json> =
            self.env.iter().map(|(name, value)| (name.clone(), value.expose().into())).collect();
        let numbers =
            [("timeout", self.timeout), ("delay", self.delay), ("retries", Some(self.retries))];
        let numbers =
            numbers.into_iter().filter_map(|(name, it)| Some((name.to_owned(), it?.into())));
        let env = (!env.is_empty()).then(|| ("env".to_owned(), Json::Object(env)));
        let arguments = texts.chain(numbers).chain(env).collect();
        Some(Before::Declared { kind: Self::KIND.into(), arguments })
    }

    fn can_be_put_back(&self) -> bool {
        false
    }

    fn plan(&self, (): &()) -> Option<Change> {
        None
    }

    fn script(&self) -> Option<&str> {
        Some(self.execution().run)
    }

    fn apply(&self, _: Option<&()>) -> Step {
        self.execution().step(&[0])
    }

    fn react(&self, _reaction: Reaction) -> Step {
        self.execution().step(&[0])
    }
}

impl Action {
    /// Checks what the types alone cannot.
    fn check(&self) -> Result<(), ArgumentError> {
        check_name(&self.name)?;
        self.execution().check()
    }

    fn execution(&self) -> CommandExecution<'_> {
        CommandExecution {
            run: self.run.as_deref().unwrap_or(&self.name),
            cwd: self.cwd.as_deref(),
            env: &self.env,
            user: self.user.as_deref(),
            timeout: self.timeout,
            retries: Retries { retries: self.retries, delay: self.delay },
            stdin: None,
        }
    }
}
