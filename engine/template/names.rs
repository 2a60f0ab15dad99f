//! The names that Ansible gives to every template, and the facts by the names that they have there.

use indexmap::IndexMap;

use crate::value::Value;

/// What begins the name of a fact at the top.
pub const PREFIX: &str = "ansible_";

/// Names that are there without facts, each with its meaning.
pub const NAMES: [(&str, &str); 9] = [
    ("ansible_managed", "the text `Ansible managed`; a parameter of that name counts more"),
    ("inventory_hostname", "the name of the host in the inventory"),
    ("inventory_hostname_short", "that up to its first dot"),
    ("ansible_host", "the address of the host"),
    ("group_names", "the groups that the host is in, in the order of their names"),
    ("groups", "the names of the hosts of each group"),
    ("hostvars", "the variables of each host, and its names above; not its facts"),
    ("ansible_facts", "the facts below, without `ansible_`"),
    ("VARIABLE", "a variable of the host, where no parameter has its name"),
];

/// Facts, each with the one of ours that it is made of, and what it is.
pub const FACTS: [(&str, &str, &str); 22] = [
    ("hostname", "hostname", "what the host calls itself, up to its first dot"),
    ("nodename", "hostname", "what the host calls itself"),
    ("fqdn", "hostname", "what the host calls itself"),
    ("domain", "hostname", "what stands behind the first dot of that"),
    ("architecture", "architecture", "such as `x86_64`"),
    ("machine", "architecture", "such as `x86_64`"),
    ("system", "kernel", "such as `Linux`"),
    ("kernel", "kernel", "such as `6.1.0-13-amd64`"),
    ("distribution", "os", "such as `Debian`, `Ubuntu`, `Rocky`"),
    ("distribution_version", "os", "such as `12` or `24.04`"),
    ("distribution_major_version", "os", "such as `12` or `24`"),
    ("distribution_release", "os", "such as `bookworm`"),
    ("os_family", "os", "such as `Debian`, `RedHat`, `Suse`"),
    ("processor_vcpus", "cpus", "how many processors there are"),
    ("processor_nproc", "cpus", "how many processors there are"),
    ("memtotal_mb", "memory_mib", "how much memory there is, in MiB"),
    ("default_ipv4", "addresses", "`.address`: the first IPv4 address"),
    ("default_ipv6", "addresses", "`.address`: the first IPv6 address"),
    ("all_ipv4_addresses", "addresses", "its IPv4 addresses of global scope"),
    ("all_ipv6_addresses", "addresses", "its IPv6 addresses of global scope"),
    ("pkg_mgr", "os", "such as `apt`, `dnf`, `zypper`, `apk`"),
    ("service_mgr", "tools", "such as `systemd`, `openrc`"),
];

/// What a name at the top is made of, if it is a fact: one of ours, or nothing where that are all of them.
pub fn made_of(name: &str) -> Option<&'static str> {
    let fact = |name: &str| FACTS.iter().find(|(fact, ..)| *fact == name).map(|(_, ours, _)| *ours);
    match name {
        "ansible_facts" => Some(""),
        _ => name.strip_prefix(PREFIX).and_then(fact),
    }
}

/// The facts of a host by Ansible's names.
pub fn facts(facts: &Value) -> IndexMap<String, Value> {
    let at = |path: &str| {
        path.split('.').try_fold(facts, |value, name| match value {
            Value::Map(map) => map.get(name),
            _ => None,
        })
    };
    let text = |path: &str| at(path).and_then(Value::as_str).unwrap_or_default();
    let number = |path: &str| at(path).cloned().unwrap_or(Value::Int(0));
    let list = |path: &str| match at(path) {
        Some(Value::List(items)) => items.clone(),
        _ => Vec::new(),
    };
    let name = text("hostname");
    let (short, domain) = name.split_once('.').unwrap_or((name, ""));
    let is_six = |address: &&Value| address.as_str().is_some_and(|it| it.contains(':'));
    let (six, four): (Vec<_>, Vec<_>) =
        list("addresses").into_iter().partition(|address| is_six(&address));
    let first = |addresses: &[Value]| {
        let address = addresses.first().map(|it| ("address".to_owned(), it.clone()));
        Value::Map(address.into_iter().collect())
    };
    let has = |tool: &str| list("tools").iter().any(|it| it.as_str() == Some(tool));
    let (family, packages) = match text("os.family") {
        "debian" => ("Debian", "apt"),
        "redhat" => ("RedHat", "dnf"),
        "suse" => ("Suse", "zypper"),
        "alpine" => ("Alpine", "apk"),
        "arch" => ("Archlinux", "pacman"),
        other => (other, "unknown"),
    };
    let services = match (has("systemctl"), family) {
        (true, _) => "systemd",
        (false, "Alpine") => "openrc",
        _ => "service",
    };
    let (default_four, default_six) = (first(&four), first(&six));
    // In the order of `FACTS`.
    let values: [Value; FACTS.len()] = [
        short.into(),
        name.into(),
        name.into(),
        domain.into(),
        text("architecture").into(),
        text("architecture").into(),
        text("kernel.name").into(),
        text("kernel.release").into(),
        Value::Text(distribution(text("os.id"))),
        text("os.version").into(),
        text("os.version").split('.').next().unwrap_or_default().into(),
        text("os.codename").into(),
        family.into(),
        number("cpus"),
        number("cpus"),
        number("memory_mib"),
        default_four,
        default_six,
        Value::List(four),
        Value::List(six),
        packages.into(),
        services.into(),
    ];
    FACTS.iter().map(|(name, ..)| (*name).to_owned()).zip(values).collect()
}

/// What Ansible calls a system, by what it calls itself.
fn distribution(id: &str) -> String {
    let known = match id {
        "rhel" => "RedHat",
        "centos" => "CentOS",
        "almalinux" => "AlmaLinux",
        "ol" => "OracleLinux",
        "amzn" => "Amazon",
        "arch" => "Archlinux",
        "sles" => "SLES",
        "opensuse-leap" => "openSUSE Leap",
        "opensuse-tumbleweed" => "openSUSE Tumbleweed",
        "linuxmint" => "Linux Mint",
        _ => {
            let mut letters = id.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase()).into_iter();
            return first.chain(letters).collect();
        }
    };
    known.to_owned()
}
