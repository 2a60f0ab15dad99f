//! apt as it really is, from a repository in a folder of the host. Needs no network, and leaves the host with that alone.

use crate::world::{Lab, Written, inventory, until};

/// Functions of sh that publish packages, and a repository that apt trusts.
const SHOP: &str = r#"
deb() {
    d=$(mktemp -d) && mkdir $d/DEBIAN
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: lab <lab@example.com>\nDescription: lab\n' "$1" "$2" >$d/DEBIAN/control
    if [ -n "${3-}" ]; then printf '#!/bin/sh\n%s\n' "$3" >$d/DEBIAN/postinst; chmod 755 $d/DEBIAN/postinst; fi
    dpkg-deb --root-owner-group -b $d /srv/shop/$1_$2.deb >/dev/null
}
publish() {
    mkdir -p /srv/shop; cd /srv/shop; deb "$@"
    for f in *.deb; do
        dpkg-deb -f $f
        printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' $f $(stat -c %s $f) $(sha256sum $f | cut -c1-64)
    done >Packages
    printf 'Suite: lab\nSHA256:\n %s %s Packages\n' $(sha256sum Packages | cut -c1-64) $(stat -c %s Packages) >Release
}
old() { touch -d '-3 hours' /var/lib/apt/lists; }
"#;

fn shop(lab: &Lab, script: &str) {
    lab.by_hand("trixie-1", &format!("set -e\n{SHOP}\n{script}"));
}

/// The lab, with a host whose only source is the folder.
fn with_shop() -> Option<Lab> {
    let lab = Lab::get()?;
    lab.up(&["trixie-1"]);
    let source = "deb [trusted=yes] copy:/srv/shop ./";
    shop(
        &lab,
        &format!(
            "rm -rf /srv/shop /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*
            dpkg -P lab-tool lab-slow lab-other >/dev/null 2>&1 || :
            echo '{source}' >/etc/apt/sources.list.d/shop.list; publish lab-tool 1.0"
        ),
    );
    Some(lab)
}

const LATEST: &str = r#"on(hosts("trixie-1"), |host| package("lab-tool", #{ latest: true }));"#;

fn version(lab: &Lab) -> String {
    lab.by_hand("trixie-1", "dpkg-query -W -f '${Version}' lab-tool")
}

#[test]
fn the_latest_is_what_the_repository_has_now_and_a_hold_is_named() {
    let Some(lab) = with_shop() else { return };
    lab.converges(LATEST);
    assert_eq!(version(&lab), "1.0");
    shop(&lab, "publish lab-tool 2.0; old");
    let written = Written::new(LATEST);
    let mut plan = vec!["plan"];
    plan.extend(written.arguments());
    let said = lab.converge(&plan).stdout;
    assert!(said.contains("the package index is 3 hours old"), "{said}");
    lab.converges(LATEST);
    assert_eq!(version(&lab), "2.0", "the index was refreshed in the same run");
    shop(&lab, "publish lab-tool 3.0; old; apt-mark hold lab-tool");
    let said = lab.fails(LATEST);
    assert!(said.contains("apt was told to hold lab-tool: "), "{said}");
    shop(&lab, "apt-mark unhold lab-tool");
    lab.converges(LATEST);
    assert_eq!(version(&lab), "3.0");
}

#[test]
fn another_apt_that_is_configuring_a_package_is_waited_for() {
    let Some(lab) = with_shop() else { return };
    shop(
        &lab,
        "rm -f /run/go; publish lab-slow 1.0 'until [ -e /run/go ]; do sleep 0.1; done'; publish lab-other 1.0
        apt-get update >/dev/null; systemd-run -q --unit=other-apt apt-get install -y lab-slow",
    );
    let state = || {
        lab.by_hand("trixie-1", "dpkg-query -W -f '${db:Status-Abbrev}' lab-slow 2>/dev/null || :")
    };
    until("the other one is at work", || state().starts_with("iF"));
    let written =
        Written::new(r#"on(hosts("trixie-1"), |host| package("lab-other", #{ latest: true }));"#);
    let mut run = lab.begin(&written.arguments());
    run.until("started", "trixie-1/package:lab-other");
    lab.by_hand("trixie-1", "touch /run/go");
    assert_eq!(run.status(), Some(0), "{:#?}", run.summary());
}

#[test]
fn a_source_that_contradicts_another_one_is_taken_back() {
    let Some(lab) = with_shop() else { return };
    shop(
        &lab,
        "echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] file:/srv/shop ./' >/etc/apt/sources.list.d/shop.list",
    );
    let said = lab.fails(
        r#"on(hosts("trixie-1"), |host| repository("again", #{ uris: ["file:/srv/shop"], suites: ["./"],
            key: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxx\n-----END PGP PUBLIC KEY BLOCK-----\n" }));"#,
    );
    assert!(said.contains("Conflicting values set for option Signed-By"), "{said}");
    lab.by_hand("trixie-1", "apt-get indextargets >/dev/null && ! ls /etc/apt/keyrings/again.*");
}

#[test]
fn who_is_not_root_is_told_at_once() {
    let Some(lab) = with_shop() else { return };
    let inventory = inventory();
    let plain = inventory.replace("become = \"sudo\"", "become = \"none\"");
    assert_ne!(plain, inventory);
    let written = Written::for_hosts(LATEST, &plain);
    let ran = lab.converge(&written.arguments());
    assert!(
        ran.status > 0 && ran.stdout.contains("packages are changed by root alone"),
        "{ran:#?}"
    );
}
