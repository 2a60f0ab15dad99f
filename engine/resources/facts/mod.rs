//! What is asked of a host only when a script wants to know: its system, its processors, its names, its network.
//!
//! Nothing here changes by itself, such as free memory or a time: a fact must not make a plan flicker.

use std::collections::HashMap;

use crate::base::{script::Script, value::Value};

mod network;
mod system;

/// What each fact means, as the manual says it.
pub const FACTS: [(&str, &str); 36] = [
    ("hostname", "its host name"),
    ("fqdn", "that with the domain that `/etc/hosts` has for it"),
    ("kernel.name", "such as `Linux`"),
    ("kernel.release", "such as `6.1.0-13-amd64`; compare it by `version(..)`"),
    ("architecture", "such as `x86_64`, as `uname -m` says it"),
    ("os.id", "such as `debian`, `ubuntu`, `rocky`, `alpine`"),
    ("os.family", "`debian`, `redhat`, `suse`, `alpine`, `arch`; of any other system, its id"),
    ("os.like", "the systems that it is like, from `ID_LIKE`; its own id where there is none"),
    ("os.name", "such as `Debian GNU/Linux 12 (bookworm)`"),
    ("os.version", "such as `12` or `24.04`, a string; compare it by `version(..)`"),
    (
        "os.major",
        "the first number of the version, such as `12`; absent where the system has no version",
    ),
    ("os.codename", "such as `bookworm`"),
    ("release", "the version with its point release, where Debian has one: `12.5`"),
    ("memory_mib", "how much memory there is, in MiB: a number"),
    ("swap_mib", "how much swap there is, in MiB: a number"),
    ("cpus", "how many processors there are: a number"),
    ("processor.sockets", "how many sockets there are"),
    ("processor.cores", "how many cores each socket has"),
    ("processor.threads", "how many threads each core has"),
    ("tools", "those of `systemctl`, `docker` and the package managers that are there"),
    ("addresses", "its addresses of global scope, IPv4 and IPv6"),
    (
        "interfaces",
        "each with `name`, `type` (`ether`, `loopback`, ..), `mac`, `mtu` and `addresses`: `address`, `prefix`, `broadcast`, `scope`",
    ),
    ("gateways", "the default routes, IPv4 before IPv6: `interface` and `address`"),
    ("resolver.nameservers", "the addresses in `/etc/resolv.conf`"),
    ("resolver.search", "the domains there"),
    ("mounts", "what is mounted from devices and other hosts: `device`, `path`, `type`, `options`"),
    ("user.name", "the user that scripts run as, such as `root`"),
    ("user.id", "its number"),
    ("user.group_id", "its GID"),
    ("user.home", "its home"),
    ("user.shell", "its shell"),
    ("hardware.vendor", "the vendor of the machine"),
    ("hardware.product", "the product name of the machine"),
    (
        "virtualization",
        "`kvm`, `VMware`, `xen`, `docker`, `container`, ..: Ansible's words; empty for bare metal",
    ),
    ("machine_id", "the content of `/etc/machine-id`"),
    ("selinux", "`enforcing`, `permissive` or `disabled`"),
];

/// Those that a run itself may change, by their names at the top. The others change with another system or another machine.
pub const CHANGING: [&str; 12] = [
    "hostname",
    "fqdn",
    "release",
    "swap_mib",
    "tools",
    "addresses",
    "interfaces",
    "gateways",
    "resolver",
    "mounts",
    "user",
    "selinux",
];

/// Reads the facts of a host: two processes.
pub fn script() -> Script {
    Script::trusted(include_str!("facts.sh"))
}

/// What [`script`] printed, by the word that each line begins with.
struct FactsOutput<'a> {
    lines: HashMap<&'a str, Vec<&'a str>>,
    addresses: Vec<&'a str>,
}

impl<'a> FactsOutput<'a> {
    fn read(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut said = Self { lines: HashMap::new(), addresses: Vec::new() };
        for line in lines {
            if line.starts_with(|c: char| c.is_ascii_digit()) {
                said.addresses.push(line);
            } else if let Some((key, rest)) = line.find(['=', ':']).map(|at| line.split_at(at)) {
                said.lines.entry(key).or_default().push(&rest[1..]);
            }
        }
        said
    }

    fn all(&self, key: &str) -> impl Iterator<Item = &'a str> {
        self.lines.get(key).into_iter().flatten().copied()
    }

    fn first(&self, key: &str) -> &'a str {
        self.all(key).next().unwrap_or_default()
    }

    fn number(&self, key: &str) -> i64 {
        self.first(key).parse().unwrap_or_default()
    }

    /// The lines of `ip -o addr`.
    fn addresses(&self) -> impl Iterator<Item = &'a str> {
        self.addresses.iter().copied()
    }
}

