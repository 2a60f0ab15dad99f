//! The folders of roles: what they are called, and where each is.

use super::{SourceError, state::Evaluating};
use crate::base::diagnostic::{Diagnostic, did_you_mean};

pub(super) fn unreadable(path: &str, error: &SourceError) -> Diagnostic {
    let diagnostic = Diagnostic::new("role::unreadable", format!("{path}: {error}"));
    match error.hint() {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

/// The names of all roles, sorted.
pub(super) fn names(state: &Evaluating) -> Result<Vec<String>, Diagnostic> {
    let input = state.input();
    let mut files = Vec::new();
    for folder in &input.roles {
        files.extend(input.sources.list(folder, None).map_err(|error| unreadable(folder, &error))?);
    }
    let mut names: Vec<String> = files
        .into_iter()
        .filter_map(|path| {
            let (name, file) = path.split_once('/')?;
            matches!(file, "main.rhai" | "lib.rhai").then(|| name.to_owned())
        })
        .collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// Whether a role can be called so: a name, and no path to elsewhere.
fn is_name(name: &str) -> bool {
    !name.starts_with('.') && !name.is_empty() && !name.contains(['/', '\0'])
}

/// The folder of a role: in the first of the roles' folders that has it.
pub(super) fn folder(state: &Evaluating, name: &str) -> Option<String> {
    if !is_name(name) {
        return None;
    }
    let input = state.input();
    let has = |folder: &&String| {
        let below = |file: &str| format!("{folder}/{name}/{file}");
        // One that cannot be read is there as well, and is told when it is read.
        let is_there =
            |file: &&str| !matches!(state.read(&below(file)), Err(SourceError::NotFound));
        ["main.rhai", "lib.rhai"].iter().any(is_there)
    };
    input.roles.iter().find(has).map(|folder| format!("{folder}/{name}"))
}

/// The error of a name that is no role.
pub(super) fn unknown(state: &Evaluating, name: &str) -> Diagnostic {
    if !is_name(name) {
        let message = format!("`{}` is not a name of a role", name.escape_debug());
        let hint =
            format!("a role has the name of its directory in {}", state.input().roles.join(", "));
        return Diagnostic::new("role::name", message).hint(hint);
    }
    let known = names(state).unwrap_or_default();
    let hint = did_you_mean(name, known.iter().map(String::as_str)).unwrap_or_else(|| {
        format!("a role is a directory in {} with a main.rhai", state.input().roles.join(", "))
    });
    Diagnostic::new("role::unknown", format!("there is no role `{name}`")).hint(hint)
}
