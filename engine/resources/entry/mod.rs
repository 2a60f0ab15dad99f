//! What lies at a path of a host: the part that file, directory, link and absent have in common.

mod before;
mod checked;
mod digests;

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::Serialize;

pub use self::{checked::*, digests::*};
use crate::{
    base::{
        content::Digest,
        script::{Library, Room, Script, Words},
    },
    resources::{
        change::Field,
        resource::{Looked, Unknown},
    },
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
        access: PathAccess,
        /// Bytes.
        size: u64,
        /// SHA-256 of what it holds; none when it was not asked for or cannot be read.
        digest: Option<Digest>,
    },
    /// A directory.
    Directory {
        /// Owner and mode.
        #[serde(flatten)]
        access: PathAccess,
    },
    /// A symbolic link, wherever it points.
    Link,
    /// A device, a socket, a pipe: by that word.
    Other(&'static str),
}

impl Entry {
    /// What lies there, if a file can be put in its place: what the step would refuse is told before anything is done.
    ///
    /// # Errors
    /// For a directory, a pipe, a device.
    pub fn replaceable(self, path: &str) -> Looked<Self> {
        match self {
            Entry::Directory { .. } | Entry::Other(_) => {
                let what = self.type_name();
                Err(Unknown::new(format!("{path} is a {what}, and is not replaced by a file"))
                    .hint("remove it, or name another path"))
            }
            other => Ok(other),
        }
    }

    /// The word for its type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Entry::Missing => "nothing",
            Entry::File { .. } => "file",
            Entry::Directory { .. } => "directory",
            Entry::Link => "link",
            Entry::Other(word) => word,
        }
    }
}

/// Who may do what with it. These are short, and there are very many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathAccess {
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

impl PathAccess {
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

/// How many paths one command is given at most.
pub const CHUNK_PATHS: usize = 1000;

/// Paths in pieces that one command can be given each. There is always one, for what is done only once.
pub fn chunks<'a, 'p>(paths: &'a [&'p str]) -> Vec<&'a [&'p str]> {
    let (mut chunks, mut begin, mut room) = (Vec::new(), 0, Room::of(CHUNK_PATHS));
    for (index, path) in paths.iter().enumerate() {
        if !room.takes(path.len()) {
            chunks.push(&paths[begin..index]);
            begin = index;
        }
    }
    chunks.push(&paths[begin..]);
    chunks
}

/// Reads what lies at each of `"$@"`.
pub fn look(mostly_nothing: bool) -> Script {
    looking().then(Script::trusted(if mostly_nothing {
        "few_entries \"$@\""
    } else {
        "entries \"$@\""
    }))
}

/// Of what a look at several lists of paths printed, the part of each list, which [`observe`] reads; or the words of the
/// host, where it did not say of each path that it missed why. A list has a path in each line.
///
/// `stat` goes through the paths in order, so all that it says is in their order, and what it misses too.
pub fn share<'a>(lists: impl Iterator<Item = &'a str>, output: &str) -> Vec<Looked<String>> {
    // Each list may have paths behind any of these ways.
    let (output, barred) = barred_part(last_look(output));
    let mut lines = lines(output).peekable();
    let mut found = |paths: &str| {
        let (mut part, mut missing) = (String::new(), 0);
        for path in paths.split('\n') {
            match lines.next_if(|line| stat_path(line) == Some(path)) {
                Some(line) => part.extend([line, "\n"]),
                None => missing += 1,
            }
        }
        (part, missing)
    };
    let parts: Vec<(String, usize)> = lists.map(&mut found).collect();
    let missed: Vec<&str> = missed(lines.skip_while(|line| *line != "missed").skip(1)).collect();
    let each_is_said = missed.len() == parts.iter().map(|(_, missing)| missing).sum::<usize>();
    let mut rest = missed.iter().copied();
    let part = |(mut part, missing): (String, usize)| {
        if missing > 0 {
            if !each_is_said {
                return Err(Unknown::new(last_words(&missed)));
            }
            part.push_str("missed\n");
            rest.by_ref().take(missing).for_each(|line| part.extend([line, "\n"]));
            part.push_str(".\n");
        }
        part.push_str(barred);
        Ok(part)
    };
    parts.into_iter().map(part).collect()
}

