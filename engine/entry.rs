//! What lies at a path of a host: the part that file, directory, link and absent have in common.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    content::Digest,
    resource::{ArgumentError, Field},
    script::{Script, Words},
    sh,
};

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Entry {
    /// Nothing.
    Missing,
    /// A regular file.
    File {
        /// Owner and mode.
        #[serde(flatten)]
        access: Access,
        /// Bytes.
        size: u64,
        /// SHA-256 of what it holds; none when it was not asked for or cannot be read.
        digest: Option<String>,
    },
    /// A directory.
    Directory {
        /// Owner and mode.
        #[serde(flatten)]
        access: Access,
    },
    /// A symbolic link.
    Link {
        /// Where it points, as it is written.
        target: String,
    },
    /// A device, a socket, a pipe.
    Other,
}

impl Entry {
    /// The word for its type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Entry::Missing => "nothing",
            Entry::File { .. } => "file",
            Entry::Directory { .. } => "directory",
            Entry::Link { .. } => "link",
            Entry::Other => "special file",
        }
    }
}

/// Who may do what with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Four octal digits.
    pub mode: String,
    /// The owner's name, or its number where it has none.
    pub owner: String,
    /// The owner's number.
    pub uid: String,
    /// The group's name, or its number where it has none.
    pub group: String,
    /// The group's number.
    pub gid: String,
}

