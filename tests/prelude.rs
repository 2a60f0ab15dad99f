//! The functions that every script can rely on, and the kinds that need no more than a shell, tried for real.

use std::{collections::BTreeMap, os::unix::fs::symlink};

use converge::{
    base::{script::Script, value::Value},
    resources::{
        change::Shown,
        kind::{Desired, Difference, Kind},
        kinds,
    },
};

use crate::{
    cases::Folder,
    hosts::{Host, probe_of},
};

/// Converges one resource, as a run would: probe, apply, probe again, apply again.
/// Gives what the step said when it fails.
pub(crate) fn converge(
    host: &Host,
    kind: &str,
    arguments: &str,
    files: &[(&str, &str)],
) -> Result<(), String> {
    let kind = kinds::kind(kind).unwrap();
    let arguments: Value = toml::from_str(&arguments.replace("ROOT", &host.at(""))).unwrap();
    let files: BTreeMap<String, String> =
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let declared = kind.declare(arguments, &Folder(&files)).unwrap();
    let desired = &declared.desired;
    let assess = || {
        let before = host.list();
        let probe = host.probe(&probe_of(kind, &[desired]).whole());
        assert!(probe.ok && probe.stderr.is_empty(), "{}: {probe:?}", host.name());
        assert_eq!(host.list(), before, "a probe only reads");
        let assessed = kind.assess(&[desired], &probe.stdout).unwrap().remove(0);
        assessed.map_err(|unknown| {
            format!("{unknown} ({})", unknown.hint.as_deref().unwrap_or_default())
        })
    };
    let Difference { change, .. } = assess()?.ok_or("nothing to do")?;
    let step = host.step(&kind.apply(desired, Some(&change)));
    if !step.ok {
        return Err(step.stderr);
    }
    let left = assess().unwrap();
    assert!(left.is_none(), "{}: {left:?} after {step:?}", host.name());
    let again = host.step(&kind.apply(desired, None));
    assert!(again.ok, "{}: {again:?}", host.name());
    let left = assess().unwrap();
    assert!(left.is_none(), "{}: {left:?} after {again:?}", host.name());
    Ok(())
}

#[test]
fn a_file_is_made_and_mended() {
    for host in Host::all() {
        let wanted = "path = 'ROOTit''s.txt'\ncontent = 'new'\nmode = '0640'".replace("''", " ");
        converge(&host, "file", &wanted, &[]).unwrap();
        assert_eq!((host.read("it s.txt").as_str(), host.mode("it s.txt")), ("new", 0o640));
        host.write("it s.txt", "old");
        converge(&host, "file", &wanted.replace("mode = '0640'", ""), &[]).unwrap();
        assert_eq!(host.mode("it s.txt"), 0o640, "the old mode stays");
        assert_eq!(host.list(), ["it s.txt"], "nothing is left beside it");

        symlink("/nowhere", host.at("link")).unwrap();
        converge(&host, "file", "path = 'ROOTlink'\ncontent = 'x'", &[]).unwrap();
        assert_eq!((host.read("link").as_str(), host.mode("link")), ("x", 0o644));

        std::fs::create_dir(host.at("folder")).unwrap();
        let error = converge(&host, "file", "path = 'ROOTfolder'\ncontent = 'x'", &[]).unwrap_err();
        assert!(error.contains("is a directory, and is not replaced by a file"), "{error}");
        let error = converge(&host, "file", "path = 'ROOTno/x'\ncontent = 'x'", &[]).unwrap_err();
        assert!(error.contains("there is no directory"), "{error}");

        let seed = "path = 'ROOTseed'\ncontent = 'first'\nreplace = false\nmode = '0600'";
        converge(&host, "file", seed, &[]).unwrap();
        host.write("seed", "grown");
        assert_eq!(converge(&host, "file", seed, &[]).unwrap_err(), "nothing to do");
        std::fs::set_permissions(
            host.at("seed"),
            std::os::unix::fs::PermissionsExt::from_mode(0o666),
        )
        .unwrap();
        converge(&host, "file", seed, &[]).unwrap();
        assert_eq!((host.read("seed").as_str(), host.mode("seed")), ("grown", 0o600));
    }
}

