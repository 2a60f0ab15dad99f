//! The `absent` kind.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    base::script::Script,
    resources::{
        before::{Before, KEPT_MAX},
        change::{Change, Effect, Field, Shown},
        entry::{self, Entry},
        footprint::{Footprint, Lies},
        resource::{ArgumentError, Files, Looked, Resource, Step, Unreadable},
    },
    sh,
};

/// Nothing is at this path: no file, no link, no directory.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Absent {
    /// What must not be there, from the root.
    path: String,
    /// Whether a directory goes with all that is in it; if not, only an empty one goes.
    #[serde(default)]
    recursive: bool,
    /// Whether links on the way to it are followed, whoever laid them. If not, those count that only root can exchange, and
    /// those of a user that lead to a directory of that user.
    #[serde(default)]
    follow: bool,
}

/// What a probe found.
#[derive(Debug, Serialize)]
pub struct ObservedAbsence {
    /// The word for what is there.
    found: Option<&'static str>,
    /// What it is.
    #[serde(skip)]
    entry: Entry,
}

impl Resource for Absent {
    type Arguments = Self;
    type Observed = ObservedAbsence;
    type Difference = Change;
    const KIND: &'static str = "absent";
    const FIRST: &'static str = "path";
    const WANTS_NOTHING: bool = true;

    fn key(&self) -> String {
        self.path.clone()
    }

    fn owns(&self) -> String {
        entry::owned(&self.path)
    }

    fn footprint(&self) -> Footprint<'_> {
        Footprint::at(&self.path, Lies::Nothing)
    }

    fn resolve(arguments: Self, _: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check()?;
        Ok(arguments)
    }

    fn looks_at<'a>(batch: &[&'a Self]) -> Vec<Cow<'a, str>> {
        batch.iter().map(|absent| absent.path.as_str().into()).collect()
    }

    fn follows(&self) -> Vec<Cow<'_, str>> {
        if self.follow { vec![entry::parent(&self.path).into()] } else { Vec::new() }
    }

    fn probe(_batch: &[&Self]) -> Script {
        Script::default()
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Looked<ObservedAbsence>>, Unreadable> {
        let paths: Vec<&str> = batch.iter().map(|absent| absent.path.as_str()).collect();
        let found = entry::observe(&paths, output);
        let look = |entry: Looked<Entry>| {
            let entry = entry?;
            let found = (entry != Entry::Missing).then(|| entry.type_name());
            Ok(ObservedAbsence { found, entry })
        };
        Ok(found.into_iter().map(look).collect())
    }

    fn before(&self, observed: &ObservedAbsence) -> Vec<Before> {
        vec![match &observed.entry {
            Entry::Directory { .. } if self.recursive => {
                Before::lost("the content of a removed directory is not kept")
            }
            Entry::Directory { access } => access.declared("directory", &self.path),
            Entry::File { size, .. } if *size > KEPT_MAX => {
                Before::lost("a file above 8 MiB is not kept")
            }
            _ => Before::path(&self.path),
        }]
    }

    fn plan(&self, observed: &ObservedAbsence) -> Option<Change> {
        let before = match observed.found? {
            "directory" if self.recursive => "directory with its content",
            found => found,
        };
        let fields = vec![Field::new("type", before, Shown::Nothing)];
        Some(Change::new(Effect::Remove, fields))
    }

    /// What is mounted below a directory is not a part of it, and stays. The table of mounts writes a space as `\040`.
    fn apply(&self, _: Option<&()>) -> Step {
        let directory = if self.recursive {
            sh!(
                "  if [ -r /proc/self/mounts ]; then
    while read -r _ at _; do
      case $at/ in {}/*) die \"$at is mounted: unmount it before $p is removed\" ;; esac
    done </proc/self/mounts
  fi
  rid \"$name\"",
                self.path.replace(' ', "\\040")
            )
        } else {
            sh!(
                "  rmdir -- \"./$name\" || die \"$p is not empty: \\`recursive: true\\` removes all that is in it\""
            )
        };
        sh!(
            "p={} name=${{p##*/}}
if [ -d \"${{p%/*}}/\" ]; then
enter \"${{p%/*}}\"
if [ -d \"./$name\" ] && [ ! -L \"./$name\" ]; then\n{}\nelse rm -f -- \"./$name\"; fi\nfi",
            self.path,
            directory
        )
        .into()
    }
}

impl Absent {
    /// Checks what the types alone cannot.
    fn check(&self) -> Result<(), ArgumentError> {
        entry::check_path("path", &self.path)?;
        entry::check_not_vital("path", &self.path)
    }
}
