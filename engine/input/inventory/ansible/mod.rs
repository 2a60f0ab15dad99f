//! Inventories as Ansible has them: what a program prints, INI, YAML, and the folders `group_vars` and `host_vars`.
//!
//! All of them become one tree of groups, hosts and variables, which is read here. Names that Ansible takes are taken;
//! what cannot mean the same here is told.

mod literal;
mod ini;
mod arguments;
mod range;
mod variables;
mod yaml;

use std::sync::Arc;

use indexmap::IndexMap;

pub(super) use self::{
    range::{address, expand},
    variables::{meanings, settle},
};
use super::{
    Given, InventoryFormat, KINDS, Owner,
    declared::{DeclaredGroup, DeclaredHost, DeclaredInventory, LevelSettings},
    mark::Mark,
};
use crate::base::{
    diagnostic::Result,
    document::{Document, DocumentEntry, DocumentNode, Item},
    value::Value,
};

/// Adds what the text declares. A host is declared where it is named first.
pub(super) fn read(given: &Given, to: &mut DeclaredInventory) -> Result<()> {
    let document = match &given.format {
        InventoryFormat::Ini => ini::document(&given.source)?,
        InventoryFormat::Yaml | InventoryFormat::Vars(_) => yaml::document(&given.source)?,
        InventoryFormat::Json | InventoryFormat::Toml => Document::json(&given.source, KINDS)?,
    };
    let mut reader = AnsibleReader { given, document: &document, to };
    match &given.format {
        InventoryFormat::Vars(owner) => reader.vars_of(owner),
        _ => reader.inventory(),
    }
}

/// Hosts that are in no group but `all` are in this one.
const UNGROUPED: &str = "ungrouped";

/// Puts hosts without a group into `ungrouped`, and takes the others out of it, wherever Ansible's inventories name it.
pub(super) fn gather_ungrouped(declared: &mut DeclaredInventory) {
    let Some(mut ungrouped) = declared.groups.shift_remove(UNGROUPED) else { return };
    let grouped =
        |host: &Arc<str>| declared.groups.values().any(|group| group.hosts.contains_key(host));
    ungrouped.hosts.retain(|host, _| !grouped(host));
    declared.groups.insert(UNGROUPED.into(), ungrouped);
}

struct AnsibleReader<'a> {
    given: &'a Given,
    document: &'a Document,
    to: &'a mut DeclaredInventory,
}

