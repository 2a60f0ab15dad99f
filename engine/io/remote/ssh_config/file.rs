//! Files, and what they include, as lines that know their place.

use std::{
    ffi::OsString,
    fmt::Display,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    super::{RemoteError, local_user::LocalUser, pattern},
    condition::{self, Criterion},
    keywords, tokens, words,
};
use crate::{
    base::wildcard::{WildcardPart, fits},
    io::disk,
};

/// A part of a configuration.
#[derive(Debug)]
pub(super) enum ConfigItem {
    /// What follows is for hosts with these names.
    Host(Vec<String>),
    /// What follows is for hosts that meet all of these.
    Match(ConfigLine, Vec<Criterion>),
    /// What other files say.
    Include(Vec<Vec<ConfigItem>>),
    /// A setting.
    Set(ConfigLine),
}

/// One line.
#[derive(Debug)]
pub(super) struct ConfigLine {
    file: Arc<str>,
    number: usize,
    /// The keyword as it is written.
    pub(super) written: String,
    /// The keyword in lower case.
    pub(super) keyword: String,
    pub(super) values: Vec<String>,
    pub(super) rest: String,
}

impl ConfigLine {
    pub(super) fn place(&self) -> String {
        match self.number {
            0 => self.file.to_string(),
            number => format!("{}:{number}", self.file),
        }
    }

    fn wrong(&self, why: &str) -> RemoteError {
        RemoteError::unreachable(format!("{}: {why}", self.place()))
    }
}

/// The error of a file that cannot be read.
pub(in super::super) fn unreadable(file: &Path, error: &dyn Display) -> RemoteError {
    RemoteError::unreachable(format!("{} cannot be read: {error}", file.display()))
}

/// Reads the text of a file, and what it includes.
pub(super) fn read(text: &str, file: &Path, home: &Path) -> Result<Vec<ConfigItem>, RemoteError> {
    ConfigReader { home, ignored: Vec::new() }.items(text, file, 0)
}

/// Lines that stand in no file.
pub(super) fn of_lines(lines: &[String], place: &str) -> Result<Vec<ConfigItem>, RemoteError> {
    let mut reader = ConfigReader { home: Path::new("/"), ignored: Vec::new() };
    let file: Arc<str> = place.into();
    let mut items = Vec::new();
    for line in lines {
        let line = reader.line(line, &file, 0)?.into_iter().map(ConfigItem::Set);
        items.extend(line);
    }
    Ok(items)
}

struct ConfigReader<'a> {
    home: &'a Path,
    /// The patterns of `IgnoreUnknown` so far.
    ignored: Vec<String>,
}

