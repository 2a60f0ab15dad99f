//! What declares something at a path as it was.

use super::{Entry, PathAccess};
use crate::resources::before::{Before, KEPT_MAX};

impl Entry {
    /// What was at `path` before a file was put there; `same` if that holds the same.
    pub fn before_file(&self, path: &str, same: bool) -> Before {
        match self {
            Entry::File { access, .. } if same => access.declared("file", path),
            Entry::File { size, .. } if *size > KEPT_MAX => {
                Before::lost("a file above 8 MiB is not kept")
            }
            _ => Before::file(path),
        }
    }
}

impl PathAccess {
    /// What declares that something at a path has them.
    pub fn declared(&self, kind: &'static str, path: &str) -> Before {
        let arguments =
            [("path", path), ("mode", &self.mode), ("owner", &self.owner), ("group", &self.group)];
        Before::declared(kind, arguments.map(|(name, value)| (name, value.into())))
    }
}
