//! The providers of secrets: a file each.

use super::{command, encrypted, environment, files, found::FoundSecret};
use crate::input::config::Provider;

impl Provider {
    /// Looks for a secret. The name was checked: it cannot leave the folder, nor be taken for an option.
    pub(super) fn find(&self, name: &str) -> FoundSecret {
        match self {
            Provider::Environment { prefix } => environment::find(prefix, name),
            Provider::Files { folder } => files::find(folder, name),
            Provider::Command { argv } => command::find(argv, name),
            Provider::Age { file, identity } => encrypted::find(file, identity, name),
        }
    }
}
