//! The role firewall: the rules that come of its parameters, as nft reads them.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use crate::project::Project;

const RULES: &str = "api-1/custom:firewall/rules";

/// A project that runs the role on api-1 with these parameters.
fn with(parameters: &str) -> Project {
    Project::new(&format!(
        "on(hosts(\"api-1\"), |host| role(\"firewall\", #{{ {parameters} }}));\n"
    ))
    .file("roles/firewall/role.toml", include_str!("../roles/firewall/role.toml"))
    .file("roles/firewall/main.rhai", include_str!("../roles/firewall/main.rhai"))
    .file("roles/firewall/lib.rhai", include_str!("../roles/firewall/lib.rhai"))
    .file(
        "roles/firewall/files/converge-firewall",
        include_str!("../roles/firewall/files/converge-firewall"),
    )
    .file(
        "roles/firewall/files/converge-firewall.service",
        include_str!("../roles/firewall/files/converge-firewall.service"),
    )
}

/// Everything at once: two protocols, both families, a port that is named twice, a network beside an address of it.
const ALL: &str = r#"
    open: [22, 80, "53/udp"],
    allow: [
        #{ port: 9100, from: hosts("web") },
        #{ port: 8080, from: hosts("balancer") },
        #{ port: 8080, from: ["10.0.0.0/24", "10.0.0.7", "fd00::/8"] },
        #{ port: "51820/udp", from: "10.0.0.9" },
        #{ port: 9090, from: [] },
    ],
    vrrp: hosts("balancer"),
"#;

#[test]
fn parameters_become_rules() {
    insta::assert_snapshot!(with(ALL).content(RULES));
}

/// In a network of its own, where nothing is at stake and no right is needed. The kernel is asked, so the test says where
/// it could not be.
#[test]
fn nft_takes_the_rules() {
    let alone = |script: &str, input: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--net", "sh", "-ec", script]);
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    if !alone("cat >/dev/null; nft add table inet converge", "").status.success() {
        eprintln!("skipped: this machine lets nobody make a network with nftables of its own");
        return;
    }
    for parameters in ["", ALL] {
        // A second time: then there is an old table to put away. What is others' stays.
        let script = "cat >\"$0\"; nft add table ip nat; nft -f \"$0\"; nft -f \"$0\"; nft list tables; nft list table inet converge";
        let file = tempfile::NamedTempFile::new().unwrap();
        let script = script.replace("\"$0\"", file.path().to_str().unwrap());
        let output = alone(&script, &with(parameters).content(RULES));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.starts_with("table ip nat\ntable inet converge\n"), "{said}");
        assert_eq!(said.matches("tcp dport @open_tcp accept").count(), 1, "{said}");
    }
}

/// So that it is there before the rules, and a name that means somebody else by now is seen.
#[test]
fn a_name_is_asked_of_the_host_that_lets_in() {
    let project = with(r#"allow: [#{ port: 9100, from: "monitor.example" }]"#);
    assert_eq!(project.questions().len(), 1);
    let asked = "getent ahosts monitor.example | cut -d' ' -f1 | sort -u";
    let rules = project.probe("api-1", asked, "10.0.0.41\nfd00::41\n").content(RULES);
    for set in [
        "tcp_9100_ip { type ipv4_addr; auto-merge; flags interval; elements = { 10.0.0.41 }",
        "elements = { fd00::41 }",
    ] {
        assert!(rules.contains(set), "{set}: {rules}");
    }
}

#[test]
fn what_is_neither_port_nor_address_is_an_error() {
    for (parameters, said) in [
        ("open: [\"http\"]", "http is no port"),
        ("open: [0]", "0 is no port"),
        ("open: [65536]", "65536 is no port"),
        ("open: [\"22/sctp\"]", "22/sctp is no port"),
        (
            "allow: [#{ port: 80, from: \"10.0.0.1; drop\" }]",
            "neither an address, nor a network, nor a name",
        ),
        ("allow: [#{ port: 80, from: \"\" }]", "neither an address"),
        ("allow: [#{ port: 80, from: \"-x\" }]", "neither an address"),
    ] {
        let error = crate::shown(&with(parameters).error());
        assert!(error.contains(said), "{error}");
    }
}

/// The rules are loaded between the two that take them back and keep them; in one segment with the last, nothing would
/// be proven. An obligation is a segment of its own.
#[test]
fn new_rules_are_kept_by_an_obligation() {
    let project = with("");
    let edges = project.edges();
    for edge in ["trial -> api-1/custom:firewall/rules", "rules -> api-1/custom:firewall/decided"] {
        assert!(edges.contains(&format!("api-1/custom:firewall/{edge}")), "{edges:#?}");
    }
}