#[test]
fn an_acl_of_the_old_file_is_kept_by_its_own_programs_where_cp_knows_none() {
    // The others have the `cp` of GNU.
    for host in Host::all().into_iter().filter(|host| host.name().ends_with("/sh")) {
        for (program, does) in [
            ("getfacl", "[ \"$1\" = -cps ] && printf 'user::rw-\\ngroup:ops:r--\\nmask::r--\\n'"),
            ("setfacl", "cat >\"$HOME/acl\"; [ -e \"$4\" ]"),
        ] {
            let program = host.bin().join(program);
            std::fs::write(&program, format!("#!/bin/sh\n{does}\n")).unwrap();
            std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755))
                .unwrap();
        }
        let kept = host.bin().with_file_name("home").join("acl");
        converge(&host, "file", "path = 'ROOTnew'\ncontent = 'x'", &[]).unwrap();
        host.write("acl", "old\n");
        let line = "path = 'ROOTacl'\nline = 'new'";
        for wanted in ["path = 'ROOTacl'\ncontent = 'x'\nmode = '0640'", line] {
            let _ = std::fs::remove_file(&kept);
            converge(&host, wanted_kind(wanted), wanted, &[]).unwrap();
            let acl = std::fs::read_to_string(&kept).unwrap();
            assert_eq!(acl, "user::rw-\ngroup:ops:r--\nmask::r--\n", "{}", host.name());
            assert_eq!(host.mode("acl"), 0o640, "{}", host.name());
        }
    }
}

/// An entry of an ACL: what it is for, what it allows, and for whom.
type AclEntry = (u16, u16, u32);

