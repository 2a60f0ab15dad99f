//! The names that Ansible gives to every template.

use super::facts::FACTS;

/// What begins the name of a fact at the top.
pub const PREFIX: &str = "ansible_";

/// Names that are there without facts, each with its meaning.
pub const NAMES: [(&str, &str); 15] = [
    ("ansible_managed", "the text `Ansible managed`; a parameter of that name counts more"),
    ("ansible_check_mode", "false: a plan holds what a run would write"),
    ("inventory_hostname", "the name of the host in the inventory"),
    ("inventory_hostname_short", "that up to its first dot"),
    ("ansible_host", "the address of the host"),
    ("ansible_user", "the login user, where the inventory names one"),
    ("ansible_port", "the port, where the inventory names one; else 22"),
    ("role_name", "the name of the role"),
    ("omit", "nothing"),
    ("group_names", "the groups that the host is in, in the order of their names"),
    ("groups", "the names of the hosts of each group"),
    (
        "hostvars",
        "the variables of each host, its names above, and its facts: a template that reads a fact makes converge gather it from that host",
    ),
    ("ansible_facts", "the facts below, without `ansible_`"),
    (
        "ansible_INTERFACE",
        "`ansible_eth0`: the facts of an interface; a `-` in its name is written `_`",
    ),
    ("VARIABLE", "a variable of the host, where no parameter has its name"),
];

/// Names of Ansible's that are not there, and what to do without them.
pub const REFUSED: [(&[&str], &str); 8] = [
    (
        &[
            "ansible_date_time",
            "ansible_uptime_seconds",
            "ansible_loadavg",
            "ansible_memfree_mb",
            "ansible_swapfree_mb",
            "ansible_memory_mb",
        ],
        "it differs in each run, so the file would never be converged",
    ),
    (
        &["ansible_python", "ansible_python_version", "ansible_python_interpreter"],
        "converge needs no Python on a host: ask for it in the role, with probe(\"python3 --version\")",
    ),
    (
        &[
            "ansible_local",
            "ansible_devices",
            "ansible_device_links",
            "ansible_lvm",
            "ansible_cmdline",
        ],
        "ask the host in the role, with probe(\"..\"), and give the answer as a parameter",
    ),
    (
        &[
            "playbook_dir",
            "role_path",
            "inventory_dir",
            "inventory_file",
            "ansible_config_file",
            "ansible_playbook_python",
            "template_path",
            "template_fullpath",
        ],
        "it is a path on the controller, which differs between users",
    ),
    (
        &["template_host", "template_uid", "template_run_date", "template_mtime"],
        "it names the user and the time of the run: the file would differ each time",
    ),
    (
        &[
            "ansible_play_hosts",
            "ansible_play_hosts_all",
            "ansible_play_batch",
            "play_hosts",
            "ansible_limit",
        ],
        "name the group: groups['web']; or give the role the list: hosts(\"web\").map(|host| host.name)",
    ),
    (
        &[
            "vars",
            "ansible_play_name",
            "ansible_role_names",
            "ansible_run_tags",
            "ansible_version",
            "environment",
        ],
        "give the value to the role as a parameter",
    ),
    (&["item", "ansible_loop"], "give it to the template: vars: #{ item: item }"),
];

/// What a name at the top is made of, if it is a fact that all hosts have: some of ours; an empty name where that are all of them.
pub fn made_of(name: &str) -> Option<&'static [&'static str]> {
    let fact =
        |name: &str| FACTS.iter().find(|(fact, ..)| *fact == name).map(|(_, ours, ..)| *ours);
    match name {
        "ansible_facts" => Some(&[""]),
        _ => name.strip_prefix(PREFIX).and_then(fact),
    }
}

/// Whether a name at the top may be a fact, also one of an interface, which only some hosts have.
pub fn may_be_fact(name: &str) -> bool {
    let is_name = NAMES.iter().any(|(known, _)| *known == name && name != "ansible_facts");
    name.starts_with(PREFIX) && !is_name && refused(name).is_none()
}

/// What to do without a name that is not there.
pub fn refused(name: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(names, _)| names.contains(&name)).map(|(_, instead)| *instead)
}
