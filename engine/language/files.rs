//! What a role's folder gives to a resource: files, and templates with their variables.

use std::{collections::BTreeMap, sync::Arc};

use indexmap::IndexMap;

use super::{
    SourceError,
    convert::host_value,
    state::{Context, State},
};
use crate::{
    content::Content,
    diagnostic::did_you_mean,
    resource::{ArgumentError, Files, TreeFile},
    template,
    value::Value,
};

/// The folder of the script that makes a declaration: a role's, or the playbook's.
pub(super) struct RoleFiles<'a> {
    state: &'a State,
    folder: &'a str,
    scene: &'a Context,
}

impl<'a> RoleFiles<'a> {
    pub(super) fn new(state: &'a State, script: &'a str, scene: &'a Context) -> Self {
        let folder = script.rsplit_once('/').map_or(".", |(folder, _)| folder);
        Self { state, folder, scene }
    }

    fn path(
        &self,
        below: &str,
        name: &str,
        argument: &'static str,
    ) -> Result<String, ArgumentError> {
        if name.starts_with('/') || name.split('/').any(|part| part == "..") {
            let message = format!("`{name}` leaves the folder of the role");
            let hint = format!("name a file below {}/{below}/", self.folder);
            return Err(ArgumentError::new(argument, message).hint(hint));
        }
        Ok(format!("{}/{below}/{name}", self.folder))
    }

    fn missing(
        &self,
        argument: &'static str,
        below: &str,
        name: &str,
        error: &SourceError,
    ) -> ArgumentError {
        let folder = format!("{}/{below}", self.folder);
        let error = match error {
            SourceError::NotFound => {
                ArgumentError::new(argument, format!("there is no {folder}/{name}"))
            }
            SourceError::Unreadable(why) => {
                return ArgumentError::new(argument, format!("cannot read {folder}/{name}: {why}"));
            }
        };
        let known = self.state.input().sources.list(&folder);
        match did_you_mean(name, known.iter().map(String::as_str)) {
            Some(hint) => error.hint(hint),
            None if known.is_empty() => error.hint(format!("the folder {folder}/ is empty")),
            None => error.hint(format!("it holds {}", known.join(", "))),
        }
    }

    /// What a template sees: the role's parameters, the host, and the variables of the call.
    fn variables(&self, vars: &BTreeMap<String, Value>) -> IndexMap<String, Value> {
        let mut all: IndexMap<String, Value> = (*self.scene.parameters).clone();
        if let Some(host) = &self.scene.host {
            all.insert("host".into(), host_value(host));
        }
        all.extend(vars.iter().map(|(name, value)| (name.clone(), value.clone())));
        all
    }
}

impl Files for RoleFiles<'_> {
    fn source(&self, name: &str) -> Result<Vec<u8>, ArgumentError> {
        let path = self.path("files", name, "source")?;
        let read = self.state.input().sources.read(&path);
        read.map_err(|error| self.missing("source", "files", name, &error))
    }

    fn template(
        &self,
        name: &str,
        vars: &BTreeMap<String, Value>,
    ) -> Result<Content, ArgumentError> {
        let path = self.path("templates", name, "template")?;
        let source = self.state.text(&path);
        let source = source.map_err(|error| self.missing("template", "templates", name, &error))?;
        let (state, folder) = (self.state.clone(), format!("{}/templates", self.folder));
        let include: template::Includes = Arc::new(move |other: &str| {
            let inside = !other.starts_with('/') && other.split('/').all(|part| part != "..");
            if inside { state.text(&format!("{folder}/{other}")).ok() } else { None }
        });
        let rendered = template::render(&source, &self.variables(vars), &include)
            .map_err(|diagnostic| ArgumentError::inside("template", diagnostic))?;
        Ok(Content::new(rendered.text.into_bytes()).sensitive(rendered.sensitive))
    }

    fn tree(&self, name: &str) -> Result<Vec<TreeFile>, ArgumentError> {
        let folder = self.path("files", name, "source")?;
        let sources: &Arc<_> = &self.state.input().sources;
        let paths = sources.list(&folder);
        if paths.is_empty() {
            return Err(self.missing("source", "files", name, &SourceError::NotFound));
        }
        let file = |path: String| {
            let bytes = sources.read(&format!("{folder}/{path}"));
            let bytes = bytes.map_err(|error| self.missing("source", "files", name, &error))?;
            Ok(TreeFile { path, content: Content::new(bytes) })
        };
        paths.into_iter().map(file).collect()
    }
}
