//! Which blocks are for a host: `Host` and `Match`.

use super::{
    super::{RemoteError, local_user::LocalUser, pattern},
    ConfigCommands, Late, Said, Settings, Tokens,
};
use crate::base::wildcard;

/// One condition of a `Match` line.
#[derive(Debug)]
pub(super) struct Criterion {
    negated: bool,
    what: What,
}

#[derive(Debug)]
enum What {
    All,
    Canonical,
    Final,
    /// The name after HostName.
    Host(String),
    /// The name as it was given.
    OriginalHost(String),
    User(String),
    LocalUser(String),
    Tagged(String),
    Exec(String),
    /// One that cannot be told here.
    Unknown(String),
}

/// Reads the conditions of a line.
///
/// # Errors
/// When they are none.
pub(super) fn read(words: &[String]) -> Result<Vec<Criterion>, String> {
    let mut criteria = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (negated, word) = match word.strip_prefix('!') {
            Some(word) => (true, word),
            None => (false, word.as_str()),
        };
        let (name, given) = match word.split_once('=') {
            Some((name, value)) => (name.to_lowercase(), Some(value.to_owned())),
            None => (word.to_lowercase(), None),
        };
        let mut value = || {
            let value = given.clone().or_else(|| words.next().cloned());
            value.ok_or_else(|| format!("`Match {name}` has no value"))
        };
        let what = match name.as_str() {
            "all" => What::All,
            "canonical" => What::Canonical,
            "final" => What::Final,
            "host" => What::Host(value()?),
            "originalhost" => What::OriginalHost(value()?),
            "user" => What::User(value()?),
            "localuser" => What::LocalUser(value()?),
            "tagged" => What::Tagged(value()?),
            "exec" => What::Exec(value()?),
            "localnetwork" | "version" | "sessiontype" | "command" => {
                value()?;
                What::Unknown(name)
            }
            other => return Err(format!("unknown condition `Match {}`", other.escape_debug())),
        };
        criteria.push(Criterion { negated, what });
    }
    let all = criteria.iter().filter(|it| matches!(it.what, What::All)).count();
    let beside = |it: &Criterion| !matches!(it.what, What::All | What::Canonical | What::Final);
    if criteria.is_empty() || (all > 0 && criteria.iter().any(beside)) {
        return Err("`Match` takes conditions, or `all` alone".to_owned());
    }
    Ok(criteria)
}

/// The host that is asked about.
pub(super) struct AskedHost<'a> {
    /// The name as it was given.
    original: &'a str,
    /// The name that `Host` lines are compared with.
    pub(super) name: String,
    /// Whether the configuration is read once more, with what it said.
    pub(super) is_final: bool,
    /// Whether it asks to be.
    pub(super) wants_final: bool,
    local: &'a LocalUser,
    commands: &'a ConfigCommands,
}

impl<'a> AskedHost<'a> {
    pub(super) fn new(name: &'a str, local: &'a LocalUser, commands: &'a ConfigCommands) -> Self {
        let (is_final, wants_final) = (false, false);
        Self { original: name, name: name.to_owned(), is_final, wants_final, local, commands }
    }

    /// Whether a `Host` line means it.
    pub(super) fn is_named(&self, patterns: &[String]) -> bool {
        wildcard::list_matches(patterns.iter().map(String::as_str), &self.name)
    }

    /// Whether it meets all conditions, with what was said so far.
    pub(super) fn meets(
        &mut self,
        criteria: &[Criterion],
        so_far: &Settings,
        place: &str,
        reachable: bool,
    ) -> Result<bool, RemoteError> {
        self.wants_final |= criteria.iter().any(|it| matches!(it.what, What::Final) && !it.negated);
        for Criterion { negated, what } in criteria.iter().filter(|_| reachable) {
            if self.holds(what, so_far, place)? == *negated {
                return Ok(false);
            }
        }
        Ok(reachable)
    }

    fn holds(&self, what: &What, so_far: &Settings, place: &str) -> Result<bool, RemoteError> {
        let list = |list: &str, name: &str| pattern::list_matches(list.split(','), name);
        let host = || match self.is_final {
            true => Ok(self.name.clone()),
            false => so_far.host_name(self.original),
        };
        let local = self.local.name.as_deref().unwrap_or_default();
        Ok(match what {
            What::All => true,
            // Names are never made canonical here.
            What::Canonical => false,
            What::Final => self.is_final,
            What::Host(names) => list(names, &host()?),
            What::OriginalHost(names) => list(names, self.original),
            What::User(names) => list(names, so_far.text("user").unwrap_or(local)),
            What::LocalUser(names) => list(names, local),
            What::Tagged(tags) => list(tags, so_far.text("tag").unwrap_or_default()),
            What::Exec(command) => {
                let tokens = Tokens {
                    original: self.original,
                    host: &host()?,
                    port: so_far.number("port")?.unwrap_or(22),
                    user: so_far.text("user").unwrap_or(local),
                    key_name: so_far.text("hostkeyalias"),
                    jump: so_far.said("proxyjump").map_or("", |said| &said.rest),
                    local: self.local,
                    machine: Late::new(),
                };
                let command = tokens.fill(command).map_err(|why| {
                    let said = Said {
                        values: vec![command.clone()],
                        rest: String::new(),
                        place: place.to_owned(),
                    };
                    said.wrong(&why)
                })?;
                self.commands.succeeds(&command)
            }
            What::Unknown(name) => {
                let message = format!("{place}: `Match {name}` is not supported");
                let hint = "converge cannot decide whether the block applies to this host: use another condition";
                return Err(RemoteError::unreachable(message).with_hint(hint));
            }
        })
    }
}
