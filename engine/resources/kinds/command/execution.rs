//! How scripts that a role brings are run: where, as whom, for how long and how often.

use std::collections::BTreeMap;

use super::check_length;
use crate::{
    base::{
        content::Content,
        script::{Quoted, Script},
        secret::Text,
    },
    resources::{
        check, entry,
        resource::{ArgumentError, Step},
    },
    sh,
};

/// Seconds that a script may take that only asks whether there is something to do.
const QUESTION_SECONDS: u32 = 30;

/// Seconds after which a script is killed that does not end when its time is up: the `-k` of `timeout`.
const KILL_SECONDS: u32 = 5;

/// How a script of a role is run.
pub(in crate::resources::kinds) struct CommandExecution<'a> {
    pub(in crate::resources::kinds) run: &'a str,
    pub(in crate::resources::kinds) cwd: Option<&'a str>,
    pub(in crate::resources::kinds) env: &'a BTreeMap<String, Text>,
    pub(in crate::resources::kinds) user: Option<&'a str>,
    pub(in crate::resources::kinds) timeout: Option<u32>,
    pub(in crate::resources::kinds) retries: Retries,
    pub(in crate::resources::kinds) stdin: Option<&'a Text>,
}

impl CommandExecution<'_> {
    /// Checks what types alone cannot.
    pub(in crate::resources::kinds) fn check(&self) -> Result<(), ArgumentError> {
        if self.run.trim().is_empty() {
            return Err(ArgumentError::new("run", "there is nothing to run"));
        }
        check_length("run", self.run)?;
        self.env.values().try_for_each(|value| check_length("env", value.expose()))?;
        if self.timeout == Some(0) {
            return Err(ArgumentError::new("timeout", "must be at least 1 second"));
        }
        self.retries.check()?;
        if let Some(cwd) = self.cwd {
            entry::check_path("cwd", cwd)?;
        }
        check_user(self.user)?;
        check_env(self.env)
    }

    /// Seconds that all tries may take, if one has an end.
    pub(in crate::resources::kinds) fn seconds(&self) -> Option<u32> {
        let Retries { retries, delay } = self.retries;
        let one = self.timeout?.saturating_add(KILL_SECONDS).saturating_add(delay.unwrap_or(DELAY));
        Some(one.saturating_mul(retries.saturating_add(1)).saturating_add(check::ROOM))
    }

    /// The step that runs it; it fails unless its exit status is among `ok_codes`.
    pub(in crate::resources::kinds) fn step(&self, ok_codes: &[u8]) -> Step {
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
        let codes = Script::trusted(codes.join(" | "));
        let run = sh!("{}{}", invocation(self.user, self.run, self.timeout), input);
        script.push(self.retries.around(run, &codes));
        if let Some(seconds) = self.timeout {
            script.push(sh!(
                "case $code in 124 | 137 | 143) die \"it was stopped after \"{}\" seconds\" || exit $code ;; esac",
                seconds
            ));
        }
        if !ok_codes.contains(&0) {
            script.push(sh!("[ $code != 0 ] || die 'exit status 0 is not among ok_codes'"));
        }
        script.push(sh!("case $code in {}) ;; *) exit \"$code\" ;; esac", codes));
        Step { script, contents }
    }

    /// Runs a script which only reads, with its output thrown away, and tells `answered` how it ended, or which program it
    /// lacks. Its own shell says that: what starts it may fail in any way.
    pub(super) fn question(&self, question: &str) -> Script {
        let cwd = self.cwd.unwrap_or("/");
        let mut script = sh!("cd -- {} || {{ say 'lacks the folder '{}; exit; }}", cwd, cwd);
        for (name, value) in self.env {
            if let Text::Plain(value) = value {
                script.push(sh!("export {}={}", Script::trusted(name), value));
            }
        }
        // `command -v` ends with 127 too, and says nothing.
        let question = sh!(
            "why=$( (set -e; eval {}) 2>&1 >/dev/null); code=$?
case $code/$why in
126/* | 127/*'not found') printf 'lacks %s\\n' \"${{why##*
}}\" ;;
*) echo \"ended $code\" ;;
esac",
            question
        );
        let limit = sh!("timeout -k 5 {}", QUESTION_SECONDS);
        let run = match self.user {
            Some(user) => sh!("{} su -s /bin/sh -c {} -- {}", limit, question.text(), user),
            None => sh!("{} sh -c {}", limit, question.text()),
        };
        sh!("asked=$({{\n{}\n{}\n}} 2>&1 </dev/null); answered", script, run)
    }
}

/// How often a script is run that fails.
#[derive(Debug, Clone, Copy)]
pub(in crate::resources::kinds) struct Retries {
    pub(in crate::resources::kinds) retries: u32,
    pub(in crate::resources::kinds) delay: Option<u32>,
}

/// Seconds between two tries, where a role does not say.
const DELAY: u32 = 5;

impl Retries {
    /// Checks that what is given means something.
    pub(in crate::resources::kinds) fn check(self) -> Result<(), ArgumentError> {
        match self.delay {
            Some(_) if self.retries == 0 => {
                Err(ArgumentError::new("delay", "`delay` needs `retries`")
                    .hint("`retries` says how many there are"))
            }
            _ => Ok(()),
        }
    }

    /// Runs a command until its exit status is among `codes`, or all tries are spent; leaves it in `$code`.
    pub(in crate::resources::kinds) fn around(self, run: Script, codes: &Script) -> Script {
        if self.retries == 0 {
            return sh!("code=0\n{} || code=$?", run);
        }
        sh!(
            "tries=0
while :; do
tries=$((tries + 1)) code=0
{} || code=$?
case $code in {}) break ;; esac
if [ $tries -gt {} ]; then say \"all $tries tries failed\" >&2; break; fi
say \"try $tries ended with exit status $code; the next one is in \"{}\" seconds\" >&2
sleep {}
done
[ $tries = 1 ] || [ $tries -gt {} ] || say \"try $tries succeeded\"",
            run,
            codes,
            self.retries,
            self.delay.unwrap_or(DELAY),
            self.delay.unwrap_or(DELAY),
            self.retries
        )
    }
}

/// The words that run a script as the user, for no longer than it may take.
pub(in crate::resources::kinds) fn invocation(
    user: Option<&str>,
    run: &str,
    timeout: Option<u32>,
) -> Script {
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
pub(in crate::resources::kinds) fn check_user(user: Option<&str>) -> Result<(), ArgumentError> {
    match user.filter(|user| user.is_empty() || user.starts_with('-')) {
        None => Ok(()),
        Some(user) => {
            Err(ArgumentError::new("user", format!("`{user}` is not the name of a user")))
        }
    }
}

/// Checks the names of environment variables.
pub(in crate::resources::kinds) fn check_env(
    env: &BTreeMap<String, Text>,
) -> Result<(), ArgumentError> {
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
