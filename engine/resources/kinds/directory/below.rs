//! What lies below a directory: how it is told, and whether it can be used.

use std::collections::{BTreeMap, BTreeSet};

use super::Directory;
use crate::resources::{
    change::{Field, Shown},
    entry::{self, Entry},
    footprint::{Below, Lies, Tree},
    resource::{Looked, Unknown},
};

/// How something below the directory is called in a change; no argument has such a name.
pub(super) fn label(name: &str) -> String {
    format!("./{name}")
}

/// The fields of something below the directory, with its name before theirs.
pub(super) fn named(name: &str, fields: Vec<Field>) -> impl Iterator<Item = Field> {
    fields.into_iter().map(move |field| {
        let name = label(name);
        let name = if field.name.is_empty() { name } else { format!("{name} {}", field.name) };
        Field { name, ..field }
    })
}

pub(super) fn before(entry: Option<&Entry>) -> Shown {
    match entry {
        None | Some(Entry::Missing) => Shown::Nothing,
        Some(entry) => entry.type_name().into(),
    }
}

/// What a purge would remove, by the path of its directory.
pub(super) fn extras(output: &str) -> BTreeMap<&str, BTreeSet<String>> {
    let mut extras: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut current = None;
    for line in entry::lines(output) {
        if let Some(path) = line.strip_prefix("purged ") {
            current = Some(extras.entry(path).or_default());
        } else if let (Some(names), Some(name)) = (&mut current, line.strip_prefix("extra ")) {
            names.insert(name.to_owned());
        }
    }
    extras
}

/// Something that the step would refuse is told before anything is done.
pub(super) fn usable(path: &str, entry: Entry, as_directory: bool) -> Looked<Entry> {
    let refused = match entry {
        Entry::Missing => false,
        Entry::Directory { .. } => !as_directory,
        Entry::Link | Entry::File { .. } => as_directory,
        Entry::Other(_) => true,
    };
    let wanted = if as_directory { "directory" } else { "file" };
    match entry {
        Entry::Link if as_directory => Err(Unknown::new(format!(
            "{path} is a link to somewhere else than a declared directory"
        ))
        .hint("remove it, or declare its target")),
        entry if refused => {
            let what = entry.type_name();
            Err(Unknown::new(format!("{path} is a {what}, and is not replaced by a {wanted}"))
                .hint("remove it, or name another path"))
        }
        entry => Ok(entry),
    }
}

/// What comes with the source, as what it wants of each path.
impl Tree for Directory {
    fn names(&self) -> Vec<String> {
        Directory::names(self).map(str::to_owned).collect()
    }

    fn lies(&self, name: &str) -> Option<Lies<'_>> {
        if let Some(file) = self.tree.iter().find(|file| file.path == name) {
            return Some(Lies::File(Some(&file.content), self.access(Some(self.mode_of(file)))));
        }
        let folder = || Lies::Directory(self.access(self.mode.as_deref()), Below::default());
        self.folders.contains(name).then(folder)
    }
}
