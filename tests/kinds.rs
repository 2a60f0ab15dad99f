//! What every kind promises, tried for all of them at once.

use std::{collections::BTreeMap, path::Path, process::Command};

use converge::{
    base::{script::Script, value::Value},
    resources::{
        kind::Kind,
        kinds::KINDS,
        prelude,
        resource::{Nature, Reaction},
    },
};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::{
    cases::{self, Folder},
    hosts::probe_of,
};

#[test]
fn every_file_of_a_kind_is_in_the_list() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/resources/kinds");
    let mut files: Vec<String> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.strip_suffix(".rs").unwrap_or(&name).to_owned())
        .filter(|name| name != "mod")
        .collect();
    let mut kinds: Vec<&str> = KINDS.iter().map(|kind| kind.name()).collect();
    files.sort_unstable();
    kinds.sort_unstable();
    assert_eq!(files, kinds);
}

#[test]
fn every_kind_and_every_argument_is_described() {
    for kind in KINDS {
        let schema = kind.schema().to_value();
        let described = |value: &serde_json::Value| {
            value["description"].as_str().is_some_and(|text| !text.trim().is_empty())
        };
        assert!(described(&schema), "{} is not described", kind.name());
        let arguments = schema["properties"].as_object().unwrap();
        for (name, argument) in arguments {
            assert!(described(argument), "{}: {name} is not described", kind.name());
        }
        let first = kind.first();
        assert!(arguments.contains_key(first), "{}: {first} is no argument", kind.name());
        assert_eq!(schema["additionalProperties"], false, "{} takes anything", kind.name());
    }
}

#[test]
fn every_kind_refuses_an_argument_that_it_does_not_know() {
    for kind in KINDS {
        let arguments = [("no_such_argument", "x"), (kind.first(), "/x")];
        let arguments = arguments.map(|(name, value)| (name.to_owned(), Value::from(value)));
        let arguments = Value::Map(arguments.into_iter().collect());
        let Err(error) = kind.declare(arguments, &Folder(&BTreeMap::new())) else {
            panic!("{} takes any argument", kind.name());
        };
        assert!(error.message.contains("no_such_argument"), "{}: {error:?}", kind.name());
    }
}

