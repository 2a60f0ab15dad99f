//! Secrets in files: one each.

use std::path::Path;

use super::found::{Found, Missing, read_private, without_newline};

/// The file of that name in a folder.
pub(super) fn find(folder: &Path, name: &str) -> Found {
    let path = folder.join(name);
    match read_private(&path)? {
        Some(text) => Ok(without_newline(text)),
        None => Err(Missing::NotHere(format!("there is no file {}", path.display()))),
    }
}
