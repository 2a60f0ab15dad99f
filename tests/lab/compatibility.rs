//! Other systems: Debian's last and next release, and a host that has nothing but busybox. Leaves them as they are.

use crate::world::Lab;

/// Files, packages, users and services.
const DEBIAN: &str = r#"on(hosts("bullseye-1 | trixie-1"), |host| {
    package(["tree", "nginx-light"]);
    group("crew");
    user("deploy", #{ groups: ["crew"], shell: "/bin/sh", comment: "Deploys" });
    directory("/srv/site", #{ owner: "deploy", mode: "0755" });
    let page = file("/srv/site/index.html", #{ content: "hello\n", owner: "deploy" });
    link("/srv/current", #{ to: "/srv/site" });
    absent("/etc/nginx/sites-enabled/default");
    line("/etc/hosts", #{ line: "192.0.2.1 elsewhere" });
    service("nginx", #{ reload_on: [page] });
    port_check(22);
});"#;

/// Files and commands.
const BUSYBOX: &str = r#"on(hosts("busybox-1"), |host| {
    directory("/srv/site", #{ mode: "0755" });
    let page = file("/srv/site/index.html", #{ content: "hello\n", mode: "0640" });
    link("/srv/current", #{ to: "/srv/site" });
    line("/srv/list", #{ line: "one", create: true });
    command("stamp", #{ run: "date > /srv/stamp", creates: "/srv/stamp" });
    action("count", #{ run: "echo x >> /srv/count", on: [page] });
});"#;

#[test]
fn debian_before_and_after() {
    converges(&["bullseye-1", "trixie-1"], DEBIAN);
}

#[test]
fn nothing_but_busybox_and_dropbear() {
    let Some(lab) = converges(&["busybox-1"], BUSYBOX) else { return };
    assert_eq!(lab.by_hand("busybox-1", "cat /srv/count"), "x\n");
}

/// Converges empty hosts.
fn converges(hosts: &[&str], playbook: &str) -> Option<Lab> {
    let lab = Lab::get()?;
    lab.up(hosts);
    lab.reset(hosts);
    lab.converges(playbook);
    Some(lab)
}
