//! Which links on the way to a path count: tried by each kind, with each shell, as root, who gives links and directories to
//! others.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink},
};

use crate::{hosts::Host, prelude::converge};

const USER: u32 = 65534;
const OTHER: u32 = 12345;

/// Links at `lies/way` and `lies/file`: what they are, whose its directory is and of which mode, whose the links are, and whose the
/// directory is that they lead to; and whether they count.
type Laid = (&'static str, (u32, u32), u32, u32, bool);

const LAID: &[Laid] = &[
    ("root's", (0, 0o755), 0, USER, true),
    ("brought by root", (0, 0o755), USER, 0, true),
    ("a user's, to his own", (USER, 0o755), USER, USER, true),
    ("a user's, to root's", (USER, 0o755), USER, 0, false),
    ("a user's, to another's", (USER, 0o755), USER, OTHER, false),
    ("root's in a user's", (USER, 0o755), 0, 0, false),
    ("root's in a user's, to his", (USER, 0o755), 0, USER, true),
    ("in a group's of a user", (USER, 0o2775), USER, USER, true),
    ("in a group's of root", (0, 0o2775), 0, 0, false),
    ("in a sticky one of a user", (USER, 0o1777), 0, 0, false),
    ("root's, where nobody else may remove it", (0, 0o1777), 0, USER, true),
    ("where all may write", (USER, 0o777), USER, USER, false),
];

/// What is declared behind the link; and at its own path, where a kind follows it.
const DECLARED: &[(&str, &str)] = &[
    ("file", "path = 'ROOTlies/way/it'\ncontent = 'x'\nowner = '12345'\nmode = '0640'"),
    ("line", "path = 'ROOTlies/way/it'\nline = 'x'\ncreate = true"),
    ("directory", "path = 'ROOTlies/way/it'"),
    ("link", "path = 'ROOTlies/way/it'\nto = '/x'"),
    ("local_copy", "path = 'ROOTlies/way/it'\nfrom = '/etc/passwd'"),
    ("absent", "path = 'ROOTlies/way/old'"),
    ("line", "path = 'ROOTlies/file'\nline = 'x'"),
    ("directory", "path = 'ROOTlies/way'\nmode = '0700'"),
];

#[test]
fn a_link_counts_if_it_opens_nothing_to_who_laid_it() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("only root can give a link to others: not tried");
        return;
    }
    for host in Host::all() {
        for (laid, declared) in LAID.iter().flat_map(|it| DECLARED.iter().map(move |to| (it, to))) {
            lay(&host, laid);
            follow(&host, laid, declared);
        }
    }
}

fn follow(host: &Host, laid: &Laid, (kind, arguments): &(&str, &str)) {
    let what = format!("{}: {}: {kind}: {arguments}", host.name(), laid.0);
    let before = host.list();
    let done = converge(host, kind, arguments, &[]);
    assert_eq!(done.is_ok(), laid.4, "{what}: {done:?}");
    if kind == &"file" && laid.4 {
        let made = fs::metadata(host.at("to/it")).unwrap();
        assert_eq!((made.uid(), made.mode() & 0o7777), (OTHER, 0o640), "{what}");
    }
    if let Err(error) = done {
        let refused =
            ["others may exchange", "is a link to somewhere else than a declared directory"];
        assert!(refused.iter().any(|it| error.contains(it)), "{what}: {error}");
        assert_eq!(host.list(), before, "{what}");
        let done = converge(host, kind, &format!("{arguments}\nfollow = true"), &[]);
        assert_eq!(done, Ok(()), "{what}");
    }
}

#[test]
fn a_file_that_others_may_have_given_its_name_is_given_to_nobody() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("only root can give a directory to others: not tried");
        return;
    }
    let wanted = "path = 'ROOThome/mine'\nmode = '0666'\nowner = '12345'";
    for host in Host::all() {
        host.write("shadow", "secret");
        fs::create_dir(host.at("home")).unwrap();
        fs::hard_link(host.at("shadow"), host.at("home/mine")).unwrap();
        chown(host.at("home"), Some(USER), Some(USER)).unwrap();
        let error = converge(&host, "file", wanted, &[]).unwrap_err();
        assert!(error.contains("has other names"), "{}: {error}", host.name());
        let left = fs::metadata(host.at("shadow")).unwrap();
        assert_eq!((left.uid(), left.mode() & 0o7777), (0, 0o644), "{}", host.name());
        fs::remove_file(host.at("shadow")).unwrap();
        converge(&host, "file", wanted, &[]).unwrap();
    }
}

fn lay(host: &Host, laid: &Laid) {
    let (_, (owner, mode), link, to, _) = *laid;
    for name in ["lies", "to"] {
        let _ = fs::remove_dir_all(host.at(name));
        fs::create_dir(host.at(name)).unwrap();
    }
    host.write("to/old", "x was here\n");
    for (name, leads) in [("lies/way", "to"), ("lies/file", "to/old")] {
        symlink(host.at(leads), host.at(name)).unwrap();
        lchown(host.at(name), Some(link), Some(link)).unwrap();
    }
    chown(host.at("to"), Some(to), Some(to)).unwrap();
    chown(host.at("lies"), Some(owner), Some(owner)).unwrap();
    fs::set_permissions(host.at("lies"), fs::Permissions::from_mode(mode)).unwrap();
}