/// What a look said that was taken again, because something was missing.
fn last_look(output: &str) -> &str {
    let mut rest = output;
    while let Some((line, after)) = rest.split_once('\n') {
        match line {
            "again" => return after,
            line if stat_path(line).is_some() => rest = after,
            _ => break,
        }
    }
    output
}

/// What a look said of paths, and what it said after that of the ways to them.
fn barred_part(output: &str) -> (&str, &str) {
    if output.starts_with(BARRED) {
        return ("", output);
    }
    let begin = output.find(concat!("\n", "barred ")).map_or(output.len(), |end| end + 1);
    output.split_at(begin)
}

/// What begins a line that names a directory to which no way counts. The next line says why.
const BARRED: &str = "barred ";

/// What `stat` said of the paths that it missed: a line for each.
fn missed<'a>(lines: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    lines.take_while(|line| *line != ".").filter(|line| !line.is_empty())
}

/// What is known of what was missed, where not each was told.
fn last_words<'a>(missed: &[&'a str]) -> &'a str {
    missed.last().copied().unwrap_or("stat did not report it")
}

/// Reads what lies behind those of the paths that are links to directories.
pub fn probe_behind_links(paths: &[&str]) -> Script {
    looking().then(sh!("behind {}", Words(paths)))
}

/// The function `hidden`, which says of a path whether nobody can say what is there.
pub static HIDDEN: Library = Library::new("hidden", &[include_str!("hidden.sh")]);

/// The functions that say what everyone on the host may read.
pub static READABLE: Library = Library::new("readable", &[include_str!("readable.sh")]);

/// Whether everyone may read what has this mode.
pub fn is_readable(access: &PathAccess) -> bool {
    access.mode.ends_with(['4', '5', '6', '7'])
}

/// The mode bits that tell types of files apart (`inode(7)`), and their values.
const TYPE_MASK: u32 = 0o170_000;

/// What a probe printed, line by line. What stands after the last line break was cut off, and is no line.
pub fn lines(output: &str) -> impl Iterator<Item = &str> {
    output.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'))
}

/// Reads what a [`look`] printed: what lies at each path, and why that is not known where it is not. Lines of other sorts are
/// left alone.
///
/// `stat` goes through the paths in order: so what it says of those that it missed is in their order too. Only what it says
/// is not there is missing.
pub fn observe(paths: &[&str], output: &str) -> Vec<Looked<Entry>> {
    let mut found: Vec<Option<Entry>> = vec![None; paths.len()];
    let mut asked = AskedPath { paths, next: 0 };
    let mut told = Vec::new();
    let mut barred = BTreeMap::new();
    let mut lines = lines(last_look(output));
    while let Some(line) = lines.next() {
        if line == "missed" {
            told.extend(missed(lines.by_ref()));
        } else if let Some(folder) = line.strip_prefix(BARRED) {
            barred.insert(folder, lines.next().unwrap_or_default());
        } else if let Some((path, entry)) = stat_line(line)
            && let Some(index) = asked.find(path)
        {
            found[index] = Some(entry);
        }
    }
    let each_is_said = told.len() == found.iter().filter(|entry| entry.is_none()).count();
    let words = last_words(&told);
    let mut told = told.iter().copied();
    let look = |(entry, path): (Option<Entry>, &&str)| match entry {
        _ if !barred.is_empty() && barred.contains_key(parent(path)) => {
            Err(Unknown::new(barred[parent(path)]))
        }
        Some(entry) => Ok(entry),
        None if !each_is_said => Err(Unknown::new(words)),
        None => match told.next().unwrap_or_default() {
            said if GONE.iter().any(|gone| said.ends_with(gone)) => Ok(Entry::Missing),
            said => Err(Unknown::new(said)),
        },
    };
    found.into_iter().zip(paths).map(look).collect()
}

