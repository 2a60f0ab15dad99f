//! Could not look is never "is not there": for each kind, every program that its probe starts is broken in every way, and
//! what comes out is either unknown or what it was before.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use converge::{
    kind::{Assessed, Desired, Kind},
    resource::Nature,
    resources::KINDS,
};

use crate::{
    cases::{self, Case},
    docker,
    hosts::Host,
    systemd,
};

/// How a program is broken: `$real` is what it does otherwise.
const WAYS: &[(&str, &str)] = &[
    ("fails", "echo 'cannot do it' >&2; exit 1"),
    ("is killed", "kill -9 $$"),
    ("prints a quarter", "cut 4"),
    ("prints a half", "cut 2"),
    (
        "prints rubbish",
        "\"$real\" \"$@\" >/dev/null; code=$?; printf 'rubb\\1ish: 1 2 /\\n\\n'; exit $code",
    ),
];

const CUT: &str = "cut() {
  parts=$1; shift
  out=$(/usr/bin/mktemp); \"$real\" \"$@\" >\"$out\"; code=$?
  size=$(/usr/bin/wc -c <\"$out\"); /usr/bin/head -c $((size / parts)) \"$out\"; /bin/rm \"$out\"; exit $code
}";

/// Programs that are broken by no test: the shell is what runs the probe.
const SHELL: &[&str] =
    &["sh", "printf", "echo", "test", "[", "kill", "true", "false", "pwd", "bash"];

#[test]
fn a_probe_that_cannot_look_says_so_for_each_kind() {
    let mut wrong = Vec::new();
    for kind in KINDS.iter().filter(|kind| kind.nature() == Nature::State) {
        let cases = cases::of_kind(kind.name());
        for host in ["dash", "busybox"].map(Host::alone) {
            wrong.extend(broken(*kind, &cases, &host));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What comes out otherwise though it cannot be known.
fn broken(kind: &dyn Kind, cases: &[Case], host: &Host) -> Vec<String> {
    let (mut batch, mut given): (Vec<Desired>, BTreeSet<String>) = Default::default();
    for case in cases {
        let Ok(declared) = case.declare() else { continue };
        let text = format!("{:?}", case.desired);
        given.extend(words(&text).map(str::to_owned));
        batch.push(declared.desired);
    }
    let batch: Vec<&Desired> = batch.iter().collect();
    let script = kind.probe(&batch);
    docker::install(&host.bin());
    systemd::install(&host.bin());
    let tools: Vec<(String, PathBuf)> = words(script.as_str())
        .filter(|word| !SHELL.contains(word) && !given.contains(*word))
        .collect::<BTreeSet<&str>>()
        .into_iter()
        .filter_map(|word| Some((word.to_owned(), real(host, word)?)))
        .collect();
    let look = || look(kind, &batch, host, script.as_str());
    let truth = look();
    let (mut wrong, mut unknown) = (Vec::new(), 0);
    for (name, real) in &tools {
        let program = host.bin().join(name);
        let mut tried = |way: &str| {
            for (index, (seen, was)) in look().into_iter().zip(&truth).enumerate() {
                unknown += usize::from(seen.is_err());
                if seen.is_ok() && told(&seen) != told(was) {
                    let (seen, was) = (told(&seen), told(was));
                    let shell = host.name();
                    wrong.push(format!(
                        "{shell}: {}, {name} {way}, number {index}: {seen} and not {was}",
                        kind.name()
                    ));
                }
            }
        };
        fs::remove_file(&program).unwrap();
        tried("is not there");
        for (way, does) in WAYS {
            let does = does.replace("cut 4", "cut 4 \"$@\"").replace("cut 2", "cut 2 \"$@\"");
            let text = format!("#!/bin/sh\nreal='{}'\n{CUT}\n{does}\n", real.display());
            put(&program, &text, 0o755);
            tried(way);
        }
        put(&program, "", 0o644);
        tried("may not be run");
        fs::remove_file(&program).unwrap();
        symlink(real, &program).unwrap();
    }
    // The other shell's host has no packages, no systemd and no accounts of its own: nothing of those is started there.
    if host.name().ends_with("dash") && !tools.is_empty() && unknown == 0 {
        wrong.push(format!("{} never is unknown: {tools:?}", kind.name()));
    }
    wrong
}

/// What a probe gives of each of a batch, as the engine reads it.
fn look(kind: &dyn Kind, batch: &[&Desired], host: &Host, script: &str) -> Vec<Assessed> {
    let outcome = host.probe(script);
    let unknown = || Err(converge::resource::Unknown::new(outcome.stderr.as_str()));
    match kind.assess(batch, &outcome.stdout) {
        Ok(assessed) if outcome.ok => assessed,
        _ => batch.iter().map(|_| unknown()).collect(),
    }
}

/// What would be done: what is shown of it may be less.
fn told(assessed: &Assessed) -> String {
    match assessed {
        Err(unknown) => format!("unknown: {unknown}"),
        Ok(None) => "as declared".to_owned(),
        Ok(Some(difference)) => format!("{:?}", difference.change.action),
    }
}

/// The words of a text that may be names of programs.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '['))
        .filter(|word| !word.is_empty())
}

/// The program of a name, which is then found in the host's own folder and nowhere else.
fn real(host: &Host, name: &str) -> Option<PathBuf> {
    let own = host.bin().join(name);
    if own.exists() {
        let kept = host.bin().join("real");
        fs::create_dir_all(&kept).unwrap();
        let real = kept.join(name);
        fs::rename(&own, &real).unwrap();
        symlink(&real, &own).unwrap();
        return Some(real);
    }
    if host.name().ends_with("/sh") {
        return None;
    }
    let folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(Path::new);
    let real = folders.map(|folder| folder.join(name)).into_iter().find(|it| it.is_file())?;
    symlink(&real, &own).unwrap();
    Some(real)
}

fn put(path: &Path, text: &str, mode: u32) {
    let _ = fs::remove_file(path);
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
