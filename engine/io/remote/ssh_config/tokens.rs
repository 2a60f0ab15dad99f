//! What stands for something else in a value: `%h`, `${NAME}`, `~`.

use std::path::{Path, PathBuf};

use sha1::{Digest as _, Sha1};

use super::{
    super::local_user::{LocalUser, accounts},
    Late,
};

/// What the tokens of a value stand for.
pub(in super::super) struct Tokens<'a> {
    /// The host as it was given.
    pub(in super::super) original: &'a str,
    /// The host as it is dialled.
    pub(in super::super) host: &'a str,
    pub(in super::super) port: u16,
    /// Who logs in.
    pub(in super::super) user: &'a str,
    /// The name of its keys, where it has one of its own.
    pub(in super::super) key_name: Option<&'a str>,
    /// The hosts to go through, as they are written.
    pub(in super::super) jump: &'a str,
    /// Who runs converge.
    pub(in super::super) local: &'a LocalUser,
    /// The name of this machine.
    pub(in super::super) machine: Late<String>,
}

impl Tokens<'_> {
    /// Fills in all tokens.
    ///
    /// # Errors
    /// When there is one that means nothing.
    pub(in super::super) fn fill(&self, text: &str) -> Result<String, String> {
        replace(text, |token| self.any(token))
    }

    /// Fills in those of the way to a host.
    ///
    /// # Errors
    /// When there is another.
    pub(in super::super) fn fill_way(&self, text: &str) -> Result<String, String> {
        replace(text, |token| if "hnpr".contains(token) { self.any(token) } else { None })
    }

    /// A path: with tokens, variables of the environment, and `~`.
    ///
    /// # Errors
    /// When one of them stands for nothing.
    pub(in super::super) fn path(&self, text: &str) -> Result<PathBuf, String> {
        home(&environment(&self.fill(text)?)?, self.local)
    }

    fn any(&self, token: char) -> Option<String> {
        Some(match token {
            'h' => self.host.to_owned(),
            'n' => self.original.to_owned(),
            'p' => self.port.to_string(),
            'r' => self.user.to_owned(),
            'u' => self.local.name.clone()?,
            'd' => self.local.home.display().to_string(),
            'i' => rustix::process::getuid().as_raw().to_string(),
            'k' => self.key_name.unwrap_or(self.original).to_owned(),
            'l' => self.machine().to_owned(),
            'L' => self.machine().split('.').next().unwrap_or_default().to_owned(),
            'j' => self.jump.to_owned(),
            'C' => {
                let text = [self.machine(), self.host, &self.port.to_string(), self.user].concat();
                base16ct::lower::encode_string(&Sha1::digest(text))
            }
            _ => return None,
        })
    }

    fn machine(&self) -> &str {
        let name = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        self.machine.get_or_init(name)
    }
}

/// Replaces each `%` and the letter after it; `%%` is a `%`.
///
/// # Errors
/// When a letter means nothing.
pub(super) fn replace(
    text: &str,
    token: impl Fn(char) -> Option<String>,
) -> Result<String, String> {
    let mut filled = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c != '%' {
            filled.push(c);
            continue;
        }
        match characters.next() {
            Some('%') => filled.push('%'),
            Some(letter) => match token(letter) {
                Some(text) => filled.push_str(&text),
                None => return Err(format!("has an unknown token: %{letter}")),
            },
            None => return Err("ends in a single %".to_owned()),
        }
    }
    Ok(filled)
}

/// Replaces each `${NAME}`.
///
/// # Errors
/// When a variable is not set.
pub(super) fn environment(text: &str) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else {
            return Err("has a ${ that is not closed".to_owned());
        };
        let value = std::env::var(name);
        filled.push_str(before);
        filled.push_str(&value.map_err(|_| format!("needs ${name}, which is not set"))?);
        rest = after;
    }
    Ok(filled + rest)
}

/// A path that may begin with a home: `~/x`, `~ann/x`.
///
/// # Errors
/// When nobody has that name.
pub(super) fn home(text: &str, local: &LocalUser) -> Result<PathBuf, String> {
    let Some(rest) = text.strip_prefix('~') else { return Ok(text.into()) };
    let (name, below) = rest.split_once('/').unwrap_or((rest, ""));
    if name.is_empty() {
        return Ok(local.home.join(below));
    }
    let accounts = accounts().map_err(|error| format!("names a home, and {error}"))?;
    let home = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(4)).flatten()
    });
    home.map(|home| Path::new(home).join(below))
        .ok_or_else(|| format!("names the home of {name}, an unknown user"))
}

/// The shell that runs the commands of a configuration.
pub(in super::super) fn shell() -> String {
    std::env::var("SHELL").ok().filter(|shell| !shell.is_empty()).unwrap_or("/bin/sh".to_owned())
}
