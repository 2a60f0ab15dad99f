//! The lines that a shell puts into a file, beside those that a plan shows.

use std::{collections::BTreeMap, os::unix::fs::symlink};

use converge::{
    base::value::Value,
    resources::{change::Shown, kind::Difference, kinds},
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use crate::{cases::Folder, hosts::Host, prelude::converge};

#[test]
fn a_line_is_put_and_taken() {
    for host in Host::all() {
        host.write("conf", "#a = 1\nb = 2\n");
        host.write("real/target", "x\n");
        symlink("real/target", host.at("link")).unwrap();
        converge(&host, "line", "path = 'ROOTlink'\nline = \"it's %s 'y'\"", &[]).unwrap();
        assert_eq!(host.read("real/target"), "x\nit's %s 'y'\n");
        assert!(std::fs::read_link(host.at("link")).is_ok(), "the link stays");

        let wanted = "path = 'ROOTconf'\nline = 'a = 2'\nmatch = '^#?a = '";
        let refused = format!("{wanted}\nvalidate = 'grep -q missing %s'");
        converge(&host, "line", &refused, &[]).unwrap_err();
        assert_eq!(host.read("conf"), "#a = 1\nb = 2\n");
        converge(&host, "line", wanted, &[]).unwrap();
        assert_eq!(host.read("conf"), "a = 2\nb = 2\n");

        let missing = "path = 'ROOTnew'\nline = 'x'";
        let error = converge(&host, "line", missing, &[]).unwrap_err();
        assert!(error.contains("create: true"), "{error}");
        converge(&host, "line", &format!("{missing}\ncreate = true"), &[]).unwrap();
        assert_eq!((host.read("new").as_str(), host.mode("new")), ("x\n", 0o644));

        host.write("binary", "a\0b\n");
        let error = converge(&host, "line", "path = 'ROOTbinary'\nline = 'x'", &[]).unwrap_err();
        assert!(error.contains("not a text") && host.read("binary") == "a\0b\n", "{error}");
    }
}

/// What the plan shows is what the step does, for any text and any question, in one batch.
#[test]
fn awk_and_the_plan_decide_alike() {
    let kind = kinds::kind("line").unwrap();
    let text = prop::collection::vec(prop::sample::select(TEXT_LINES), 0..6);
    let text = (text, any::<bool>(), any::<bool>()).prop_map(|(lines, crlf, open)| {
        let ending = if crlf { "\r\n" } else { "\n" };
        let text: String = lines.iter().map(|line| format!("{line}{ending}")).collect();
        if open { text.trim_end_matches('\n').to_owned() } else { text }
    });
    let pattern =
        prop::collection::vec(prop::sample::select(PIECES), 1..5).prop_map(|it| it.concat());
    let place = prop::option::of(pattern.clone());
    let line = prop::sample::select(TEXT_LINES);
    let question = (line, prop::option::of(pattern), place, any::<bool>(), any::<bool>());
    let mut runner = TestRunner::new(ProptestConfig::default());
    for host in Host::all() {
        let mut cases = Vec::new();
        for number in 0.. {
            if cases.len() == QUESTIONS {
                break;
            }
            let (text, question) = (&text, &question).new_tree(&mut runner).unwrap().current();
            let (line, pattern, place, after, absent) = question;
            let path = format!("{number}");
            let mut arguments = vec![("path", host.at(&path))];
            if !absent || pattern.is_none() {
                arguments.push(("line", line.to_owned()));
            }
            arguments.extend(pattern.map(|pattern| ("match", pattern)));
            if let (Some(place), false) = (place, absent) {
                arguments.push((if after { "after" } else { "before" }, place));
            }
            let arguments =
                arguments.into_iter().map(|(name, text)| (name.to_owned(), Value::Text(text)));
            let absent = ("absent".to_owned(), Value::Bool(absent));
            let arguments = Value::Map(arguments.chain([absent]).collect());
            // Most patterns that are put together at random do not find the line, and are refused.
            let Ok(declared) = kind.declare(arguments.clone(), &Folder(&BTreeMap::new())) else {
                continue;
            };
            host.write(&path, &text);
            cases.push((path, text, arguments, declared.desired));
        }
        let batch: Vec<_> = cases.iter().map(|(.., desired)| desired).collect();
        let probe = host.probe(&kind.probe(&batch).whole());
        assert!(probe.ok && probe.stderr.is_empty(), "{probe:?}");
        let differences = kind.assess(&batch, &probe.stdout).unwrap();
        let steps: Vec<_> = batch.iter().map(|desired| kind.apply(desired, None)).collect();
        let outcome = host.steps(&steps);
        assert!(outcome.ok && outcome.stderr.is_empty(), "{outcome:?}");
        for ((path, text, arguments, _), difference) in cases.iter().zip(differences) {
            let expected = match difference {
                Err(unknown) => panic!("{}: {text:?}: {unknown}", host.name()),
                Ok(None) => text.clone(),
                Ok(Some(Difference { change, .. })) => match &change.fields[0].after {
                    Shown::Text(after) if change.fields[0].name == "content" => after.clone(),
                    _ => panic!("{}: {text:?} {arguments:?}: {change:?}", host.name()),
                },
            };
            assert_eq!(host.read(path), expected, "{}: {text:?} {arguments:?}", host.name());
        }
        let probe = host.probe(&kind.probe(&batch).whole());
        let left = kind.assess(&batch, &probe.stdout).unwrap();
        for ((_, text, arguments, _), difference) in cases.iter().zip(left) {
            assert_eq!(difference, Ok(None), "{}: {text:?} {arguments:?}", host.name());
        }
    }
}

/// How many questions each shell is asked; each costs a dozen processes.
const QUESTIONS: usize = 25;

const TEXT_LINES: &[&str] = &[
    "a", "b", "ab", "a = 1", "#a = 1", "1", "01", "1.0", "-a", "é", "\\", "a\tb", "  a", "a b",
    "x=y", "[s]", "\"'", "%s", "&", "a\\.b", "+1", "1e0",
];

const PIECES: &[&str] = &[
    "^",
    "$",
    "a",
    "b",
    "ab?",
    "[ab]",
    "[^a]",
    "(a|b)",
    "1?",
    ".*",
    ".",
    "\\.",
    "\\\\",
    "[[:digit:]]+",
    "=",
    "(^|#)a",
    "[[:space:]]*",
    " ",
    "(a*b)*",
    "[^[:alnum:]]",
    "[-a]",
    "(b|$)",
    "#?",
    "\\[s\\]",
    "[0-9.]",
    "(^a|^b)",
    "\\+",
    "%",
    "&",
    "/",
    "\\/",
];
