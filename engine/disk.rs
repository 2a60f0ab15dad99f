//! The project's files on this machine's disk.

use std::{
    fs::{self, FileType},
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
};

use crate::language::{SourceEntry, SourceError, SourceSort, Sources};

/// Reads from the disk. Paths are relative to the folder that converge was started in, or absolute.
#[derive(Debug, Clone, Copy)]
pub struct Disk;

impl Sources for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, SourceError> {
        fs::read(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => SourceError::NotFound,
            _ => SourceError::Unreadable(error.to_string()),
        })
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, SourceError> {
        let mut files = Vec::new();
        let root = Path::new(folder);
        let mut found = |path: &str, kind: FileType| {
            let is_folder = match kind.is_symlink() {
                true => leads_to_folder(&root.join(path))?,
                false => kind.is_dir(),
            };
            if !is_folder {
                files.push(path.to_owned());
            }
            Ok(is_folder)
        };
        match walk(root, "", &mut found) {
            Ok(()) | Err(SourceError::NotFound) => {}
            Err(error) => return Err(error),
        }
        files.sort();
        Ok(files)
    }

    fn tree(&self, folder: &str, within: &str) -> Result<Vec<SourceEntry>, SourceError> {
        let root = Path::new(folder);
        let within = fs::canonicalize(within).map_err(|error| unreadable(within, &error))?;
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
                let message = format!("{} is no file, no folder and no link", place.display());
                return Err(SourceError::Unreadable(message));
            } else if metadata.permissions().mode() & 0o111 != 0 {
                SourceSort::Executable
            } else {
                SourceSort::File
            };
            entries.push(SourceEntry { path: path.to_owned(), sort });
            Ok(sort == SourceSort::Folder)
        };
        walk(root, "", &mut found)?;
        entries.sort();
        Ok(entries)
    }
}

/// Tells `found` of all that is below a folder, and enters what it says is to be entered.
fn walk(
    root: &Path,
    below: &str,
    found: &mut dyn FnMut(&str, FileType) -> Result<bool, SourceError>,
) -> Result<(), SourceError> {
    let folder = if below.is_empty() { root.to_owned() } else { root.join(below) };
    let entries = fs::read_dir(&folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if below.is_empty() => SourceError::NotFound,
        _ => unreadable(&folder, &error),
    })?;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(&folder, &error))?;
        let kind = entry.file_type().map_err(|error| unreadable(entry.path(), &error))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            let message = format!("the name of {} is no UTF-8", entry.path().display());
            return Err(SourceError::Unreadable(message));
        };
        let path = if below.is_empty() { name.to_owned() } else { [below, name].join("/") };
        if found(&path, kind)? {
            walk(root, &path, found)?;
        }
    }
    Ok(())
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

/// Whether a link leads to a folder, and not to one that it is in itself. One that leads nowhere is told by whoever reads it.
fn leads_to_folder(link: &Path) -> Result<bool, SourceError> {
    match fs::canonicalize(link) {
        Ok(target) => Ok(target.is_dir() && !leads_up(link, &target)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unreadable(link, &error)),
    }
}

/// Whether a link leads to a folder that it is in. What it leads to may lead back by another link.
fn leads_up(link: &Path, target: &Path) -> Result<bool, SourceError> {
    for folder in link.ancestors().skip(1).filter(|folder| *folder != Path::new("")) {
        let folder = fs::canonicalize(folder).map_err(|error| unreadable(folder, &error))?;
        if folder.starts_with(target) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn unreadable(path: impl AsRef<Path>, error: &io::Error) -> SourceError {
    SourceError::Unreadable(format!("cannot read {}: {error}", path.as_ref().display()))
}
