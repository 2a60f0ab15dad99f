//! The `unit` kind.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    file::{self, File},
    service::{SUFFIXES, UNITS, check_unit},
};
use crate::{
    change::{Action, Change, Field, Shown},
    entry,
    footprint::{Footprint, Lies, Space, Wanted},
    resource::{ArgumentError, Files, Look, Resource, Step, Unreadable},
    script::Script,
    secret::Text,
    sh,
    value::Value,
};

/// A unit file of systemd, in `/etc/systemd/system`. After a change systemd reads it again.
///
/// To start what it describes, declare a `service`; give that `restart_on` with this unit if a change must take effect at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// Its name with its suffix, such as `api.service` or `backup.timer`.
    name: String,
    /// What it holds.
    content: Option<Text>,
    /// A file below the role's `files/` to copy.
    source: Option<String>,
    /// A template below the role's `templates/` to render.
    template: Option<String>,
    /// More variables for the template.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    vars: IndexMap<String, Value>,
    /// Whether it must not be there; what it describes is stopped and disabled first.
    #[serde(default)]
    absent: bool,
    /// The file that it is.
    #[serde(skip)]
    file: Option<File>,
}

/// Makes systemd read its units again; without systemd there is nothing to tell.
const RELOAD: &str = "if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi";

impl Resource for Unit {
    type Observed = file::Observed;
    const KIND: &'static str = "unit";
    const FIRST: &'static str = "name";

    fn key(&self) -> String {
        self.name.clone()
    }

    fn owns(&self) -> String {
        entry::owned(&self.path())
    }

    fn footprint(&self) -> Footprint<'_> {
        let lies = if self.absent { Lies::Nothing } else { self.file().lies() };
        let wanted = if self.absent { Wanted::Gone } else { Wanted::There };
        Footprint::at(self.path(), lies).and_named(Space::Unit, &self.name, wanted)
    }

    fn resolve(&mut self, files: &dyn Files) -> Result<(), ArgumentError> {
        check_unit(&self.name).or_else(|error| {
            // A template has no instance here.
            if self.name.contains("@.") { Ok(()) } else { Err(error) }
        })?;
        let suffix = self.name.rsplit('.').next().unwrap_or_default();
        if !SUFFIXES.contains(&suffix) {
            let message = format!("`{}` does not say which sort of unit it is", self.name);
            return Err(ArgumentError::new("name", message)
                .hint(format!("a service is called `{}.service`", self.name)));
        }
        let given = [self.content.is_some(), self.source.is_some(), self.template.is_some()];
        if self.absent && given.contains(&true) {
            return Err(ArgumentError::new("absent", "an absent unit holds nothing"));
        }
        let mut file = self.as_file()?;
        file.resolve(files)?;
        self.file = Some(file);
        Ok(())
    }

    fn probe(batch: &[&Self]) -> Script {
        File::probe(&files(batch))
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Look<file::Observed>>, Unreadable> {
        File::observe(&files(batch), output)
    }

    fn plan(&self, observed: &file::Observed) -> Option<Change> {
        let change = self.file().plan(observed);
        if !self.absent {
            return change;
        }
        let content = Field::new("content", "a unit file", Shown::Nothing);
        match change {
            // The file would have to be made: it is not there.
            Some(Change { action: Action::Create, .. }) => None,
            _ => Some(Change::new(Action::Remove, vec![content])),
        }
    }

    fn apply(&self, change: Option<&Change>) -> Step {
        if self.absent {
            let stop = sh!(
                "if [ -e {} ] && [ -d /run/systemd/system ]; then systemctl disable -q --now -- {} || :; fi",
                self.path(),
                self.name
            );
            return stop.then(sh!("rm -f -- {}", self.path())).then(Script::trusted(RELOAD)).into();
        }
        let Step { script, contents } = self.file().apply(change);
        Step { script: script.then(Script::trusted(RELOAD)), contents }
    }
}

impl Unit {
    fn path(&self) -> String {
        format!("{UNITS}/{}", self.name)
    }

    /// The file kind does the work; it is told in its own words.
    fn as_file(&self) -> Result<File, ArgumentError> {
        let text = |text: &Text| match text {
            Text::Plain(text) => Value::Text(text.clone()),
            Text::Secret(secret) => Value::Secret(secret.clone()),
        };
        let name = |name: &String| Value::Text(name.clone());
        let nothing = || self.absent.then(|| Value::from(""));
        let arguments = [
            ("path", Some(Value::Text(self.path()))),
            ("content", self.content.as_ref().map(text).or_else(nothing)),
            ("source", self.source.as_ref().map(name)),
            ("template", self.template.as_ref().map(name)),
            ("vars", Some(Value::Map(self.vars.clone().into_iter().collect()))),
            ("mode", Some("0644".into())),
        ];
        let arguments = arguments
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect();
        File::deserialize(Value::Map(arguments))
            .map_err(|error| ArgumentError::new("", error.to_string()))
    }

    fn file(&self) -> &File {
        self.file.as_ref().expect("resolve ran before anything else, and gave it")
    }
}

fn files<'a>(batch: &[&'a Unit]) -> Vec<&'a File> {
    batch.iter().map(|unit| unit.file()).collect()
}
