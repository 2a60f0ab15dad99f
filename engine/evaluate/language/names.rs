//! What a template sees by Ansible's names: of its host, and of the whole inventory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    base::value::Value,
    input::{
        inventory::{Host, Inventory},
        template::{self, Values, facts, names},
    },
};

/// What a template asks for by its names, whether it or one that it includes.
#[derive(Default)]
pub(super) struct Wants {
    /// Facts of its host, by our names; an empty one where it is not known which.
    pub(super) facts: BTreeSet<String>,
    /// Its host by Ansible's names.
    pub(super) ansible: bool,
    /// How much of the inventory.
    pub(super) fleet: FleetPart,
    /// The names at the top that are neither of these nor `host`.
    pub(super) others: Vec<String>,
}

/// How much of the inventory a template asks for; each has what the one before it has.
#[derive(Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FleetPart {
    #[default]
    Nothing,
    Groups,
    /// All hosts, with their variables, and their facts as far as they are known.
    Hosts,
}

/// A host as a template saw it.
pub(super) struct ShownHost {
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
            let made_of = fact.unwrap_or_default().iter().copied();
            wants.facts.extend(ours.into_iter().chain(made_of).map(str::to_owned));
            wants.fleet = wants.fleet.max(match name {
                "groups" => FleetPart::Groups,
                "hostvars" => FleetPart::Hosts,
                _ => FleetPart::Nothing,
            });
            // The role has its name, and not the host.
            let is_known = name != "role_name"
                && (names::NAMES.iter().any(|(known, _)| *known == name) || fact.is_some());
            let of_all = ["ansible_managed", "ansible_check_mode", "omit", "groups", "hostvars"];
            wants.ansible |= is_known && !of_all.contains(&name);
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
    let user = host.connection.user.as_deref().map(Value::from);
    let port = host.connection.port.map(|port| Value::Int(port.into()));
    [
        ("inventory_hostname", Some(Value::from(&*host.name))),
        ("inventory_hostname_short", Some(Value::from(short(&host.name)))),
        ("ansible_host", Some(Value::from(host.address.as_str()))),
        ("ansible_user", user),
        ("ansible_port", port),
        ("group_names", Some(Value::List(groups))),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

/// What a host is called, and its facts where they are given.
pub(super) fn of_host(host: &Host, known: Option<&Value>) -> Values {
    let mut values = own(host);
    if let Some(known) = known {
        let facts = facts::facts(known);
        for (name, value) in &facts {
            values.insert([names::PREFIX, name].concat(), value.clone());
        }
        values.insert("ansible_facts".to_owned(), Value::Map(facts));
    }
    values
}

/// What is the same for each host, and as much of the inventory as is wanted.
pub(super) fn of_fleet(
    inventory: &Inventory,
    known: &BTreeMap<Arc<str>, Value>,
    wanted: FleetPart,
) -> Values {
    let mut values: Values = [
        ("ansible_managed".to_owned(), Value::from("Ansible managed")),
        ("ansible_check_mode".to_owned(), Value::Bool(false)),
    ]
    .into();
    if wanted >= FleetPart::Groups {
        let hosts = |hosts: &[Arc<str>]| hosts.iter().map(|host| Value::from(&**host)).collect();
        let groups = inventory.groups.values();
        let groups = groups.map(|it| (it.name.to_string(), Value::List(hosts(&it.hosts))));
        values.insert("groups".to_owned(), Value::Map(groups.collect()));
    }
    if wanted >= FleetPart::Hosts {
        let hosts = inventory.hosts.values().map(|host| {
            let mut vars: Values =
                host.vars.iter().map(|(name, var)| (name.clone(), var.value.clone())).collect();
            // What is no text is not known.
            let known = known.get(&host.name).filter(|facts| **facts != Value::Null);
            vars.extend(of_host(host, known));
            (host.name.to_string(), Value::Map(vars))
        });
        values.insert("hostvars".to_owned(), Value::Map(hosts.collect()));
    }
    values
}