impl AnsibleReader<'_> {
    fn inventory(&mut self) -> Result<()> {
        let root = self.document.root();
        if root.item == Item::Null {
            return Ok(());
        }
        let groups = self.document.table(root)?;
        for (name, entry) in groups.iter().filter(|(name, _)| *name != "_meta") {
            self.group(name, entry)?;
        }
        let Some(meta) = groups.get("_meta") else { return Ok(()) };
        let Some(variables) = self.document.table(&meta.node)?.get("hostvars") else {
            return Ok(());
        };
        for (name, entry) in self.document.table(&variables.node)? {
            self.host(name, &entry.node, Some(&entry.node))?;
        }
        Ok(())
    }

    /// The variables of a host or a group that a file of its own holds. One that nobody declares has none.
    fn vars_of(&mut self, owner: &Owner) -> Result<()> {
        if self.document.root().item == Item::Null {
            return Ok(());
        }
        let (address, settings) = self.variables(self.document.root())?;
        match owner {
            Owner::Group(name) if name == "all" => self.to.all.extend(settings),
            Owner::Group(name) => {
                if let Some(group) = self.to.groups.get_mut(name.as_str()) {
                    group.settings.extend(settings);
                }
            }
            Owner::Host(name) => {
                if let Some(host) = self.to.hosts.get_mut(name.as_str()) {
                    host.address = address.or(host.address.take());
                    host.settings.extend(settings);
                }
            }
        }
        Ok(())
    }

    /// Declares a group, and what is in it.
    fn group(&mut self, name: &str, entry: &DocumentEntry) -> Result<()> {
        let mark = self.mark_of(entry);
        let mut group = DeclaredGroup {
            mark,
            hosts: IndexMap::new(),
            children: IndexMap::new(),
            settings: LevelSettings::default(),
        };
        match &entry.node.item {
            Item::List(_) => self.hosts(&entry.node, &mut group)?,
            Item::Null => {}
            _ => self.parts(name, &entry.node, &mut group)?,
        }
        if name != "all" {
            return self.to.merge_group(&name.into(), group);
        }
        self.to.all.extend(group.settings);
        // Who is directly in `all` may be in no other group.
        if self.given.format != InventoryFormat::Json && !group.hosts.is_empty() {
            let ungrouped = DeclaredGroup {
                children: IndexMap::new(),
                settings: LevelSettings::default(),
                ..group
            };
            return self.to.merge_group(&UNGROUPED.into(), ungrouped);
        }
        Ok(())
    }

    fn parts(&mut self, name: &str, node: &DocumentNode, group: &mut DeclaredGroup) -> Result<()> {
        for (key, entry) in self.document.table(node)? {
            match key.as_str() {
                "hosts" => self.hosts(&entry.node, group)?,
                "children" => self.children(&entry.node, group)?,
                "vars" if entry.node.item == Item::Null => {}
                "vars" => {
                    let (address, settings) = self.variables(&entry.node)?;
                    group.settings.extend(settings);
                    if address.is_some() {
                        let error = self.mark_of(entry).error(
                            "inventory::address",
                            format!("the group `{name}` has one address for all of its hosts"),
                        );
                        return Err(error.hint("ansible_host belongs to a host"));
                    }
                }
                other => {
                    let message = format!("unknown key `{other}` of the group `{name}` is ignored");
                    let hint = "a group has `hosts`, `children` and `vars`";
                    let mark = self.mark_of(entry);
                    self.to.warn(mark.error("inventory::unknown-key", message).hint(hint));
                }
            }
        }
        Ok(())
    }

    fn hosts(&mut self, node: &DocumentNode, group: &mut DeclaredGroup) -> Result<()> {
        let mut named = Vec::new();
        match &node.item {
            Item::Null => {}
            Item::Table(table) => {
                for (name, entry) in table {
                    let vars = Some(&entry.node).filter(|node| node.item != Item::Null);
                    named.push((name.as_str(), &entry.key, vars));
                }
            }
            Item::Text(name) if self.given.format == InventoryFormat::Yaml => {
                named.push((name.as_str(), &node.span, None));
            }
            _ => {
                for node in self.document.list(node)? {
                    named.push((self.document.text(node)?, &node.span, None));
                }
            }
        }
        for (name, span, vars) in named {
            let at = DocumentNode { span: span.clone(), item: Item::Null };
            let mark = Mark::new(self.document, span);
            for name in self.host(name, &at, vars)? {
                group.hosts.entry(name).or_insert_with(|| mark.clone());
            }
        }
        Ok(())
    }

    fn children(&mut self, node: &DocumentNode, group: &mut DeclaredGroup) -> Result<()> {
        match &node.item {
            Item::Null => {}
            Item::Table(table) => {
                for (name, entry) in table {
                    group.children.insert(name.as_str().into(), self.mark_of(entry));
                    self.group(name, entry)?;
                }
            }
            _ => {
                for node in self.document.list(node)? {
                    let name = self.document.text(node)?;
                    group.children.insert(name.into(), Mark::new(self.document, &node.span));
                }
            }
        }
        Ok(())
    }

    /// Declares the hosts that a name stands for, or adds to them; gives their names.
    fn host(
        &mut self,
        text: &str,
        at: &DocumentNode,
        vars: Option<&DocumentNode>,
    ) -> Result<Vec<Arc<str>>> {
        let mark = Mark::new(self.document, &at.span);
        let (names, port) = match self.given.format {
            InventoryFormat::Json => (vec![text.into()], None),
            _ => range::hosts(text, &mark)?,
        };
        let (address, mut settings) = match vars {
            Some(node) => self.variables(node)?,
            None => (None, LevelSettings::default()),
        };
        if let Some(port) = port {
            let value = (Value::Int(port.into()), mark.clone());
            settings.connection.entry("port".to_owned()).or_insert(vec![value]);
        }
        for name in &names {
            let (mark, address) = (mark.clone(), address.clone());
            let host = DeclaredHost { mark, address, settings: settings.clone() };
            self.to.merge_host(name, host)?;
        }
        Ok(names)
    }

    /// Variables: an address, how to connect, and what is left.
    fn variables(&mut self, node: &DocumentNode) -> Result<(Option<String>, LevelSettings)> {
        let table = self.document.table(node)?;
        variables::VariableReader { given: self.given, document: self.document, to: self.to }
            .read(table)
    }

    /// Where a name stands; JSON's names have no place of their own.
    fn mark_of(&self, entry: &DocumentEntry) -> Mark {
        Mark::new(self.document, &entry.key)
    }
}