impl ConfigReader<'_> {
    fn items(
        &mut self,
        text: &str,
        file: &Path,
        depth: usize,
    ) -> Result<Vec<ConfigItem>, RemoteError> {
        /// As deep as OpenSSH follows includes.
        const DEEPEST: usize = 16;
        let name: Arc<str> = file.display().to_string().into();
        let mut items = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let Some(line) = self.line(line, &name, at + 1)? else { continue };
            items.push(match line.keyword.as_str() {
                "host" => ConfigItem::Host(line.values),
                "match" => {
                    let criteria = condition::read(&line.values).map_err(|why| line.wrong(&why))?;
                    ConfigItem::Match(line, criteria)
                }
                "include" if depth >= DEEPEST => {
                    return Err(line.wrong("too many nested includes"));
                }
                "include" => {
                    let mut files = Vec::new();
                    for value in &line.values {
                        files.extend(self.included(value, file, depth).map_err(
                            |why| match why {
                                Broken::Line(why) => line.wrong(&why),
                                Broken::Within(error) => error,
                            },
                        )?);
                    }
                    ConfigItem::Include(files)
                }
                _ => ConfigItem::Set(line),
            });
        }
        Ok(items)
    }

    fn line(
        &mut self,
        text: &str,
        file: &Arc<str>,
        number: usize,
    ) -> Result<Option<ConfigLine>, RemoteError> {
        let words = words::split(text);
        let line = |written: &str, values, rest: &str| ConfigLine {
            file: file.clone(),
            number,
            written: written.to_owned(),
            keyword: written.to_lowercase(),
            values,
            rest: rest.to_owned(),
        };
        let Some((keyword, values, rest)) =
            words.map_err(|why| line("", Vec::new(), "").wrong(why))?
        else {
            return Ok(None);
        };
        let line = line(keyword, values, rest);
        if line.keyword == "ignoreunknown" {
            self.ignored.extend(line.values.iter().flat_map(|v| v.split(',')).map(str::to_owned));
            return Ok(None);
        }
        if keywords::find(&line.keyword).is_none() {
            let ignored = self.ignored.iter().map(String::as_str);
            if pattern::list_matches(ignored, &line.keyword) {
                return Ok(None);
            }
            let why = format!("there is no keyword `{}`", line.written.escape_debug());
            let hint = "if another version of ssh has it, set IgnoreUnknown above it";
            return Err(line.wrong(&why).with_hint(hint));
        }
        if line.values.is_empty() && !keywords::may_be_empty(&line.keyword) {
            return Err(line.wrong(&format!("{} has no value", line.written)));
        }
        Ok(Some(line))
    }

    /// What an include names. A file that is not there is passed over.
    fn included(
        &mut self,
        value: &str,
        from: &Path,
        depth: usize,
    ) -> Result<Vec<Vec<ConfigItem>>, Broken> {
        let local = LocalUser { home: self.home.to_owned(), ..LocalUser::default() };
        let value = tokens::environment(value).map_err(Broken::Line)?;
        let path = match tokens::home(&value, &local).map_err(Broken::Line)? {
            path if path.is_absolute() => path,
            // Relative to ~/.ssh or /etc/ssh: where the file is that the user has.
            path if from.starts_with("/etc/ssh") => Path::new("/etc/ssh").join(path),
            path if from.starts_with(self.home.join(".ssh")) => self.home.join(".ssh").join(path),
            path => from.parent().unwrap_or(Path::new("/")).join(path),
        };
        let mut read = Vec::new();
        for file in expand(&path).map_err(Broken::Within)? {
            match disk::text(&file) {
                Ok(text) => {
                    let items = self.items(&text, &file, depth + 1).map_err(Broken::Within)?;
                    read.push(items);
                }
                Err(unread) if unread.is_missing() => {}
                Err(unread) => return Err(Broken::Within(unreadable(&file, &unread))),
            }
        }
        Ok(read)
    }
}

/// Why an include cannot be followed: because of its own line, or of one in the file.
enum Broken {
    Line(String),
    Within(RemoteError),
}

/// The files that a path with wildcards means, by name. OpenSSH passes over a folder that it may not read; what stands in
/// there may be the way to a host, so here that is an error.
fn expand(path: &Path) -> Result<Vec<PathBuf>, RemoteError> {
    let mut found = vec![PathBuf::from("/")];
    for part in path.components().skip(1) {
        let part = part.as_os_str().to_string_lossy();
        if !part.contains(['*', '?', '[']) {
            for path in &mut found {
                path.push(&*part);
            }
            continue;
        }
        let glob = glob(&part);
        let meant = |name: &OsString| {
            let name = name.to_string_lossy();
            let hidden = name.starts_with('.') && !part.starts_with('.');
            !hidden && fits(&glob, &name)
        };
        let mut below = Vec::new();
        for folder in found {
            let mut names = names(&folder).map_err(|error| unreadable(&folder, &error))?;
            names.retain(&meant);
            names.sort();
            below.extend(names.into_iter().map(|name| folder.join(name)));
        }
        found = below;
    }
    Ok(found)
}

/// The names in a folder; none where there is no folder.
fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    match std::fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        entries => entries?.map(|entry| Ok(entry?.file_name())).collect(),
    }
}

/// A pattern of the shell: `*`, `?`, `[a-z]`, `[!x]`.
fn glob(pattern: &str) -> Vec<WildcardPart> {
    let (mut parts, mut rest) = (Vec::new(), pattern.chars());
    while let Some(c) = rest.next() {
        let set = (c == '[').then(|| rest.as_str().split_once(']')).flatten();
        parts.push(match (c, set) {
            (_, Some((set, after))) => {
                rest = after.chars();
                among(set)
            }
            ('*', _) => WildcardPart::Many,
            ('?', _) => WildcardPart::One,
            (c, _) => WildcardPart::Is(c),
        });
    }
    parts
}

/// What stands between brackets: characters and ranges, or what is none of them.
fn among(set: &str) -> WildcardPart {
    let inside = !set.starts_with(['!', '^']);
    let set: Vec<char> = set.trim_start_matches(['!', '^']).chars().collect();
    let range = |at: usize| match (set.get(at + 1), set.get(at + 2)) {
        (Some('-'), Some(last)) => vec![(set[at], set[at]), (set[at], *last)],
        _ => vec![(set[at], set[at])],
    };
    WildcardPart::Among((0..set.len()).flat_map(range).collect(), inside)
}
