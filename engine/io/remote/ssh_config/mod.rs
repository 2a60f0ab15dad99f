//! `ssh_config`: what OpenSSH would make of it for one host.
//!
//! The published parsers let the settings of a `Match` block apply to the `Host` before it. `keywords` says of each keyword
//! whether it is followed, of no matter, or refused; `words` splits a line, `file` reads files, `condition` decides
//! which blocks are for a host, `tokens` fills in `%h` and its like.

mod keywords;
mod tokens;
mod condition;
mod words;
mod file;

use std::{cell::OnceCell, collections::HashMap, path::Path, sync::Arc};

use self::{
    condition::AskedHost,
    file::{ConfigItem, ConfigLine},
    keywords::{Use, find},
};
pub(super) use self::{
    file::unreadable,
    tokens::{Tokens, shell},
};
use super::{RemoteError, local_user::LocalUser};
use crate::io::{disk, program};

/// A configuration, in order.
#[derive(Debug, Default)]
pub(super) struct SshConfig(Vec<ConfigItem>);

/// One setting, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// Its arguments, without quotes.
    pub(super) values: Vec<String>,
    /// All that stands behind the keyword, as it is.
    pub(super) rest: String,
    /// Where: `FILE:LINE`.
    pub(super) place: String,
}

/// What a configuration says about one host.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// The first value of each keyword that is followed.
    said: HashMap<&'static str, Said>,
    /// All values of those that add up.
    many: HashMap<&'static str, Vec<Said>>,
}

impl SshConfig {
    /// Reads a file and what it includes.
    ///
    /// # Errors
    /// When it cannot be read, or holds a line that means nothing.
    pub(super) fn read(file: &Path, home: &Path) -> Result<Self, RemoteError> {
        let text = disk::text(file).map_err(|unread| unreadable(file, &unread))?;
        Self::of_text(&text, file, home)
    }

    /// Reads the text of a file, and what it includes.
    ///
    /// # Errors
    /// When it holds a line that means nothing.
    pub(super) fn of_text(text: &str, file: &Path, home: &Path) -> Result<Self, RemoteError> {
        Ok(Self(file::read(text, file, home)?))
    }

    /// What somebody else than a file says, such as an inventory: each a line.
    ///
    /// # Errors
    /// When a line means nothing.
    pub(super) fn of_lines(lines: &[String], place: &str) -> Result<Self, RemoteError> {
        Ok(Self(file::of_lines(lines, place)?))
    }

    /// What several say about the host that the user calls `name`, the strongest first: the first value of a setting
    /// counts.
    ///
    /// # Errors
    /// When they ask for something that is not done here.
    pub(super) fn about(
        configs: &[&Self],
        name: &str,
        local: &LocalUser,
        commands: &ConfigCommands,
    ) -> Result<Settings, RemoteError> {
        let mut asked = AskedHost::new(name, local, commands);
        let mut found = Settings::default();
        for config in configs {
            found.take(&config.0, true, &mut asked)?;
        }
        if asked.wants_final {
            // Once more, under the name that was found: what `Match final` adds.
            asked.is_final = true;
            asked.name = found.host_name(name)?;
            for config in configs {
                found.take(&config.0, true, &mut asked)?;
            }
        }
        Ok(found)
    }
}

impl Settings {
    /// Takes what is for the host. Nothing in a file that is included in a block for others is.
    fn take(
        &mut self,
        items: &[ConfigItem],
        reachable: bool,
        asked: &mut AskedHost<'_>,
    ) -> Result<(), RemoteError> {
        let mut active = reachable;
        for item in items {
            match item {
                ConfigItem::Host(patterns) => active = reachable && asked.is_named(patterns),
                ConfigItem::Match(line, criteria) => {
                    active = asked.meets(criteria, self, &line.place(), reachable)? && reachable;
                }
                ConfigItem::Include(files) => {
                    for items in files {
                        self.take(items, active, asked)?;
                    }
                }
                ConfigItem::Set(line) if active => self.set(line)?,
                ConfigItem::Set(_) => {}
            }
        }
        Ok(())
    }

