//! What a plan shows and keeps of a text that lies on a host: no more than what everyone may read there.

use std::{collections::BTreeMap, fs::Permissions, os::unix::fs::PermissionsExt as _};

use converge::{
    base::value::Value,
    resources::{change::Shown, kind::Difference, kinds},
};

use crate::{
    cases::Folder,
    hosts::{Host, probe_of},
};

/// What would be changed of the one resource.
fn difference(host: &Host, kind: &str, arguments: &str) -> Difference {
    let kind = kinds::kind(kind).unwrap();
    let arguments: Value = toml::from_str(&arguments.replace("ROOT", &host.at(""))).unwrap();
    let desired = kind.declare(arguments, &Folder(&BTreeMap::new())).unwrap().desired;
    let probe = host.probe(&probe_of(kind, &[&desired]).whole());
    assert!(probe.ok && probe.stderr.is_empty(), "{}: {probe:?}", host.name());
    kind.assess(&[&desired], &probe.stdout).unwrap().remove(0).unwrap().unwrap()
}

const OLD: &str = "password=old\n";

/// A file of a folder, each with a mode.
fn put(host: &Host, path: &str, folder: u32, file: u32) {
    host.write(path, OLD);
    let whole = host.root().join(path);
    let set = |path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    set(whole.as_path(), file);
    set(whole.parent().unwrap(), folder);
}

#[test]
fn a_text_that_not_everyone_may_read_is_not_shown() {
    for host in Host::all() {
        put(&host, "open/file", 0o755, 0o644);
        put(&host, "open/secret", 0o755, 0o640);
        put(&host, "closed/file", 0o750, 0o644);
        put(&host, "closed/open/file", 0o755, 0o644);
        std::os::unix::fs::symlink(host.at("closed/file"), host.at("open/link")).unwrap();
        std::os::unix::fs::symlink(host.at("closed"), host.at("open/way")).unwrap();
        for (path, shown) in [
            ("open/file", true),
            ("open/secret", false),
            ("closed/file", false),
            ("closed/open/file", false),
            ("open/way/file", false),
            ("open/link", false),
        ] {
            for (asked, shown) in [("", shown), ("sensitive = false", true)] {
                for (kind, wanted) in [("file", "content = 'new'"), ("line", "line = 'new'")] {
                    // A link in the place of a file is replaced: nothing of what it leads to is read.
                    if path == "open/link" && kind == "file" {
                        continue;
                    }
                    let arguments = format!("path = 'ROOT{path}'\n{wanted}\n{asked}");
                    let told = format!("{}: {kind} {path}, {asked}", host.name());
                    let before = difference(&host, kind, &arguments);
                    let hidden = before.change.fields[0].before == Shown::closed();
                    let text = format!("{:?}", before.change);
                    assert_eq!(
                        (!hidden, text.contains("password=old")),
                        (shown, shown),
                        "{told}: {text}"
                    );
                    // Nor does a digest tell a short text to whoever guesses.
                    host.write(path, "password=abc\n");
                    let after = difference(&host, kind, &arguments);
                    assert_eq!(before.observed != after.observed, shown, "{told}");
                    host.write(path, OLD);
                }
            }
        }
    }
}
