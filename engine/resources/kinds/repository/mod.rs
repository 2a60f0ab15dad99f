//! The `repository` kind.

mod arguments;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use self::arguments::{KeyForm, RepositoryArguments, key_path, source_path};
use super::{
    file::{self, File, FileArguments},
    package::apt::APT,
};
use crate::{
    base::{script::Script, value::Value},
    resources::{
        before::Before,
        change::{Change, Effect, Field, Shown},
        entry,
        footprint::{Footprint, Lies},
        resource::{ArgumentError, Files, Looked, Resource, Step, Unreadable},
    },
    sh,
};

/// A repository as it is to be.
#[derive(Debug)]
pub struct Repository {
    name: String,
    absent: bool,
    /// The files that it is made of: the source and the key, if it has one; the keys of either form where nothing is to stay.
    files: Vec<File>,
    /// The form of the key.
    form: KeyForm,
}

/// What lies at the places of the source and the key.
#[derive(Debug, Serialize)]
pub struct ObservedRepository {
    source: file::ObservedFile,
    keys: Vec<file::ObservedFile>,
}

impl Resource for Repository {
    type Arguments = RepositoryArguments;
    type Observed = ObservedRepository;
    type Difference = Change;
    const KIND: &'static str = "repository";
    const FIRST: &'static str = "name";
    const OPAQUE: bool = true;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn owns(&self) -> String {
        entry::owned(&self.source_path())
    }

    fn footprint(&self) -> Footprint<'_> {
        let wanted = |index: usize| match self.files.get(index) {
            Some(file) if !self.absent => file.lies(),
            _ => Lies::Nothing,
        };
        let whole = Footprint::at(self.source_path(), wanted(0));
        match self.files.len() {
            1 => whole,
            _ => whole.and_at(self.key_path(), wanted(1)),
        }
    }

    fn resolve(arguments: RepositoryArguments, files: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check_name()?;
        let absent = arguments.absent;
        if !absent {
            arguments.check()?;
        }
        let form = match arguments.key_source.as_ref().filter(|_| !absent) {
            Some(name) => KeyForm::of(&files.source(name)?)?,
            None => KeyForm::default(),
        };
        let name = &arguments.name;
        let source = source_path(name);
        let fetch = format!("apt_fetch {source}");
        let mut all = vec![file(&source, ("content", arguments.source(form)), &fetch)?];
        if absent {
            for form in [form, form.other()] {
                all.push(file(&key_path(name, form), ("content", String::new()), "")?);
            }
        } else if arguments.has_key() {
            let key = match &arguments.key_source {
                Some(name) => ("source", name.clone()),
                None => ("content", arguments.key.clone().unwrap_or_default()),
            };
            all.push(file(&key_path(name, form), key, "")?);
        }
        let all = all.into_iter().map(|file| File::resolve(file, files));
        let all = all.collect::<Result<_, _>>()?;
        Ok(Self { name: arguments.name, absent, files: all, form })
    }

    fn proves_afterwards(&self) -> bool {
        !self.absent
    }

    fn brings(&self) -> usize {
        self.files.iter().map(Resource::brings).sum()
    }

    fn words(&self) -> usize {
        self.files.iter().map(|file| file.key().len()).sum()
    }

    fn looks_at<'a>(batch: &[&'a Self]) -> Vec<Cow<'a, str>> {
        File::looks_at(&all_files(batch))
    }

    fn probe(batch: &[&Self]) -> Script {
        File::probe(&all_files(batch))
    }

    fn observe(
        batch: &[&Self],
        output: &str,
    ) -> Result<Vec<Looked<ObservedRepository>>, Unreadable> {
        let mut observed = File::observe(&all_files(batch), output)?.into_iter();
        let mut next = |repository: &&Self| {
            let source = observed.next()?;
            let keys: Vec<_> = observed.by_ref().take(repository.files.len() - 1).collect();
            let all = keys.len() == repository.files.len() - 1;
            all.then(|| {
                Ok(ObservedRepository {
                    source: source?,
                    keys: keys.into_iter().collect::<Looked<_>>()?,
                })
            })
        };
        let message = || "the host reported fewer files than requested".to_owned();
        batch
            .iter()
            .map(|it| next(it).ok_or_else(|| Unreadable { kind: Self::KIND, message: message() }))
            .collect()
    }

    fn before(&self, _: &ObservedRepository) -> Vec<Before> {
        self.files.iter().map(|file| Before::path(&file.key())).collect()
    }

    fn plan(&self, observed: &ObservedRepository) -> Option<Change> {
        let observed = [&observed.source].into_iter().chain(&observed.keys);
        let changes: Vec<(&str, Change)> = ["source", "key", "binary key"]
            .into_iter()
            .zip(self.files.iter().zip(observed))
            .filter_map(|(name, (file, observed))| Some((name, file.plan(observed)?.change)))
            .collect();
        if self.absent {
            return self.plan_absent(&changes);
        }
        let created = changes
            .iter()
            .any(|(name, change)| *name == "source" && change.action == Effect::Create);
        let fields: Vec<Field> = changes
            .into_iter()
            .flat_map(|(name, change)| {
                change.fields.into_iter().map(move |field| {
                    let name = if field.name == "content" {
                        name.to_owned()
                    } else {
                        format!("{name}.{}", field.name)
                    };
                    Field { name, ..field }
                })
            })
            .collect();
        let action = if created { Effect::Create } else { Effect::Update };
        (!fields.is_empty()).then(|| Change::new(action, fields))
    }

    fn apply(&self, _: Option<&()>) -> Step {
        let mut step = Step::from(APT.script());
        if self.absent {
            // What the index holds of it goes with the next refresh.
            let [one, other] = [self.form, self.form.other()].map(|form| self.key_path_of(form));
            step.script.push(sh!("rm -f -- {} {} {}\napt_stale", self.source_path(), one, other));
            return step;
        }
        // Fetching a part makes the index look fresh, which the rest of it is not.
        step.script.push(sh!("fresh=; ! apt_fresh || fresh=yes\nmkdir -p /etc/apt/keyrings"));
        // A key that did not do is of no use to anybody, and the source that is put back may need the old one.
        if self.files.len() > 1 {
            step.script.push(sh!(
                "key={} old_key=$STAGE/old-key.$$ kept=
[ ! -e \"$key\" ] || cp -a -- \"$key\" \"$old_key\"
trap '[ -n \"$kept\" ] || if [ -e \"$old_key\" ]; then cp -a -- \"$old_key\" \"$key\"; else rm -f -- \"$key\"; fi' EXIT
trap 'exit 1' HUP INT PIPE TERM",
                self.key_path()
            ));
        }
        // The key comes first, so that apt never sees a source whose key is not there.
        for file in self.files.iter().rev() {
            let Step { script, contents } = file.apply(None);
            step.script.push(script);
            step.contents.extend(contents);
        }
        step.script.push(sh!("kept=yes; rm -f -- {}", self.key_path_of(self.form.other())));
        step.script.push(sh!("[ -n \"$fresh\" ] || apt_stale"));
        step
    }
}