    fn set(&mut self, line: &ConfigLine) -> Result<(), RemoteError> {
        let Some((keyword, r#use)) = find(&line.keyword) else { return Ok(()) };
        let said =
            || Said { values: line.values.clone(), rest: line.rest.clone(), place: line.place() };
        match r#use {
            Use::Ignored => {}
            Use::Many => {
                let known = self.many.entry(keyword).or_default();
                if known.iter().all(|known| known.values != line.values) {
                    known.push(said());
                }
            }
            Use::Followed => {
                if !self.is_taken(keyword) {
                    self.said.entry(keyword).or_insert_with(said);
                }
            }
            Use::Refused { unless, instead } => {
                // Only the first value counts here too.
                if self.said.contains_key(keyword) {
                    return Ok(());
                }
                let value = line.values.first().map_or("", String::as_str);
                if !unless.iter().any(|harmless| harmless.eq_ignore_ascii_case(value)) {
                    let message = format!("{}: {} is not supported", line.place(), line.written);
                    return Err(RemoteError::unreachable(message).with_hint(*instead));
                }
                self.said.insert(keyword, said());
            }
        }
        Ok(())
    }

    /// Whether the other of the two ways to a host was said first: a command, be it `none`, or jump hosts.
    fn is_taken(&self, keyword: &str) -> bool {
        let jumps = |said: &Said| !said.rest.eq_ignore_ascii_case("none");
        match keyword {
            "proxyjump" => self.said.contains_key("proxycommand"),
            "proxycommand" => self.said.get("proxyjump").is_some_and(jumps),
            _ => false,
        }
    }

    /// What is said with this keyword.
    pub(super) fn said(&self, keyword: &'static str) -> Option<&Said> {
        debug_assert!(find(keyword).is_some(), "{keyword} is no keyword");
        self.said.get(keyword)
    }

    /// All that is said with a keyword whose values add up.
    pub(super) fn all(&self, keyword: &'static str) -> &[Said] {
        self.many.get(keyword).map_or(&[], Vec::as_slice)
    }

    /// The first argument of a keyword.
    pub(super) fn text(&self, keyword: &'static str) -> Option<&str> {
        self.said(keyword)?.values.first().map(String::as_str)
    }

    /// Whether a keyword says yes or no.
    ///
    /// # Errors
    /// When it says something else.
    pub(super) fn flag(&self, keyword: &'static str) -> Result<Option<bool>, RemoteError> {
        let Some(said) = self.said(keyword) else { return Ok(None) };
        match said.values.first().map(|value| value.to_lowercase()).as_deref() {
            Some("yes" | "true" | "unbound" | "host-bound") => Ok(Some(true)),
            Some("no" | "false") => Ok(Some(false)),
            _ => Err(said.wrong("is not yes or no")),
        }
    }

    /// A number.
    ///
    /// # Errors
    /// When it is none, or not one of this size.
    pub(super) fn number<N: std::str::FromStr>(
        &self,
        keyword: &'static str,
    ) -> Result<Option<N>, RemoteError> {
        let Some(said) = self.said(keyword) else { return Ok(None) };
        let value = said.values.first().map_or("", String::as_str);
        value.parse().map(Some).map_err(|_| said.wrong("is not a valid number"))
    }

    /// The name or address that the host `name` is dialled by.
    ///
    /// # Errors
    /// When it has a token that is not one of its own.
    pub(super) fn host_name(&self, name: &str) -> Result<String, RemoteError> {
        let Some(said) = self.said("hostname") else { return Ok(name.to_owned()) };
        let value = said.values.first().map_or("", String::as_str);
        tokens::replace(value, |token| (token == 'h').then(|| name.to_owned()))
            .map_err(|why| said.wrong(&why))
    }
}

impl Said {
    /// The error that this is.
    pub(super) fn wrong(&self, why: &str) -> RemoteError {
        let value = self.values.join(" ");
        RemoteError::unreachable(format!("{}: `{}` {why}", self.place, value.escape_debug()))
    }
}

/// What commands of `Match exec` said, each run once however many hosts ask.
#[derive(Default)]
pub(super) struct ConfigCommands(std::sync::Mutex<HashMap<String, Arc<std::sync::OnceLock<bool>>>>);

impl ConfigCommands {
    /// Whether `command` succeeds, as the user's shell runs it.
    fn succeeds(&self, command: &str) -> bool {
        let known = {
            let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            known.entry(command.to_owned()).or_default().clone()
        };
        *known.get_or_init(|| {
            let null = std::process::Stdio::null;
            let mut shell = program::command(tokens::shell());
            shell.args(["-c", command]).stdin(null()).stdout(null()).stderr(null());
            shell.status().is_ok_and(|status| status.success())
        })
    }
}

/// A value that is made when it is first asked for.
type Late<T> = OnceCell<T>;

#[cfg(test)]
mod tests;
