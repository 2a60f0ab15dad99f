//! What Ansible calls things, and what they are called here: for who comes from there, or types the name out of habit.

use crate::base::diagnostic::did_you_mean;

/// Names of modules and keywords, and what to write in their place.
pub const NAMES: &[(&[&str], &str)] = &[
    (
        &["copy"],
        "file(\"/path\", #{ content: \"..\" }) or #{ source: \"name\" }, which lies in files/; a folder: directory(.., #{ source: \"name\" })",
    ),
    (&["template"], "file(\"/path\", #{ template: \"name.j2\" }), which lies in templates/"),
    (&["lineinfile"], "line(\"/path\", #{ line: \"..\", match: \"^..\" })"),
    (
        &["blockinfile", "replace", "ini_file"],
        "line(\"/path\", #{ line: \"..\", match: \"^..\" }) for each line; or all of the file: file(..)",
    ),
    (&["assemble"], "file(\"/path\", #{ template: \"all.j2\" }), which includes its parts"),
    (
        &["apt", "yum", "dnf", "apk", "pip", "zypper", "pacman", "homebrew"],
        "package(\"name\"), or package([\"a\", \"b\"])",
    ),
    (&["apt_repository", "yum_repository", "deb822_repository"], "repository(\"name\", #{ .. })"),
    (&["apt_key", "rpm_key"], "the `key` of repository(\"name\", #{ .. })"),
    (
        &["systemd", "systemd_service", "sysvinit", "service_facts"],
        "service(\"name\", #{ running: true, enabled: true }); its unit: unit(\"name.service\", #{ .. })",
    ),
    (
        &["cron"],
        "file(\"/etc/cron.d/name\", #{ content: \"*/5 * * * * root command\\n\" }); or a timer: unit(\"name.timer\", #{ .. })",
    ),
    (
        &["shell", "raw", "script", "expect"],
        "command(\"name\", #{ run: \"..\", unless: \"..\" }); what runs only when something changed: action(..)",
    ),
    (
        &["get_url", "unarchive", "uri"],
        "command(\"name\", #{ run: \"curl ..\", creates: \"/path\" }); to wait for an answer: http_check(\"http://..\")",
    ),
    (&["git", "subversion"], "command(\"name\", #{ run: \"git clone ..\", creates: \"/path\" })"),
    (&["authorized_key", "known_hosts"], "file(..) or line(..) for the file of the keys"),
    (&["set_fact"], "let name = value;"),
    (&["debug", "msg"], "print(\"..\") or warn(\"..\")"),
    (
        &["stat", "slurp", "fetch", "find", "register"],
        "let answer = probe(\"..\"); it has code, stdout and stderr",
    ),
    (
        &["setup", "gather_facts", "package_facts"],
        "host.facts, gathered when a script first reads one",
    ),
    (&["import_role", "include_role", "roles"], "role(\"name\", #{ .. })"),
    (
        &["import_tasks", "include_tasks", "include", "import_playbook"],
        "a function of lib.rhai: ROLE::NAME(); or several playbooks: converge one.rhai two.rhai",
    ),
    (&["include_vars", "vars_files", "vars_prompt"], "variables of the inventory, or -e @FILE"),
    (
        &["notify", "handlers", "handler", "listen"],
        "service(.., #{ restart_on: [site] }), reload_on, or action(.., #{ on: [site] })",
    ),
    (
        &["meta", "flush_handlers"],
        "reactions happen once, after what they react to; sequence(|| { .. }) orders",
    ),
    (&["when"], "if condition { .. }"),
    (
        &["loop", "with_items", "with_dict", "with_fileglob", "with_sequence"],
        "for item in list { .. }; many kinds take a list: package([\"a\", \"b\"])",
    ),
    (
        &["until", "retries"],
        "the checks try again by themselves: http_check, port_check, command_check",
    ),
    (
        &["wait_for", "wait_for_connection", "pause"],
        "port_check(80), http_check(\"http://..\"), command_check(\"name\", #{ .. })",
    ),
    (
        &["become", "sudo", "become_user"],
        "`become = \"sudo\"` in the [connection] of the inventory; as another user: command(.., #{ user: \"..\" })",
    ),
    (
        &["delegate_to", "local_action"],
        "on(hosts(\"other\"), |other| { .. }); this machine: hosts(\"localhost\")",
    ),
    (&["run_once"], "on(hosts(\"group\")[0], |host| { .. })"),
    (
        &["serial", "max_fail_percentage"],
        "rolling(hosts, #{ batch: 1, max_failures: 0 }, |host| { .. })",
    ),
    (&["tags"], "-e only=NAME, and an if; one playbook for each part"),
    (
        &["block", "rescue", "always"],
        "around(|| before, || body, || after): what comes after is done in any case",
    ),
    (
        &["ignore_errors", "failed_when", "changed_when", "check_mode"],
        "a guard says whether it has to run: command(.., #{ unless: \"..\" })",
    ),
    (&["add_host", "group_by"], "hosts(\"all\").filter(|host| ..)"),
    (
        &["hostvars", "groups", "inventory_hostname", "ansible_facts"],
        "hosts(\"name\")[0].vars, hosts(\"group\"), host.name, host.facts; in a template, they have these names",
    ),
    (
        &["docker_container", "podman_container", "docker_image"],
        "container(\"name\", #{ image: \"..\" }) and image(\"name\")",
    ),
    (
        &["docker_compose", "docker_compose_v2", "docker_network", "docker_volume"],
        "container(..) for each service; networks and volumes by custom(..)",
    ),
    (
        &[
            "mount",
            "sysctl",
            "modprobe",
            "hostname",
            "timezone",
            "locale_gen",
            "selinux",
            "ufw",
            "firewalld",
            "iptables",
            "alternatives",
        ],
        "custom(\"what\", \"key\", #{ observe: \"..\", want: \"..\", apply: \"..\" }); or file(..) and action(..)",
    ),
    (
        &["mysql_db", "mysql_user", "postgresql_db", "postgresql_user", "debconf"],
        "custom(\"what\", \"key\", #{ observe: \"..\", want: \"..\", apply: \"..\" })",
    ),
    (
        &["wait_for_connection"],
        "reboot(\"why\", #{ on: [..] }), which waits until the host is back",
    ),
];

/// What to write in place of a name of Ansible's; collections stand before it, as in `ansible.builtin.copy`.
pub fn instead(name: &str) -> Option<&'static str> {
    let name = name.rsplit('.').next().unwrap_or(name);
    NAMES.iter().find(|(names, _)| names.contains(&name)).map(|(_, instead)| *instead)
}

/// The name of Ansible's that is nearly this one, as a hint.
pub fn near(name: &str) -> Option<String> {
    did_you_mean(name, NAMES.iter().flat_map(|(names, _)| names.iter().copied()))
}