/// The directory that a path lies in, as the shell's `${path%/*}` has it.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(parent, _)| parent)
}

/// How a host says, in the C locale, that nothing is at a path.
const GONE: [&str; 2] = [": No such file or directory", ": Not a directory"];

/// The paths that something was asked of. The answers come in their order, though not of each.
struct AskedPath<'a> {
    paths: &'a [&'a str],
    next: usize,
}

impl AskedPath<'_> {
    /// Which of the paths that come next an answer is about.
    fn find(&mut self, path: &str) -> Option<usize> {
        let index = self.next + self.paths[self.next..].iter().position(|asked| *asked == path)?;
        self.next = index + 1;
        Some(index)
    }
}

/// How many parts a line of [`look`] has: raw mode, mode, uid, gid, size, owner, group and path.
const PARTS: usize = 8;

/// The path that a line is about.
fn stat_path(line: &str) -> Option<&str> {
    line.splitn(PARTS, ':').nth(PARTS - 1)
}

fn stat_line(line: &str) -> Option<(&str, Entry)> {
    let mut parts = line.splitn(PARTS, ':');
    let raw = u32::from_str_radix(parts.next()?, 16).ok()?;
    let mode = full_mode(octal(parts.next()?)?);
    let [uid, gid] = [number(parts.next()?)?, number(parts.next()?)?];
    let size = parts.next()?.parse().ok()?;
    let [owner, group, path] = [parts.next()?, parts.next()?, parts.next()?];
    let [owner, uid, group, gid] = [owner, uid, group, gid].map(CompactString::from);
    let access = PathAccess { mode, owner, uid, group, gid };
    let entry = match raw & TYPE_MASK {
        0o100_000 => Entry::File { access, size, digest: None },
        0o040_000 => Entry::Directory { access },
        0o120_000 => Entry::Link,
        0o010_000 => Entry::Other("fifo"),
        0o140_000 => Entry::Other("socket"),
        _ => Entry::Other("device"),
    };
    Some((path, entry))
}

