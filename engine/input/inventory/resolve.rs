//! What each host gets: its groups, its variables and its connection, each value by four levels and no more.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use indexmap::{IndexMap, IndexSet};

use super::{
    Assignment, Connection, Host, HostGroup, Inventory, Origin, Transport, Variable, ansible,
    connection,
    declared::{DeclaredGroup, DeclaredHost, DeclaredInventory, Layer, LevelSettings},
    mark::Mark,
};
use crate::base::{
    diagnostic::{Diagnostic, Result, did_you_mean},
    value::Value,
};

/// Decides everything.
pub(super) fn resolve(
    declared: &DeclaredInventory,
    assignments: &[Assignment],
) -> Result<Inventory> {
    check_names(declared)?;
    let order = parents_first(declared)?;
    let members = reach(declared, &order, |group| &group.hosts);
    let below = reach(declared, &order, |group| &group.children);
    let mut groups_of: HashMap<&Arc<str>, Vec<Arc<str>>> = HashMap::new();
    for group in &order {
        for host in &members[group] {
            groups_of.entry(host).or_default().push(group.clone());
        }
    }
    let mut inventory = Inventory { assigned: assigned(assignments), ..Inventory::default() };
    for (name, host) in &declared.hosts {
        let groups = groups_of.get(name).map_or(&[][..], Vec::as_slice);
        let levels = Levels { declared, below: &below, name, host, groups };
        let host = levels.host(&inventory.assigned)?;
        inventory.hosts.insert(name.clone(), Arc::new(host));
    }
    inventory.groups = groups(declared, &members);
    inventory.warnings.clone_from(&declared.warnings);
    inventory.warnings.extend(one_host_with_two_names(&inventory));
    Ok(inventory)
}

/// What the command line sets; of two that set the same, the later counts.
fn assigned(assignments: &[Assignment]) -> IndexMap<String, Variable> {
    let mut vars: IndexMap<String, Variable> = IndexMap::new();
    for Assignment { name, value, place } in assignments {
        let none = Variable { value: Value::Null, chain: Vec::new() };
        let variable = vars.entry(name.clone()).or_insert(none);
        variable.value = value.clone();
        let (level, value) = (Origin::COMMAND_LINE.to_owned(), value.clone());
        variable.chain.push(Origin { level, place: place.clone(), value });
    }
    vars
}

/// Hosts that are one: a run would meet its own lock there.
fn one_host_with_two_names(inventory: &Inventory) -> Option<Diagnostic> {
    let mut known: HashMap<_, &Arc<str>> = HashMap::new();
    inventory.hosts.values().find_map(|host| {
        let Connection { transport, port, jump, ssh_options, ssh_config, .. } = &host.connection;
        // Behind different jump hosts, or with options of its own, one address may be many hosts; and each ssh_config says
        // for itself which host a name means.
        if *transport != Transport::Ssh || !jump.is_empty() || !ssh_options.is_empty() {
            return None;
        }
        let dialled = (host.address.as_str(), *port, ssh_config.as_deref());
        let first = known.insert(dialled, &host.name)?;
        let message =
            format!("{first} and {} are the same host: both have the address {}", host.name, host.address);
        let hint =
            "a run that changes both would wait for its own lock: use one name, in as many groups as needed";
        Some(Diagnostic::new("inventory::one-host", message).hint(hint))
    })
}

/// Names that are used must be declared, and a name is that of a host or of a group, not of both.
fn check_names(declared: &DeclaredInventory) -> Result<()> {
    for (name, group) in &declared.groups {
        check_own_name(declared, name, group)?;
        check_hosts(declared, name, group)?;
        check_children(declared, name, group)?;
    }
    Ok(())
}

fn check_own_name(declared: &DeclaredInventory, name: &str, group: &DeclaredGroup) -> Result<()> {
    let Some(host) = declared.hosts.get(name) else { return Ok(()) };
    Err(group
        .mark
        .error("inventory::same-name", format!("`{name}` is the name of a host and of a group"))
        .label("the group")
        .hint("rename one: a pattern cannot distinguish them")
        .related(host.mark.note("the host")))
}

fn check_hosts(declared: &DeclaredInventory, name: &str, group: &DeclaredGroup) -> Result<()> {
    let unknown = group.hosts.iter().find(|(host, _)| !declared.hosts.contains_key(*host));
    let Some((host, mark)) = unknown else { return Ok(()) };
    let near = || did_you_mean(host, declared.hosts.keys().map(|name| &**name));
    let hint = match declared.groups.contains_key(host) {
        true => format!("`{host}` is a group: name it in `children`"),
        false => near().unwrap_or_else(|| format!("declare it: `[hosts]` `{host} = {{}}`")),
    };
    let message = format!("the group `{name}` names `{host}`, which is not in `[hosts]`");
    Err(mark.error("inventory::unknown-host", message).label("no such host").hint(hint))
}

