//! Variables of the command line that nobody reads: most often a slip, or a parameter that a call gives by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Note, parameters::Parameters};
use crate::base::diagnostic::{Source, did_you_mean};

/// A warning for each of the `assigned` variables that no parameter of a role and no text that was read names.
pub(super) fn notes<'a>(
    assigned: impl Iterator<Item = &'a str>,
    texts: &BTreeMap<Arc<str>, Source>,
    bound: &BTreeSet<String>,
    roles: &BTreeMap<&str, &Parameters>,
) -> Vec<Note> {
    let mut assigned = assigned.filter(|name| !bound.contains(*name)).peekable();
    if assigned.peek().is_none() {
        return Vec::new();
    }
    let mut read = BTreeSet::new();
    for (path, source) in texts {
        let is_script = path.ends_with(".rhai");
        if is_script && !add_read(&source.text, &mut read) {
            return Vec::new();
        }
        if !is_script && !path.ends_with(".toml") {
            // A template has many ways to read a name.
            read.extend(source.text.split(|c: char| !is_of_name(c)));
        }
    }
    let note = |name: &str| {
        let mut message = format!("no script reads the variable `{name}` that -e sets");
        let takes = |role: &str| {
            roles.get(role).is_some_and(|parameters| parameters.all.contains_key(name))
        };
        if let Some(role) = roles.keys().find(|role| takes(role)) {
            message += &format!(": role {role} is given its `{name}` by the call");
        } else {
            let parameters = roles.values().flat_map(|it| it.all.keys().map(String::as_str));
            let near = did_you_mean(name, parameters.chain(read.iter().copied()));
            message.extend(near.map(|near| format!(": {near}")));
        }
        Note { warning: true, message, place: None }
    };
    assigned.filter(|name| !read.contains(name)).map(note).collect()
}

/// Adds the variables that a script names after `.vars`; `false` if it takes them all at once.
fn add_read<'a>(text: &'a str, read: &mut BTreeSet<&'a str>) -> bool {
    let starts = text.match_indices(".vars").map(|(at, vars)| &text[at + vars.len()..]);
    for rest in starts.filter(|rest| !rest.starts_with(is_of_name)) {
        let rest = rest.trim_start().trim_start_matches('?');
        let quoted = |rest: &'a str| rest.trim_start().strip_prefix('"')?.split('"').next();
        let name = match rest.strip_prefix('.') {
            Some(member) => {
                let name = member.trim_start().split(|c| !is_of_name(c)).next().unwrap_or_default();
                let call = member.trim_start()[name.len()..].trim_start().strip_prefix('(');
                call.map_or(Some(name), quoted)
            }
            None => rest.strip_prefix('[').and_then(quoted),
        };
        match name {
            Some(name) => drop(read.insert(name)),
            None => return false,
        }
    }
    true
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_read_a_variable_is_seen() {
        let text = "host.vars.a; it.vars?.b; h.vars.get(\"c\") ?? 1; h.vars[\"d\"]; h.vars.contains( \"e\" ); x.variants.f";
        let mut read = BTreeSet::new();
        assert!(add_read(text, &mut read));
        assert_eq!(read.into_iter().collect::<Vec<_>>(), ["a", "b", "c", "d", "e"]);
        for all in ["let v = host.vars;", "host.vars.keys()", "host.vars[name]", "show(host.vars)"]
        {
            assert!(!add_read(all, &mut BTreeSet::new()), "{all}");
        }
    }
}