/// Reads what [`script`] printed. What a host does not say is an empty text, 0, or nothing.
pub fn parse(output: &str) -> Value {
    let mut lines = output.lines();
    let mut uname = lines.next().unwrap_or_default().split(' ');
    let [kernel, hostname, release, architecture] =
        [(); 4].map(|()| uname.next().unwrap_or_default());
    let said = FactsOutput::read(lines);
    let [os, point] = system::system(&said);
    let mib = |key: &str| Value::Int(said.number(key) / 1024);
    let selinux = match said.first("selinux") {
        "1" => "enforcing",
        "0" => "permissive",
        _ => "disabled",
    };
    let [vendor, product, machine_id] =
        ["vendor", "product", "machine_id"].map(|key| Value::from(said.first(key)));
    map([
        ("hostname", Value::from(hostname)),
        ("fqdn", Value::Text(network::full_name(&said, hostname))),
        ("kernel", map([("name", Value::from(kernel)), ("release", Value::from(release))])),
        ("architecture", Value::from(architecture)),
        ("os", os),
        ("release", point),
        ("memory_mib", mib("memory_kb")),
        ("swap_mib", mib("swap_kb")),
        ("cpus", Value::Int(said.number("cpus"))),
        ("processor", system::processor(&said)),
        ("tools", Value::List(said.all("tool").map(Value::from).collect())),
        ("addresses", network::addresses(&said)),
        ("interfaces", network::interfaces(&said)),
        ("gateways", network::gateways(&said)),
        ("resolver", network::resolver(&said)),
        ("mounts", system::mounts(&said)),
        ("user", system::user(&said)),
        ("hardware", map([("vendor", vendor), ("product", product)])),
        ("virtualization", system::virtualization(&said)),
        ("machine_id", machine_id),
        ("selinux", Value::from(selinux)),
    ])
}

fn map<const N: usize>(parts: [(&str, Value); N]) -> Value {
    Value::Map(parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_and_missing_ones_are_empty() {
        let facts = parse(
            "Linux web-1 6.1.0 x86_64\nmemory_kb=2048000\ncpus=2\ntool=apt-get\n\
             os:# not a word of this\nos:ID=debian\nos:PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n\
             2: eth0    inet 10.77.0.31/24 brd 10.77.0.255 scope global eth0\n",
        );
        let json = serde_json::to_value(&facts).unwrap();
        assert_eq!(json["hostname"], "web-1");
        assert_eq!(json["architecture"], "x86_64");
        assert_eq!(json["os"]["id"], "debian");
        assert_eq!(json["os"]["codename"], "");
        assert_eq!(
            (&json["os"]["family"], &json["os"]["like"]),
            (&"debian".into(), &"debian".into())
        );
        assert_eq!(json["os"].get("major"), None);
        assert_eq!(json["memory_mib"], 2000);
        assert_eq!(json["addresses"], serde_json::json!(["10.77.0.31"]));
        assert_eq!(serde_json::to_value(parse("")).unwrap()["cpus"], 0);
    }

    #[test]
    fn a_system_has_a_family_and_a_number() {
        let systems = [
            ("ID=ubuntu\nos:ID_LIKE=debian\nos:VERSION_ID=\"24.04\"", "debian", 24),
            ("ID=linuxmint\nos:ID_LIKE=\"ubuntu debian\"\nos:VERSION_ID=\"21.3\"", "debian", 21),
            ("ID=\"rocky\"\nos:ID_LIKE=\"rhel centos fedora\"\nos:VERSION_ID=\"9.3\"", "redhat", 9),
            ("ID=fedora\nos:VERSION_ID=41", "redhat", 41),
            (
                "ID=\"opensuse-leap\"\nos:ID_LIKE=\"suse opensuse\"\nos:VERSION_ID=\"15.6\"",
                "suse",
                15,
            ),
            ("ID=alpine\nos:VERSION_ID=3.20.1", "alpine", 3),
            ("ID=nixos\nos:VERSION_ID=\"24.05\"", "nixos", 24),
        ];
        for (os, family, major) in systems {
            let json =
                serde_json::to_value(parse(&format!("Linux h 6 x86_64\nos:{os}\n"))).unwrap();
            assert_eq!(
                (&json["os"]["family"], &json["os"]["major"]),
                (&family.into(), &major.into())
            );
        }
    }

    #[test]
    fn the_manual_knows_all_facts() {
        fn names(value: &Value, path: &str, found: &mut Vec<String>) {
            match value {
                Value::Map(parts) => {
                    for (name, part) in parts {
                        let dot = if path.is_empty() { "" } else { "." };
                        names(part, &format!("{path}{dot}{name}"), found);
                    }
                }
                _ => found.push(path.to_owned()),
            }
        }
        let mut there = Vec::new();
        names(&parse("Linux h 6 x86_64\nos:VERSION_ID=12\n"), "", &mut there);
        there.sort();
        let mut told = FACTS.map(|(name, _)| name.to_owned()).to_vec();
        told.sort();
        assert_eq!(there, told);
    }
}