impl Access {
    /// The fields that differ from what is wanted; what is not given is not compared.
    pub fn differing(
        &self,
        mode: Option<&str>,
        owner: Option<&str>,
        group: Option<&str>,
    ) -> Vec<Field> {
        let mode = mode.map(full_mode);
        let differs = |name, wanted: Option<&str>, observed: &str, number: &str| {
            let wanted = wanted?;
            (wanted != observed && wanted != number).then(|| Field::new(name, observed, wanted))
        };
        [
            differs("mode", mode.as_deref(), &self.mode, &self.mode),
            differs("owner", owner, &self.owner, &self.uid),
            differs("group", group, &self.group, &self.gid),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A mode with its four digits: `644` is `0644`.
pub fn full_mode(mode: &str) -> String {
    format!("{mode:0>4}")
}

/// Checks that a path can be one of ours: absolute, without `..`, without control characters.
///
/// # Errors
/// Says what is wrong with it, for the argument `argument`.
pub fn check_path(argument: &'static str, path: &str) -> Result<(), ArgumentError> {
    let error = |message: String| Err(ArgumentError::new(argument, message));
    if !path.starts_with('/') {
        return error(format!("`{path}` is not an absolute path"))
            .map_err(|error| error.hint(format!("write it from the root: `/{path}`")));
    }
    if path.split('/').any(|part| part == "..") {
        return error(format!("`{path}` has `..` in it"));
    }
    if path.contains(|c: char| c.is_control() || c == '\\') {
        return error("a path must not hold control characters or backslashes".to_owned());
    }
    if path.len() > 1 && path.ends_with('/') {
        return error(format!("`{path}` ends with a slash"))
            .map_err(|error| error.hint("leave the last slash out"));
    }
    Ok(())
}

/// Checks a mode: three or four octal digits.
///
/// # Errors
/// Says what a mode looks like.
pub fn check_mode(argument: &'static str, mode: &str) -> Result<(), ArgumentError> {
    let octal = mode.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    if octal && matches!(mode.len(), 3 | 4) {
        return Ok(());
    }
    Err(ArgumentError::new(argument, format!("`{mode}` is not a mode"))
        .hint("a mode is a string of three or four octal digits, such as \"0644\""))
}

/// Reads what lies at each path: one `stat` for all, and nothing per path.
///
/// Two lines for each path that has anything: the second one is there for the target of a link.
pub fn probe(paths: &[&str]) -> Script {
    sh!("set -- {}\nstat -c '%f %a %U %u %G %g %s %n\n%N' -- \"$@\" 2>/dev/null", Words(paths))
}

/// The mode bits that tell types of files apart (`inode(7)`), and their values.
const TYPE_MASK: u32 = 0o170_000;
const TYPE_FILE: u32 = 0o100_000;
const TYPE_DIRECTORY: u32 = 0o040_000;
const TYPE_LINK: u32 = 0o120_000;

/// Reads what [`probe`] printed: what lies at each path that has anything. Lines of other sorts are left alone.
pub fn observe(paths: &[&str], output: &str) -> BTreeMap<String, Entry> {
    let wanted: BTreeSet<&str> = paths.iter().copied().collect();
    let mut found = BTreeMap::new();
    let mut lines = output.lines().peekable();
    while let Some(line) = lines.next() {
        let named = lines.peek().copied().unwrap_or_default();
        if let Some((path, entry)) = stat_lines(line, named)
            && wanted.contains(path)
        {
            found.insert(path.to_owned(), entry);
        }
    }
    found
}

/// The first line holds raw mode, mode, owner, uid, group, gid, size and name; the second the name and where it points.
fn stat_lines<'a>(line: &'a str, named: &str) -> Option<(&'a str, Entry)> {
    let mut words = line.splitn(8, ' ');
    let raw = u32::from_str_radix(words.next()?, 16).ok()?;
    let mode = full_mode(words.next()?);
    let [owner, uid, group, gid] = [words.next()?, words.next()?, words.next()?, words.next()?];
    let size = words.next()?.parse().ok()?;
    let path = words.next()?;
    let [owner, uid, group, gid] = [owner, uid, group, gid].map(str::to_owned);
    let access = Access { mode, owner, uid, group, gid };
    let entry = match raw & TYPE_MASK {
        TYPE_FILE => Entry::File { access, size, digest: None },
        TYPE_DIRECTORY => Entry::Directory { access },
        TYPE_LINK => Entry::Link { target: link_target(named, path)? },
        _ => Entry::Other,
    };
    Some((path, entry))
}

/// Takes the target out of `'/name' -> 'target'`. GNU writes quotes as the shell does, busybox as they come.
fn link_target(named: &str, path: &str) -> Option<String> {
    let (_, target) = named.get(path.len()..)?.split_once(" -> ")?;
    let inner = |quote: char| target.strip_prefix(quote)?.strip_suffix(quote);
    match inner('\'').or_else(|| inner('"')) {
        Some(inner) => Some(inner.replace("'\\''", "'")),
        None => Some(target.to_owned()),
    }
}

/// Adds the digests that `sha256sum` printed to what was found.
pub fn add_digests(found: &mut BTreeMap<String, Entry>, output: &str) {
    for line in output.lines() {
        let Some((hex, path)) = line.split_once("  ") else { continue };
        if hex.len() != Digest::of(b"").as_str().len() {
            continue;
        }
        if let Some(Entry::File { digest, .. }) = found.get_mut(path) {
            *digest = Some(hex.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_of_gnu_and_of_busybox_is_read() {
        let output = "a1ff 777 root 0 root 0 7 /bin\n'/bin' -> 'usr/bin'\n\
            81a4 644 root 0 adm 4 1340 /etc/a b\n'/etc/a b'\n\
            43ff 1777 UNKNOWN 990 root 0 4096 /tmp\n/tmp\n\
            81a4 644 root 0 root 0 1 /not/asked\n/not/asked\n";
        let found = observe(&["/bin", "/etc/a b", "/tmp", "/gone"], output);
        assert_eq!(found["/bin"], Entry::Link { target: "usr/bin".into() });
        assert_eq!(found.len(), 3);
        let Entry::Directory { access } = &found["/tmp"] else { panic!("{found:?}") };
        assert_eq!((access.mode.as_str(), access.uid.as_str()), ("1777", "990"));
        let Entry::File { access, .. } = &found["/etc/a b"] else { panic!("{found:?}") };
        assert!(access.differing(Some("644"), Some("0"), Some("adm")).is_empty());
        assert_eq!(access.differing(Some("600"), None, Some("root")).len(), 2);
    }

    #[test]
    fn the_target_of_a_link_may_hold_anything() {
        assert_eq!(link_target("'/a' -> 'it'\\''s'", "/a").unwrap(), "it's");
        assert_eq!(link_target("'/a -> b' -> 'c -> d'", "/a -> b").unwrap(), "c -> d");
        assert_eq!(link_target("/a -> b", "/a").unwrap(), "b");
        assert_eq!(link_target("'/a'", "/a"), None);
    }

    #[test]
    fn paths_and_modes_are_checked() {
        assert!(check_path("path", "/etc/motd").is_ok());
        for bad in ["etc/motd", "/etc/../motd", "/etc/", "/a\nb"] {
            assert!(check_path("path", bad).is_err(), "{bad}");
        }
        assert!(check_mode("mode", "0644").is_ok() && check_mode("mode", "755").is_ok());
        assert!(check_mode("mode", "u+x").is_err() && check_mode("mode", "0888").is_err());
    }
}
