//! What files hold, by its digest.

use std::borrow::Cow;

use super::{AskedPath, Entry, lines};
use crate::{
    base::{
        content::Digest,
        script::{Library, Script},
    },
    resources::resource::{Looked, Unknown},
};

/// What a part of a probe begins with that reads files.
pub fn looking() -> Script {
    static LOOKING: Library = Library::new("looking", &[include_str!("looking.sh")]);
    LOOKING.script()
}

/// A line for `sha256sum -c`. A backslash in a path is doubled, and one before the digest says so.
pub fn sum_line(digest: &Digest, path: &str, lines: &mut String) {
    let escaped = path.contains('\\');
    let path = if escaped { path.replace('\\', "\\\\").into() } else { Cow::Borrowed(path) };
    for part in [if escaped { "\\" } else { "" }, digest.as_str(), "  ", &path, "\n"] {
        lines.push_str(part);
    }
}

/// Adds the digests that `sha256sum` printed to what was found. A file that has none by then was not read. Those that were read
/// one by one come first, in their own order.
pub fn add_digests(paths: &[&str], found: &mut [Looked<Entry>], output: &str) {
    let (mut together, mut guarded) = (AskedPath { paths, next: 0 }, AskedPath { paths, next: 0 });
    for line in lines(output) {
        let (asked, line) = match line.strip_prefix(GUARDED) {
            Some(line) => (&mut guarded, line),
            None => (&mut together, line),
        };
        let escaped = line.starts_with('\\');
        let Some((hex, path)) = line.trim_start_matches('\\').split_once("  ") else { continue };
        let Some(sum) = Digest::read(hex) else { continue };
        let path = if escaped { path.replace("\\\\", "\\").into() } else { Cow::Borrowed(path) };
        let entry = asked.find(&path).map(|index| &mut found[index]);
        if let Some(Ok(Entry::File { digest, .. })) = entry {
            *digest = Some(sum);
        }
    }
}

/// What begins a line of a file that was read alone.
const GUARDED: &str = "guarded ";

/// What lies at a path where what it holds counts: a file of which that was not read is not known.
pub fn read(path: &str, entry: Looked<Entry>, output: &str) -> Looked<Entry> {
    match entry {
        Ok(Entry::File { digest: None, .. }) => {
            let denied = lines(output).any(|line| line.strip_prefix("unreadable ") == Some(path));
            let why = if denied { "Permission denied" } else { "sha256sum did not report it" };
            Err(Unknown::new(format!("cannot read {path}: {why}")))
        }
        other => other,
    }
}
