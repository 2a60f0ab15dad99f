//! The `unit` kind.

use std::{borrow::Cow, collections::BTreeMap};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::file::{self, File, FileArguments, FileDetail};
use crate::{
    base::{
        script::{Library, Script},
        secret::Text,
        value::Value,
    },
    resources::{
        before::Before,
        change::{Change, DetailedChange, Effect, Field, Shown},
        footprint::{Footprint, Lies, Space, Wanted},
        resource::{ArgumentError, Files, Looked, Resource, Step, Unreadable},
        systemd::{FOLDER, SUFFIXES, check_unit, has_suffix},
    },
    sh,
};

/// A unit file of systemd, or a part of one, in `/etc/systemd/system`. After a change systemd reads it again; what is enabled is
/// enabled anew where its `[Install]` section changed.
///
/// To start what it describes, declare a `service`; give that `restart_on` with this unit if a change must take effect at once.
/// A drop-in, such as `nginx.service.d/limits.conf`, adds to a unit that somebody else brings.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitArguments {
    /// Its name with its suffix, such as `api.service`, `backup.timer` or the template `worker@.service`; or that of a drop-in:
    /// the unit's name with `.d`, and a file that ends in `.conf`.
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
    /// Whether it must not be there; what it describes is stopped and disabled first, all instances of a template too.
    #[serde(default)]
    absent: bool,
}

/// A unit file as it is to be.
#[derive(Debug)]
pub struct Unit {
    name: String,
    absent: bool,
    /// The file that it is.
    file: File,
}

static UNIT: Library = Library::new("unit", &[include_str!("unit.sh")]);

impl Resource for Unit {
    type Arguments = UnitArguments;
    type Observed = file::ObservedFile;
    type Difference = DetailedChange<FileDetail>;
    const KIND: &'static str = "unit";
    const FIRST: &'static str = "name";

    fn key(&self) -> String {
        self.name.clone()
    }

    fn footprint(&self) -> Footprint<'_> {
        let lies = if self.absent { Lies::Nothing } else { self.file.lies() };
        let wanted = if self.absent { Wanted::Gone } else { Wanted::There };
        let file = Footprint::at(self.path(), lies);
        if self.drop_in().is_some() {
            file
        } else {
            file.and_named(Space::Unit, &self.name, wanted)
        }
    }

    fn resolve(arguments: UnitArguments, files: &dyn Files) -> Result<Self, ArgumentError> {
        check_name(&arguments.name)?;
        let (content, source) = (arguments.content.is_some(), arguments.source.is_some());
        if arguments.absent && (content || source || arguments.template.is_some()) {
            return Err(ArgumentError::new("absent", "an absent unit has no content"));
        }
        let mut file = File::resolve(arguments.as_file()?, files)?;
        // A unit of a path with a dash has a backslash in its name.
        file.put_at(path(&arguments.name));
        Ok(Self { name: arguments.name, absent: arguments.absent, file })
    }

    fn brings(&self) -> usize {
        self.file.brings()
    }

    /// The file is there before systemd has read it, and before its links are as it says.
    fn proves_afterwards(&self) -> bool {
        !self.absent
    }

    fn looks_at<'a>(batch: &[&'a Self]) -> Vec<Cow<'a, str>> {
        File::looks_at(&files(batch))
    }

    fn probe(batch: &[&Self]) -> Script {
        File::probe(&files(batch))
    }

    fn observe(
        batch: &[&Self],
        output: &str,
    ) -> Result<Vec<Looked<file::ObservedFile>>, Unreadable> {
        File::observe(&files(batch), output)
    }

    fn before(&self, _: &file::ObservedFile) -> Vec<Before> {
        vec![Before::Path {
            path: self.path(),
            kind: Self::KIND.into(),
            key: self.name.clone(),
            at_once: self.absent,
        }]
    }

    fn plan(&self, observed: &file::ObservedFile) -> Option<DetailedChange<FileDetail>> {
        let differs = self.file.plan(observed);
        if !self.absent {
            return differs;
        }
        let content = Field::new("content", "a unit file", Shown::Nothing);
        match differs.map(|differs| differs.change.action) {
            // The file would have to be made: it is not there.
            Some(Effect::Create) => None,
            _ => Some(DetailedChange {
                change: Change::new(Effect::Remove, vec![content]),
                detail: FileDetail::Content,
            }),
        }
    }

    fn apply(&self, detail: Option<&FileDetail>) -> Step {
        let (functions, path) = (UNIT.script(), self.path());
        let reload = sh!("told daemon-reload");
        if self.absent {
            let stop = match self.drop_in() {
                Some(_) => Script::default(),
                None => sh!("if [ -e {} ] || [ -L {} ]; then\n{}\nfi", path, path, self.ending()),
            };
            return functions.then(stop).then(sh!("rm -f -- {}", path)).then(reload).into();
        }
        let folder = match self.drop_in() {
            Some((owner, _)) => sh!("mkdir -p -- {}", format!("{FOLDER}/{owner}.d")),
            None => Script::default(),
        };
        // Of one that was cut off it is not known what its links are made from.
        let installed = match detail.is_none() {
            true => sh!("installed=unknown"),
            false => sh!("installed=$(installs {})", path),
        };
        let Step { script, contents } = self.file.apply(detail);
        let whole = functions.then(folder);
        let script = match self.drop_in() {
            Some(_) => whole.then(script).then(reload),
            None => whole.then(installed).then(script).then(reload).then(sh!(
                "enable_anew {} {}",
                path,
                self.name
            )),
        };
        Step { script, contents }
    }
}

