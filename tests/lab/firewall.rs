//! Nobody else gets in: what is open to whom, seen from outside, and rules that take themselves back. Leaves the site as it
//! is, and the host trixie-1.

use std::collections::BTreeMap;

use crate::world::{BALANCER, HOSTS, Lab, MONITOR, WEB, until};

/// A host that is in no group.
const OUTSIDE: &str = "trixie-1";

const ALL: &str = "1-65535";

/// What is let in for some, and around it.
const SOME: &str = "20-100,3900-3910,8070-8090,8400-8410,9080-9130";

/// The open ports of hosts, by their addresses, as a host sees them that asks for all of `ports`.
fn open(lab: &Lab, from: &str, hosts: &[&str], ports: &str) -> BTreeMap<String, Vec<u16>> {
    let install = "command -v nmap >/dev/null || { apt-get update -qq && apt-get install -qq -y nmap; } >/dev/null";
    lab.by_hand(from, install);
    // What is dropped is asked once more: no longer than it must take, where the network loses nothing.
    let scan = format!("nmap -n -Pn -p {ports} --min-rate 20000 --max-retries 1 -oG -");
    let found = lab.by_hand(from, &format!("{scan} {}", hosts.join(" ")));
    let port = |entry: &str| entry.trim().strip_suffix("///")?.split_once("/open/")?.0.parse().ok();
    let row = |line: &str| {
        let (host, ports) = line.strip_prefix("Host: ")?.split_once("Ports: ")?;
        let ports = ports.split('\t').next()?.split(", ").filter_map(port).collect();
        Some((host.split(' ').next()?.to_owned(), ports))
    };
    found.lines().filter_map(row).collect()
}

fn address(host: &str) -> &'static str {
    match host {
        "api-1" => "10.77.0.11",
        "api-2" => "10.77.0.12",
        "balancer-1" => BALANCER,
        "web-1" => WEB,
        _ => MONITOR,
    }
}

#[test]
fn a_scan_from_outside_finds_the_way_in_and_what_is_for_users() {
    let Some(lab) = Lab::with_site() else { return };
    lab.up(&[OUTSIDE]);
    let found = open(&lab, OUTSIDE, &HOSTS.map(address), ALL);
    for host in HOSTS {
        let wanted: &[u16] =
            if ["balancer-1", "web-1"].contains(&host) { &[22, 80] } else { &[22] };
        assert_eq!(found[address(host)], wanted, "{host}");
    }
}

#[test]
fn who_needs_more_gets_in() {
    let Some(lab) = Lab::with_site() else { return };
    for (from, to, ports) in [
        ("monitor-1", "api-1", vec![22, 8080, 9100]),
        ("monitor-1", "web-1", vec![22, 80, 3903, 9100, 9113]),
        ("monitor-1", "balancer-1", vec![22, 80, 3903, 8404, 9100]),
        ("balancer-1", "api-1", vec![22, 8080]),
    ] {
        assert_eq!(open(&lab, from, &[address(to)], SOME)[address(to)], ports, "{from} to {to}");
    }
}

/// As if converge had gone after it had loaded them, by its own fault: they close what was open.
#[test]
fn rules_that_nobody_keeps_take_themselves_back() {
    let Some(lab) = Lab::with_site() else { return };
    let rules = || lab.by_hand("monitor-1", "converge-firewall rules");
    let before = rules();
    let closed = "sed 's/elements = { 22/elements = { 23/' /etc/converge-firewall/rules.nft | converge-firewall try";
    lab.by_hand("monitor-1", &format!("converge-firewall arm 5 && {closed}"));
    assert_ne!(rules(), before);
    until("the rules of before", || rules() == before);
    let (status, _) = lab.events(&["plan", "playbooks/site.rhai", "--exit-code"]);
    assert_eq!(status, 0);
}
