//! The project's files on this machine's disk.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::language::{SourceError, Sources};

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

    fn list(&self, folder: &str) -> Vec<String> {
        let mut files = Vec::new();
        collect(Path::new(folder), &mut PathBuf::new(), &mut files);
        files.sort();
        files
    }
}

/// Adds the files below `root/below`. A folder that cannot be read counts as empty; a link to a folder is not followed.
fn collect(root: &Path, below: &mut PathBuf, files: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(root.join(&*below)) else { return };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        below.push(entry.file_name());
        if kind.is_dir() {
            collect(root, below, files);
        } else if let Some(path) = below.to_str() {
            files.push(path.to_owned());
        }
        below.pop();
    }
}
