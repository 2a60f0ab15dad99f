//! Secrets in files: one each.

use std::path::Path;

use super::found::{FoundSecret, Missing, read_private, without_newline};

/// The file of that name in a folder.
pub(super) fn find(folder: &Path, name: &str) -> FoundSecret {
    let path = folder.join(name);
    match read_private(&path)? {
        Some(text) => Ok(without_newline(text)),
        None => Err(Missing::NotHere(format!("there is no file {}", path.display()))),
    }
}
