//! The variables of a new container, on their way to Docker: never as words of a command, which everybody on the host can
//! read.

use std::collections::BTreeMap;

use crate::{
    base::{
        content::Content,
        script::{Quoted, Script, Words},
        secret::Text,
    },
    resources::resource::ArgumentError,
    sh,
};

/// The variables of a new container, and the files that bring them.
pub struct Env {
    /// The files: one of lines, and one to be sourced if there is what no line can hold.
    pub contents: Vec<Content>,
    /// The variables that the client takes from its own environment.
    inherited: Vec<String>,
}

/// Docker reads a file of variables by lines of at most 64 KiB, without what it takes for their ends.
const LINE_MAX: usize = 60_000;

/// The kernel passes no more than this to a process as one variable, with its name.
const VARIABLE_MAX: usize = 128 * 1024 - 2;

impl Env {
    /// Checks that a process can be given them.
    ///
    /// # Errors
    /// One is too long.
    pub fn check(env: &BTreeMap<String, Text>) -> Result<(), ArgumentError> {
        let is_long =
            |(name, value): &(&String, &Text)| name.len() + value.expose().len() >= VARIABLE_MAX;
        let Some((name, _)) = env.iter().find(is_long) else { return Ok(()) };
        let message = format!("`{name}` is longer than the 128 KiB that a process can be given");
        Err(ArgumentError::new("env", message).hint("pass it as a file, by `volumes`"))
    }

    /// The variables.
    pub fn new(env: &BTreeMap<String, Text>) -> Self {
        let fits = |(name, value): &(&String, &Text)| {
            let value = value.expose();
            name.len() + value.len() < LINE_MAX && !value.contains(['\n', '\r'])
        };
        let (lines, others): (Vec<_>, Vec<_>) = env.iter().partition(fits);
        let sensitive = |all: &[(&String, &Text)]| all.iter().any(|(_, value)| value.is_secret());
        let text = lines.iter().map(|(name, value)| format!("{name}={}\n", value.expose()));
        let mut contents =
            vec![Content::new(text.collect::<String>().into_bytes()).sensitive(sensitive(&lines))];
        if !others.is_empty() {
            let text = others
                .iter()
                .map(|(name, value)| format!("export {name}={}\n", Quoted(value.expose())));
            let text: String = text.collect();
            contents.push(Content::new(text.into_bytes()).sensitive(sensitive(&others)));
        }
        Self { contents, inherited: others.iter().map(|(name, _)| (*name).clone()).collect() }
    }

    /// A function of sh that makes a container: `docker create`, `before`, its own arguments, the variables, and `after`.
    pub fn create(&self, before: &Script, after: &Script) -> Script {
        let names: Vec<String> =
            self.inherited.iter().map(|name| format!("--env={name}")).collect();
        let words = sh!(
            "create {} \"$@\" --env-file {} {} {}",
            before,
            self.contents[0].staged(),
            Words(&names),
            after
        );
        match self.contents.get(1) {
            None => sh!("create() {{ docker {}; }}", words),
            // All words are known before a variable can say what one of them means, or where programs are.
            Some(file) => sh!(
                "create() {{ (set -- \"$(command -v docker)\" {}; . {}; \"$@\"); }}",
                words,
                file.staged()
            ),
        }
    }
}
