//! What a plan shows of what a file holds.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::ObservedFile;
use crate::{base::content::Content, resources::change::Shown};

/// How much of an old text comes back for the diff, in bytes.
pub(super) const MAX: usize = 64 * 1024;

/// What is shown of new content.
pub(super) fn content(wanted: &Content) -> Shown {
    match wanted.text() {
        _ if wanted.is_sensitive() => Shown::sensitive(),
        Some(text) if text.len() <= MAX => Shown::Text(text.to_owned()),
        Some(_) => Shown::Hidden(format!("{} bytes", wanted.bytes().len())),
        None => Shown::Hidden(format!("{} bytes, not text", wanted.bytes().len())),
    }
}

/// What is shown of what the file held before.
pub(super) fn before(wanted: &Content, observed: &ObservedFile) -> Shown {
    if wanted.is_sensitive() {
        return Shown::sensitive();
    }
    if observed.closed {
        return Shown::closed();
    }
    match observed.text.as_deref().map(std::str::from_utf8) {
        Some(Ok(text)) if text.len() <= MAX && !text.contains('\0') => Shown::Text(text.to_owned()),
        Some(Ok(_)) => Shown::Hidden("large".into()),
        Some(Err(_)) => Shown::Hidden("not text".into()),
        None => Shown::Hidden("unreadable".into()),
    }
}

/// The old texts: `text PATH`, then base64, then a line with a dot.
pub(super) fn texts(output: &str) -> BTreeMap<String, Vec<u8>> {
    let mut texts = BTreeMap::new();
    let mut lines = output.lines();
    while let Some(line) = lines.next() {
        let Some(path) = line.strip_prefix("text ") else { continue };
        let encoded: String = lines.by_ref().take_while(|line| *line != ".").collect();
        if let Ok(bytes) = BASE64_STANDARD.decode(encoded) {
            texts.insert(path.to_owned(), bytes);
        }
    }
    texts
}
