//! The only way to start a program on this machine. None sees the secrets that stand in the environment.

use std::{
    ffi::{OsStr, OsString},
    process::Command,
    sync::OnceLock,
};

use crate::input::config::Provider;

/// The variables of every project, also of one whose configuration does not name them.
const USUAL: &str = "CONVERGE_SECRET_";

/// What the names of variables begin with that hold secrets. The environment is that of the process, and so is this.
static PREFIXES: OnceLock<Vec<String>> = OnceLock::new();

/// Keeps from all programs what these providers find in the environment. A process has one project: the first call counts.
pub fn hide(providers: &[Provider]) {
    let prefix = |provider: &Provider| match provider {
        Provider::Environment { prefix } => Some(prefix.clone()),
        Provider::Files { .. } | Provider::Command { .. } | Provider::Age { .. } => None,
    };
    let _ = PREFIXES.set(providers.iter().filter_map(prefix).collect());
}

/// A program that is about to be started.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let prefixes = PREFIXES.get().map(Vec::as_slice).unwrap_or_default();
    let mut command = Command::new(program);
    for name in hidden(std::env::vars_os().map(|(name, _)| name), prefixes) {
        command.env_remove(name);
    }
    command
}

fn hidden(
    names: impl Iterator<Item = OsString>,
    prefixes: &[String],
) -> impl Iterator<Item = OsString> {
    names.filter(|name| {
        let begins = |prefix: &str| name.as_encoded_bytes().starts_with(prefix.as_bytes());
        begins(USUAL) || prefixes.iter().any(|prefix| begins(prefix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_a_secret_is_hidden_by_its_name() {
        let names = ["PATH", "CONVERGE_SECRET_X", "APP_DB", "MY_APP_", "APP_"].map(OsString::from);
        let left: Vec<_> = hidden(names.into_iter(), &["APP_".to_owned()]).collect();
        assert_eq!(left, ["CONVERGE_SECRET_X", "APP_DB", "APP_"]);
    }
}
