//! Inventories in each format, variables, assignments of the command line, and patterns of hosts.

use super::first_line;
use crate::{
    base::diagnostic::Source,
    input::inventory::{Assignment, Given, Inventory, InventoryFormat, Owner},
};

/// The first line says the format, or is a pattern of hosts too. What follows is the text.
pub(super) fn run(bytes: &[u8]) {
    let (first, text) = first_line(bytes);
    let source = Source::new("fuzzed", text.as_str());
    let format = match first.as_str() {
        "toml" => InventoryFormat::Toml,
        "json" => InventoryFormat::Json,
        "ini" => InventoryFormat::Ini,
        "yaml" => InventoryFormat::Yaml,
        "host" => InventoryFormat::Vars(Owner::Host("web-1".to_owned())),
        "group" => InventoryFormat::Vars(Owner::Group("web".to_owned())),
        _ => InventoryFormat::guess(&text),
    };
    let given = Given { source: source.clone(), format, folder: "/p".into(), home: "/h".into() };
    let mut assignments = Assignment::file(&source).unwrap_or_default();
    assignments.extend(text.lines().filter_map(|line| Assignment::parse(line).ok()));
    // An error has a place in the text that can be told.
    match Inventory::parse(&[given], &assignments) {
        Err(error) => drop(error.place()),
        Ok(inventory) => {
            for pattern in text.lines().map(str::trim).chain([first.as_str()]) {
                for host in inventory.select(pattern).unwrap_or_default() {
                    assert!(*host.name == *"localhost" || inventory.hosts.contains_key(&host.name));
                }
            }
            for host in inventory.hosts.values() {
                assert!(host.groups.iter().all(|group| inventory.groups.contains_key(group)));
            }
        }
    }
}
