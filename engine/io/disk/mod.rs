//! The files of this machine: nothing is read of them before `trust` has nothing to say against it.

mod notes;
mod way;

use std::{
    collections::BTreeMap,
    fs::{self, File, FileType},
    io::{self, Read as _},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use self::notes::Notes;
pub use self::{
    notes::NOTHING,
    way::{Unread, end},
};
use crate::{
    base::diagnostic::Diagnostic,
    evaluate::language::{SourceEntry, SourceError, SourceSort, Sources},
};

/// How large a file may be: it is kept in memory, with all others of a run.
const SIZE_MAX: u64 = 256 * 1024 * 1024;

/// The bytes of a file.
///
/// # Errors
/// When it cannot be read, is no file, is too large, or could be another's.
pub fn read(path: &Path) -> Result<Vec<u8>, Unread> {
    let found = end(path)?;
    let too_large = || {
        let message = format!("{} is larger than {} MiB", path.display(), SIZE_MAX >> 20);
        let hint = "let the host download a file of this size";
        Unread::Refused(Diagnostic::new("project::size", message).hint(hint))
    };
    let file = File::open(&found)?;
    let size = file.metadata()?.len();
    if size > SIZE_MAX {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
    // One that says nothing of its size may have no end.
    file.take(SIZE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SIZE_MAX {
        return Err(too_large());
    }
    Ok(bytes)
}

/// The text of a file.
///
/// # Errors
/// As [`read`], and when it is no UTF-8.
pub fn text(path: &Path) -> Result<String, Unread> {
    utf8(read(path)?)
}

fn utf8(bytes: Vec<u8>) -> Result<String, Unread> {
    let text = String::from_utf8(bytes);
    text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text").into())
}

/// What is in a folder.
///
/// # Errors
/// When it cannot be read, or could be another's.
fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>, Unread> {
    end(folder)?;
    Ok(fs::read_dir(folder)?.collect::<io::Result<_>>()?)
}

/// The files that a playbook is made of. Paths are relative to the folder that converge was started in, or absolute.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    notes: Option<Notes>,
}

impl Disk {
    /// One that notes what it finds.
    pub fn noting() -> Self {
        Self { notes: Some(Notes::default()) }
    }

    /// What was found at each path, in words.
    pub fn found(&self) -> BTreeMap<PathBuf, String> {
        self.notes.as_ref().map(Notes::all).unwrap_or_default()
    }

    /// The text of a file.
    ///
    /// # Errors
    /// As [`text`].
    pub fn text(&self, path: &Path) -> Result<String, Unread> {
        let bytes = self.bytes(path)?;
        utf8(bytes)
    }

    /// What is in a folder.
    ///
    /// # Errors
    /// When it cannot be read, or could be another's.
    pub fn entries(&self, folder: &Path) -> Result<Vec<fs::DirEntry>, Unread> {
        let entries = entries(folder);
        self.note(
            folder,
            || Ok(notes::of_folder(entries.as_deref().unwrap_or_default())),
            &entries,
        );
        entries
    }

    /// Checks that a program that is going to be run is nobody else's.
    ///
    /// # Errors
    /// When it cannot be looked at, or could be another's.
    pub fn program(&self, path: &Path) -> Result<(), Unread> {
        let found = end(path);
        self.note(path, || read(path).map(|bytes| notes::of_file(&bytes)), &found);
        found.map(drop)
    }

    /// Notes that nothing is at a path.
    pub fn misses(&self, path: &Path) {
        let missing = Err(Unread::Broken(io::ErrorKind::NotFound.into()));
        self.note::<()>(path, || Ok(String::new()), &missing);
    }

    fn bytes(&self, path: &Path) -> Result<Vec<u8>, Unread> {
        let bytes = read(path);
        self.note(path, || Ok(notes::of_file(bytes.as_deref().unwrap_or_default())), &bytes);
        bytes
    }

    fn note<T>(
        &self,
        path: &Path,
        words: impl FnOnce() -> Result<String, Unread>,
        read: &Result<T, Unread>,
    ) {
        let Some(notes) = &self.notes else { return };
        match read {
            Ok(_) => {
                // What cannot be read now is missed when it is compared.
                if let Ok(words) = words() {
                    notes.keep(path, words);
                }
            }
            Err(unread) if unread.is_missing() => notes.keep(path, notes::NOTHING.to_owned()),
            Err(_) => {}
        }
    }

    /// Tells `found` of all that is below a folder, and enters what it says is to be entered.
    fn walk(
        &self,
        root: &Path,
        below: &str,
        found: &mut dyn FnMut(&str, FileType) -> Result<bool, SourceError>,
    ) -> Result<(), SourceError> {
        let folder = if below.is_empty() { root.to_owned() } else { root.join(below) };
        let entries = self.entries(&folder).map_err(|error| match error {
            Unread::Broken(error)
                if error.kind() == io::ErrorKind::NotFound && below.is_empty() =>
            {
                SourceError::NotFound
            }
            Unread::Broken(error) => unreadable(&folder, &error),
            refused @ Unread::Refused(_) => refused.into(),
        })?;
        for entry in entries {
            let kind = entry.file_type().map_err(|error| unreadable(entry.path(), &error))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let message = format!("the name of {} is not UTF-8", entry.path().display());
                return Err(SourceError::Unreadable(message));
            };
            let path = if below.is_empty() { name.to_owned() } else { [below, name].join("/") };
            if found(&path, kind)? {
                self.walk(root, &path, found)?;
            }
        }
        Ok(())
    }
}

/// What is found at a path, in words.
///
/// # Errors
/// When it cannot be read, or could be another's.
pub fn found(path: &Path) -> Result<String, Unread> {
    match end(path) {
        Err(unread) if unread.is_missing() => Ok(notes::NOTHING.to_owned()),
        Err(unread) => Err(unread),
        Ok(end) if end.is_dir() => Ok(notes::of_folder(&entries(path)?)),
        Ok(_) => Ok(notes::of_file(&read(path)?)),
    }
}

impl Sources for Disk {
    fn read(&self, path: &str, within: Option<&str>) -> Result<Vec<u8>, SourceError> {
        let stays = |folder: &str| inside(Path::new(path), &limit(folder)?);
        if let Some(error) = within.and_then(|folder| stays(folder).err()) {
            if matches!(error, SourceError::NotFound) {
                self.misses(Path::new(path));
            }
            return Err(error);
        }
        self.bytes(Path::new(path)).map_err(SourceError::from)
    }

    fn list(&self, folder: &str, within: Option<&str>) -> Result<Vec<String>, SourceError> {
        let root = Path::new(folder);
        let within = within.map(limit).transpose()?;
        let mut files = Vec::new();
        let mut found = |path: &str, kind: FileType| {
            let is_folder = match (kind.is_symlink(), &within) {
                (false, _) => kind.is_dir(),
                (true, Some(within)) => leads_to_folder(&root.join(path), within)?,
                // What is directly in it may be anywhere; what is below that stays there.
                (true, None) => match path.split_once('/') {
                    None => leads_to_folder(&root.join(path), Path::new("/"))?,
                    Some((first, _)) => {
                        leads_to_folder(&root.join(path), &canonical(&root.join(first))?)?
                    }
                },
            };
            if !is_folder {
                files.push(path.to_owned());
            }
            Ok(is_folder)
        };
        match self.walk(root, "", &mut found) {
            Ok(()) | Err(SourceError::NotFound) => {}
            Err(error) => return Err(error),
        }
        files.sort();
        Ok(files)
    }

    fn tree(&self, folder: &str, within: &str) -> Result<Vec<SourceEntry>, SourceError> {
        let root = Path::new(folder);
        let within = limit(within)?;
        if fs::symlink_metadata(root).is_ok() {
            inside(root, &within)?;
        }
        let mut entries = Vec::new();
        let mut found = |path: &str, kind: FileType| {
            let place = root.join(path);
            if kind.is_symlink() {
                check_link(&place, &within)?;
            }
            let metadata = fs::metadata(&place).map_err(|error| unreadable(&place, &error))?;
            let sort = if metadata.is_dir() {
                SourceSort::Folder
            } else if !metadata.is_file() {
                let message = format!("{} is not a file, a directory or a link", place.display());
                return Err(SourceError::Unreadable(message));
            } else if metadata.permissions().mode() & 0o111 != 0 {
                SourceSort::Executable
            } else {
                SourceSort::File
            };
            entries.push(SourceEntry { path: path.to_owned(), sort });
            Ok(sort == SourceSort::Folder)
        };
        self.walk(root, "", &mut found)?;
        entries.sort();
        Ok(entries)
    }
}

/// The folder that what is read must be in.
fn limit(folder: &str) -> Result<PathBuf, SourceError> {
    end(Path::new(folder)).map_err(SourceError::from)
}

/// Checks that a path leads to something in `within`, which goes through no link.
fn inside(path: &Path, within: &Path) -> Result<(), SourceError> {
    let target = fs::canonicalize(path).map_err(Unread::Broken)?;
    if target.starts_with(within) {
        return Ok(());
    }
    let (path, target, within) = (path.display(), target.display(), within.display());
    Err(SourceError::Unreadable(format!("{path} leads to {target}, which is not in {within}")))
}

/// Checks that a link leads to something of the same role, and to no folder that it is in itself.
fn check_link(link: &Path, within: &Path) -> Result<(), SourceError> {
    let refused =
        |what: String| SourceError::Unreadable(format!("the link {} leads {what}", link.display()));
    let target = fs::canonicalize(link).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => refused("nowhere".to_owned()),
        _ => unreadable(link, &error),
    })?;
    if !target.starts_with(within) {
        let role = within.display();
        return Err(refused(format!("to {}, which is not in {role}", target.display())));
    }
    if leads_up(link, &target)? {
        return Err(refused("to a folder that it is in".to_owned()));
    }
    Ok(())
}

/// Whether a link leads to a folder in `within`, and not to one that it is in itself. One that leads nowhere, or elsewhere,
/// is told by whoever reads it.
fn leads_to_folder(link: &Path, within: &Path) -> Result<bool, SourceError> {
    match fs::canonicalize(link) {
        Ok(target) => {
            Ok(target.starts_with(within) && target.is_dir() && !leads_up(link, &target)?)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unreadable(link, &error)),
    }
}

/// Whether a link leads to a folder that it is in. What it leads to may lead back by another link.
fn leads_up(link: &Path, target: &Path) -> Result<bool, SourceError> {
    for folder in link.ancestors().skip(1).filter(|folder| *folder != Path::new("")) {
        if canonical(folder)?.starts_with(target) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn canonical(path: &Path) -> Result<PathBuf, SourceError> {
    fs::canonicalize(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: impl AsRef<Path>, error: &io::Error) -> SourceError {
    SourceError::Unreadable(format!("cannot read {}: {error}", path.as_ref().display()))
}

impl From<Unread> for SourceError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Refused(error) => SourceError::Refused(error),
            Unread::Broken(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => SourceError::NotFound,
                _ => SourceError::Unreadable(error.to_string()),
            },
        }
    }
}
