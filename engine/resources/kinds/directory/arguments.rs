//! What a role says of a directory.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::resources::{entry, resource::ArgumentError};

/// A directory, and on request what is in it.
///
/// Directories above it are made where they are missing. A link to a directory is followed; one that lies where `source` has a
/// folder is refused, as it may lead anywhere.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectoryArguments {
    /// Where it is, from the root.
    pub(super) path: String,
    /// Four octal digits; by default what it has, or `0755`. Folders that come with `source` get it too.
    pub(super) mode: Option<String>,
    /// The owner's name or number; by default what it has. What comes with `source` gets it too.
    pub(super) owner: Option<String>,
    /// The group's name or number; by default what it has. What comes with `source` gets it too.
    pub(super) group: Option<String>,
    /// Whether all that is below belongs to `owner` and `group` as well, wherever it comes from.
    #[serde(default)]
    pub(super) recurse: bool,
    /// A folder below the role's `files/`: all that is in it is copied, empty folders too. Of a link, what it leads to is
    /// copied, which must be in the role's folder.
    pub(super) source: Option<String>,
    /// The mode of the files that come with `source`: four octal digits; by default `0755` for what is executable there, and
    /// `0644` for the rest.
    pub(super) file_mode: Option<String>,
    /// Whether all that is neither in `source` nor declared by anyone is removed. Without `source`, what others declare below it
    /// is all that stays. In `/etc/systemd/system` the links by which units start at boot stay: that is for `service` to say.
    #[serde(default)]
    pub(super) purge: bool,
    /// Whether links on the way to it are followed, whoever laid them. If not, those count that only root can exchange, and
    /// those of a user that lead to a directory of that user.
    #[serde(default)]
    pub(super) follow: bool,
}

impl DirectoryArguments {
    /// Checks what the types alone cannot.
    pub(super) fn check(&self) -> Result<(), ArgumentError> {
        entry::check_path("path", &self.path)?;
        entry::check_access(&self.mode, &self.owner, &self.group)?;
        self.file_mode.as_deref().map_or(Ok(()), |mode| entry::check_mode("file_mode", mode))?;
        if self.recurse && self.owner.is_none() && self.group.is_none() {
            return Err(ArgumentError::new("recurse", "neither an owner nor a group to give")
                .hint("give `owner`, `group` or both; modes below are not changed"));
        }
        if self.recurse {
            entry::check_not_vital("recurse", &self.path)?;
        }
        if self.purge {
            entry::check_not_vital("purge", &self.path)?;
        }
        Ok(())
    }
}
