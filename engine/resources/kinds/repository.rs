//! The `repository` kind.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    file::{self, File},
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

/// A repository of packages for apt, in `/etc/apt/sources.list.d`, with the key that signs it.
///
/// After a change apt must take all of its sources together, and the repository's part of the package index is fetched. If
/// either fails, or the repository has no such component, the old source and the old key are put back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// Its name, which is that of its files too.
    name: String,
    /// Where it is, such as `https://download.docker.com/linux/debian`; several are mirrors of each other.
    #[serde(default)]
    uris: Vec<String>,
    /// The suites, such as `bookworm`.
    #[serde(default)]
    suites: Vec<String>,
    /// The components, such as `main`; none for a suite that ends with a slash.
    #[serde(default)]
    components: Vec<String>,
    /// The architectures; by default those of the host.
    #[serde(default)]
    architectures: Vec<String>,
    /// The ASCII-armoured public key that signs it. Without a key, one of those that the host trusts must.
    key: Option<String>,
    /// The key, as a file below the role's `files/`: ASCII-armoured, or binary as many repositories give it.
    key_source: Option<String>,
    /// Whether it must not be there.
    #[serde(default)]
    absent: bool,
    /// The files that it is made of: the source and the key, if it has one; the keys of either form where nothing is to stay.
    #[serde(skip)]
    files: Vec<File>,
    /// The form of the key.
    #[serde(skip)]
    form: KeyForm,
}

/// How a key is written; apt tells it by the ending of the file's name.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum KeyForm {
    #[default]
    Armoured,
    Binary,
}

impl KeyForm {
    /// The form of a key.
    fn of(key: &[u8]) -> Result<Self, ArgumentError> {
        let has = |text: &str| key.windows(text.len()).any(|it| it == text.as_bytes());
        let wrong =
            |message: &str, hint: &str| Err(ArgumentError::new("key_source", message).hint(hint));
        match key {
            _ if has("BEGIN PGP PUBLIC KEY BLOCK") => Ok(Self::Armoured),
            _ if has("BEGIN PGP PRIVATE KEY") => {
                wrong("this is a private key", "`gpg --armor --export` prints the public one")
            }
            [_, _, _, _, _, _, _, _, b'K', b'B', b'X', b'f', ..] => {
                wrong("this is a keybox, which apt does not read", "`gpg --export` prints the key")
            }
            // The first packet of a public key, in the old form and in the new one: RFC 4880, 4.2.
            [0x98 | 0x99 | 0x9a | 0xc6, ..] => Ok(Self::Binary),
            _ => wrong("not a public key", "give an ASCII-armoured or a binary key"),
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Armoured => "asc",
            Self::Binary => "gpg",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Armoured => Self::Binary,
            Self::Binary => Self::Armoured,
        }
    }
}

/// What lies at the places of the source and the key.
#[derive(Debug, Serialize)]
pub struct ObservedRepository {
    source: file::ObservedFile,
    keys: Vec<file::ObservedFile>,
}

impl Resource for Repository {
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

    fn resolve(&mut self, files: &dyn Files) -> Result<(), ArgumentError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if self.name.is_empty() || self.name.starts_with('.') || !self.name.chars().all(allowed) {
            let message = format!("`{}` is not a name for a file of sources", self.name);
            return Err(ArgumentError::new("name", message)
                .hint("a name has letters, digits, `_`, `-` and `.`"));
        }
        if self.key.is_some() && self.key_source.is_some() {
            return Err(ArgumentError::new("key", "both key and key_source"));
        }
        if !self.absent {
            self.check()?;
        }
        if let Some(name) = self.key_source.as_ref().filter(|_| !self.absent) {
            self.form = KeyForm::of(&files.source(name)?)?;
        }
        let key = match &self.key_source {
            Some(name) => ("source", name.clone()),
            None => ("content", self.key.clone().unwrap_or_default()),
        };
        let source = file(&self.source_path(), ("content", self.source()), &self.fetch())?;
        self.files = vec![source];
        if self.absent {
            for form in [self.form, self.form.other()] {
                self.files.push(file(&self.key_path_of(form), ("content", String::new()), "")?);
            }
        } else if self.has_key() {
            self.files.push(file(&self.key_path(), key, "")?);
        }
        self.files.iter_mut().try_for_each(|file| file.resolve(files))
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
        if self.has_key() {
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
        format!("/etc/apt/sources.list.d/{}.sources", self.name)
    }

    fn key_path(&self) -> String {
        self.key_path_of(self.form)
    }

    fn key_path_of(&self, form: KeyForm) -> String {
        format!("/etc/apt/keyrings/{}.{}", self.name, form.ending())
    }

    /// Fetches what the source names, and nothing else.
    fn fetch(&self) -> String {
        format!("apt_fetch {}", self.source_path())
    }

