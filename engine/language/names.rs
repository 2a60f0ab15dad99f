//! What a template sees by Ansible's names: of its host, and of the whole inventory.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    inventory::{Host, Inventory},
    template::{self, Values, names},
    value::Value,
};

/// What a template asks for by its names, whether it or one that it includes.
#[derive(Default)]
pub(super) struct Wants {
    /// Facts of its host, by our names; an empty one where it is not known which.
    pub(super) facts: BTreeSet<String>,
    /// Its host by Ansible's names.
    pub(super) ansible: bool,
    /// Groups and other hosts.
    pub(super) fleet: bool,
    /// The names at the top that are neither of these nor `host`.
    pub(super) others: Vec<String>,
}

/// A host as a template saw it.
pub(super) struct Shown {
    pub(super) host: Arc<Host>,
    /// Whether with its facts, and whether by Ansible's names.
    pub(super) wanted: [bool; 2],
    /// By Ansible's names, and by its own.
    pub(super) values: [Arc<Values>; 2],
}

impl Wants {
    /// What a template wants that reads these names.
    pub(super) fn of(read: &BTreeSet<String>) -> Self {
        let mut wants = Self::default();
        let mut others = BTreeSet::new();
        for path in read {
            let name = path.split('.').next().unwrap_or_default();
            let fact = names::made_of(name);
            let ours = path.strip_prefix("host.facts").and_then(|below| match below {
                "" => Some(""),
                _ => below.strip_prefix('.')?.split('.').next(),
            });
            wants.facts.extend(ours.or(fact).map(str::to_owned));
            wants.fleet |= matches!(name, "groups" | "hostvars");
            let is_known = names::NAMES.iter().any(|(known, _)| *known == name) || fact.is_some();
            wants.ansible |= is_known && !matches!(name, "ansible_managed" | "groups" | "hostvars");
            if name != "host" && !is_known && !template::registry::is_function(name) {
                others.insert(name.to_owned());
            }
        }
        wants.others = others.into_iter().collect();
        wants
    }
}

fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// The names of a host that need no facts.
fn own(host: &Host) -> Values {
    let mut groups: Vec<&str> =
        host.groups.iter().map(|it| &**it).filter(|it| *it != "all").collect();
    groups.sort_unstable();
    let groups = groups.into_iter().map(Value::from).collect();
    [
        ("inventory_hostname", Value::from(&*host.name)),
        ("inventory_hostname_short", Value::from(short(&host.name))),
        ("ansible_host", Value::from(host.address.as_str())),
        ("group_names", Value::List(groups)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// What a host is called, and its facts where they are given.
pub(super) fn of_host(host: &Host, facts: Option<&Value>) -> Values {
    let mut values = own(host);
    if let Some(facts) = facts {
        let facts = names::facts(facts);
        for (name, value) in &facts {
            values.insert([names::PREFIX, name].concat(), value.clone());
        }
        values.insert("ansible_facts".to_owned(), Value::Map(facts));
    }
    values
}

/// What is the same for each host; the groups and the variables of all hosts where that is wanted.
pub(super) fn of_fleet(inventory: &Inventory, whole: bool) -> Values {
    let managed = ("ansible_managed".to_owned(), Value::from("Ansible managed"));
    if !whole {
        return [managed].into();
    }
    let hosts =
        |hosts: &[Arc<str>]| Value::List(hosts.iter().map(|host| Value::from(&**host)).collect());
    let groups =
        inventory.groups.values().map(|group| (group.name.to_string(), hosts(&group.hosts)));
    let vars = inventory.hosts.values().map(|host| {
        let mut vars: Values =
            host.vars.iter().map(|(name, var)| (name.clone(), var.value.clone())).collect();
        vars.extend(own(host));
        (host.name.to_string(), Value::Map(vars))
    });
    [
        managed,
        ("groups".to_owned(), Value::Map(groups.collect())),
        ("hostvars".to_owned(), Value::Map(vars.collect())),
    ]
    .into()
}