impl Unit {
    fn path(&self) -> String {
        path(&self.name)
    }

    /// The unit that it adds to, and the name of the file, if it is a drop-in.
    fn drop_in(&self) -> Option<(&str, &str)> {
        drop_in(&self.name)
    }

    /// What stops and disables it before its file goes. What cannot be stopped keeps its file, so that the next run tries again.
    fn ending(&self) -> Script {
        let (running, links) = match self.name.split_once("@.") {
            Some((template, sort)) => {
                // In a pattern of systemctl a backslash takes a meaning away.
                let pattern = format!("{}@*.{sort}", template.replace('\\', "\\\\"));
                (pattern, sh!("{}*{}", format!("{template}@"), format!(".{sort}")))
            }
            None => (self.name.clone(), sh!("{}", self.name)),
        };
        // 5 means that systemd knows nothing of it. What it cannot read it cannot disable.
        sh!(
            "told stop -- {} || [ $? = 5 ]
told disable -q -- {} || rm -f -- {}/*.wants/{} {}/*.requires/{}",
            running,
            self.name,
            FOLDER,
            links,
            FOLDER,
            links
        )
    }
}

impl UnitArguments {
    /// The file kind does the work; it is told in its own words.
    fn as_file(&self) -> Result<FileArguments, ArgumentError> {
        let text = |text: &Text| match text {
            Text::Plain(text) => Value::Text(text.clone()),
            Text::Secret(secret) => Value::Secret(secret.clone()),
        };
        let name = |name: &String| Value::Text(name.clone());
        let nothing = || self.absent.then(|| Value::from(""));
        let arguments = [
            ("path", Some(FOLDER.into())),
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
        FileArguments::deserialize(Value::Map(arguments))
            .map_err(|error| ArgumentError::new("", error.to_string()))
    }
}

fn path(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

/// The unit that it adds to, and the name of the file, if it is a drop-in.
fn drop_in(name: &str) -> Option<(&str, &str)> {
    name.split_once(".d/")
}

fn check_name(name: &str) -> Result<(), ArgumentError> {
    let error = |message| Err(ArgumentError::new("name", message));
    let (unit, is_drop_in) = match drop_in(name) {
        Some((owner, file)) => {
            let stem = file.strip_suffix(".conf").unwrap_or_default();
            if stem.is_empty() || stem.starts_with('.') || file.contains(['/', '\\', '"', '$', '`'])
            {
                return error(format!("`{file}` is not the name of a drop-in"))
                    .map_err(|error| error.hint("it ends in `.conf`, without a `/`"));
            }
            (owner, true)
        }
        None => (name, false),
    };
    // What adds to all units of a sort has the name of the sort.
    if is_drop_in && SUFFIXES.contains(&unit) {
        return Ok(());
    }
    if !has_suffix(unit) {
        return error(format!("`{unit}` has no unit type"))
            .map_err(|error| error.hint(format!("a service is called `{unit}.service`")));
    }
    // A template has no instance here, and what adds to all units that begin alike ends in a dash.
    check_unit(&unit.replacen("@.", "@x.", 1))
}

fn files<'a>(batch: &[&'a Unit]) -> Vec<&'a File> {
    batch.iter().map(|unit| &unit.file).collect()
}
