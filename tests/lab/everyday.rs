//! `site.rhai` costs nobody an answer, whatever it changes. Leaves the site as it was.

use std::fs;

use tempfile::NamedTempFile;

use crate::{
    scenario::{NODES, Site},
    world::{Ran, project},
};

const SITE: &str = "playbooks/site.rhai";

impl Site {
    /// Converges the site under load, with more arguments.
    fn converged(&self, name: &str, more: &[&str]) -> Ran {
        let mut ran = None;
        self.under_load(name, |load| {
            ran = Some(self.lab.converge(&[&[SITE], more].concat()));
            load.goes_on(4);
        });
        ran.unwrap()
    }

    /// Runs a playbook with another inventory, under load.
    fn becomes(&self, name: &str, playbook: &str, inventory: &str) {
        let file = NamedTempFile::with_suffix(".toml").unwrap();
        fs::write(file.path(), inventory).unwrap();
        self.under_load(name, |load| {
            let ran = self.lab.converge(&[playbook, "-i", file.path().to_str().unwrap()]);
            assert_eq!(ran.status, 0, "{name}: {ran:#?}");
            load.goes_on(4);
        });
    }

    fn assert_runs(&self, version: &str) {
        self.until_all_are_in();
        assert_eq!(NODES.map(|node| self.version_of(node)), [version; 2]);
    }
}

#[test]
fn what_runs_stays_and_what_is_asked_for_comes_node_by_node() {
    let Some(site) = Site::get() else { return };
    let ran = site.converged("site.rhai finds nothing to change", &[]);
    assert!(ran.stdout.contains("No changes."), "{ran:#?}");

    site.lab.by_hand("balancer-1", "echo '# by hand' >>/etc/haproxy/haproxy.cfg");
    let ran = site.converged("site.rhai mends a balancer's configuration", &[]);
    assert_eq!(ran.status, 0, "{ran:#?}");

    let ran = site
        .converged("site.rhai brings a version that is asked for", &["-e", "api_version=2.0.0"]);
    assert_eq!(ran.status, 0, "{ran:#?}");
    let ran = site.lab.converge(&[SITE]);
    assert!(ran.stdout.contains("No changes."), "what a release brought stays: {ran:#?}");
    site.assert_runs("2.0.0");

    let bad = ["-e", "api_version=3.0.0-unhealthy"];
    let ran = site.converged("site.rhai brings a version that never gets well", &bad);
    assert_eq!(ran.status, 5, "{ran:#?}");
    site.assert_runs("2.0.0");

    assert_eq!(site.lab.converge(&[SITE, "-e", "api_version=1.0.0"]).status, 0);
    site.assert_runs("1.0.0");
}

#[test]
fn a_node_whose_docker_is_down_gets_what_the_others_run() {
    let Some(site) = Site::get() else { return };
    site.lab.by_hand("api-1", "systemctl stop docker.socket docker.service");
    let ran = site.converged("site.rhai starts the Docker daemon of a node", &[]);
    assert_eq!(ran.status, 0, "{ran:#?}");
    site.assert_runs("1.0.0");
}

#[test]
fn a_node_comes_and_goes() {
    let Some(site) = Site::get() else { return };
    site.lab.up(&["api-3"]);
    let with = grown(&committed(), "api-3", "10.77.0.13", "api");
    let retired = with.replace(", \"api-3\"]", "]").replace("hosts = []", "hosts = [\"api-3\"]");
    site.becomes("a node is added", SITE, &with);
    site.becomes("the node is taken out again", SITE, &retired);
    site.becomes("and stops what it ran", "playbooks/decommission.rhai", &retired);
    let listens = "docker ps --quiet; ss -Hltn 'sport != :22 and not src 127.0.0.0/8'";
    assert_eq!(site.lab.by_hand("api-3", listens), "", "nothing of the service is left");
    site.lab.without(&["api-3"]);
}

#[test]
fn a_balancer_comes_and_goes() {
    let Some(site) = Site::get() else { return };
    site.lab.up(&["balancer-2"]);
    let with = grown(&committed(), "balancer-2", "10.77.0.22", "balancer");
    site.becomes("a balancer is added", SITE, &with);
    site.becomes("the balancer is taken out again", SITE, &committed());
    site.lab.without(&["balancer-2"]);
}

/// The inventory of the site, to be read from anywhere.
pub(crate) fn committed() -> String {
    let state = format!("\"{}/", project().join(".lab").display());
    fs::read_to_string(project().join("inventory/lab.toml")).unwrap().replace("\"../.lab/", &state)
}

/// An inventory with a host more, in one of its groups.
pub(crate) fn grown(inventory: &str, name: &str, address: &str, group: &str) -> String {
    let hosts = format!("[hosts]\n{name} = {{ address = \"{address}\" }}\n");
    let with_host = inventory.replacen("[hosts]\n", &hosts, 1);
    let begin = format!("[groups.{group}]\nhosts = [");
    let (before, after) = with_host.split_once(&begin).unwrap();
    let (members, rest) = after.split_once(']').unwrap();
    format!("{before}{begin}{members}, \"{name}\"]{rest}")
}

#[test]
fn an_inventory_grows_by_a_line_and_a_word() {
    let small = "[hosts]\na = {}\n\n[groups.api]\nhosts = [\"a\"]\n";
    let large =
        "[hosts]\nb = { address = \"10.0.0.2\" }\na = {}\n\n[groups.api]\nhosts = [\"a\", \"b\"]\n";
    assert_eq!(grown(small, "b", "10.0.0.2", "api"), large);
}
