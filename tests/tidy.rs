//! Properties of the code itself: what a review would say each time, said by a test.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A file above this is more than one idea.
const LINES_MAX: usize = 400;

/// The modules of the library, in the order of `engine/lib.rs`.
fn modules() -> Vec<String> {
    let lib = fs::read_to_string(root().join("engine/lib.rs")).unwrap();
    let module = |line: &str| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned());
    lib.lines().filter_map(module).collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, with its text.
fn sources(folder: &str) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.insert(path.clone(), fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

/// The module of the library that a file belongs to.
fn module_of(path: &Path) -> Option<String> {
    let below = path.strip_prefix(root().join("engine")).ok()?;
    let first = below.iter().next()?.to_str()?;
    Some(first.strip_suffix(".rs").unwrap_or(first).to_owned())
}

/// The modules that a text names as `crate::NAME`, or in the braces of `use crate::{..}`. Tests may look everywhere.
fn used(text: &str) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut used = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => {
                used.insert(word(rest));
            }
            Some(inner) => {
                let mut depth = 1;
                let mut start = true;
                for (at, character) in inner.char_indices() {
                    if depth == 1 && start && character.is_alphabetic() {
                        used.insert(word(&inner[at..]));
                    }
                    match character {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        _ => {}
                    }
                    start = matches!(character, ',' | '{') || (start && character.is_whitespace());
                    if depth == 0 {
                        break;
                    }
                }
            }
        }
    }
    used
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn data_flows_one_way() {
    let order = modules();
    let place = |name: &str| order.iter().position(|module| module == name);
    let mut back = Vec::new();
    for (path, text) in sources("engine") {
        let Some(own) = module_of(&path).and_then(|module| place(&module)) else { continue };
        for used in used(&text) {
            if place(&used).is_some_and(|used| used > own) {
                back.push(format!("{} uses {used}, which comes later", path.display()));
            }
        }
    }
    assert!(back.is_empty(), "{}", back.join("\n"));
}

/// The first module that may do IO; what stands before it in `engine/lib.rs` is pure.
const WORLD: &str = "io";

/// What a pure module has no use for: the disk, other processes, the environment, the network, clocks, waiting.
const IMPURE: [&str; 9] = [
    "std::fs",
    "std::process",
    "std::env",
    "std::net",
    "std::thread",
    "tokio",
    "Instant::now",
    "SystemTime",
    "async fn",
];

/// The code, with `use std::{fs, ..}` as `std::fs` too.
fn spelled_out(code: &str) -> String {
    let mut all = code.to_owned();
    for block in code.split("use std::{").skip(1) {
        let names = block.split("};").next().unwrap_or_default();
        for name in names.split(|c: char| !c.is_alphanumeric() && c != '_') {
            all += &format!("\nstd::{name}\n");
        }
    }
    all
}

#[test]
fn deciding_is_pure() {
    let order = modules();
    let pure = &order[..order.iter().position(|module| module == WORLD).unwrap()];
    let mut found = Vec::new();
    for (path, text) in sources("engine") {
        if path.ends_with("tests.rs") || !module_of(&path).is_some_and(|it| pure.contains(&it)) {
            continue;
        }
        let code = spelled_out(text.split("#[cfg(test)]").next().unwrap_or_default());
        let impure = IMPURE.iter().filter(|impure| code.contains(**impure));
        found.extend(impure.map(|impure| format!("{} names {impure}", path.display())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn programs_are_started_in_one_place() {
    let starts = ["Command::new", "posix_spawn", "execv"];
    let own = root().join("engine/io/program.rs");
    let mut found = Vec::new();
    for (path, text) in sources("engine") {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        if path != own && !path.ends_with("tests.rs") && starts.iter().any(|it| code.contains(it)) {
            found.push(path);
        }
    }
    assert!(found.is_empty(), "these start programs that see secrets: {found:?}");
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent: Vec<_> = sources("engine")
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| path)
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn a_file_is_one_idea() {
    let long: Vec<_> = sources("engine")
        .into_iter()
        .filter(|(path, _)| !path.ends_with("tests.rs"))
        .map(|(path, text)| {
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            (path, code.lines().count())
        })
        .filter(|(_, lines)| *lines > LINES_MAX)
        .collect();
    assert!(long.is_empty(), "over {LINES_MAX} lines: {long:?}");
}

#[test]
fn the_map_names_every_module() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let missing: Vec<_> =
        modules().into_iter().filter(|module| !map.contains(&format!("`{module}`"))).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md does not name {missing:?}");
}

#[test]
fn every_dependency_has_its_reason() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let names = ["dependencies", "dev-dependencies"]
        .iter()
        .flat_map(|section| manifest[*section].as_table().unwrap().keys().cloned());
    let missing: Vec<_> = names.filter(|name| !map.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md has no reason for {missing:?}");
}

#[test]
fn what_changes_is_written_down() {
    let changelog = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    assert!(changelog.contains("## Unreleased"));
}

#[test]
fn the_tests_themselves_see_what_they_look_for() {
    assert!(spelled_out("use std::{\n    fs, io,\n};").contains("std::fs"));
    let text = "use crate::{\n    a::{b, c},\n    d,\n};\nfn f() { crate::e::g(); }";
    assert_eq!(used(text), ["a", "d", "e"].map(str::to_owned).into());
}
