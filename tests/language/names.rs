//! Templates read their host, and the others, by the names that Ansible has for them.

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
    for include in ["{% include 'part.j2' %}", "{% include 'templates/part.j2' %}"] {
        assert_eq!(both(include), ["Debian green", "Alpine green"]);
    }
}

#[test]
fn a_fact_that_is_not_gathered_is_an_error() {
    let error = project("{{ ansible_date_time.iso8601 }}").facts("web-1.example", "debian").error();
    assert!(format!("{error:?}").contains("ansible_date_time"), "{error:?}");
}

#[test]
fn facts_of_another_host_are_asked_of_it() {
    let text = "{% for h in groups.web %}{{ hostvars[h].ansible_distribution }},{{ hostvars[h]['ansible_facts'].distribution }};{% endfor %}";
    let asked = |project: &Project| -> Vec<String> {
        let hosts = project.questions();
        hosts.iter().filter_map(|it| it.host()).map(ToString::to_string).collect()
    };
    // All of them at once, and nobody else.
    assert_eq!(asked(&project(text)), ["web-1.example", "web-2"]);
    assert_eq!(asked(&project("{{ hostvars['db-1'].ansible_kernel }}")), ["db-1"]);
    assert_eq!(asked(&project("{{ hostvars['db-1'].port | default(1) }} {{ groups }}")), [""; 0]);
    assert_eq!(both(text)[1], "Debian,Debian;Alpine,Alpine;");
    let error = project("{{ hostvars['web-2'].ansible_nope }}").facts("web-2", "alpine").error();
    assert!(format!("{error:?}").contains("undefined"), "{error:?}");
}

#[test]
fn an_interface_is_a_fact() {
    assert_eq!(project("{{ ansible_eth0.ipv4.address }}").questions().len(), 2);
    assert_eq!(project("{{ app_eth0 | default(1) }}").questions().len(), 0);
    assert_eq!(both("{{ ansible_eth9 is defined }}"), ["False", "False"]);
}

#[test]
fn what_is_not_there_says_what_to_do() {
    for (name, hint) in [
        ("playbook_dir", "a path on the controller"),
        ("ansible_facts.date_time.iso8601", "it differs in each run"),
        ("ansible_play_hosts", "groups['web']"),
        ("ansible_python_version", "no Python"),
    ] {
        let project = project(&format!("{{{{ {name} }}}}"));
        let error = project.facts("web-1.example", "debian").facts("web-2", "alpine").error();
        assert!(crate::shown(&error).contains(hint), "{name}: {}", crate::shown(&error));
    }
}

#[test]
fn a_role_has_its_name_and_a_host_its_user() {
    let inventory =
        "[hosts]\n\"web-1\" = { user = \"ops\", port = 2222 }\n[groups.web]\nhosts = [\"web-1\"]\n";
    let project = Project::new("on(hosts(\"web\"), |host| role(\"app\"));")
        .inventory(inventory)
        .file("roles/app/main.rhai", "file(\"/f\", #{ template: \"t.j2\" });")
        .file(
            "roles/app/templates/t.j2",
            "{{ role_name }} {{ ansible_user }}@{{ ansible_host }}:{{ ansible_port }} {{ ansible_check_mode }}",
        );
    assert_eq!(project.content("web-1/file:/f"), "app ops@web-1:2222 False");
}
