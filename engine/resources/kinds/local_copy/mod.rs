//! The `local_copy` kind.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    base::script::{Library, Script, Words},
    resources::{
        before::Before,
        change::{Change, Effect, Field, Shown},
        entry::{self, Entry},
        footprint::{Access, Footprint, Lies},
        resource::{ArgumentError, Files, Looked, Resource, Step, Unknown, Unreadable},
    },
    sh,
};

/// A file that holds what another file of the same host holds.
///
/// Nothing of what it holds leaves the host. What the role itself brings is a `file`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalCopy {
    /// Where it is, from the root.
    path: String,
    /// The other file, from the root. It must be there.
    from: String,
    /// Four octal digits; by default that of the old file, or `0644`.
    mode: Option<String>,
    /// The owner's name or number; by default that of the old file.
    owner: Option<String>,
    /// The group's name or number; by default that of the old file.
    group: Option<String>,
    /// A command that must succeed, as for `file`.
    validate: Option<String>,
    /// Whether links on the way to it are followed, whoever laid them. If not, those count that only root can exchange, and
    /// those of a user that lead to a directory of that user.
    #[serde(default)]
    follow: bool,
}

/// What a probe learned of it.
#[derive(Debug, Serialize)]
pub struct ObservedCopy {
    entry: Entry,
    /// Whether it holds what the other file holds.
    same: bool,
}

static LOCAL_COPY: Library = Library::new("local_copy", &[include_str!("local_copy.sh")]);

impl Resource for LocalCopy {
    type Arguments = Self;
    type Observed = ObservedCopy;
    type Difference = Change;
    const KIND: &'static str = "local_copy";
    const FIRST: &'static str = "path";

    fn key(&self) -> String {
        self.path.clone()
    }

    fn owns(&self) -> String {
        entry::owned(&self.path)
    }

    fn footprint(&self) -> Footprint<'_> {
        let access = Access {
            mode: self.mode.as_deref(),
            owner: self.owner.as_deref(),
            group: self.group.as_deref(),
        };
        Footprint::at(&self.path, Lies::File(None, access))
            .and_at(&self.from, Lies::Read)
            .owned_by(self.owner.as_deref(), self.group.as_deref())
    }

    fn resolve(arguments: Self, _: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check()?;
        Ok(arguments)
    }

    fn proves_afterwards(&self) -> bool {
        self.validate.as_deref().is_some_and(entry::validates_afterwards)
    }

    fn looks_at<'a>(batch: &[&'a Self]) -> Vec<Cow<'a, str>> {
        batch.iter().map(|copy| copy.path.as_str().into()).collect()
    }

    fn follows(&self) -> Vec<Cow<'_, str>> {
        if self.follow { vec![entry::parent(&self.path).into()] } else { Vec::new() }
    }

    fn words(&self) -> usize {
        self.from.len()
    }

    /// A line for each: `same`, `differs`, or `unknown` and why. No digest leaves the host: that of a short secret tells what it is.
    fn probe(batch: &[&Self]) -> Script {
        let from: Vec<&str> = batch.iter().map(|copy| copy.from.as_str()).collect();
        let script = entry::looking().then(LOCAL_COPY.script());
        script.then(sh!(
            "say; say compared\nfor from in {}; do compared \"$from\" \"$1\"; shift; done",
            Words(&from)
        ))
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Looked<ObservedCopy>>, Unreadable> {
        let (entries, compared) = output.split_once("\ncompared\n").unwrap_or((output, ""));
        let paths: Vec<&str> = batch.iter().map(|copy| copy.path.as_str()).collect();
        let found = entry::observe(&paths, entries);
        let mut compared = entry::lines(compared);
        let mut observe = |(copy, entry): (&&Self, Looked<Entry>)| {
            let same = match compared.next() {
                Some("same") => Ok(true),
                Some("differs") => Ok(false),
                Some(line) => Err(Unknown::new(line.trim_start_matches("unknown "))
                    .hint("create the other file in an earlier run")),
                None => Err(Unknown::new("the host did not report the content of the two files")),
            };
            let entry = entry?.replaceable(&copy.path)?;
            Ok(ObservedCopy { entry, same: same? })
        };
        Ok(batch.iter().zip(found).map(&mut observe).collect())
    }

    fn before(&self, observed: &ObservedCopy) -> Vec<Before> {
        vec![observed.entry.before_file(&self.path, observed.same)]
    }

    fn plan(&self, observed: &ObservedCopy) -> Option<Change> {
        let content = || Shown::Hidden(format!("the content of {}", self.from));
        match &observed.entry {
            Entry::File { access, .. } => {
                let mut fields = access.differing(
                    self.mode.as_deref(),
                    self.owner.as_deref(),
                    self.group.as_deref(),
                );
                if !observed.same {
                    let before = Shown::Hidden("something else".into());
                    fields.push(Field::new("content", before, content()));
                }
                Change::update(fields)
            }
            Entry::Missing => {
                let mut fields = vec![Field::added("content", content())];
                let mode = self.mode.as_deref().unwrap_or("0644");
                fields.extend(entry::added_access(mode, &self.owner, &self.group));
                Some(Change::new(Effect::Create, fields))
            }
            other => Change::update(vec![
                Field::new("type", other.type_name(), "file"),
                Field::added("content", content()),
            ]),
        }
    }

    fn apply(&self, _: Option<&()>) -> Step {
        let access = entry::words(&self.mode, &self.owner, &self.group);
        let validate = self.validate.as_deref().unwrap_or_default();
        let script = entry::looking().then(LOCAL_COPY.script());
        script.then(sh!("copied {} {} {} {}", self.from, self.path, access, validate)).into()
    }
}

impl LocalCopy {
    /// Checks what the types alone cannot.
    fn check(&self) -> Result<(), ArgumentError> {
        entry::check_path("path", &self.path)?;
        entry::check_path("from", &self.from)?;
        entry::check_access(&self.mode, &self.owner, &self.group)?;
        if self.path == self.from {
            return Err(ArgumentError::new("from", "a file cannot be a copy of itself"));
        }
        self.validate
            .as_deref()
            .map_or(Ok(()), |command| entry::check_validate("validate", command))
    }
}
