//! The `command` kind, and how scripts that a role brings are run.

mod execution;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) use self::execution::{CommandExecution, Retries, check_env, check_user, invocation};
use crate::{
    base::{
        script::{Library, Script},
        secret::Text,
    },
    resources::{
        before::Before,
        change::{Change, Effect, Field, Reason, Shown},
        entry,
        footprint::{Footprint, Lies},
        resource::{ArgumentError, Files, Looked, Resource, Step, Unknown, Unreadable},
    },
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
    /// A script that only reads: if it succeeds, there is nothing to do. It sees no variable that is a secret. A program that
    /// is not there, or may not be run, does not succeed.
    unless: Option<String>,
    /// A script that only reads: if it fails, there is nothing to do. It sees no variable that is a secret. Where it needs a
    /// program that is not there, or may not be run, that is not known: by then something else must have brought it.
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
    /// How often it is run once more if it fails.
    #[serde(default)]
    retries: u32,
    /// Seconds between two tries; 5 if not given.
    delay: Option<u32>,
    /// The exit statuses that mean success.
    #[serde(default = "zero")]
    ok_codes: Vec<u8>,
    /// What it reads from its standard input; a secret is allowed.
    stdin: Option<Text>,
    /// A script that takes back what it did, for `confirm` and for `converge undo`.
    undo: Option<String>,
}

fn zero() -> Vec<u8> {
    vec![0]
}

/// What a probe learned: why there is nothing to do, if so.
#[derive(Debug, Serialize)]
pub struct ObservedCommand {
    /// The argument that says so.
    satisfied_by: Option<&'static str>,
}

impl Resource for Command {
    type Arguments = Self;
    type Observed = ObservedCommand;
    type Difference = Change;
    const KIND: &'static str = "command";
    const FIRST: &'static str = "name";
    const OPAQUE: bool = true;
    const TIMES_ITSELF: bool = true;

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

    fn resolve(arguments: Self, _: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check()?;
        Ok(arguments)
    }

    /// A line for each: the argument that says that there is nothing to do, or `run`, or `unknown` and why.
    fn seconds(&self) -> Option<u32> {
        self.execution().seconds()
    }