impl Repository {
    fn source_path(&self) -> String {
        source_path(&self.name)
    }

    fn key_path(&self) -> String {
        self.key_path_of(self.form)
    }

    fn key_path_of(&self, form: KeyForm) -> String {
        key_path(&self.name, form)
    }

    fn plan_absent(&self, changes: &[(&str, Change)]) -> Option<Change> {
        // A file that would have to be made is not there.
        let there = |wanted: &str| {
            !changes.iter().any(|(name, change)| *name == wanted && change.action == Effect::Create)
        };
        let [one, other] = [self.form, self.form.other()].map(|form| self.key_path_of(form));
        let fields: Vec<Field> =
            [("source", self.source_path()), ("key", one), ("binary key", other)]
                .into_iter()
                .filter(|(name, _)| there(name))
                .map(|(name, path)| Field::new(name, path, Shown::Nothing))
                .collect();
        (!fields.is_empty()).then(|| Change::new(Effect::Remove, fields))
    }
}

/// A file that all may read and root owns, in the words of the file kind.
fn file(
    path: &str,
    content: (&str, String),
    validate: &str,
) -> Result<FileArguments, ArgumentError> {
    let mut arguments = vec![("path", path), ("mode", "0644"), (content.0, &content.1)];
    if !validate.is_empty() {
        arguments.push(("validate", validate));
    }
    let arguments =
        arguments.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
    FileArguments::deserialize(Value::Map(arguments.collect()))
        .map_err(|error| ArgumentError::new("", error.to_string()))
}

fn all_files<'a>(batch: &[&'a Repository]) -> Vec<&'a File> {
    batch.iter().flat_map(|repository| &repository.files).collect()
}
