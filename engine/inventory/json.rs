//! The inventory that a program prints, in the form of Ansible's `--list`.

use std::sync::Arc;

use indexmap::IndexMap;

use super::{
    Given, KINDS, connection,
    declared::{Declared, DeclaredGroup, DeclaredHost, Mark, Settings},
};
use crate::{
    diagnostic::Result,
    document::{Document, Entry, Item, Node},
};

/// The variables of Ansible that say how a host is reached, and our keys for them.
const CONNECTION: [(&str, &str); 4] = [
    ("ansible_user", "user"),
    ("ansible_port", "port"),
    ("ansible_connection", "transport"),
    ("ansible_ssh_private_key_file", "identity_file"),
];

/// The variable of Ansible that says where a host is reached.
const ADDRESS: &str = "ansible_host";

/// Adds what the text declares. A host is declared where it is named first.
pub(super) fn read(given: &Given, to: &mut Declared) -> Result<()> {
    let document = Document::json(&given.source, KINDS)?;
    let reader = Reader { given, document: &document };
    let mut hosts = IndexMap::new();
    let groups = document.table(document.root())?;
    for (name, entry) in groups.iter().filter(|(name, _)| *name != "_meta") {
        for (host, mark) in reader.group(name, entry, to)? {
            hosts.entry(host).or_insert(DeclaredHost::at(mark));
        }
    }
    if let Some(meta) = groups.get("_meta")
        && let Some(variables) = document.table(&meta.node)?.get("hostvars")
    {
        for (name, entry) in document.table(&variables.node)? {
            let host = hosts.entry(name.as_str().into());
            let host = host.or_insert_with(|| DeclaredHost::at(reader.mark(&entry.node)));
            (host.address, host.settings) = reader.variables(&entry.node)?;
        }
    }
    hosts.into_iter().try_for_each(|(name, host)| to.add_host(name, host))
}

struct Reader<'a> {
    given: &'a Given,
    document: &'a Document,
}

impl Reader<'_> {
    /// Declares a group, and gives the hosts that it names.
    fn group(
        &self,
        name: &str,
        entry: &Entry,
        to: &mut Declared,
    ) -> Result<IndexMap<Arc<str>, Mark>> {
        let mut group = DeclaredGroup {
            mark: self.mark(&entry.node),
            hosts: IndexMap::new(),
            children: IndexMap::new(),
            settings: Settings::default(),
        };
        if let Item::List(_) = entry.node.item {
            group.hosts = self.names(&entry.node)?;
        } else {
            let mut fields = self.document.fields_of(&entry.node)?;
            if let Some(node) = fields.get("hosts") {
                group.hosts = self.names(node)?;
            }
            if let Some(node) = fields.get("children") {
                group.children = self.names(node)?;
            }
            if let Some(node) = fields.get("vars") {
                group.settings = self.variables(node)?.1;
            }
            fields.finish()?;
        }
        let hosts = group.hosts.clone();
        match name {
            "all" => to.all.extend(group.settings),
            name => to.add_group(&name.into(), group)?,
        }
        Ok(hosts)
    }

    fn names(&self, node: &Node) -> Result<IndexMap<Arc<str>, Mark>> {
        let nodes = self.document.list(node)?.iter();
        nodes.map(|node| Ok((self.document.text(node)?.into(), self.mark(node)))).collect()
    }

    /// Variables: an address, how to connect, and what is left.
    fn variables(&self, node: &Node) -> Result<(Option<String>, Settings)> {
        let (mut address, mut settings) = (None, Settings::default());
        for (name, Entry { node, .. }) in self.document.table(node)? {
            let mark = self.mark(node);
            if name == ADDRESS {
                address = Some(self.document.text(node)?.to_owned());
            } else if let Some((_, key)) = CONNECTION.iter().find(|(ansible, _)| ansible == name) {
                let value = connection::setting(self.given, key, node, &mark)?;
                settings.connection.insert((*key).to_owned(), vec![(value, mark)]);
            } else {
                settings.vars.insert(name.clone(), vec![(node.into(), mark)]);
            }
        }
        Ok((address, settings))
    }

    fn mark(&self, node: &Node) -> Mark {
        Mark::new(self.document, &node.span)
    }
}
