//! What a role says of a file.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    base::{secret::Text, value::Value},
    resources::{entry, resource::ArgumentError},
};

/// A regular file: what it holds, who owns it, who may read it.
///
/// It is written beside its place and renamed, so nobody sees half of it. A link in its place is replaced.
/// Without content, source or template it is a file of somebody else's that must be there: only its mode, owner and group
/// are looked after.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileArguments {
    /// Where it is, from the root.
    pub(super) path: String,
    /// What it holds.
    pub(super) content: Option<Text>,
    /// A file below the role's `files/` to copy.
    pub(super) source: Option<String>,
    /// A template below the role's `templates/` to render.
    pub(super) template: Option<String>,
    /// More variables for the template.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub(super) vars: IndexMap<String, Value>,
    /// Four octal digits; by default that of the old file, or `0644`; `0600` if what it holds is sensitive.
    pub(super) mode: Option<String>,
    /// The owner's name or number; by default that of the old file.
    pub(super) owner: Option<String>,
    /// The group's name or number; by default that of the old file.
    pub(super) group: Option<String>,
    /// A command that must succeed: with `%s`, on the new file before it takes its place;
    /// without, afterwards on the whole, such as `nginx -t`. It runs in `/`. If it fails, the old file stays.
    pub(super) validate: Option<String>,
    /// Whether a file that is there already is made to hold this; if not, only a missing one is made.
    #[serde(default = "yes")]
    pub(super) replace: bool,
    /// Whether what it holds is kept from the eye. Content made with a secret always is; and what the file held before, where not
    /// everyone on the host may read it, unless this is `false`.
    pub(super) sensitive: Option<bool>,
    /// Whether links on the way to it are followed, whoever laid them. If not, those count that only root can exchange, and
    /// those of a user that lead to a directory of that user.
    #[serde(default)]
    pub(super) follow: bool,
}

impl FileArguments {
    /// Checks what the types alone cannot.
    pub(super) fn check(&self) -> Result<(), ArgumentError> {
        entry::check_path("path", &self.path)?;
        entry::check_access(&self.mode, &self.owner, &self.group)?;
        if let Some(command) = &self.validate {
            entry::check_validate("validate", command)?;
        }
        let given = [self.content.is_some(), self.source.is_some(), self.template.is_some()];
        if !self.vars.is_empty() && self.template.is_none() {
            return Err(ArgumentError::new("vars", "variables without a template"));
        }
        match given.iter().filter(|given| **given).count() {
            1 => Ok(()),
            0 if self.mode.is_some() || self.owner.is_some() || self.group.is_some() => {
                self.check_without_content()
            }
            0 => Err(ArgumentError::new("", "a file needs its content").hint(
                "give one of content, source or template; or mode, owner or group of a file that is there",
            )),
            _ => Err(ArgumentError::new("", "more than one of content, source and template")),
        }
    }

    fn check_without_content(&self) -> Result<(), ArgumentError> {
        let error = |argument, message: &str| Err(ArgumentError::new(argument, message));
        if self.validate.is_some() {
            return error("validate", "`validate` needs new content");
        }
        if !self.replace || self.sensitive.is_some() {
            let argument = if self.sensitive.is_some() { "sensitive" } else { "replace" };
            return error(argument, "without content, the content of the file is not managed");
        }
        Ok(())
    }
}

fn yes() -> bool {
    true
}
