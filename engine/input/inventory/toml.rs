//! The inventory that people write.

use std::sync::Arc;

use indexmap::IndexMap;

use super::{
    Given, InventoryFormat, KINDS, ansible, connection,
    declared::{DeclaredGroup, DeclaredHost, DeclaredInventory, Layer, LevelSettings},
    mark::Mark,
};
use crate::base::{
    diagnostic::{Diagnostic, Result},
    document::{Document, DocumentEntry, Fields, Item, Table},
    value::Value,
};

/// Adds what the text declares.
pub(super) fn read(given: &Given, to: &mut DeclaredInventory) -> Result<()> {
    let document = Document::toml(&given.source, KINDS)
        .map_err(|error| ansible_hint(error, &given.source.text))?;
    let keys = connection::keys();
    let reader = TomlReader { given, document: &document, keys: &keys };
    let mut fields = document.fields()?;
    to.all.extend(reader.settings(&mut fields)?);
    for (name, entry) in fields.table("hosts")?.into_iter().flatten() {
        reader.host(name, entry, to)?;
    }
    for (name, entry) in fields.table("groups")?.into_iter().flatten() {
        reader.group(name, entry, to)?;
    }
    fields.finish()
}

/// What to do about a text that is an inventory of Ansible.
fn ansible_hint(error: Diagnostic, text: &str) -> Diagnostic {
    match InventoryFormat::guess(text) {
        InventoryFormat::Toml => error,
        InventoryFormat::Ini => {
            error.hint("this looks like an INI inventory of Ansible: call the file hosts.ini")
        }
        _ => error.hint("this looks like a YAML inventory of Ansible: call the file hosts.yml"),
    }
}

struct TomlReader<'a> {
    given: &'a Given,
    document: &'a Document,
    keys: &'a [String],
}

impl<'a> TomlReader<'a> {
    fn host(&self, name: &str, entry: &'a DocumentEntry, to: &mut DeclaredInventory) -> Result<()> {
        self.expect_quoted_dots(name, entry)?;
        let mark = Mark::new(self.document, &entry.key);
        let mut fields = self.document.fields_of(&entry.node)?;
        let address = fields.get("address");
        let address = address.map(|node| Ok((self.document.text(node)?, node))).transpose()?;
        let mut settings = self.settings(&mut fields)?;
        settings.connection.extend(connection::read(
            self.given,
            self.document,
            &mut fields,
            self.keys,
        )?);
        fields.finish()?;

        let names = ansible::expand(name, &mark)?;
        if let Some((_, node)) = address.filter(|(text, _)| names.len() > 1 || text.is_empty()) {
            let message = "not an address of a host";
            return Err(self
                .document
                .error("inventory::address", message.to_owned(), &node.span)
                .label(if names.len() > 1 { "one address for many hosts" } else { "empty" })
                .hint("without an address, a host is reached by its name"));
        }
        let (address, port) = match address {
            Some((text, _)) => ansible::address(text, &mark)?,
            None => (None, None),
        };
        if let Some(port) = port {
            let own = settings.connection.entry("port".to_owned());
            own.or_insert_with(|| vec![(Value::Int(port.into()), mark.clone())]);
        }
        for name in names {
            let address = address.clone();
            let (mark, settings) = (mark.clone(), settings.clone());
            to.add_host(name, DeclaredHost { mark, address, settings })?;
        }
        Ok(())
    }

    fn group(
        &self,
        name: &str,
        entry: &'a DocumentEntry,
        to: &mut DeclaredInventory,
    ) -> Result<()> {
        let mark = Mark::new(self.document, &entry.key);
        let mut fields = self.document.fields_of(&entry.node)?;
        let group = DeclaredGroup {
            mark,
            hosts: self.names(&mut fields, "hosts")?,
            children: self.names(&mut fields, "children")?,
            settings: self.settings(&mut fields)?,
        };
        fields.finish()?;
        to.add_group(&name.into(), group)
    }

    /// The names in a list, each with its place.
    fn names(&self, fields: &mut Fields<'a>, key: &'a str) -> Result<IndexMap<Arc<str>, Mark>> {
        let mut names = IndexMap::new();
        for (text, span) in fields.texts(key)? {
            let mark = Mark::new(self.document, span);
            names
                .extend(ansible::expand(text, &mark)?.into_iter().map(|name| (name, mark.clone())));
        }
        Ok(names)
    }

    /// `vars` and `connection`, which every level can have.
    fn settings(&self, fields: &mut Fields<'a>) -> Result<LevelSettings> {
        let mut settings = LevelSettings::default();
        if let Some(vars) = fields.table("vars")? {
            settings.vars = self.vars(vars)?;
        }
        if let Some(node) = fields.get("connection") {
            let mut fields = self.document.fields_of(node)?;
            settings.connection =
                connection::read(self.given, self.document, &mut fields, self.keys)?;
            fields.finish()?;
        }
        Ok(settings)
    }

    fn vars(&self, table: &Table) -> Result<Layer> {
        let mut vars = Layer::new();
        for (name, entry) in table {
            if !is_variable_name(name) {
                let message =
                    format!("`{}` is not a valid name of a variable", name.escape_debug());
                return Err(self
                    .document
                    .error("inventory::invalid-name", message, &entry.key)
                    .label("not valid")
                    .hint(
                        "scripts say `host.vars.name`: letters, digits and `_`, no digit first",
                    ));
            }
            let mark = Mark::new(self.document, &entry.node.span);
            vars.insert(name.clone(), vec![((&entry.node).into(), mark)]);
        }
        Ok(vars)
    }

    /// TOML reads `web.example = {}` as a table in a table; then the host's keys look unknown.
    fn expect_quoted_dots(&self, name: &str, entry: &DocumentEntry) -> Result<()> {
        let Item::Table(table) = &entry.node.item else { return Ok(()) };
        let Some((next, inner)) = table.first().filter(|(next, _)| !self.is_key(next)) else {
            return Ok(());
        };
        if table.len() > 1 || !matches!(inner.node.item, Item::Table(_)) {
            return Ok(());
        }
        Err(self
            .document
            .error("inventory::unquoted-name", format!("unknown key `{next}`"), &inner.key)
            .label(format!("read as a key of the host `{name}`"))
            .hint(format!("a name with dots is quoted: `\"{name}.{next}\"`")))
    }

    fn is_key(&self, name: &str) -> bool {
        matches!(name, "vars" | "connection" | "address") || self.keys.iter().any(|key| key == name)
    }
}

/// Whether scripts and templates can say it after a dot.
pub(super) fn is_variable_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
