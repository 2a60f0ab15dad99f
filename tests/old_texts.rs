//! What a plan shows of a text that lies on a host: no more than what everyone may read there.

use std::{collections::BTreeMap, fs::Permissions, os::unix::fs::PermissionsExt as _};

use converge::{
    change::{Field, Shown},
    resources,
    value::Value,
};

use crate::{
    cases::Folder,
    hosts::{Host, probe_of},
};

/// What would be changed of the one resource.
fn fields(host: &Host, kind: &str, arguments: &str) -> Vec<Field> {
    let kind = resources::kind(kind).unwrap();
    let arguments: Value = toml::from_str(&arguments.replace("ROOT", &host.at(""))).unwrap();
    let desired = kind.declare(arguments, &Folder(&BTreeMap::new())).unwrap().desired;
    let probe = host.probe(probe_of(kind, &[&desired]).as_str());
    assert!(probe.ok && probe.stderr.is_empty(), "{}: {probe:?}", host.name());
    let assessed = kind.assess(&[&desired], &probe.stdout).unwrap().remove(0).unwrap();
    assessed.map(|difference| difference.change.fields).unwrap_or_default()
}

/// A file of a folder, each with a mode.
fn put(host: &Host, path: &str, folder: u32, file: u32) {
    host.write(path, "password=old\n");
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
                let told = format!("{}: {path}, {asked}", host.name());
                let file = format!("path = 'ROOT{path}'\ncontent = 'new'\n{asked}");
                // A link in the place of a file is replaced: nothing of what it leads to is read.
                if path != "open/link" {
                    let before = &fields(&host, "file", &file)[0].before;
                    let wanted = match shown {
                        true => Shown::Text("password=old\n".to_owned()),
                        false => Shown::Hidden("closed to others".to_owned()),
                    };
                    assert_eq!(*before, wanted, "{told}");
                }
                let line = format!("path = 'ROOT{path}'\nline = 'new'\n{asked}");
                let text = format!("{:?}", fields(&host, "line", &line));
                assert_eq!(text.contains("password=old"), shown, "{told}: {text}");
            }
        }
    }
}
