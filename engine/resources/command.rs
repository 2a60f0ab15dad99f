//! The `command` kind, and how scripts that a role brings are run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    change::{Action, Change, Field, Shown},
    content::Content,
    entry,
    footprint::{Footprint, Lies},
    resource::{ArgumentError, Files, Look, Resource, Step, Unreadable},
    script::{Quoted, Script},
    secret::Text,
    sh,
};

/// A script that brings about what no other kind describes.
///
/// Say with `creates`, `removes`, `unless` or `only_if` when there is nothing to do: without them it runs in every run,
/// and the plan says so. The script stops at the first command that fails.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// What it does, in words; it is also the script where `run` is not given.
    name: String,
    /// The script, for `sh`.
    run: Option<String>,
    /// A path: if it is there, there is nothing to do.
    creates: Option<String>,
    /// A path: if it is not there, there is nothing to do.
    removes: Option<String>,
    /// A script that only reads: if it succeeds, there is nothing to do. It sees no variable that is a secret.
    unless: Option<String>,
    /// A script that only reads: if it fails, there is nothing to do. It sees no variable that is a secret.
    only_if: Option<String>,
    /// The directory to run in; by default `/`.
    cwd: Option<String>,
    /// Environment variables; secrets are allowed.
    #[serde(default)]
    env: BTreeMap<String, Text>,
    /// The user to run as; by default the one that converge is on the host.
    user: Option<String>,
    /// Seconds after which it is stopped, and has failed.
    timeout: Option<u32>,
    /// The exit statuses that mean success.
    #[serde(default = "zero")]
    ok_codes: Vec<u8>,
    /// What it reads from its standard input; a secret is allowed.
    stdin: Option<Text>,
}

fn zero() -> Vec<u8> {
    vec![0]
}

/// What a probe learned: why there is nothing to do, if so.
#[derive(Debug, Serialize)]
pub struct Observed {
    /// The argument that says so.
    satisfied_by: Option<&'static str>,
}

/// Seconds that a script may take that only asks whether there is something to do.
const QUESTION_SECONDS: u32 = 30;

impl Resource for Command {
    type Observed = Observed;
    const KIND: &'static str = "command";
    const FIRST: &'static str = "name";
    const OPAQUE: bool = true;

    fn key(&self) -> String {
        self.name.clone()
    }

    /// A guard that is a script can look at anything.
    fn footprint(&self) -> Footprint<'_> {
        let creates = self.creates.iter().map(|path| (path, Lies::Made));
        let removes = self.removes.iter().map(|path| (path, Lies::Nothing));
        let whole = Footprint {
            sees_all: self.unless.is_some() || self.only_if.is_some(),
            ..Footprint::default()
        };
        creates.chain(removes).fold(whole, |whole, (path, lies)| whole.and_at(path, lies))
    }

    fn resolve(&mut self, _files: &dyn Files) -> Result<(), ArgumentError> {
        for (argument, path) in [("creates", &self.creates), ("removes", &self.removes)] {
            if let Some(path) = path {
                entry::check_path(argument, path)?;
            }
        }
        check_name(&self.name)?;
        if self.ok_codes.is_empty() {
            return Err(ArgumentError::new("ok_codes", "no exit status means success"));
        }
        self.execution().check()
    }

    /// A line for each: the argument that says that there is nothing to do, or `run`.
    fn probe(batch: &[&Self]) -> Script {
        let mut script = Script::default();
        for command in batch {
            script.push(sh!("{}else say run\nfi", command.questions("say")));
        }
        script
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Look<Observed>>, Unreadable> {
        let lines: Vec<&str> = output.lines().collect();
        if lines.len() != batch.len() {
            let message = format!("{} lines for {} commands", lines.len(), batch.len());
            return Err(Unreadable { kind: Self::KIND, message });
        }
        let satisfied_by = |line| GUARDS.into_iter().find(|guard| *guard == line);
        Ok(lines
            .into_iter()
            .map(|line| Ok(Observed { satisfied_by: satisfied_by(line) }))
            .collect())
    }

    fn plan(&self, observed: &Observed) -> Option<Change> {
        if observed.satisfied_by.is_some() {
            return None;
        }
        let mut fields = vec![Field::added("run", self.script())];
        if self.is_unguarded() {
            fields.push(Field::added(
                Change::ALWAYS,
                Shown::Hidden("nothing says when it is done".into()),
            ));
        }
        Some(Change::new(Action::Run, fields))
    }

    fn apply(&self, _change: Option<&Change>) -> Step {
        let mut step = self.execution().step(&self.ok_codes);
        if !self.is_unguarded() {
            step.script = sh!(
                "done_by() {{ say \"nothing to do, says $1\"; exit 0; }}\n{}fi\n{}",
                self.questions("done_by"),
                step.script
            );
        }
        step
    }
}