fn check_children(declared: &DeclaredInventory, name: &str, group: &DeclaredGroup) -> Result<()> {
    let unknown = group.children.iter().find(|(child, _)| !declared.groups.contains_key(*child));
    let Some((child, mark)) = unknown else { return Ok(()) };
    let near = || did_you_mean(child, declared.groups.keys().map(|name| &**name));
    let hint = match declared.hosts.contains_key(child) {
        true => format!("`{child}` is a host: name it in `hosts`"),
        false => near().unwrap_or_else(|| format!("declare it: `[groups.{child}]`")),
    };
    let message = format!("the group `{name}` has a child `{child}`, which is not a group");
    Err(mark.error("inventory::unknown-group", message).label("no such group").hint(hint))
}

/// The groups, each after all that it is a child of: level by level, and in the order they were declared.
fn parents_first(declared: &DeclaredInventory) -> Result<IndexSet<Arc<str>>> {
    let mut parents: IndexMap<&Arc<str>, usize> =
        declared.groups.keys().map(|name| (name, 0)).collect();
    for child in declared.groups.values().flat_map(|group| group.children.keys()) {
        parents[child] += 1;
    }
    let mut order = IndexSet::new();
    while !parents.is_empty() {
        let ready: Vec<_> =
            parents.iter().filter(|(_, open)| **open == 0).map(|(name, _)| *name).collect();
        if ready.is_empty() {
            return Err(cycle(declared, &order));
        }
        parents.retain(|_, open| *open > 0);
        for name in ready {
            for child in declared.groups[name].children.keys() {
                parents[child] -= 1;
            }
            order.insert(name.clone());
        }
    }
    Ok(order)
}

/// Follows parents that were not ordered until one comes again.
fn cycle(declared: &DeclaredInventory, ordered: &IndexSet<Arc<str>>) -> Diagnostic {
    let open = |(name, _): &(&Arc<str>, &DeclaredGroup)| !ordered.contains(*name);
    let parent_of = |child: &Arc<str>| {
        let mut parents = declared.groups.iter().filter(open);
        parents.find(|(_, group)| group.children.contains_key(child))
    };
    let mut path: IndexMap<&Arc<str>, &Mark> = IndexMap::new();
    let mut at = declared.groups.iter().find(open).map(|(name, _)| name);
    while let Some(child) = at
        && let Some((parent, group)) = parent_of(child)
    {
        if path.insert(child, &group.children[child]).is_some() {
            path = path.split_off(path.get_index_of(child).unwrap_or_default());
            break;
        }
        at = Some(parent);
    }
    let names: Vec<_> = path.keys().rev().map(|name| format!("`{name}`")).collect();
    let message = match names.as_slice() {
        [one] => format!("the group {one} is its own child"),
        names => format!("the groups {} are children of each other", names.join(", ")),
    };
    let mut marks = path.values();
    let first =
        marks.next().map_or(Diagnostic::new("inventory::group-cycle", message.clone()), |mark| {
            mark.error("inventory::group-cycle", message)
        });
    let first = first.label("closes the circle").hint("remove one of them from its `children`");
    marks.fold(first, |diagnostic, mark| diagnostic.related(mark.note("through this")))
}

/// For each group, names that it and the groups below it have.
type Reach = IndexMap<Arc<str>, HashSet<Arc<str>>>;

/// Collects `own` names of each group from its children upwards.
fn reach(
    declared: &DeclaredInventory,
    parents_first: &IndexSet<Arc<str>>,
    own: fn(&DeclaredGroup) -> &IndexMap<Arc<str>, Mark>,
) -> Reach {
    let mut reach = Reach::new();
    for name in parents_first.iter().rev() {
        let group = &declared.groups[name];
        let mut names: HashSet<_> = own(group).keys().cloned().collect();
        for child in group.children.keys() {
            names.extend(reach[child].iter().cloned());
        }
        reach.insert(name.clone(), names);
    }
    reach
}

fn groups(declared: &DeclaredInventory, members: &Reach) -> IndexMap<Arc<str>, HostGroup> {
    let all: Arc<str> = "all".into();
    let all = HostGroup {
        name: all.clone(),
        hosts: declared.hosts.keys().cloned().collect(),
        children: Vec::new(),
        place: None,
    };
    let in_order = |members: &HashSet<Arc<str>>| {
        let mut hosts: Vec<_> = members.iter().cloned().collect();
        hosts.sort_by_key(|host| declared.hosts.get_index_of(host));
        hosts
    };
    let declared_groups = declared.groups.iter().map(|(name, group)| HostGroup {
        name: name.clone(),
        hosts: in_order(&members[name]),
        children: group.children.keys().cloned().collect(),
        place: Some(group.mark.place.clone()),
    });
    std::iter::once(all).chain(declared_groups).map(|group| (group.name.clone(), group)).collect()
}

