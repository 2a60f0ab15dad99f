//! The shadow file: what a probe says of it, and what can stand there.

use std::collections::BTreeMap;

use crate::{
    base::{content::Digest, secret::Text},
    resources::{
        entry,
        resource::{ArgumentError, Looked, Unknown},
    },
};

/// What the shadow file says of some users: whether each is locked, and the digest of its hash.
pub(super) struct Shadow<'a> {
    lines: BTreeMap<&'a str, (&'a str, Digest)>,
    /// Why not all of it is known, if so.
    unknown: Option<Unknown>,
}

impl<'a> Shadow<'a> {
    pub(super) fn read(output: &'a str) -> Self {
        let unknown = match entry::lines(output).last() {
            Some("end") => None,
            Some("unreadable") => Some(Unknown::new("cannot read /etc/shadow: Permission denied")),
            _ => Some(Unknown::new("the entry in /etc/shadow is incomplete")),
        };
        let line = |line: &'a str| {
            let mut parts = line.split(':');
            let (name, locked) = (parts.next()?, parts.next()?);
            Some((name, (locked, Digest::read(parts.next()?)?)))
        };
        Self { lines: entry::lines(output).filter_map(line).collect(), unknown }
    }

    /// What it says of a user; of some it says nothing.
    pub(super) fn of(&self, name: &str) -> Looked<Option<(&str, &Digest)>> {
        match (self.lines.get(name), &self.unknown) {
            (Some((locked, digest)), _) => Ok(Some((locked, digest))),
            (None, Some(unknown)) => Err(unknown.clone()),
            (None, None) => Ok(None),
        }
    }
}

/// Checks that a password is a hash and not the password itself, without ever showing it.
pub(super) fn check_hash(password: &Text) -> Result<(), ArgumentError> {
    let hash = password.expose();
    let hashed = hash.starts_with('$') && hash.matches('$').count() >= 3;
    if matches!(unlocked(password), "" | "*") && !hash.is_empty()
        || hashed && !hash.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control())
    {
        return Ok(());
    }
    Err(ArgumentError::new("password", "this is not the hash of a password")
        .hint("`mkpasswd` or `openssl passwd -6` make one, such as `$6$salt$...`; `*` means none"))
}

/// A hash without the mark of a lock, which `locked` is about.
pub(super) fn unlocked(password: &Text) -> &str {
    password.expose().trim_start_matches('!')
}