    fn probe(batch: &[&Self]) -> Script {
        let mut script = Script::default();
        if batch.iter().any(|command| !command.is_unguarded()) {
            script = asking();
        }
        for command in batch {
            script.push(sh!("{}else say run\nfi", command.questions("say", "cannot_say", "= 2")));
        }
        script
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Looked<ObservedCommand>>, Unreadable> {
        let lines: Vec<&str> = entry::lines(output).collect();
        if lines.len() != batch.len() {
            let message = format!("{} lines for {} commands", lines.len(), batch.len());
            return Err(Unreadable { kind: Self::KIND, message });
        }
        let observe = |line: &str| match GUARDS.into_iter().find(|guard| *guard == line) {
            None if line == "run" => Ok(ObservedCommand { satisfied_by: None }),
            Some(guard) => Ok(ObservedCommand { satisfied_by: Some(guard) }),
            None => {
                let why = line.strip_prefix("unknown ").unwrap_or("its guard printed nothing");
                Err(Unknown::new(why))
            }
        };
        Ok(lines.into_iter().map(observe).collect())
    }

    fn before(&self, _: &ObservedCommand) -> Vec<Before> {
        vec![match &self.undo {
            Some(undo) => {
                let name = format!("undo {}", self.name);
                let run = undo.as_str().into();
                Before::declared(Self::KIND, [("name", name.into()), ("run", run)])
            }
            None => Before::lost("the effects of a script are unknown"),
        }]
    }

    fn can_be_put_back(&self) -> bool {
        self.undo.is_some()
    }

    fn plan(&self, observed: &ObservedCommand) -> Option<Change> {
        if observed.satisfied_by.is_some() {
            return None;
        }
        let run = Field::added("run", self.to_run());
        if !self.is_unguarded() {
            return Some(Change::new(Effect::Run, vec![run]));
        }
        let why = Shown::Hidden("no guard says when it is done".into());
        let always = Field::added("always", why);
        Some(Change::new(Effect::Run, vec![run, always]).because(Reason::Always))
    }

    fn script(&self) -> Option<&str> {
        Some(self.to_run())
    }

    fn apply(&self, _: Option<&()>) -> Step {
        let mut step = self.execution().step(&self.ok_codes);
        if !self.is_unguarded() {
            step.script = sh!(
                "{}
done_by() {{ say \"nothing to do, says $1\"; exit 0; }}
not_asked() {{ die \"it cannot be asked whether there is something to do: $1: $asked_why\"; exit 1; }}
{}fi\n{}",
                asking(),
                self.questions("done_by", "not_asked", "-ge 2"),
                step.script
            );
        }
        step
    }
}

/// The arguments that say when there is nothing to do.
const GUARDS: [&str; 4] = ["creates", "removes", "unless", "only_if"];

impl Command {
    /// Checks what the types alone cannot.
    fn check(&self) -> Result<(), ArgumentError> {
        for (argument, path) in [("creates", &self.creates), ("removes", &self.removes)] {
            if let Some(path) = path {
                entry::check_path(argument, path)?;
            }
        }
        check_name(&self.name)?;
        let scripts = [("unless", &self.unless), ("only_if", &self.only_if), ("undo", &self.undo)];
        for (guard, script) in scripts {
            script.as_deref().map_or(Ok(()), |script| check_length(guard, script))?;
        }
        if self.ok_codes.is_empty() {
            return Err(ArgumentError::new("ok_codes", "no exit status means success"));
        }
        self.execution().check()
    }

    fn to_run(&self) -> &str {
        self.run.as_deref().unwrap_or(&self.name)
    }

    fn is_unguarded(&self) -> bool {
        [&self.creates, &self.removes, &self.unless, &self.only_if].iter().all(|it| it.is_none())
    }

    fn execution(&self) -> CommandExecution<'_> {
        CommandExecution {
            run: self.to_run(),
            cwd: self.cwd.as_deref(),
            env: &self.env,
            user: self.user.as_deref(),
            timeout: self.timeout,
            retries: Retries { retries: self.retries, delay: self.delay },
            stdin: self.stdin.as_ref(),
        }
    }

    /// A chain of `if ..; then REPORT guard; elif ..; then REPORT guard`, to which the caller adds its end. Where a question
    /// could not be asked, `unknown` is called with its guard: where `$asked` is as `unasked` says, if that matters to it.
    fn questions(&self, report: &str, unknown: &str, unasked: &str) -> Script {
        let (report, unknown) = (Script::trusted(report), Script::trusted(unknown));
        let mut script = sh!("if false; then :\n");
        let mut ask = |question: Script, done: u32, unasked: &str, guard: &str| {
            script.push(sh!(
                "elif {}; [ $asked = {} ]; then {} {}\nelif [ $asked {} ]; then {} {}\n",
                question,
                Script::trusted(done.to_string()),
                report,
                guard,
                Script::trusted(unasked),
                unknown,
                guard
            ));
        };
        if let Some(path) = &self.creates {
            ask(sh!("is_there {}", path), 0, "= 2", "creates");
        }
        if let Some(path) = &self.removes {
            ask(sh!("is_there {}", path), 1, "= 2", "removes");
        }
        if let Some(question) = &self.unless {
            ask(self.execution().question(question), 0, "= 2", "unless");
        }
        if let Some(question) = &self.only_if {
            ask(self.execution().question(question), 1, unasked, "only_if");
        }
        script
    }
}

static COMMAND: Library = Library::new("command", &[include_str!("command.sh")]);

/// The functions that questions are asked with.
fn asking() -> Script {
    entry::HIDDEN.script().then(COMMAND.script())
}

/// A name is one line: it stands in plans and reports.
pub(super) fn check_name(name: &str) -> Result<(), ArgumentError> {
    if name.trim().is_empty() || name.contains(char::is_control) {
        return Err(ArgumentError::new("name", "the name must be one line")
            .hint("describe it in one line, and give the script as `run`"));
    }
    Ok(())
}

/// How long a script or a value may be, in bytes: it is an argument of a program, which Linux takes up to 128 KiB.
const WORD_MAX: usize = 100_000;

fn check_length(argument: &'static str, text: &str) -> Result<(), ArgumentError> {
    if text.len() <= WORD_MAX {
        return Ok(());
    }
    let message = format!("{} bytes are more than the limit of {WORD_MAX}", text.len());
    Err(ArgumentError::new(argument, message)
        .hint("pass it as `stdin`, or put it into a file first"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{content::Content, secret::Secret};

    fn command(json: &str) -> Command {
        let value = serde_json::from_str::<crate::base::value::Value>(json).unwrap();
        Command::deserialize(value).unwrap()
    }

    #[test]
    fn one_line_of_output_for_each_command() {
        let [first, second] =
            [r#"{"name": "true", "creates": "/x"}"#, r#"{"name": "id"}"#].map(command);
        let observed = Command::observe(&[&first, &second], "creates\nrun\n").unwrap();
        assert_eq!(first.plan(observed[0].as_ref().unwrap()), None);
        assert!(second.plan(observed[1].as_ref().unwrap()).unwrap().is_always_there());
        assert!(Command::observe(&[&first, &second], "run\n").is_err());
    }

    #[test]
    fn a_secret_is_neither_in_the_step_nor_in_the_probe() {
        let mut command = command(r#"{"name": "true", "unless": "false", "env": {"A": "plain"}}"#);
        command.env.insert("B".into(), Text::Secret(Secret::new("b", "hunter2")));
        command.stdin = Some(Text::Secret(Secret::new("c", "hunter2")));
        let step = command.apply(None);
        let probe = Command::probe(&[&command]);
        assert!(!step.script.text().contains("hunter2") && !probe.text().contains("hunter2"));
        assert!(probe.text().contains("export A='plain'"), "{probe}");
        assert!(step.contents.iter().all(Content::is_sensitive) && step.contents.len() == 2);
    }
}