fn number(digits: &str) -> Option<&str> {
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

fn octal(digits: &str) -> Option<&str> {
    number(digits).filter(|it| it.len() <= 4 && it.bytes().all(|byte| byte < b'8'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stat_prints_is_read() {
        let output = "a1ff:777:0:0:7:root:root:/bin\n\
            81a4:644:0:4:1340:root:domain users:/etc/a b\n\
            43ff:1777:990:0:4096:UNKNOWN:root:/tmp\n\
            11a4:644:0:0:0:root:root:/run/a:b\n\
            missed\n\
            stat: cannot statx '/gone': No such file or directory\n\
            stat: cannot statx '/etc/passwd/x': Not a directory\n\
            stat: cannot statx '/root/x': Permission denied\n\
            .\n\
            81a4:644:0:0:1:root:root:/not/asked\n";
        let paths = ["/bin", "/gone", "/etc/a b", "/etc/passwd/x", "/root/x", "/tmp", "/run/a:b"];
        let found = observe(&paths, output);
        assert_eq!(found[0], Ok(Entry::Link));
        assert_eq!((&found[1], &found[3]), (&Ok(Entry::Missing), &Ok(Entry::Missing)));
        let Ok(Entry::File { access, .. }) = &found[2] else { panic!("{found:?}") };
        assert!(access.differing(Some("644"), Some("0"), Some("domain users")).is_empty());
        assert_eq!(access.differing(Some("600"), None, Some("root")).len(), 2);
        let unknown = found[4].as_ref().unwrap_err();
        assert_eq!(unknown.reason, "stat: cannot statx '/root/x': Permission denied");
        assert!(unknown.hint.as_deref().is_some_and(|hint| hint.contains("become")));
        let Ok(Entry::Directory { access: of_tmp }) = &found[5] else { panic!("{found:?}") };
        assert_eq!((of_tmp.mode.as_str(), of_tmp.uid.as_str()), ("1777", "990"));
        assert_eq!(found[6], Ok(Entry::Other("fifo")));
    }

    #[test]
    fn each_list_has_its_part_of_a_look_at_all_of_them() {
        let line = |path: &str| format!("81a4:644:0:0:1:root:root:{path}\n");
        let gone = |path: &str| format!("stat: cannot statx '{path}': No such file or directory\n");
        let lists = ["/b\n/a", "/run/a:/b", "/c\n/a"];
        let share = |output: &str| share(lists.into_iter(), output);
        let all = [line("/b"), line("/a"), line("/run/a:/b"), line("/c"), line("/a")];
        let parts = [all[..2].concat(), all[2].clone(), all[3..].concat()].map(Ok);
        assert_eq!(share(&all.concat()), parts);
        let twice = [line("/b"), "again\n".to_owned(), all.concat()].concat();
        assert_eq!(share(&twice), parts, "what was said again counts");
        let found = [line("/a"), line("/run/a:/b"), line("/a")].concat();
        let output = format!("{found}missed\n{}{}.\n", gone("/b"), gone("/c"));
        let part = |path| Ok(format!("{}missed\n{}.\n", line("/a"), gone(path)));
        assert_eq!(share(&output), [part("/b"), Ok(line("/run/a:/b")), part("/c")]);
        // Of what was missed, not all is told.
        let denied = "stat: cannot statx '/c': Permission denied";
        let output = format!("{found}missed\n{denied}\n.\n");
        let unknown = || Err(Unknown::new(denied));
        assert_eq!(share(&output), [unknown(), Ok(line("/run/a:/b")), unknown()]);
        assert!(share("").iter().all(Result::is_err));
    }

    #[test]
    fn what_was_cut_off_is_not_known() {
        let whole = "81a4:644:0:0:1:root:root:/a\n81a4:644:0:0:1:root:root:/ab\n\
            missed\nstat: cannot statx '/b': No such file or directory\n.\n";
        let paths = ["/a", "/ab", "/b"];
        let all = observe(&paths, whole);
        for cut in 0..whole.len() {
            for (part, found) in observe(&paths, &whole[..cut]).iter().zip(&all) {
                assert!(part.is_err() || part == found, "{:?}: {part:?}", &whole[..cut]);
            }
        }
        let digest = Digest::of(b"x");
        let sums = format!("{whole}{digest}  /a\n{}  /ab\n", &digest.as_str()[..63]);
        let mut found = observe(&paths, &sums);
        add_digests(&paths, &mut found, &sums);
        assert!(read("/a", found[0].clone(), &sums).is_ok());
        assert!(read("/ab", found[1].clone(), &sums).is_err());
    }

    #[test]
    fn lists_that_are_too_long_are_cut_into_pieces() {
        let paths: Vec<String> = (0..2500).map(|it| format!("/{it}")).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let pieces = chunks(&paths);
        assert_eq!(pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>(), [1000, 1000, 500]);
        let long = format!("/{}", "x".repeat(60 * 1024));
        assert_eq!(
            chunks(&[&long, &long, "/a"]).iter().map(|it| it.len()).collect::<Vec<_>>(),
            [1, 2]
        );
        assert_eq!(chunks(&[]), [&[] as &[&str]]);
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
        let odd = ["jane@example.com", "EXAMPLE\\jane", "domain users", "1a"];
        for good in ["root", "0", "www-data", "_apt", "machine$", "jane.doe"].into_iter().chain(odd)
        {
            assert!(check_account("owner", good).is_ok(), "{good}");
        }
        for bad in ["", "-x", "+0", "a:b", "a/b", "a,b", " a", "x\n"] {
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
