//! The cases in `tests/resources/<kind>/<case>.toml`, and a role's folder made of a map.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use converge::{
    base::{content::Content, secret::Secret, value::Value},
    resources::{
        kind::{DesiredResource, Kind},
        kinds,
        resource::{ArgumentError, Files, SourceTree, TreeFile},
    },
};
use indexmap::IndexMap;
use serde::Deserialize;

/// One case: what a role wants, what a probe printed, and what follows from it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The arguments.
    pub(crate) desired: Value,
    /// More arguments, which are secrets.
    #[serde(default)]
    pub(crate) secrets: BTreeMap<String, String>,
    /// What the role's folder holds: `files/...` and `templates/...`.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, String>,
    /// What the probe printed.
    #[serde(default)]
    pub(crate) probe: String,
    /// What differs: a line for each field.
    #[serde(default)]
    pub(crate) changes: Vec<String>,
    /// The step's script.
    #[serde(default)]
    pub(crate) script: String,
    /// Why the declaration is refused, if it is.
    #[serde(default)]
    pub(crate) error: String,
    #[serde(skip)]
    pub(crate) path: PathBuf,
}

impl Case {
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let case: Case =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path: path.to_owned(), ..case }
    }

    /// The name of the file, without its ending.
    pub(crate) fn name(&self) -> &str {
        self.path.file_stem().unwrap().to_str().unwrap()
    }

    /// The kind that the folder is named after.
    pub(crate) fn kind(&self) -> &'static dyn Kind {
        let name = self.path.parent().unwrap().file_name().unwrap().to_str().unwrap();
        kinds::kind(name).unwrap_or_else(|| panic!("{name} is no kind"))
    }

    pub(crate) fn declare(&self) -> Result<DesiredResource, ArgumentError> {
        let mut desired = self.desired.clone();
        let Value::Map(arguments) = &mut desired else { panic!("desired is a map") };
        for (name, text) in &self.secrets {
            let secret = Value::Secret(Secret::new(name.as_str(), text.as_str()));
            arguments.insert(name.clone(), secret);
        }
        self.kind().declare(desired, &Folder(&self.files))
    }
}

/// The cases of a kind, by name.
pub(crate) fn of_kind(kind: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/resources").join(kind);
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| Case::read(path)).collect()
}

/// The cases of all kinds.
pub(crate) fn all() -> impl Iterator<Item = Case> {
    kinds::KINDS.iter().flat_map(|kind| of_kind(kind.name()))
}

/// A role's folder. A template is rendered by putting each of `vars` where its name stands in braces.
pub(crate) struct Folder<'a>(pub(crate) &'a BTreeMap<String, String>);

impl Folder<'_> {
    fn text(&self, path: &str) -> Result<&str, ArgumentError> {
        let text = self.0.get(path).map(String::as_str);
        text.ok_or_else(|| ArgumentError::new("", format!("there is no {path}")))
    }
}

impl Files for Folder<'_> {
    fn source(&self, name: &str) -> Result<Vec<u8>, ArgumentError> {
        Ok(self.text(&format!("files/{name}"))?.as_bytes().to_vec())
    }

    fn template(
        &self,
        name: &str,
        vars: IndexMap<String, Value>,
    ) -> Result<Content, ArgumentError> {
        let mut text = self.text(&format!("templates/{name}"))?.to_owned();
        for (name, value) in vars {
            let value = value.as_str().unwrap_or_default();
            text = text.replace(&format!("{{{{ {name} }}}}"), value);
        }
        Ok(Content::new(text.into_bytes()))
    }

    fn tree(&self, name: &str) -> Result<SourceTree, ArgumentError> {
        let file = |(path, text): (&String, &String)| {
            let path = path.strip_prefix("files/")?.strip_prefix(name)?.strip_prefix('/')?;
            let content = Content::new(text.as_bytes());
            Some(TreeFile { path: path.to_owned(), content, executable: text.starts_with("#!") })
        };
        let files: Vec<TreeFile> = self.0.iter().filter_map(file).collect();
        let above = |file: &TreeFile| -> Vec<String> {
            file.path.match_indices('/').map(|(end, _)| file.path[..end].to_owned()).collect()
        };
        Ok(SourceTree { folders: files.iter().flat_map(above).collect(), files })
    }
}
