//! Could not look is never "is not there": for each kind, every program that its probe starts is broken in every way, and
//! what comes out is either unknown or what it was before.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use converge::{
    base::value::Value,
    evaluate::catalog::NodeId,
    plan::probe::{Probe, Queries},
    resources::{
        change::Shown,
        kind::{Assessed, Desired, Kind},
        kinds::{self, KINDS},
        resource::Nature,
    },
};

use crate::{
    cases::{self, Case, Folder},
    docker,
    hosts::{Host, probe_of},
    run::segment::catalog,
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
    let script = probe_of(kind, &batch);
    docker::install(&host.bin());
    systemd::install(&host.bin());
    for (unit, properties) in UNITS {
        systemd::write(host, unit, properties);
    }
    let tools = tools(host, &script.whole(), |word| SHELL.contains(&word) || given.contains(word));
    let look = || look(kind, &batch, host, &script.whole());
    let truth = look();
    let (mut wrong, mut unknown) = (Vec::new(), 0);
    each_way(host, &tools, |how| {
        for (index, (seen, was)) in look().into_iter().zip(&truth).enumerate() {
            unknown += usize::from(seen.is_err());
            if seen.is_ok() && told(&seen) != told(was) {
                let (seen, was) = (told(&seen), told(was));
                let kind = kind.name();
                wrong.push(format!("{kind}, {how}, number {index}: {seen} and not {was}"));
            }
        }
    });
    // The other shell's host has no packages, no systemd and no accounts of its own: nothing of those is started there.
    if host.name().ends_with("dash") && !tools.is_empty() && unknown == 0 {
        wrong.push(format!("{} never is unknown: {tools:?}", kind.name()));
    }
    wrong
}

/// Units in other states than that of one that is not there, so that there is something to miss.
const UNITS: [(&str, &str); 4] = [
    (
        "k2good.service",
        "LoadState=loaded ActiveState=active SubState=running UnitFileState=enabled",
    ),
    ("k2m.service", "LoadState=masked ActiveState=active SubState=running UnitFileState=masked"),
    ("k2.service", "LoadState=loaded ActiveState=failed SubState=failed UnitFileState=disabled"),
    (
        "systemd-journald.service",
        "LoadState=loaded ActiveState=active SubState=running UnitFileState=static",
    ),
];

/// The programs that a script starts, as the host alone has them.
fn tools(host: &Host, script: &str, leave: impl Fn(&str) -> bool) -> Vec<(String, PathBuf)> {
    let words: BTreeSet<&str> = words(script).filter(|word| !leave(word)).collect();
    words.into_iter().filter_map(|word| Some((word.to_owned(), real(host, word)?))).collect()
}

