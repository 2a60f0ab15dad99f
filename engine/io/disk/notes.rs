//! What was found at the paths that were looked at, in words that differ wherever it does.

use std::{
    collections::BTreeMap,
    fs::DirEntry,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::base::content::Digest;

/// What is found where nothing is.
pub const NOTHING: &str = "nothing";

/// What was found first at each path. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes(Arc<Mutex<BTreeMap<PathBuf, String>>>);

impl Notes {
    pub(super) fn keep(&self, path: &Path, words: String) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.entry(path.to_owned()).or_insert(words);
    }

    pub(super) fn all(&self) -> BTreeMap<PathBuf, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(super) fn of_file(bytes: &[u8]) -> String {
    format!("file {}", Digest::of(bytes))
}

/// The names in a folder, but for those that no inventory and no list of roles is made of.
pub(super) fn of_folder(entries: &[DirEntry]) -> String {
    let names = entries.iter().map(|entry| entry.file_name().into_encoded_bytes());
    let mut names: Vec<_> =
        names.filter(|name| !name.starts_with(b".") && !name.ends_with(b"~")).collect();
    names.sort();
    format!("folder {}", Digest::of(&names.join(&0)))
}
