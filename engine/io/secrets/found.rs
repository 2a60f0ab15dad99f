//! What a provider answers, and how a file is read that only its user may read.

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::Path};

use crate::{
    base::diagnostic::{Diagnostic, Result},
    io::disk,
};

/// The text of a secret, or why it is not here.
pub(super) type FoundSecret = Result<String, Missing>;

/// Why a provider gives no secret.
#[derive(Debug)]
pub(super) enum Missing {
    /// It does not have it: the next one is asked. Where it was looked for, in one line.
    NotHere(String),
    /// Something is wrong that the user must mend.
    Broken(Diagnostic),
}

impl From<Diagnostic> for Missing {
    fn from(diagnostic: Diagnostic) -> Self {
        Missing::Broken(diagnostic)
    }
}

/// The text of a file that not everyone may read; `None` if there is no such file.
pub(super) fn read_private(path: &Path) -> Result<Option<String>> {
    let broken = |error: &io::Error| {
        let message = format!("cannot read {}: {error}", path.display());
        Diagnostic::new("secret::unreadable", message)
    };
    let metadata = match disk::end(path) {
        Ok(end) => fs::metadata(end).map_err(|error| broken(&error))?,
        Err(unread) if unread.is_missing() => return Ok(None),
        Err(unread) => return Err(unread.error(broken)),
    };
    if metadata.permissions().mode() & 0o007 != 0 {
        let message = format!("{} is readable by every user", path.display());
        return Err(Diagnostic::new("secret::readable", message)
            .hint(format!("close it: chmod o= {}", path.display())));
    }
    disk::text(path).map(Some).map_err(|unread| unread.error(broken))
}

/// Without the one newline that editors and programs put at the end.
pub(super) fn without_newline(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
    }
    text
}