/// The arguments that say when there is nothing to do.
const GUARDS: [&str; 4] = ["creates", "removes", "unless", "only_if"];

impl Command {
    fn script(&self) -> &str {
        self.run.as_deref().unwrap_or(&self.name)
    }

    fn is_unguarded(&self) -> bool {
        [&self.creates, &self.removes, &self.unless, &self.only_if].iter().all(|it| it.is_none())
    }

    fn execution(&self) -> Execution<'_> {
        Execution {
            run: self.script(),
            cwd: self.cwd.as_deref(),
            env: &self.env,
            user: self.user.as_deref(),
            timeout: self.timeout,
            stdin: self.stdin.as_ref(),
        }
    }

    /// A chain of `if ..; then REPORT guard; elif ..; then REPORT guard`, to which the caller adds its end.
    fn questions(&self, report: &str) -> Script {
        let report = Script::trusted(report);
        let mut script = sh!("if false; then :\n");
        let mut ask = |condition: Script, guard: &str| {
            script.push(sh!("elif {}; then {} {}\n", condition, report, guard));
        };
        if let Some(path) = &self.creates {
            ask(sh!("[ -e {} ] || [ -L {} ]", path, path), "creates");
        }
        if let Some(path) = &self.removes {
            ask(sh!("! [ -e {} ] && ! [ -L {} ]", path, path), "removes");
        }
        if let Some(question) = &self.unless {
            ask(self.execution().question(question), "unless");
        }
        if let Some(question) = &self.only_if {
            ask(sh!("! {}", self.execution().question(question)), "only_if");
        }
        script
    }
}

/// A name is one line: it stands in plans and reports.
pub(super) fn check_name(name: &str) -> Result<(), ArgumentError> {
    if name.trim().is_empty() || name.contains(char::is_control) {
        return Err(ArgumentError::new("name", "the name must be one line")
            .hint("say in words what it does, and give the script as `run`"));
    }
    Ok(())
}

/// How a script of a role is run.
pub(super) struct Execution<'a> {
    pub(super) run: &'a str,
    pub(super) cwd: Option<&'a str>,
    pub(super) env: &'a BTreeMap<String, Text>,
    pub(super) user: Option<&'a str>,
    pub(super) timeout: Option<u32>,
    pub(super) stdin: Option<&'a Text>,
}

impl Execution<'_> {
    /// Checks what types alone cannot.
    pub(super) fn check(&self) -> Result<(), ArgumentError> {
        if self.run.trim().is_empty() {
            return Err(ArgumentError::new("run", "there is nothing to run"));
        }
        if self.timeout == Some(0) {
            return Err(ArgumentError::new("timeout", "zero seconds are too short"));
        }
        if let Some(cwd) = self.cwd {
            entry::check_path("cwd", cwd)?;
        }
        check_user(self.user)?;
        check_env(self.env)
    }

    /// The step that runs it; it fails unless its exit status is among `ok_codes`.
    pub(super) fn step(&self, ok_codes: &[u8]) -> Step {
        let mut contents = Vec::new();
        let mut script = sh!("cd -- {}", self.cwd.unwrap_or("/"));
        if !self.env.is_empty() {
            let env = content_of_env(self.env);
            script.push(sh!(". {}", env.staged()));
            contents.push(env);
        }
        let input = match self.stdin {
            Some(text) => {
                let text = Content::new(text.expose().as_bytes()).sensitive(text.is_secret());
                let redirection = sh!(" <{}", text.staged());
                contents.push(text);
                redirection
            }
            None => Script::default(),
        };
        let codes: Vec<String> = ok_codes.iter().map(u8::to_string).collect();
        script.push(sh!(
            "code=0\n{}{} || code=$?",
            invocation(self.user, self.run, self.timeout),
            input
        ));
        if let Some(seconds) = self.timeout {
            script.push(sh!(
                "case $code in 124 | 137 | 143) die \"it was stopped after \"{}\" seconds\" || exit $code ;; esac",
                seconds
            ));
        }
        script.push(sh!(
            "case $code in {}) ;; *) exit \"$code\" ;; esac",
            Script::trusted(codes.join(" | "))
        ));
        if !ok_codes.contains(&0) {
            script.push(sh!("[ $code != 0 ] || die 'exit status 0 is not among ok_codes'"));
        }
        Step { script, contents }
    }

    /// A condition that runs a script which only reads, with its output thrown away.
    fn question(&self, question: &str) -> Script {
        let mut script = sh!("(cd -- {} || exit 1", self.cwd.unwrap_or("/"));
        for (name, value) in self.env {
            if let Text::Plain(value) = value {
                script.push(sh!("export {}={}", Script::trusted(name), value));
            }
        }
        let question = invocation(self.user, question, Some(QUESTION_SECONDS));
        sh!("{}) </dev/null >/dev/null 2>&1", script.then(question))
    }
}

