//! Properties of the code itself: what a review would say each time, said by a test.

mod modules;
mod messages;

use std::{collections::BTreeMap, fs, path::PathBuf};

use converge::base::error_code::ERROR_CODES;

use self::modules::Modules;

/// A file above this is more than one idea.
const LINES_MAX: usize = 400;

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

fn engine() -> Modules {
    Modules::read(&root().join("engine/lib.rs"))
}

/// Each use of a module by one that stands before it, or by itself through another one: of two that have the same parent.
/// Between a module and what is below it there is no order: a parent lists its children, and children know what they are part of.
fn uses_of_later_ones(modules: &Modules) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, module) in &modules.all {
        for used in modules.used_by(name) {
            let same = name.iter().zip(&used).take_while(|(one, other)| one == other).count();
            let (Some(own), Some(other)) = (name.get(same), used.get(same)) else { continue };
            let order = &modules.all[&name[..same]].children;
            let place = |name| order.iter().position(|child| child == name);
            if place(own) <= place(other) {
                let (file, used) = (module.file.display(), used.join("::"));
                wrong.push(format!("{file} uses {used}, which comes later"));
            }
        }
    }
    wrong
}

#[test]
fn data_flows_one_way() {
    for file in ["engine/lib.rs", "tests/main.rs", "benches/peers/main.rs", "benches/scale/main.rs"]
    {
        let wrong = uses_of_later_ones(&Modules::read(&root().join(file)));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// `UPDATE_EXPECT=1 cargo test` writes the page again.
#[test]
fn the_page_of_messages_is_true() {
    let (page, path) = (messages::page(&engine()), root().join("docs/messages.md"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "{path:?} is old: UPDATE_EXPECT=1 cargo test writes it again");
}

#[test]
fn every_error_code_is_listed() {
    let listed: Vec<String> = ERROR_CODES.iter().map(|(code, _)| (*code).to_owned()).collect();
    assert!(listed.is_sorted(), "in the order of the alphabet");
    assert_eq!(listed, messages::codes(&engine()).into_iter().collect::<Vec<_>>());
}

#[test]
fn no_file_is_forgotten() {
    let known = engine().files;
    let forgotten: Vec<_> = sources("engine")
        .into_keys()
        .filter(|path| !known.contains(path) && !path.ends_with("engine/main.rs"))
        .collect();
    assert!(forgotten.is_empty(), "no `mod` line names {forgotten:?}");
}

#[test]
fn no_two_types_have_one_name() {
    let engine = engine();
    let mut owners: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, module) in &engine.all {
        for it in &module.types {
            owners.entry(it).or_default().push(name.join("::"));
        }
    }
    owners.retain(|_, owners| owners.len() > 1);
    assert!(owners.is_empty(), "{owners:#?}");
}

/// The first stage that may do IO; what stands before it in `engine/lib.rs` is pure.
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

#[test]
fn deciding_is_pure() {
    let engine = engine();
    let stages = &engine.all[&[][..]].children;
    let pure = &stages[..stages.iter().position(|stage| stage == WORLD).unwrap()];
    let mut found = Vec::new();
    for module in
        engine.all.iter().filter(|(name, _)| name.first().is_some_and(|it| pure.contains(it)))
    {
        let impure = IMPURE.iter().filter(|impure| module.1.code.contains(**impure));
        found.extend(impure.map(|impure| format!("{} names {impure}", module.1.file.display())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn programs_are_started_in_one_place() {
    let starts = ["Command::new", "posix_spawn", "execv"];
    let own = root().join("engine/io/program.rs");
    let engine = engine();
    let found: Vec<_> = engine
        .all
        .values()
        .filter(|module| module.file != own && starts.iter().any(|it| module.code.contains(it)))
        .map(|module| &module.file)
        .collect();
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
    let engine = engine();
    let stages = &engine.all[&[][..]].children;
    // What stands after the world is told as a whole.
    let told = stages.iter().position(|stage| stage == WORLD).unwrap();
    let parts =
        stages[..=told].iter().flat_map(|stage| &engine.all[std::slice::from_ref(stage)].children);
    let missing: Vec<_> =
        stages.iter().chain(parts).filter(|name| !map.contains(&format!("`{name}`"))).collect();
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

/// Files and folders of the project that the documents for contributors name.
#[test]
fn the_documents_name_files_that_exist() {
    let path =
        regex::Regex::new(r"`((?:engine|tests|benches|docs|roles|app)/[a-z0-9_./-]+)`").unwrap();
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let named = path.captures_iter(&text).map(|named| named[1].to_owned());
        let missing: Vec<String> = named.filter(|path| !root().join(path).exists()).collect();
        assert!(missing.is_empty(), "{document} names {missing:?}");
    }
}

#[test]
fn what_changes_is_written_down() {
    let changelog = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    assert!(changelog.contains("## Unreleased"));
}
