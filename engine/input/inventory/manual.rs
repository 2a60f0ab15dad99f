//! The manual of inventories, made from the keys and the variables that are read.

use super::{ansible, connection};

/// A line for the index of the manual.
pub const INDEX: &str =
    "inventory  how hosts are named and reached: converge's own files, and Ansible's\n";

/// What no list says. `{keys}` and `{ansible}` are the lists.
const PROSE: &str = include_str!("manual.md");

/// All of it, as one Markdown document.
pub fn book() -> String {
    let mut keys = "| key of a connection | means |\n|---|---|\n".to_owned();
    for (key, about) in connection::meanings() {
        keys += &format!("| `{key}` | {about} |\n");
    }
    let mut variables = "| variable | means |\n|---|---|\n".to_owned();
    for (names, about) in ansible::meanings() {
        variables += &format!("| `{}` | {about} |\n", names.join("`, `"));
    }
    let prose = PROSE.replace("{keys}\n", &keys).replace("{ansible}\n", &variables);
    format!("# Inventories\n\nMade by `converge doc inventory`; a test keeps it true.\n\n{prose}")
}

/// What a key of a connection, or a variable of Ansible's, means.
pub fn page(name: &str) -> Option<String> {
    let keys = connection::meanings().into_iter().filter(|(key, _)| key == name);
    let keys = keys.map(|(key, about)| format!("the key `{key}` of a connection\n  {about}\n"));
    let variables = ansible::meanings().into_iter().filter(|(names, _)| names.contains(&name));
    let variables = variables
        .map(|(_, about)| format!("Ansible's variable `{name}` in an inventory\n  {about}\n"));
    keys.chain(variables).reduce(|all, more| all + &more)
}

/// All names that have a page.
pub fn names() -> Vec<String> {
    let variables = ansible::meanings().into_iter().flat_map(|(names, _)| names);
    let keys = connection::meanings().into_iter().map(|(key, _)| key);
    keys.chain(variables.map(str::to_owned)).collect()
}
