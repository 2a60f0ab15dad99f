//! What lies at a path of a host: the part that file, directory, link and absent have in common.

use compact_str::CompactString;
use serde::Serialize;

use crate::{
    change::Field,
    content::Digest,
    resource::ArgumentError,
    script::{Script, Words},
    sh,
};

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
        digest: Option<Digest>,
    },
    /// A directory.
    Directory {
        /// Owner and mode.
        #[serde(flatten)]
        access: Access,
    },
    /// A symbolic link, wherever it points.
    Link,
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
            Entry::Link => "link",
            Entry::Other => "special file",
        }
    }
}

/// Who may do what with it. These are short, and there are very many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Access {
    /// Four octal digits.
    pub mode: CompactString,
    /// The owner's name, or its number where it has none.
    pub owner: CompactString,
    /// The owner's number.
    pub uid: CompactString,
    /// The group's name, or its number where it has none.
    pub group: CompactString,
    /// The group's number.
    pub gid: CompactString,
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
pub fn full_mode(mode: &str) -> CompactString {
    const DIGITS: usize = 4;
    let mut full = CompactString::from(&"0000"[mode.len().min(DIGITS)..]);
    full.push_str(mode);
    full
}

/// What whoever declares something at a path owns: nobody else may.
pub fn owned(path: &str) -> String {
    ["path:", path].concat()
}

/// Checks that a path can be one of ours: absolute, written in one way only, without control characters.
///
/// # Errors
/// Says what is wrong with it, for the argument `argument`.
pub fn check_path(argument: &'static str, path: &str) -> Result<(), ArgumentError> {
    let error = |message: String| ArgumentError::new(argument, message);
    let Some(below) = path.strip_prefix('/') else {
        return Err(error(format!("`{path}` is not an absolute path"))
            .hint(format!("write it from the root: `/{path}`")));
    };
    if path.contains(|c: char| c.is_control() || c == '\\') {
        return Err(error("a path must not hold control characters or backslashes".to_owned()));
    }
    if below.ends_with('/') {
        return Err(error(format!("`{path}` ends with a slash")).hint("leave the last slash out"));
    }
    if !below.is_empty() && below.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(error(format!("`{path}` has a part that is empty, `.` or `..`"))
            .hint("write the path without detours"));
    }
    Ok(())
}

/// Directories that no host can lose.
const VITAL: &[&str] = &[
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local",
    "/usr/sbin",
    "/usr/share",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/spool",
    "/var/tmp",
    "/etc/ssh",
    "/etc/systemd",
];

/// Checks that a path may be emptied or removed.
///
/// # Errors
/// For a directory that no host can lose.
pub fn check_not_vital(argument: &'static str, path: &str) -> Result<(), ArgumentError> {
    if VITAL.contains(&path) {
        let message =
            format!("`{path}` is a part of every system, and is never emptied or removed");
        return Err(ArgumentError::new(argument, message).hint("name what is to go, further down"));
    }
    Ok(())
}

/// Checks the name of a user or a group, or its number.
///
/// # Errors
/// Says what a name looks like.
pub fn check_account(argument: &'static str, name: &str) -> Result<(), ArgumentError> {
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    check_account_name(argument, name)
}

/// Checks the name of a user or a group. A number is none: it would be looked up as a number.
///
/// # Errors
/// Says what a name looks like.
pub fn check_account_name(argument: &'static str, name: &str) -> Result<(), ArgumentError> {
    let plain = name.strip_suffix('$').unwrap_or(name);
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if plain.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && plain.chars().all(inner)
        && name.len() <= 32
    {
        return Ok(());
    }
    let message = format!("`{}` is not the name of an account", name.escape_debug());
    Err(ArgumentError::new(argument, message)
        .hint("a letter, then letters, digits, `_`, `-` and `.`; 32 at most"))
}

