//! What inventories declare, before it is decided what each host gets.

use std::{collections::HashSet, sync::Arc};

use indexmap::{IndexMap, map::Entry};

use super::{mark::Mark, name};
use crate::base::{
    diagnostic::{Diagnostic, Result},
    value::Value,
};

/// Everything that was declared, in order.
#[derive(Debug, Default)]
pub(super) struct DeclaredInventory {
    /// What is said of all hosts.
    pub all: LevelSettings,
    pub hosts: IndexMap<Arc<str>, DeclaredHost>,
    pub groups: IndexMap<Arc<str>, DeclaredGroup>,
    /// What is worth a word, though it is no error.
    pub warnings: Vec<Diagnostic>,
    /// What was warned of once.
    warned: HashSet<String>,
}

#[derive(Debug)]
pub(super) struct DeclaredHost {
    pub mark: Mark,
    pub address: Option<String>,
    pub settings: LevelSettings,
}

#[derive(Debug)]
pub(super) struct DeclaredGroup {
    pub mark: Mark,
    /// The hosts that are named in it, and where.
    pub hosts: IndexMap<Arc<str>, Mark>,
    /// The groups that are named in it, and where.
    pub children: IndexMap<Arc<str>, Mark>,
    pub settings: LevelSettings,
}

/// What one level sets.
#[derive(Debug, Default, Clone)]
pub(super) struct LevelSettings {
    pub vars: Layer,
    pub connection: Layer,
}

/// Values by name, each with where it was written; the last one counts.
pub(super) type Layer = IndexMap<String, Vec<(Value, Mark)>>;

impl LevelSettings {
    /// Adds what a later text sets on the same level.
    pub(super) fn extend(&mut self, later: LevelSettings) {
        for (to, from) in [(&mut self.vars, later.vars), (&mut self.connection, later.connection)] {
            for (name, values) in from {
                to.entry(name).or_default().extend(values);
            }
        }
    }
}

impl DeclaredInventory {
    /// Declares a host; a second one of that name is an error.
    pub(super) fn add_host(&mut self, name: Arc<str>, host: DeclaredHost) -> Result<()> {
        name::check(&name, &host.mark)?;
        match self.hosts.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(host);
                Ok(())
            }
            Entry::Occupied(entry) => {
                let message = format!("the host `{}` is declared twice", entry.key());
                Err(host
                    .mark
                    .error("inventory::duplicate-host", message)
                    .label("again here")
                    .hint("declare a host once, and name it in as many groups as you like")
                    .related(entry.get().mark.note("declared here first")))
            }
        }
    }

    /// Declares a group, or adds to one that an earlier text declared.
    pub(super) fn add_group(&mut self, name: &Arc<str>, group: DeclaredGroup) -> Result<()> {
        name::check(name, &group.mark)?;
        self.join_group(name, group);
        Ok(())
    }

    /// Declares a group of Ansible, which may have any name.
    pub(super) fn merge_group(&mut self, name: &Arc<str>, group: DeclaredGroup) -> Result<()> {
        self.accept(name, &group.mark)?;
        self.join_group(name, group);
        Ok(())
    }

    /// Declares a host of Ansible, which may have any name, or adds to it.
    pub(super) fn merge_host(&mut self, name: &Arc<str>, host: DeclaredHost) -> Result<()> {
        self.accept(name, &host.mark)?;
        match self.hosts.entry(name.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(host);
            }
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                known.address = host.address.or(known.address.take());
                known.settings.extend(host.settings);
            }
        }
        Ok(())
    }

    /// Takes an odd name with a warning; only what a terminal could misread is refused.
    fn accept(&mut self, name: &str, mark: &Mark) -> Result<()> {
        if name.is_empty() || name.chars().any(char::is_control) || name == "all" {
            return name::check(name, mark);
        }
        if !name::is_good(name) {
            let message = format!("`{}` is an odd name", name.escape_debug());
            let hint = "in a pattern, write it alone, or in quotes: \"'NAME' & web\"";
            self.warn_once(
                "an odd name",
                mark.error("inventory::invalid-name", message).hint(hint),
            );
        }
        Ok(())
    }

    /// Says something that is no error.
    pub(super) fn warn(&mut self, warning: Diagnostic) {
        self.warnings.push(warning);
    }

    /// Says it unless something alike was said.
    pub(super) fn warn_once(&mut self, alike: &str, warning: Diagnostic) {
        if self.warned.insert(alike.to_owned()) {
            self.warnings.push(warning);
        }
    }

    fn join_group(&mut self, name: &Arc<str>, group: DeclaredGroup) {
        match self.groups.entry(name.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(group);
            }
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                known.hosts.extend(group.hosts);
                known.children.extend(group.children);
                known.settings.extend(group.settings);
            }
        }
    }
}
