//! A host refuses a list of words that is too long for one program: what is asked of very many resources is cut.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use converge::{
    evaluate::catalog::NodeId,
    plan::probe::{Probe, Queries},
    resources::{kinds::KINDS, resource::Nature},
};

use super::segment::catalog;

const COUNT: usize = 5000;

/// How each kind is declared under a name of 200 bytes.
const CALLS: [(&str, &str); 17] = [
    ("file", r#"file("/nowhere/" + name, #{ content: "x" })"#),
    ("directory", r#"directory("/nowhere/" + name)"#),
    ("local_copy", r#"local_copy("/nowhere/" + name, #{ from: "/etc/passwd" })"#),
    ("reboot", "reboot(name, #{ if_required: true })"),
    ("link", r#"link("/nowhere/" + name, #{ to: "/" })"#),
    ("absent", r#"absent("/nowhere/" + name)"#),
    ("line", r#"line("/nowhere/" + name, #{ line: name })"#),
    ("unit", r#"unit(name + ".service", #{ content: "[Service]\nExecStart=/x\n" })"#),
    (
        "repository",
        r#"repository(name, #{ uris: ["http://a.example"], suites: ["x"], components: ["y"] })"#,
    ),
    ("command", r#"command(name, #{ creates: "/nowhere/" + name })"#),
    ("custom", r#"custom("k", name, #{ observe: "printf on", want: "on", apply: "x" })"#),
    ("user", "user(name)"),
    ("group", "group(name)"),
    ("package", "package(name)"),
    ("service", "service(name)"),
    ("image", "image(name)"),
    ("container", "container(name, #{ image: name })"),
];

/// Programs that no host of a test has: all that counts is what they are given.
const STAND_INS: [&str; 5] = ["systemctl", "docker", "dpkg-query", "apt-cache", "getent"];

/// A name of 200 bytes.
fn name(number: usize) -> String {
    format!("{}{number}", "a".repeat(195))
}

#[test]
fn what_is_asked_of_very_many_is_cut_for_each_kind() {
    for kind in KINDS.iter().filter(|kind| kind.nature() == Nature::State) {
        let call = CALLS.iter().find(|(name, _)| *name == kind.name());
        let (_, call) = call.unwrap_or_else(|| panic!("{} is not tried", kind.name()));
        // Each of these is a script of its own, and in no list.
        let count = if kind.name() == "custom" { 20 } else { COUNT };
        asked(kind.name(), call, count);
    }
}

/// Declares so many resources, and looks at them where a list of words has the least room that Linux gives.
fn asked(kind: &str, call: &str, count: usize) {
    let first = 10_000;
    let declared = format!(
        "for number in {first}..{} {{ let name = \"{}\" + number; {call}; }}",
        first + count,
        "a".repeat(195)
    );
    let catalog = catalog(&declared);
    let nodes: Vec<NodeId> = catalog.nodes().map(|(id, _)| id).collect();
    assert_eq!(nodes.len(), count, "{kind}");
    let probe = Probe::new(&catalog, &nodes, "BOUNDARY", &Queries::default());
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    fs::write(&script, probe.script.whole()).unwrap();
    STAND_INS.iter().for_each(|name| stand_in(&folder.path().join(name)));
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", folder.path().display());
    let output = Command::new("sh")
        .args(["-c", "ulimit -s 512 && exec dash \"$1\"", "sh"])
        .arg(&script)
        .env_clear()
        .envs([("PATH", path.as_str()), ("LC_ALL", "C"), ("HOME", "/nonexistent")])
        .output()
        .unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    assert!(!stderr.contains("too long"), "{kind}: {stderr}");
    let said = probe.read(&catalog, &stdout, &stderr).nodes;
    assert_eq!(said.len(), count, "{kind}");
    let Ok(told) = fs::read_to_string(folder.path().join("told")) else {
        // All of it was read on this machine itself.
        for (_, observed) in said {
            assert!(observed.is_ok(), "{kind}: {observed:?}: {stderr}");
        }
        return;
    };
    // A list that was refused would be missing here, or its names would come one by one.
    let calls = told.lines().filter(|line| *line == "called").count();
    assert!(calls <= count / 20, "{kind}: {calls} calls");
    let told: std::collections::HashSet<&str> = told.split_whitespace().collect();
    for number in first..first + count {
        let name = name(number);
        let named = [name.clone(), format!("{name}.service")];
        assert!(named.iter().any(|it| told.contains(it.as_str())), "{kind}: {number}");
    }
}

/// A program that keeps what it is given.
fn stand_in(path: &Path) {
    let text = "#!/bin/sh\necho called >>\"${0%/*}/told\"\nfor word do printf '%s\\n' \"$word\"; done >>\"${0%/*}/told\"\necho said\n";
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