/// Checks a command that validates a file.
///
/// # Errors
/// When `%s` is there twice or in quotes: the path is put in as one word already.
pub fn check_validate(argument: &'static str, command: &str) -> Result<(), ArgumentError> {
    if command.trim().is_empty() {
        return Err(ArgumentError::new(argument, "an empty command"));
    }
    let mut around = command.split("%s");
    let before = around.next().unwrap_or_default();
    let Some(after) = around.next() else { return Ok(()) };
    if around.next().is_some() {
        return Err(ArgumentError::new(argument, "`%s` is there more than once"));
    }
    let quote = |c: char| matches!(c, '\'' | '"' | '\\');
    if before.ends_with(quote) || after.starts_with(quote) {
        return Err(ArgumentError::new(argument, "`%s` is in quotes")
            .hint("leave the quotes out: the path is one word, whatever it holds"));
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

/// Checks the mode, the owner and the group that are given.
///
/// # Errors
/// Says what each looks like.
pub fn check_access(
    mode: &Option<String>,
    owner: &Option<String>,
    group: &Option<String>,
) -> Result<(), ArgumentError> {
    mode.as_deref().map_or(Ok(()), |mode| check_mode("mode", mode))?;
    owner.as_deref().map_or(Ok(()), |owner| check_account("owner", owner))?;
    group.as_deref().map_or(Ok(()), |group| check_account("group", group))
}

/// The fields of something new: its mode, and the owner and group that are given.
pub fn added_access(mode: &str, owner: &Option<String>, group: &Option<String>) -> Vec<Field> {
    let given = [("owner", owner), ("group", group)];
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
    let mode = [("mode", full_mode(mode).into_string())];
    mode.into_iter().chain(given).map(|(name, value)| Field::added(name, value)).collect()
}

/// Mode, owner and group as the prelude's functions take them; an empty word leaves that one alone.
pub fn words(mode: &Option<String>, owner: &Option<String>, group: &Option<String>) -> Script {
    let words = [mode, owner, group].map(|value| value.as_deref().unwrap_or_default());
    sh!("{}", Words(&words))
}

/// Reads what lies at each path: one `stat` for all, one line for each path that has anything.
///
/// A line holds nothing that whoever owns the directory could have chosen, so that it cannot be forged.
pub fn probe(paths: &[&str]) -> Script {
    sh!("set -- {}\nstat -c '%f %a %U %u %G %g %s %n' -- \"$@\" 2>/dev/null || :", Words(paths))
}

/// The mode bits that tell types of files apart (`inode(7)`), and their values.
const TYPE_MASK: u32 = 0o170_000;
const TYPE_FILE: u32 = 0o100_000;
const TYPE_DIRECTORY: u32 = 0o040_000;
const TYPE_LINK: u32 = 0o120_000;

/// Reads what [`probe`] printed: what lies at each path. Lines of other sorts are left alone.
pub fn observe(paths: &[&str], output: &str) -> Vec<Entry> {
    let mut found = vec![Entry::Missing; paths.len()];
    let mut asked = Asked { paths, next: 0 };
    for (path, entry) in output.lines().filter_map(stat_line) {
        if let Some(index) = asked.find(path) {
            found[index] = entry;
        }
    }
    found
}

/// The paths that something was asked of. The answers come in their order, though not of each.
struct Asked<'a> {
    paths: &'a [&'a str],
    next: usize,
}

impl Asked<'_> {
    /// Which of the paths that come next an answer is about.
    fn find(&mut self, path: &str) -> Option<usize> {
        let index = self.next + self.paths[self.next..].iter().position(|asked| *asked == path)?;
        self.next = index + 1;
        Some(index)
    }
}

/// Raw mode, mode, owner, uid, group, gid, size and name.
fn stat_line(line: &str) -> Option<(&str, Entry)> {
    let mut words = line.splitn(8, ' ');
    let raw = u32::from_str_radix(words.next()?, 16).ok()?;
    let mode = full_mode(words.next()?);
    let [owner, uid, group, gid] = [words.next()?, words.next()?, words.next()?, words.next()?];
    let size = words.next()?.parse().ok()?;
    let path = words.next()?;
    let [owner, uid, group, gid] = [owner, uid, group, gid].map(CompactString::from);
    let access = Access { mode, owner, uid, group, gid };
    let entry = match raw & TYPE_MASK {
        TYPE_FILE => Entry::File { access, size, digest: None },
        TYPE_DIRECTORY => Entry::Directory { access },
        TYPE_LINK => Entry::Link,
        _ => Entry::Other,
    };
    Some((path, entry))
}

