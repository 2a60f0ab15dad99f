//! Which links on the way to a path count: tried by each kind, with each shell, as root, who gives links and directories to
//! others.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink},
};

use crate::{hosts::Host, prelude::converge};

const USER: u32 = 65534;
const OTHER: u32 = 12345;

/// A link at `lies/way`: what it is, whose its directory is and of which mode, whose the link is, and whose the directory is that
/// it leads to; and whether it counts.
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

/// What is declared at a path behind the link.
const DECLARED: &[(&str, &str)] = &[
    ("file", "path = 'ROOTlies/way/it'\ncontent = 'x'\nowner = '12345'\nmode = '0640'"),
    ("line", "path = 'ROOTlies/way/it'\nline = 'x'\ncreate = true"),
    ("directory", "path = 'ROOTlies/way/it'"),
    ("link", "path = 'ROOTlies/way/it'\nto = '/x'"),
    ("absent", "path = 'ROOTlies/way/old'"),
];

#[test]
fn a_link_on_the_way_counts_if_it_opens_nothing_to_who_laid_it() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("only root can give a link to others: not tried");
        return;
    }
    for host in Host::all() {
        for (laid, (kind, arguments)) in
            LAID.iter().flat_map(|it| DECLARED.iter().map(move |declared| (it, declared)))
        {
            let what = format!("{}: {}: {kind}", host.name(), laid.0);
            lay(&host, laid);
            let done = converge(&host, kind, arguments, &[]);
            assert_eq!(done.is_ok(), laid.4, "{what}: {done:?}");
            if kind == &"file" && laid.4 {
                let made = fs::metadata(host.at("to/it")).unwrap();
                assert_eq!((made.uid(), made.mode() & 0o7777), (OTHER, 0o640), "{what}");
            }
            if let Err(error) = done {
                assert!(error.contains("others may exchange"), "{what}: {error}");
                assert_eq!(host.list(), ["lies", "lies/way", "to", "to/old"], "{what}");
                let follow = format!("{arguments}\nfollow = true");
                converge(&host, kind, &follow, &[])
                    .unwrap_or_else(|error| panic!("{what}: {error}"));
            }
        }
    }
}

#[test]
fn a_line_and_a_directory_follow_a_link_at_their_own_path_by_the_same_rule() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("only root can give a link to others: not tried");
        return;
    }
    for host in Host::all() {
        for laid in LAID {
            for (kind, arguments) in [
                ("line", "path = 'ROOTlies/way'\nline = 'x'"),
                ("directory", "path = 'ROOTlies/way'\nmode = '0700'"),
            ] {
                let what = format!("{}: {}: {kind}", host.name(), laid.0);
                lay(&host, laid);
                if kind == "line" {
                    fs::remove_file(host.at("lies/way")).unwrap();
                    symlink(host.at("to/old"), host.at("lies/way")).unwrap();
                    lchown(host.at("lies/way"), Some(laid.2), Some(laid.2)).unwrap();
                }
                let done = converge(&host, kind, arguments, &[]);
                assert_eq!(done.is_ok(), laid.4, "{what}: {done:?}");
                if done.is_err() {
                    let follow = format!("{arguments}\nfollow = true");
                    converge(&host, kind, &follow, &[])
                        .unwrap_or_else(|error| panic!("{what}: {error}"));
                }
            }
        }
    }
}

fn lay(host: &Host, laid: &Laid) {
    let (_, (owner, mode), link, to, _) = *laid;
    for name in ["lies", "to"] {
        let _ = fs::remove_dir_all(host.at(name));
        fs::create_dir(host.at(name)).unwrap();
    }
    host.write("to/old", "x was here\n");
    symlink(host.at("to"), host.at("lies/way")).unwrap();
    lchown(host.at("lies/way"), Some(link), Some(link)).unwrap();
    chown(host.at("to"), Some(to), Some(to)).unwrap();
    chown(host.at("lies"), Some(owner), Some(owner)).unwrap();
    fs::set_permissions(host.at("lies"), fs::Permissions::from_mode(mode)).unwrap();
}