/// The levels that count for one host.
struct Levels<'a> {
    declared: &'a DeclaredInventory,
    /// The groups below each group.
    below: &'a Reach,
    name: &'a Arc<str>,
    host: &'a DeclaredHost,
    /// The host's groups, parents first.
    groups: &'a [Arc<str>],
}

impl<'a> Levels<'a> {
    fn host(&self, assigned: &IndexMap<String, Variable>) -> Result<Host> {
        let mut vars = self.resolve(|settings| &settings.vars)?;
        for (name, last) in assigned {
            let none = Variable { value: Value::Null, chain: Vec::new() };
            let variable = vars.entry(name.clone()).or_insert(none);
            variable.value = last.value.clone();
            variable.chain.extend(last.chain.iter().cloned());
        }
        let mut settings = self.resolve(|settings| &settings.connection)?;
        ansible::settle(&mut settings, &self.host.mark)?;
        let settings = settings.into_iter().map(|(key, found)| (key, found.value));
        let connection = connection::build(settings)
            .map_err(|error| self.host.mark.error("inventory::wrong-type", error.to_string()))?;
        Ok(Host {
            name: self.name.clone(),
            address: self.host.address.clone().unwrap_or_else(|| self.name.to_string()),
            groups: std::iter::once("all".into()).chain(self.groups.iter().cloned()).collect(),
            vars,
            connection,
            place: Some(self.host.mark.place.clone()),
        })
    }

    /// What counts for the host, and all that it could have been, from the weakest level to the strongest.
    fn resolve(&self, layer: fn(&LevelSettings) -> &Layer) -> Result<IndexMap<String, Variable>> {
        let mut names: IndexSet<&String> = IndexSet::new();
        let groups = self.groups.iter().map(|group| &self.declared.groups[group].settings);
        for settings in [&self.declared.all].into_iter().chain(groups).chain([&self.host.settings])
        {
            names.extend(layer(settings).keys());
        }
        names.into_iter().map(|name| Ok((name.clone(), self.variable(name, layer)?))).collect()
    }

    fn variable(&self, name: &str, layer: fn(&LevelSettings) -> &Layer) -> Result<Variable> {
        let values =
            |settings: &'a LevelSettings| layer(settings).get(name).map_or(&[][..], Vec::as_slice);
        let of_host = values(&self.host.settings);
        if of_host.is_empty() {
            self.check_siblings(name, layer)?;
        }
        let origin = |level: &str| {
            let level = level.to_owned();
            move |(value, mark): &(Value, Mark)| Origin {
                level: level.clone(),
                place: Some(mark.place.clone()),
                value: value.clone(),
            }
        };
        let mut chain: Vec<_> =
            values(&self.declared.all).iter().map(origin("group all")).collect();
        for group in self.groups {
            let of_group = values(&self.declared.groups[group].settings);
            chain.extend(of_group.iter().map(origin(&format!("group {group}"))));
        }
        chain.extend(of_host.iter().map(origin(&format!("host {}", self.name))));
        let value = chain.last().map(|origin| origin.value.clone()).unwrap_or_default();
        Ok(Variable { value, chain })
    }

    /// Two groups of the host that set the same differently must be above each other, or nobody could tell
    /// which counts.
    fn check_siblings(&self, name: &str, layer: fn(&LevelSettings) -> &Layer) -> Result<()> {
        let setters: Vec<_> = self
            .groups
            .iter()
            .filter_map(|group| {
                let (value, mark) =
                    layer(&self.declared.groups[group].settings).get(name)?.last()?;
                Some((group, value, mark))
            })
            .collect();
        let overridden =
            |group: &Arc<str>| setters.iter().any(|(other, ..)| self.below[group].contains(*other));
        let strongest: Vec<_> = setters.iter().filter(|(group, ..)| !overridden(group)).collect();
        let Some((first, value, mark)) = strongest.first() else { return Ok(()) };
        let Some((second, _, other_mark)) = strongest.iter().find(|(_, other, _)| other != value)
        else {
            return Ok(());
        };
        let message = format!(
            "`{name}` of the host `{}` is set differently by its groups `{first}` and `{second}`",
            self.name
        );
        Err(mark
            .error("inventory::conflict", message)
            .label(format!("in `{first}`"))
            .hint(format!(
                "neither group is a child of the other: make it one, or set `{name}` for the host"
            ))
            .related(other_mark.note(format!("in `{second}`"))))
    }
}