/// An ACL as the kernel keeps it: the owner, the user 1234, the group, the mask, others.
fn acl(mask: u16) -> Vec<u8> {
    const NOBODY: u32 = u32::MAX;
    let entries: [AclEntry; 5] =
        [(1, 6, NOBODY), (2, 4, 1234), (4, 4, NOBODY), (16, mask, NOBODY), (32, 0, NOBODY)];
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, allowed, id) in entries {
        bytes.extend([tag.to_le_bytes(), allowed.to_le_bytes()].concat());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

fn attribute(path: &str, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 256];
    let length = rustix::fs::getxattr(path, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

#[test]
fn what_belongs_to_the_old_file_is_kept_without_the_programs_for_it() {
    const ACL: &str = "system.posix_acl_access";
    for host in Host::all().into_iter().filter(|host| !host.name().ends_with("/sh")) {
        let path = host.at("kept");
        let set = |name: &str, value: &[u8]| {
            rustix::fs::setxattr(&path, name, value, rustix::fs::XattrFlags::empty())
        };
        for (wanted, mask, mode) in [
            ("path = 'ROOTkept'\ncontent = 'x'\nmode = '0640'", 4, 0o640),
            ("path = 'ROOTkept'\ncontent = 'y'\nmode = '0600'", 0, 0o600),
            ("path = 'ROOTkept'\nline = 'new'", 4, 0o640),
            ("path = 'ROOTkept'\ncontent = 'z'\nvalidate = 'false'", 4, 0o640),
        ] {
            host.write("kept", "old\n");
            if set(ACL, &acl(4)).is_err() || set("user.note", b"mine").is_err() {
                // This file system keeps neither.
                return;
            }
            // Only root may give a program capabilities.
            let capable = set("security.capability", &CAPABLE).is_ok();
            let done = converge(&host, wanted_kind(wanted), wanted, &[]);
            let replaced = !wanted.contains("validate");
            assert_eq!(done.is_ok(), replaced, "{wanted}: {done:?}");
            assert_eq!(attribute(&path, ACL), Some(acl(mask)), "{}: {wanted}", host.name());
            assert_eq!(attribute(&path, "user.note").as_deref(), Some(&b"mine"[..]), "{wanted}");
            let still_capable = attribute(&path, "security.capability").is_some();
            assert_eq!(still_capable, capable && !replaced, "{wanted}");
            assert_eq!(host.mode("kept"), mode, "{}: {wanted}", host.name());
        }
    }
}

/// As `setcap cap_net_bind_service=ep` has it.
const CAPABLE: [u8; 20] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn wanted_kind(arguments: &str) -> &'static str {
    if arguments.contains("line =") { "line" } else { "file" }
}

#[test]
fn only_access_of_a_file_of_somebody_elses_is_mended() {
    for host in Host::all() {
        let wanted = "path = 'ROOTtheirs'\nmode = '0600'";
        let error = converge(&host, "file", wanted, &[]).unwrap_err();
        assert!(error.contains("there is no file"), "{error}");
        host.write("theirs", "theirs");
        converge(&host, "file", wanted, &[]).unwrap();
        assert_eq!((host.read("theirs").as_str(), host.mode("theirs")), ("theirs", 0o600));
        assert_eq!(converge(&host, "file", wanted, &[]).unwrap_err(), "nothing to do");
    }
}

#[test]
fn a_link_is_followed_where_it_says_so() {
    for host in Host::all() {
        symlink("later", host.at("dangling")).unwrap();
        converge(&host, "line", "path = 'ROOTdangling'\nline = 'x'\ncreate = true", &[]).unwrap();
        assert_eq!(host.read("later"), "x\n");
        assert!(host.root().join("dangling").is_symlink());
        std::fs::create_dir(host.at("data")).unwrap();
        symlink(host.at("data"), host.at("www")).unwrap();
        converge(&host, "directory", "path = 'ROOTwww'\nmode = '0711'", &[]).unwrap();
        assert_eq!(host.mode("data"), 0o711);
        assert!(host.root().join("www").is_symlink());
    }
}

#[test]
fn a_pipe_is_refused_and_never_read() {
    for host in Host::all() {
        let made = std::process::Command::new("mkfifo").arg(host.at("pipe")).status().unwrap();
        assert!(made.success());
        for (kind, more) in [("file", "content = 'x'"), ("line", "line = 'x'"), ("directory", "")] {
            let wanted = format!("path = 'ROOTpipe'\n{more}");
            let error = converge(&host, kind, &wanted, &[]).unwrap_err();
            assert!(error.contains("is a fifo") || error.contains("not a regular file"), "{error}");
        }
    }
}

#[test]
fn files_are_listed_only_if_one_of_them_differs() {
    let kind = kinds::kind("file").unwrap();
    for host in Host::all() {
        let declare = |name: &str, sensitive: bool| {
            let arguments = format!(
                "path = '{}'\ncontent = 'of {name}'\nmode = '0644'\nsensitive = {sensitive}",
                host.at(name)
            );
            let arguments: Value = toml::from_str(&arguments).unwrap();
            kind.declare(arguments, &Folder(&BTreeMap::new())).unwrap().desired
        };
        let wanted = [declare("a b", false), declare("token", true), declare("c", false)];
        let wanted: Vec<_> = wanted.iter().collect();
        let look = || {
            let probe = host.probe(&probe_of(kind, &wanted).whole());
            assert!(probe.ok && probe.stderr.is_empty(), "{}: {probe:?}", host.name());
            let assessed = kind.assess(&wanted, &probe.stdout).unwrap();
            let differing = assessed.iter().map(|it| *it != Ok(None)).collect::<Vec<_>>();
            let listed = probe.stdout.matches("  /").count();
            let shown = probe.stdout.matches("text /").count();
            (differing, listed, shown)
        };
        for name in ["a b", "token", "c"] {
            host.write(name, &format!("of {name}"));
        }
        // What others could exchange is not read together with the rest.
        let listed = if host.is_closed() { 1 } else { 3 };
        assert_eq!(look(), (vec![false, false, false], listed, 0), "{}", host.name());
        let digest = converge::base::content::Digest::of(b"of token");
        assert!(
            !probe_of(kind, &wanted).text().contains(digest.as_str()),
            "a secret's is not told"
        );
        host.write("token", "another");
        assert_eq!(look(), (vec![false, true, false], listed, 0), "{}: a secret", host.name());
        host.write("c", "another");
        assert_eq!(look(), (vec![false, true, true], 3, 1), "{}", host.name());
        std::fs::remove_file(host.at("token")).unwrap();
        mkfifo(&host.at("token"));
        assert_eq!(look(), (vec![false, true, true], 2, 1), "{}: a pipe", host.name());
        std::fs::remove_file(host.at("token")).unwrap();
        host.write("elsewhere", "of token");
        symlink(host.at("elsewhere"), host.at("token")).unwrap();
        assert_eq!(look(), (vec![false, true, true], 2, 1), "{}: a link", host.name());
    }
}

/// A pipe without a writer: who opens it to read waits.
fn mkfifo(path: &str) {
    let status = std::process::Command::new("mkfifo").arg(path).status();
    assert!(status.unwrap().success());
}

#[test]
fn files_of_a_directory_are_made_in_one_folder_that_goes_at_the_end() {
    let kind = kinds::kind("file").unwrap();
    for host in Host::all() {
        let step = |name: &str, validate: &str| {
            let arguments = format!(
                "path = '{}'\ncontent = 'new'\nvalidate = \"\"\"{validate}\"\"\"",
                host.at(name)
            );
            let arguments: Value = toml::from_str(&arguments).unwrap();
            let declared = kind.declare(arguments, &Folder(&BTreeMap::new())).unwrap();
            kind.apply(&declared.desired, None)
        };
        let count = format!("[ \"$(ls -A {0} | grep -c converge)\" = 1 ]", host.at(""));
        let steps = [step("a", "test -f %s"), step("b", &count), step("c d", &count)];
        let outcome = host.steps(&steps);
        assert!(outcome.ok, "{}: {outcome:?}", host.name());
        assert_eq!(host.list(), ["a", "b", "c d"], "{}", host.name());
        let outcome = host.steps(&[step("e", "test -f %s"), step("f", "false"), step("g", "true")]);
        assert!(!outcome.ok, "{}: {outcome:?}", host.name());
        assert_eq!(host.list(), ["a", "b", "c d", "e"], "{}: also after a failure", host.name());
    }
}

#[test]
fn a_folder_that_others_put_in_the_place_of_the_private_one_is_not_used() {
    for host in Host::all() {
        std::fs::create_dir(host.at("theirs")).unwrap();
        let nobody = Some(65534);
        let theirs = match std::os::unix::fs::chown(host.at("theirs"), nobody, nobody) {
            Ok(()) => "theirs",
            Err(_) => "/",
        };
        // What somebody does between two files who may write to the directory.
        let swap = format!("for it in .converge.*; do mv $it was; ln -s {theirs} $it; done");
        let put = |name: &str| {
            format!("(set -eu\ncd {0}\nput /etc/passwd {0}{name} 0600 '' '' ''\n)", host.at(""))
        };
        let (first, second) = (put("first"), put("second"));
        let script =
            format!("trap sweep EXIT\n{first} || exit 1\n(cd {} && {swap})\n{second}", host.at(""));
        let outcome = host.run(&script);
        assert!(outcome.stderr.contains("is not the folder"), "{}: {outcome:?}", host.name());
        let mut left = host.list();
        left.retain(|name| !name.starts_with("was"));
        assert_eq!(left, ["first", "theirs"], "{}", host.name());
    }
}

#[test]
fn a_file_that_is_refused_leaves_the_old_one_and_nothing_else() {
    for host in Host::all() {
        let file = |validate: &str| {
            format!("path = 'ROOTa b.conf'\ncontent = 'good'\nvalidate = \"\"\"{validate}\"\"\"")
        };
        for refusing in
            ["grep -q bad %s", "false", "exit 1", "no-such-command", "grep -q bad 'ROOTa b.conf'"]
        {
            let error = converge(&host, "file", &file(refusing), &[]).unwrap_err();
            assert!(error.contains("validate: "), "{}: {refusing}: {error}", host.name());
            assert!(host.list().is_empty(), "{}: {refusing}: {:?}", host.name(), host.list());
        }
        host.write("a b.conf", "old");
        for refusing in ["grep -q bad %s", "grep -q bad 'ROOTa b.conf'"] {
            converge(&host, "file", &file(refusing), &[]).unwrap_err();
            assert_eq!(host.read("a b.conf"), "old");
            assert_eq!(host.list(), ["a b.conf"]);
        }
        converge(&host, "file", &file("grep -q good %s"), &[]).unwrap();
        host.write("a b.conf", "old");
        converge(&host, "file", &file("grep -q good 'ROOTa b.conf'"), &[]).unwrap();
        assert_eq!((host.read("a b.conf").as_str(), host.list().len()), ("good", 1));
        host.write("a b.conf", "old");
        let named = "case %s in */'a b.conf') : ;; *) false ;; esac";
        converge(&host, "file", &file(named), &[]).unwrap();
    }
}

#[test]
fn a_directory_is_made_with_all_that_is_above_it() {
    for host in Host::all() {
        converge(&host, "directory", "path = 'ROOTa/b/c d'\nmode = '2750'", &[]).unwrap();
        assert_eq!(
            (host.mode("a"), host.mode("a/b"), host.mode("a/b/c d")),
            (0o755, 0o755, 0o2750)
        );
        converge(&host, "directory", "path = 'ROOTa/b/c d'\nmode = '0700'", &[]).unwrap();
        assert_eq!(host.mode("a/b/c d"), 0o700, "the setgid bit goes");
        host.write("file", "x");
        let error = converge(&host, "directory", "path = 'ROOTfile'", &[]).unwrap_err();
        assert!(error.contains("is a file, and is not replaced by a directory"), "{error}");
        assert_eq!(host.read("file"), "x");
    }
}

#[test]
fn a_directory_is_copied_and_purged() {
    let files = [("files/site/a", "A"), ("files/site/css/b c", "B"), ("files/other", "O")];
    for host in Host::all() {
        let wanted = "path = 'ROOTwww'\nsource = 'site'\npurge = true\nfile_mode = '0640'";
        converge(&host, "directory", wanted, &files).unwrap();
        assert_eq!(host.list(), ["www", "www/a", "www/css", "www/css/b c"]);
        assert_eq!((host.read("www/css/b c").as_str(), host.mode("www/a")), ("B", 0o640));
        assert_eq!(converge(&host, "directory", wanted, &files).unwrap_err(), "nothing to do");

        for extra in
            ["www/a\nb", "www/-rf", "www/css/x y/z", "www/*", "www/css/b", "www/.h", "keep"]
        {
            host.write(extra, "extra");
        }
        host.write("www/a", "changed");
        symlink(host.at("keep"), host.at("www/l")).unwrap();
        symlink(host.root(), host.at("www/up")).unwrap();
        converge(&host, "directory", wanted, &files).unwrap();
        assert_eq!(host.list(), ["keep", "www", "www/a", "www/css", "www/css/b c"]);
        assert_eq!(host.read("www/a"), "A");
    }
}

#[test]
fn all_below_a_directory_gets_its_owner() {
    if !may_give_files_away() {
        return;
    }
    for host in Host::all() {
        host.write("data/x/y", "1");
        symlink("/etc/passwd", host.at("data/link")).unwrap();
        let wanted = "path = 'ROOTdata'\nowner = 'nobody'\ngroup = '12345'\nrecurse = true";
        converge(&host, "directory", wanted, &[]).unwrap();
        assert_eq!(converge(&host, "directory", wanted, &[]).unwrap_err(), "nothing to do");
        host.write("data/x/z", "1");
        converge(&host, "directory", wanted, &[]).unwrap();
        let unknown = wanted.replace("nobody", "no-such-user");
        let error = converge(&host, "directory", &unknown, &[]).unwrap_err();
        assert!(error.contains("no-such-user"), "{error}");
    }
}

/// Only root may.
fn may_give_files_away() -> bool {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(folder.path(), Some(65534), None).is_ok()
}

#[test]
fn a_link_is_made_and_turned() {
    for host in Host::all() {
        let link = |name: &str, to: &str| format!("path = 'ROOT{name}'\nto = \"{to}\"");
        for to in ["/nowhere", "../a b", "it's -> x", "-x", "zürich"] {
            converge(&host, "link", &link("l k", to), &[]).unwrap();
            assert_eq!(std::fs::read_link(host.at("l k")).unwrap().to_str(), Some(to));
        }
        assert_eq!(host.list(), ["l k"]);
        std::fs::create_dir(host.at("dir")).unwrap();
        host.write("file", "x");
        host.write("full/x", "x");
        for name in ["dir", "file"] {
            let error = converge(&host, "link", &link(name, "x"), &[]).unwrap_err();
            assert!(error.contains("force"), "{error}");
            converge(&host, "link", &format!("{}\nforce = true", link(name, "x")), &[]).unwrap();
        }
        let full = format!("{}\nforce = true", link("full", "x"));
        let error = converge(&host, "link", &full, &[]).unwrap_err();
        assert!(error.contains("not empty") && host.read("full/x") == "x", "{error}");
        // A link to a directory is turned, and nothing is made in that directory.
        std::fs::create_dir(host.at("target")).unwrap();
        symlink(host.at("target"), host.at("to-dir")).unwrap();
        converge(&host, "link", &link("to-dir", "elsewhere"), &[]).unwrap();
        assert!(std::fs::read_dir(host.at("target")).unwrap().next().is_none());
    }
}

#[test]
fn what_is_absent_is_gone() {
    for host in Host::all() {
        host.write("keep/x", "x");
        host.write("a b", "x");
        symlink(host.at("keep"), host.at("link")).unwrap();
        std::fs::create_dir(host.at("empty")).unwrap();
        for name in ["a b", "link", "empty"] {
            converge(&host, "absent", &format!("path = 'ROOT{name}'"), &[]).unwrap();
        }
        assert_eq!(host.list(), ["keep", "keep/x"]);
        let error = converge(&host, "absent", "path = 'ROOTkeep'", &[]).unwrap_err();
        assert!(error.contains("recursive"), "{error}");
        converge(&host, "absent", "path = 'ROOTkeep'\nrecursive = true", &[]).unwrap();
        assert!(host.list().is_empty());
    }
}

/// A check of the script, which fails when it does not hold at the last try.
fn command_check(run: &str, deadline: i64) -> (&'static dyn Kind, Desired) {
    let kind = kinds::kind("command_check").unwrap();
    let arguments = [("name", "x".into()), ("run", run.into()), ("deadline", Value::Int(deadline))];
    let arguments = arguments.map(|(name, value): (_, Value)| (name.to_owned(), value));
    let arguments = Value::Map(arguments.into_iter().collect());
    (kind, kind.declare(arguments, &Folder(&BTreeMap::new())).unwrap().desired)
}

#[test]
fn a_command_is_tried_until_it_succeeds() {
    for host in Host::all() {
        let step = |run: &str, deadline| {
            let (kind, check) = command_check(&run.replace("ROOT", &host.at("")), deadline);
            let mut step = kind.apply(&check, None);
            step.script = Script::trusted("sleep() { say slept; }").then(step.script);
            host.step(&step)
        };
        let never = step("echo no such table >&2; exit 3", 0);
        let why = "after 0 seconds the command ended with exit status 3 (no such table)\n";
        assert_eq!((never.ok, never.stderr.as_str()), (false, why), "{}", host.name());
        let second = step("test -e 'ROOTtried once' || { : >'ROOTtried once'; false; }", 30);
        assert_eq!((second.ok, second.stdout.as_str()), (true, "slept\n"), "{second:?}");
    }
}

#[test]
fn a_command_that_does_not_succeed_is_told_with_its_last_line() {
    for host in Host::all() {
        for (run, found) in [
            ("true", None),
            ("echo one; echo 'two\twords' >&2; exit 3", Some("3 (two words)")),
            ("false; true", Some("1")),
            ("read x", Some("1")),
            ("kill -TERM $$", Some("143 (stopped after 5 seconds)")),
        ] {
            let (kind, check) = command_check(run, 0);
            let probe = host.probe(&kind.probe(&[&check]).whole());
            let difference = kind.assess(&[&check], &probe.stdout).unwrap().remove(0).unwrap();
            let before = difference.map(|it| it.change.fields[0].before.clone());
            assert_eq!(before, found.map(Shown::from), "{}: {run}: {probe:?}", host.name());
        }
    }
}

#[test]
fn a_debt_is_written_down_and_paid() {
    for host in Host::all() {
        let script = "STATE=$HOME/state STAGE=; mark x 'restart nginx'; cat \"$STATE/pending/x\"; unmark x; unmark x; ls \"$STATE/pending\"";
        let outcome = host.run(script);
        assert_eq!((outcome.ok, outcome.stdout.as_str()), (true, "restart nginx\n"), "{outcome:?}");
    }
}

/// What is paid is emptied at once, which is what a run that is cut off leaves, and removed at the end; but not if it is outstanding
/// once more by then.
#[test]
fn a_debt_that_is_paid_is_emptied_at_once_and_removed_at_the_end_unless_it_is_outstanding_again() {
    for host in Host::all() {
        let pending = "cd \"$STATE/pending\"; for m in *; do [ ! -f \"$m\" ] || say \"$m: $(cat \"$m\")\"; done";
        let script = format!(
            "STATE=$HOME/state; trap sweep EXIT; mark x 'restart x'; mark y 'restart y'; mark z 'restart z'
            (unmark x; unmark y; unmark z; outstanding='x y'; begun now); mark y 'restart y again'\n({pending})"
        );
        let outcome = host.run(&script);
        let told = "x: \ny: restart y again\nz: \n";
        assert_eq!((outcome.ok, outcome.stdout.as_str()), (true, told), "{outcome:?}");
        let left = host.run(&format!("STATE=$HOME/state; {pending}"));
        assert_eq!(left.stdout, "y: restart y again\n", "{}: {left:?}", host.name());
    }
}

#[test]
fn a_user_of_a_group_that_is_missing_is_not_even_begun() {
    let kind = kinds::kind("user").unwrap();
    for host in Host::all() {
        for program in ["useradd", "usermod"] {
            let text = format!("#!/bin/sh\necho {program} >>{}\n", host.at("called"));
            let path = host.bin().join(program);
            let _ = std::fs::remove_file(&path);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
                .unwrap();
        }
        for groups in ["groups = ['root', 'no-such-group']", "group = 'no-such-group'"] {
            let arguments: Value = toml::from_str(&format!("name = 'new-one'\n{groups}")).unwrap();
            let declared = kind.declare(arguments, &Folder(&BTreeMap::new())).unwrap();
            let outcome = host.step(&kind.apply(&declared.desired, None));
            assert!(outcome.stderr.contains("there is no group no-such-group"), "{outcome:?}");
            assert!(!outcome.ok && host.list().is_empty(), "{}: {:?}", host.name(), host.list());
        }
    }
}

/// A step of a kind, in which no time goes by.
fn tried(host: &Host, kind: &str, arguments: &str) -> crate::hosts::Outcome {
    let kind = kinds::kind(kind).unwrap();
    let arguments: Value = toml::from_str(&arguments.replace("ROOT", &host.at(""))).unwrap();
    let declared = kind.declare(arguments, &Folder(&BTreeMap::new())).unwrap();
    let mut step = kind.apply(&declared.desired, None);
    step.script = Script::trusted("sleep() { say \"slept $1\"; }").then(step.script);
    host.step(&step)
}

#[test]
fn a_script_that_fails_is_run_again_as_often_as_it_may() {
    let third = "echo x >>ROOTtries; [ $(wc -l <ROOTtries) = 3 ]";
    for (kind, arguments) in [
        ("command", format!("name = 'x'\nrun = '{third}'")),
        ("action", format!("name = 'x'\nrun = '{third}'")),
        (
            "custom",
            format!("kind = 'x'\nkey = 'y'\nobserve = 'true'\nwant = 'z'\napply = '{third}'"),
        ),
    ] {
        for host in Host::all() {
            let once = tried(&host, kind, &arguments);
            assert_eq!((once.ok, once.status), (false, Some(1)), "{}: {once:?}", host.name());
            std::fs::remove_file(host.at("tries")).unwrap();
            let twice = tried(&host, kind, &format!("{arguments}\nretries = 1"));
            assert!(!twice.ok && twice.stderr.ends_with("all 2 tries failed\n"), "{twice:?}");
            assert_eq!(twice.stdout, "slept 5\n");
            std::fs::remove_file(host.at("tries")).unwrap();
            let thrice = tried(&host, kind, &format!("{arguments}\nretries = 9\ndelay = 2"));
            assert!(thrice.ok, "{}: {thrice:?}", host.name());
            assert_eq!(thrice.stdout, "slept 2\nslept 2\ntry 3 succeeded\n", "{kind}");
        }
    }
}

#[test]
fn another_exit_status_that_means_success_ends_the_tries() {
    for host in Host::all() {
        let of = |run: &str| {
            format!("name = 'x'\nrun = '{run}'\nok_codes = [3]\nretries = 2\ndelay = 0")
        };
        assert!(tried(&host, "command", &of("exit 3")).ok);
        let never = tried(&host, "command", &of("echo x >>ROOTtries"));
        assert!(!never.ok && host.read("tries") == "x\nx\nx\n", "{}: {never:?}", host.name());
    }
}

#[test]
fn a_check_is_tried_as_often_as_it_may_and_says_in_words_what_is_wrong() {
    for host in Host::all() {
        let port = tried(&host, "port_check", "port = 1\nhost = '127.0.0.1'\nretries = 2");
        assert_eq!(port.stderr, "in 3 tries port 1 of 127.0.0.1 is closed\n", "{}", host.name());
        assert_eq!(port.stdout, "slept 1\nslept 1\n");
        let command = tried(&host, "command_check", "name = 'exit 4'\nretries = 0");
        assert_eq!(command.stderr, "in 1 tries the command ended with exit status 4\n");
        let url = "http://127.0.0.1:1/x";
        let http = tried(&host, "http_check", &format!("url = '{url}'\ndeadline = 0"));
        assert!(
            http.stderr.starts_with(&format!("after 0 seconds {url} gave no answer (")),
            "{http:?}"
        );
    }
}

/// No shell says by itself which file there was no room for.
#[test]
fn a_file_that_cannot_be_written_is_named_with_the_reason() {
    for host in Host::all() {
        for call in ["note_in \"$at\" text", "add_to \"$at\" text"] {
            for name in ["full", "full.room"] {
                let _ = symlink("/dev/full", host.root().join(name));
            }
            let said = host.run(&format!("at={}; {call}", host.at("full")));
            let told = format!("cannot write {}: No space left on device\n", host.at("full"));
            assert_eq!((said.ok, said.stderr), (false, told), "{}: {call}", host.name());
            let said = host.run(&format!("at={}; {call}", host.at("none/file")));
            assert!(said.stderr.starts_with("cannot write ") && !said.ok, "{said:?}");
            assert!(host.run(&format!("at={}; {call}", host.at("file"))).ok);
        }
    }
}
