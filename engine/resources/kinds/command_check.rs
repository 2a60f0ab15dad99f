//! The `command_check` kind.

use schemars::JsonSchema;
use serde::Deserialize;

use super::command::{check_name, check_user, invocation};
use crate::{
    base::script::Script,
    resources::{
        check::{self, Check, Patience},
        resource::ArgumentError,
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

impl Check for CommandCheck {
    const KIND: &'static str = "command_check";
    const FIRST: &'static str = "name";

    fn key(&self) -> String {
        self.name.clone()
    }

    fn check(&self) -> Result<(), ArgumentError> {
        check_name(&self.name)?;
        check_user(self.user.as_deref())?;
        if self.to_run().trim().is_empty() {
            return Err(ArgumentError::new("run", "there is nothing to run"));
        }
        Ok(())
    }

    fn patience(&self) -> Patience {
        Patience {
            timeout: self.timeout,
            deadline: self.deadline,
            retries: self.retries,
            delay: self.delay,
        }
    }

    fn attempt(&self) -> Script {
        let command = invocation(self.user.as_deref(), self.to_run(), None);
        sh!("command_succeeds {} {}", self.timeout, command)
    }

    fn wanted(&self) -> Vec<[String; 2]> {
        vec![["exit status", "0"].map(str::to_owned)]
    }

    fn words(&self) -> Script {
        sh!("say \"the command ended with exit status $2\"")
    }

    fn script(&self) -> Option<&str> {
        Some(self.to_run())
    }
}

impl CommandCheck {
    fn to_run(&self) -> &str {
        self.run.as_deref().unwrap_or(&self.name)
    }
}
