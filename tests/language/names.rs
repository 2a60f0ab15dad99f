//! Templates read their host, and the others, by the names that Ansible has for them.

use converge::{facts, template::names};
use serde_json::json;

use crate::project::Project;

const INVENTORY: &str = r#"
[hosts]
"web-1.example" = { address = "192.0.2.1", vars = { port = 81 } }
web-2 = { address = "192.0.2.2" }
db-1 = {}

[groups.web]
hosts = ["web-1.example", "web-2"]
vars = { port = 80, colour = "green" }

[groups.all]
"#;

fn project(template: &str) -> Project {
    Project::new("on(hosts(\"web\"), |host| file(\"/f\", #{ template: \"t.j2\" }));")
        .inventory(INVENTORY.trim_end().trim_end_matches("[groups.all]"))
        .file("playbooks/templates/t.j2", template)
        .file("playbooks/templates/part.j2", "{{ ansible_distribution }} {{ colour }}")
}

fn both(template: &str) -> [String; 2] {
    let project = project(template).facts("web-1.example", "debian").facts("web-2", "alpine");
    ["web-1.example/file:/f", "web-2/file:/f"].map(|node| project.content(node))
}

#[test]
fn variables_have_their_own_names() {
    assert_eq!(both("{{ port }} {{ colour }}"), ["81 green", "80 green"]);
    assert_eq!(both("{{ nope | default(port) }}"), ["81", "80"]);
    let only_one = "{% if port == 81 and inventory_hostname_short == 'web-1' %}first{% endif %}.";
    assert_eq!(both(only_one), ["first.", "."]);
}

#[test]
fn a_parameter_counts_more_than_a_variable() {
    let project = Project::new("on(hosts(\"web\"), |host| role(\"app\", #{ colour: \"red\" }));")
        .inventory(INVENTORY.trim_end().trim_end_matches("[groups.all]"))
        .file("roles/app/role.toml", "[parameters.colour]\ntype = \"string\"\n[parameters.groups]\ntype = \"string\"\ndefault = \"mine\"\n")
        .file("roles/app/main.rhai", "file(\"/f\", #{ template: \"t.j2\", vars: #{ ansible_managed: \"by us\" } });")
        .file("roles/app/templates/t.j2", "{{ colour }} {{ groups }} {{ ansible_managed }} {{ port }}");
    assert_eq!(project.content("web-2/file:/f"), "red mine by us 80");
}

#[test]
fn the_inventory_has_ansibles_names() {
    let names = "{{ inventory_hostname }} {{ group_names }} {{ ansible_host }}";
    assert_eq!(both(names), ["web-1.example ['web'] 192.0.2.1", "web-2 ['web'] 192.0.2.2"]);
    let fleet = "{{ groups.web | length }} {{ groups['all'] | last }} {% for h in groups.web %}{{ hostvars[h].port }},{% endfor %}";
    assert_eq!(both(fleet)[0], "2 db-1 81,80,");
    let mine = "{{ hostvars[inventory_hostname].port }} {{ ansible_managed | comment }}";
    assert_eq!(both(mine)[1], "80 #\n# Ansible managed\n#");
}

#[test]
fn facts_have_ansibles_names_also_in_what_is_included() {
    assert_eq!(both("{{ ansible_distribution }}"), ["Debian", "Alpine"]);
    assert_eq!(both("{{ ansible_facts['distribution'] | lower }}"), ["debian", "alpine"]);
    assert_eq!(
        both("{{ ansible_facts.nope.x | default('none') }} {{ host.facts.os.id | default('x') }}"),
        ["none debian", "none alpine"]
    );
    assert_eq!(both("{% include 'part.j2' %}"), ["Debian green", "Alpine green"]);
}

#[test]
fn a_fact_that_is_not_gathered_is_an_error() {
    let error =
        project("{{ ansible_date_time.iso8601 }}").facts("web-1.example", "debian").mistake();
    assert!(format!("{error:?}").contains("ansible_date_time"), "{error:?}");
}

#[test]
fn every_fact_is_what_ansible_gathers() {
    let said = "Linux web-1.example.com 6.1.0 x86_64\nmemory_kb=2048000\ncpus=2\ntool=systemctl\ntool=apt-get\n\
        os:ID=ubuntu\nos:ID_LIKE=debian\nos:VERSION_ID=\"24.04\"\nos:VERSION_CODENAME=noble\n\
        2: eth0    inet 10.77.0.31/24 brd 10.77.0.255 scope global eth0\n\
        2: eth0    inet6 fd00::1/64 scope global\n";
    let facts = names::facts(&facts::parse(said));
    let expected = json!({
        "hostname": "web-1", "nodename": "web-1.example.com", "fqdn": "web-1.example.com", "domain": "example.com",
        "architecture": "x86_64", "machine": "x86_64", "system": "Linux", "kernel": "6.1.0",
        "distribution": "Ubuntu", "distribution_version": "24.04", "distribution_major_version": "24",
        "distribution_release": "noble", "os_family": "Debian", "processor_vcpus": 2, "processor_nproc": 2,
        "memtotal_mb": 2000, "default_ipv4": {"address": "10.77.0.31"}, "default_ipv6": {"address": "fd00::1"},
        "all_ipv4_addresses": ["10.77.0.31"], "all_ipv6_addresses": ["fd00::1"],
        "pkg_mgr": "apt", "service_mgr": "systemd",
    });
    assert_eq!(serde_json::to_value(&facts).unwrap(), expected);
}