/// Reads the digests of those of `"$@"` that are files: one `sha256sum` for all. They are in `$sums`, and printed.
///
/// Each `set` copies the whole list: so the list is made anew only where something else stands on it.
pub fn probe_digests() -> Script {
    sh!("others=; for p do if [ ! -f \"$p\" ] || [ -L \"$p\" ]; then others=yes; fi; done
if [ -n \"$others\" ]; then
  for p do shift; if [ -f \"$p\" ] && [ ! -L \"$p\" ]; then set -- \"$@\" \"$p\"; fi; done
fi
sums=; [ $# = 0 ] || sums=$(sha256sum -- \"$@\" 2>/dev/null) || :
say \"$sums\"")
}

/// Adds the digests that `sha256sum` printed to what was found.
pub fn add_digests(paths: &[&str], found: &mut [Entry], output: &str) {
    let mut asked = Asked { paths, next: 0 };
    for line in output.lines() {
        let Some((hex, path)) = line.split_once("  ") else { continue };
        let Some(sum) = Digest::read(hex) else { continue };
        let entry = asked.find(path).map(|index| &mut found[index]);
        if let Some(Entry::File { digest, .. }) = entry {
            *digest = Some(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stat_prints_is_read() {
        let output = "a1ff 777 root 0 root 0 7 /bin\n\
            81a4 644 root 0 adm 4 1340 /etc/a b\n\
            43ff 1777 UNKNOWN 990 root 0 4096 /tmp\n\
            81a4 644 root 0 root 0 1 /not/asked\n";
        let found = observe(&["/bin", "/gone", "/etc/a b", "/tmp"], output);
        let [Entry::Link, Entry::Missing, Entry::File { access, .. }, tmp] = &found[..] else {
            panic!("{found:?}")
        };
        let Entry::Directory { access: of_tmp } = tmp else { panic!("{tmp:?}") };
        assert_eq!((of_tmp.mode.as_str(), of_tmp.uid.as_str()), ("1777", "990"));
        assert!(access.differing(Some("644"), Some("0"), Some("adm")).is_empty());
        assert_eq!(access.differing(Some("600"), None, Some("root")).len(), 2);
    }

    #[test]
    fn paths_and_modes_are_checked() {
        assert!(check_path("path", "/etc/motd").is_ok());
        assert!(check_path("path", "/").is_ok());
        for bad in ["etc/motd", "/etc/../motd", "/etc/", "/a\nb", "//etc", "/etc/./motd", "//", ""]
        {
            assert!(check_path("path", bad).is_err(), "{bad}");
        }
        assert!(check_mode("mode", "0644").is_ok() && check_mode("mode", "755").is_ok());
        assert!(
            check_not_vital("path", "/etc").is_err() && check_not_vital("path", "/data").is_ok()
        );
        assert!(check_mode("mode", "u+x").is_err() && check_mode("mode", "0888").is_err());
    }

    #[test]
    fn accounts_and_validations_are_checked() {
        for good in ["root", "0", "www-data", "_apt", "machine$", "jane.doe"] {
            assert!(check_account("owner", good).is_ok(), "{good}");
        }
        for bad in ["", "-x", "a:b", "a b", "a$b", "1a", "x\n"] {
            assert!(check_account("owner", bad).is_err(), "{bad}");
        }
        assert!(check_account_name("name", "1000").is_err());
        for good in ["nginx -t", "visudo -cf %s", "x --file=%s >/dev/null"] {
            assert!(check_validate("validate", good).is_ok(), "{good}");
        }
        for bad in [" ", "x '%s'", "x \"%s", "x %s %s"] {
            assert!(check_validate("validate", bad).is_err(), "{bad}");
        }
    }
}