    fn has_key(&self) -> bool {
        self.key.is_some() || self.key_source.is_some()
    }

    fn check(&self) -> Result<(), ArgumentError> {
        let lists = [
            ("uris", &self.uris),
            ("suites", &self.suites),
            ("components", &self.components),
            ("architectures", &self.architectures),
        ];
        for (argument, words) in lists {
            let blank = |word: &&String| {
                word.is_empty() || word.contains(|c: char| c.is_whitespace() || c.is_control())
            };
            if let Some(word) = words.iter().find(blank) {
                return Err(ArgumentError::new(argument, format!("`{word}` is not a single word")));
            }
        }
        if self.uris.is_empty() {
            return Err(ArgumentError::new("uris", "a repository needs its uris"));
        }
        if self.suites.is_empty() {
            return Err(ArgumentError::new("suites", "a repository needs its suites"));
        }
        if self.components.is_empty() && !self.suites.iter().all(|suite| suite.ends_with('/')) {
            return Err(ArgumentError::new("components", "a repository needs its components")
                .hint("mostly `main`; none for a suite that ends with a slash"));
        }
        let key = self.key.as_ref().filter(|key| !key.contains("BEGIN PGP PUBLIC KEY BLOCK"));
        if key.is_some() {
            return Err(ArgumentError::new("key", "this is not an ASCII-armoured public key"));
        }
        Ok(())
    }

    /// The source, as `sources.list(5)` describes its newer format.
    fn source(&self) -> String {
        let signed_by = if self.has_key() { vec![self.key_path()] } else { Vec::new() };
        let lines = [
            ("Types", &vec!["deb".to_owned()]),
            ("URIs", &self.uris),
            ("Suites", &self.suites),
            ("Components", &self.components),
            ("Architectures", &self.architectures),
            ("Signed-By", &signed_by),
        ];
        let lines = lines.into_iter().filter(|(_, words)| !words.is_empty());
        lines.map(|(name, words)| format!("{name}: {}\n", words.join(" "))).collect()
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
fn file(path: &str, content: (&str, String), validate: &str) -> Result<File, ArgumentError> {
    let mut arguments = vec![("path", path), ("mode", "0644"), (content.0, &content.1)];
    if !validate.is_empty() {
        arguments.push(("validate", validate));
    }
    let arguments =
        arguments.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
    File::deserialize(Value::Map(arguments.collect()))
        .map_err(|error| ArgumentError::new("", error.to_string()))
}

fn all_files<'a>(batch: &[&'a Repository]) -> Vec<&'a File> {
    batch.iter().flat_map(|repository| &repository.files).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(json: &str) -> Repository {
        let value = serde_json::from_str::<Value>(json).unwrap();
        Repository::deserialize(value).unwrap()
    }

    #[test]
    fn a_source_is_written_as_apt_reads_it() {
        let repository = repository(
            r#"{"name": "docker", "uris": ["https://a/b"], "suites": ["bookworm"],
            "components": ["stable", "test"], "key": "-----BEGIN PGP PUBLIC KEY BLOCK-----"}"#,
        );
        assert!(repository.check().is_ok());
        assert_eq!(
            repository.source(),
            "Types: deb\nURIs: https://a/b\nSuites: bookworm\nComponents: stable test\n\
            Signed-By: /etc/apt/keyrings/docker.asc\n"
        );
    }

    #[test]
    fn a_key_is_told_by_what_it_holds() {
        let form = |key: &[u8]| KeyForm::of(key).map_err(|error| error.message);
        assert_eq!(form(b"x\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n"), Ok(KeyForm::Armoured));
        assert_eq!(form(&[0x99, 0x01, 0x0d, 0x04]), Ok(KeyForm::Binary));
        assert_eq!(form(&[0xc6, 0x33, 0x04]), Ok(KeyForm::Binary));
        for no_key in [
            &b""[..],
            b"<html>",
            b"-----BEGIN PGP PRIVATE KEY BLOCK-----",
            b"\0\0\0 \x01\x01\0\x02KBXf",
        ] {
            assert!(form(no_key).is_err(), "{no_key:?}");
        }
    }

    #[test]
    fn a_word_cannot_add_a_line() {
        let bad = repository(
            r#"{"name": "a", "uris": ["https://a\nTrusted: yes"], "suites": ["b"], "components": ["c"]}"#,
        );
        assert_eq!(bad.check().unwrap_err().argument, "uris");
        let flat = repository(r#"{"name": "a", "uris": ["https://a"], "suites": ["./"]}"#);
        assert!(flat.check().is_ok());
        let no_components = repository(r#"{"name": "a", "uris": ["https://a"], "suites": ["b"]}"#);
        assert_eq!(no_components.check().unwrap_err().argument, "components");
    }
}