/// The words that run a script as the user, for no longer than it may take.
pub(super) fn invocation(user: Option<&str>, run: &str, timeout: Option<u32>) -> Script {
    let limit = match timeout {
        Some(seconds) => sh!("timeout -k 5 {} ", seconds),
        None => Script::default(),
    };
    match user {
        Some(user) => sh!("{}su -s /bin/sh -c {} -- {}", limit, format!("set -e\n{run}"), user),
        None => sh!("{}sh -ec {}", limit, run),
    }
}

/// Checks that a text can be the name of a user, and no option of a program.
pub(super) fn check_user(user: Option<&str>) -> Result<(), ArgumentError> {
    match user.filter(|user| user.is_empty() || user.starts_with('-')) {
        None => Ok(()),
        Some(user) => {
            Err(ArgumentError::new("user", format!("`{user}` is not the name of a user")))
        }
    }
}

/// Checks the names of environment variables.
pub(super) fn check_env(env: &BTreeMap<String, Text>) -> Result<(), ArgumentError> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = |name: &&String| {
        name.starts_with(|c: char| word(c) && !c.is_ascii_digit()) && name.chars().all(word)
    };
    match env.keys().find(|name| !is_name(name)) {
        None => Ok(()),
        Some(name) => {
            let message = format!("`{name}` is not the name of an environment variable");
            Err(ArgumentError::new("env", message))
        }
    }
}

/// A file to be sourced: the variables, exported. It is staged, so that secrets never are words of a command.
fn content_of_env(env: &BTreeMap<String, Text>) -> Content {
    let lines =
        env.iter().map(|(name, value)| format!("export {name}={}\n", Quoted(value.expose())));
    let sensitive = env.values().any(Text::is_secret);
    Content::new(lines.collect::<String>().into_bytes()).sensitive(sensitive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn command(json: &str) -> Command {
        let value = serde_json::from_str::<crate::value::Value>(json).unwrap();
        Command::deserialize(value).unwrap()
    }

    #[test]
    fn one_line_of_output_for_each_command() {
        let [first, second] =
            [r#"{"name": "true", "creates": "/x"}"#, r#"{"name": "id"}"#].map(command);
        let observed = Command::observe(&[&first, &second], "creates\nrun\n").unwrap();
        assert_eq!(first.plan(observed[0].as_ref().unwrap()), None);
        assert!(second.plan(observed[1].as_ref().unwrap()).unwrap().has("always"));
        assert!(Command::observe(&[&first, &second], "run\n").is_err());
    }

    #[test]
    fn a_secret_is_neither_in_the_step_nor_in_the_probe() {
        let mut command = command(r#"{"name": "true", "unless": "false", "env": {"A": "plain"}}"#);
        command.env.insert("B".into(), Text::Secret(Secret::new("b", "hunter2")));
        command.stdin = Some(Text::Secret(Secret::new("c", "hunter2")));
        let step = command.apply(None);
        let probe = Command::probe(&[&command]);
        assert!(!step.script.as_str().contains("hunter2") && !probe.as_str().contains("hunter2"));
        assert!(probe.as_str().contains("export A='plain'"), "{probe}");
        assert!(step.contents.iter().all(Content::is_sensitive) && step.contents.len() == 2);
    }
}
