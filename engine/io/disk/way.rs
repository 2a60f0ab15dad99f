//! The way to a file of this machine: each part of it is looked at before anything there is read or run.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fmt, fs, io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Component, Path, PathBuf},
    sync::LazyLock,
};

use rustix::{
    io::Errno,
    process::{geteuid, getuid},
};

use crate::{
    base::diagnostic::Diagnostic,
    input::trust::{PathPart, SeenPath, Sort, Trust, VARIABLE},
};

/// Why something of this machine is not read.
#[derive(Debug)]
pub enum Unread {
    /// It cannot be.
    Broken(io::Error),
    /// It must not be.
    Refused(Diagnostic),
}

impl Unread {
    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Unread::Broken(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// The error that it is; `broken` tells what cannot be read.
    pub fn error(self, broken: impl FnOnce(&io::Error) -> Diagnostic) -> Diagnostic {
        match self {
            Unread::Broken(error) => broken(&error),
            Unread::Refused(error) => error,
        }
    }
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Unread::Broken(error)
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unread::Broken(error) => error.fmt(f),
            Unread::Refused(error) => f.write_str(&error.in_one_line()),
        }
    }
}

/// As many links as the kernel follows.
const LINKS_MAX: usize = 40;

/// Where a path leads, through no link, once nobody else can have a hand in it.
///
/// # Errors
/// When nothing is there, or something on the way, or there, could be another's.
pub fn end(path: &Path) -> Result<PathBuf, Unread> {
    let trust = TRUST.as_ref().map_err(|error| Unread::Refused(error.clone()))?;
    follow(trust, &std::path::absolute(path)?)
}

fn follow(trust: &Trust, path: &Path) -> Result<PathBuf, Unread> {
    let mut rest: VecDeque<OsString> = parts(path).collect();
    let (mut here, mut links) = (PathBuf::from("/"), 0);
    let look =
        |place: &Path, part| look(trust, place, part).map_err(|why| elsewhere(path, place, why));
    look(&here, PathPart::Way)?;
    while let Some(part) = rest.pop_front() {
        if part == ".." {
            here.pop();
            continue;
        }
        let next = here.join(part);
        match look(&next, PathPart::Way)? {
            Sort::Link => {
                links += 1;
                if links > LINKS_MAX {
                    return Err(io::Error::from(Errno::LOOP).into());
                }
                let target = fs::read_link(&next)?;
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
                    rest.push_front(part);
                }
            }
            _ => here = next,
        }
    }
    look(&here, PathPart::End)?;
    Ok(here)
}

/// Says how one came to a place that is refused, where the path does not show it.
fn elsewhere(path: &Path, place: &Path, why: Unread) -> Unread {
    match why {
        Unread::Refused(error) if !path.starts_with(place) => {
            let message = format!("{}; {} leads there", error.message(), path.display());
            let told = Diagnostic::new(error.kind(), message);
            Unread::Refused(match error.hint_text() {
                Some(hint) => told.hint(hint),
                None => told,
            })
        }
        why => why,
    }
}

/// The names in a path. `..` stays: where it leads is known once the links before it are followed.
fn parts(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|part| match part {
        Component::Normal(_) | Component::ParentDir => Some(part.as_os_str().to_owned()),
        _ => None,
    })
}

/// What lies at a path, once nothing is to be said against it.
fn look(trust: &Trust, path: &Path, part: PathPart) -> Result<Sort, Unread> {
    let found = fs::symlink_metadata(path)?;
    let seen = SeenPath {
        owner: found.uid(),
        group: found.gid(),
        mode: found.mode() & 0o7777,
        sort: sort(found.file_type()),
    };
    match trust.objection(path, &seen, part) {
        Some(error) => Err(Unread::Refused(error)),
        None => Ok(seen.sort),
    }
}

fn sort(kind: fs::FileType) -> Sort {
    match kind {
        _ if kind.is_dir() => Sort::Folder,
        _ if kind.is_file() => Sort::File,
        _ if kind.is_symlink() => Sort::Link,
        _ if kind.is_fifo() => Sort::Other("a FIFO"),
        _ if kind.is_socket() => Sort::Other("a socket"),
        _ => Sort::Other("a device"),
    }
}

/// Whom this process trusts: its users, root, and what the environment names.
static TRUST: LazyLock<Result<Trust, Diagnostic>> = LazyLock::new(|| {
    let mut users = vec![getuid().as_raw(), geteuid().as_raw()];
    // As git does: who becomes root by sudo may use what is his own.
    if geteuid().is_root() {
        users.extend(std::env::var("SUDO_UID").ok().and_then(|user| user.parse::<u32>().ok()));
    }
    // Without them, no group is known to be private.
    let accounts = |file| String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned();
    let [passwd, group] = ["/etc/passwd", "/etc/group"].map(accounts);
    let mut folders = Vec::new();
    for folder in std::env::split_paths(&std::env::var_os(VARIABLE).unwrap_or_default()) {
        if folder.as_os_str().is_empty() {
            continue;
        }
        if !folder.is_absolute() {
            let message = format!("{VARIABLE} names {}, which is not absolute", folder.display());
            return Err(Diagnostic::new("project::trust", message)
                .hint("it names folders from / on, with `:` between them"));
        }
        // What is not there is not read either.
        folders.extend(fs::canonicalize(folder));
    }
    Ok(Trust::new(users, &passwd, &group, folders))
});