/// Breaks each program in every way, and tells `tried` each time what is broken how.
fn each_way(host: &Host, tools: &[(String, PathBuf)], mut tried: impl FnMut(&str)) {
    for (name, real) in tools {
        let program = host.bin().join(name);
        let mut tried = |way: &str| tried(&format!("{}: {name} {way}", host.name()));
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
}

/// One look is for all kinds that have to know what lies at a path: where it is broken, each of them is unknown, with the
/// words of the host, and no other is.
#[test]
fn a_look_for_all_kinds_that_cannot_see_is_unknown_to_each_of_them() {
    for host in ["dash", "busybox"].map(Host::alone) {
        host.write("there", "x");
        host.write("folder/below", "x");
        symlink("/", host.root().join("link")).unwrap();
        let declared = r#"file("ROOT/there", #{ content: "x" }); file("ROOT/new", #{ content: "x" });
            directory("ROOT/folder"); directory("ROOT/more"); link("ROOT/link", #{ to: "/" });
            absent("ROOT/folder/below"); absent("ROOT/gone"); unit("k2-none.service", #{ absent: true });
            command("c", #{ run: "true", creates: "ROOT/there" });"#;
        let catalog = catalog(&declared.replace("ROOT", host.root().to_str().unwrap()));
        let nodes: Vec<NodeId> = catalog.nodes().map(|(id, _)| id).collect();
        let probe = Probe::new(&catalog, &nodes, "BOUNDARY", &Queries::default());
        let looks = probe.script.text().matches("entries \"$@\"").count();
        assert_eq!(looks, 1, "{}", probe.script);
        let look = || {
            let said = host.run(&probe.script.whole());
            let mut nodes = probe.read(&catalog, &said.stdout, &said.stderr).nodes;
            nodes.sort_by_key(|(id, _)| *id);
            nodes.into_iter().map(|(_, observed)| observed).collect::<Vec<_>>()
        };
        let mut tools = tools(&host, &probe.script.whole(), |word| SHELL.contains(&word));
        tools.retain(|(name, _)| name == "stat");
        let truth = look();
        let differs: Vec<bool> = truth.iter().map(|it| it.as_ref().unwrap().is_some()).collect();
        assert_eq!(differs, [false, true, false, true, false, true, false, false, false]);
        each_way(&host, &tools, |how| {
            let mut seen = look();
            assert_eq!(seen.pop().as_ref(), truth.last(), "{how}: a command asks for no look");
            for (index, (seen, was)) in seen.into_iter().zip(&truth).enumerate() {
                let says = |words| seen.as_ref().is_err_and(|it| it.reason.contains(words));
                let is_told = match how.rsplit_once("stat ").unwrap().1 {
                    "fails" => says("cannot do it"),
                    "is not there" => says("not found"),
                    _ => seen.is_err() || seen == *was,
                };
                assert!(is_told, "{how}, number {index}: {seen:?}");
            }
        });
    }
}

/// A check may say that it does not hold, since it has not been seen to; but never that it holds, nor something of the
/// world that is not so.
#[test]
fn a_check_that_cannot_look_never_holds_and_tells_nothing_false() {
    let (open, page) = (TcpListener::bind("0.0.0.0:0").unwrap(), serve("hello"));
    let open = open.local_addr().unwrap().port();
    // Nobody listens there: a port that is bound and given back is not given to others soon.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ports = ["127.0.0.1", "127.0.0.2"].map(|host| {
        [open, closed].map(|port| {
            [true, false].map(|open| format!("port = {port}\nhost = '{host}'\nopen = {open}"))
        })
    });
    let page = |more: &str| format!("url = 'http://127.0.0.1:{page}/'\n{more}");
    // With the programs that they look with.
    let all: [(&str, &[&str], Vec<String>); 3] = [
        (
            "port_check",
            &["awk", "bash", "nc", "timeout"],
            ports.into_iter().flatten().flatten().collect(),
        ),
        (
            "http_check",
            &["curl", "wget", "timeout", "sed", "tail"],
            vec![page("contains = 'hello'"), page("contains = 'bye'"), page("status = 404")],
        ),
        (
            "command_check",
            &["timeout", "grep", "tr", "cut"],
            vec!["name = 'exit 3'".to_owned(), "name = 'echo cat | grep -q dog'".to_owned()],
        ),
    ];
    let names: Vec<&str> = all.iter().map(|(name, ..)| *name).collect();
    for kind in KINDS.iter().filter(|kind| kind.nature() == Nature::Check) {
        assert!(names.contains(&kind.name()), "{} is not tried", kind.name());
    }
    let mut wrong = Vec::new();
    for (name, tools, all) in &all {
        for host in ["dash", "busybox"].map(Host::alone) {
            wrong.extend(guessed(kinds::kind(name).unwrap(), tools, all, &host));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A server of one page.
fn serve(page: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let (mut connection, mut asked) = (connection.unwrap(), [0; 4096]);
            let _ = connection.read(&mut asked);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", page.len());
            // Who asks may be broken.
            let _ = connection.write_all((head + page).as_bytes());
        }
    });
    port
}

/// What a check says though it cannot know it.
fn guessed(kind: &dyn Kind, tools: &[&str], arguments: &[String], host: &Host) -> Vec<String> {
    let declare = |text: &String| {
        let arguments: Value = toml::from_str(text).unwrap();
        kind.declare(arguments, &Folder(&BTreeMap::new())).unwrap().desired
    };
    let batch: Vec<Desired> = arguments.iter().map(declare).collect();
    let batch: Vec<&Desired> = batch.iter().collect();
    let script = probe_of(kind, &batch);
    let look = || look(kind, &batch, host, &script.whole());
    // What else the script starts is there as it is.
    let all = self::tools(host, &script.whole(), |word| word != "bash" && SHELL.contains(&word));
    let tools: Vec<_> = all.into_iter().filter(|(name, _)| tools.contains(&&**name)).collect();
    let truth: Vec<Option<String>> = look().iter().map(|seen| found(seen).unwrap()).collect();
    let mut wrong = Vec::new();
    let mut missed = 0;
    each_way(host, &tools, |how| {
        for ((seen, was), declared) in look().iter().zip(&truth).zip(arguments) {
            let Ok(seen) = found(seen) else { continue };
            missed += usize::from(seen != *was);
            let is_guess = match (&seen, was) {
                (None, Some(_)) => true,
                (Some(seen), was) if kind.name() == "port_check" => {
                    was.as_ref() != Some(seen) && !seen.starts_with("not known: ")
                }
                _ => false,
            };
            if is_guess {
                let kind = kind.name();
                wrong.push(format!("{kind}, {how}, {declared:?}: {seen:?} and not {was:?}"));
            }
        }
    });
    if missed == 0 {
        wrong.push(format!("{} never misses anything: {tools:?}", kind.name()));
    }
    wrong
}

/// What was found where a check does not hold.
fn found(assessed: &Assessed) -> Result<Option<String>, ()> {
    let assessed = assessed.as_ref().map_err(|_| ())?;
    Ok(assessed.as_ref().map(|it| match &it.change.fields[0].before {
        Shown::Text(text) => text.clone(),
        other => format!("{other:?}"),
    }))
}

/// What a probe gives of each of a batch, as the engine reads it.
fn look(kind: &dyn Kind, batch: &[&Desired], host: &Host, script: &str) -> Vec<Assessed> {
    let outcome = host.probe(script);
    let unknown = || Err(converge::resources::resource::Unknown::new(outcome.stderr.as_str()));
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
    // Folders of the stand-ins are there too.
    if own.is_file() {
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