/// The values that hold one text more than this, at each place of it where a text is.
fn with_nul(value: &Value) -> Vec<Value> {
    match value {
        Value::Text(text) => {
            vec![Value::Text(format!("{text}\0")), Value::Text(format!("\0{text}"))]
        }
        Value::List(values) => {
            let at = |(at, value)| {
                let with =
                    move |it| Value::List([&values[..at], &[it], &values[at + 1..]].concat());
                with_nul(value).into_iter().map(with)
            };
            values.iter().enumerate().flat_map(at).collect()
        }
        Value::Map(values) => {
            let at = |(name, value): (&String, &Value)| {
                let with = |it| {
                    let mut values = values.clone();
                    values.insert(name.clone(), it);
                    Value::Map(values)
                };
                with_nul(value).into_iter().map(with).collect::<Vec<_>>()
            };
            values.iter().flat_map(at).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn no_argument_of_any_kind_holds_a_nul_byte() {
    let mut tried = 0;
    for case in KINDS.iter().flat_map(|kind| cases::of_kind(kind.name())) {
        let Value::Map(arguments) = &case.desired else { panic!("desired is a map") };
        if !case.error.is_empty() {
            continue;
        }
        // What a file holds, and what a template makes of it, is data: any byte may be in it.
        for (name, value) in
            arguments.iter().filter(|(name, _)| !["content", "vars"].contains(&name.as_str()))
        {
            for value in with_nul(value) {
                let mut arguments = arguments.clone();
                arguments.insert(name.clone(), value);
                let files = Folder(&case.files);
                let declared = case.kind().declare(Value::Map(arguments), &files);
                assert!(declared.is_err(), "{}: {name}", case.path.display());
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn every_kind_has_its_cases_and_changes_nothing_that_is_converged() {
    for kind in KINDS.iter().filter(|kind| kind.nature() != Nature::Action) {
        let cases = cases::of_kind(kind.name());
        for name in ["absent", "converged", "drifted"] {
            let case = cases.iter().find(|case| case.name() == name);
            let case = case.unwrap_or_else(|| panic!("{} has no case {name}", kind.name()));
            let converged = case.changes.is_empty() && case.script.is_empty();
            assert_eq!(converged, name == "converged", "{}/{name}", kind.name());
            assert!(case.error.is_empty(), "{}/{name}", kind.name());
        }
    }
}

#[test]
fn every_kind_with_a_state_says_what_it_owns_or_that_it_can_depend_on_anything() {
    for kind in KINDS.iter().filter(|kind| kind.nature() != Nature::Action) {
        let says = |case: &cases::Case| {
            let Ok(declared) = case.declare() else { return false };
            let footprint = kind.footprint(&declared.desired);
            footprint.sees_all || !footprint.paths.is_empty() || !footprint.names.is_empty()
        };
        assert!(cases::of_kind(kind.name()).iter().any(says), "{} owns nothing", kind.name());
    }
}

#[test]
fn every_script_is_one_for_dash_and_busybox() {
    let mut scripts = vec![("the prelude".to_owned(), Script::default())];
    for case in cases::all() {
        let Ok(declared) = case.declare() else { continue };
        let (kind, desired) = (case.kind(), &declared.desired);
        let name = |script: &str| format!("{script} of {}", case.path.display());
        scripts.push((name("the probe"), probe_of(kind, &[desired, desired])));
        scripts.push((name("the step"), kind.apply(desired, None).script));
        for reaction in kind.reacts() {
            let script = kind.react(desired, *reaction).script;
            assert!(!script.is_empty(), "{}: {}", kind.name(), Reaction::verb(*reaction));
            scripts.push((name(reaction.verb()), script));
        }
        if let Ok(differences) = kind.assess(&[desired], &case.probe) {
            let step = kind.apply(
                desired,
                differences[0].as_ref().ok().and_then(Option::as_ref).map(|it| &it.change),
            );
            scripts.push((name("the step for the change"), step.script));
        }
    }
    // All at once, each in a function of its own: a process for each would take far longer.
    let functions = scripts.iter().enumerate();
    let whole: String = functions
        .map(|(index, (_, script))| format!("script_{index}() {{\n:\n{script}\n}}\n"))
        .collect();
    let prelude = prelude::changing();
    for shell in [&["dash"][..], &["busybox", "sh"]] {
        if let Err(error) = check(shell, &format!("{prelude}\n{whole}")) {
            let fails = |script: &Script| check(shell, &format!("{prelude}\n{script}")).is_err();
            let guilty = scripts.iter().find(|(_, script)| fails(script));
            panic!("{shell:?} refuses {:?}\n{error}", guilty.map(|(name, _)| name));
        }
    }
}

fn check(shell: &[&str], script: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("script");
    std::fs::write(&file, script).unwrap();
    let mut command = Command::new(shell[0]);
    let output = command.args(&shell[1..]).arg("-n").arg(&file).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() && error.is_empty() { Ok(()) } else { Err(error) }
}

#[test]
fn no_output_of_a_host_makes_a_kind_panic() {
    let cases: Vec<_> = cases::all()
        .filter_map(|case| {
            let declared = case.declare().ok()?;
            Some((case, declared))
        })
        .collect();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(64));
    runner
        .run(
            &(any::<String>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()),
            |(text, from, to)| {
                for (case, declared) in &cases {
                    let kind: &dyn Kind = case.kind();
                    let desired = &declared.desired;
                    let _ = kind.assess(&[desired], &text);
                    let _ = kind.assess(&[desired, desired], &forged(&case.probe, &text, from, to));
                }
                Ok(())
            },
        )
        .unwrap();
}

/// What a probe printed, with a piece of it exchanged for another text.
fn forged(probe: &str, text: &str, from: prop::sample::Index, to: prop::sample::Index) -> String {
    let [from, to] =
        [from, to].map(|index| probe.floor_char_boundary(index.index(probe.len() + 1)));
    format!("{}{text}{}", &probe[..from.min(to)], &probe[from.max(to)..])
}
