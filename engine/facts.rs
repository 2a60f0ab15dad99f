//! What is asked of a host only when a script wants to know: its system, its architecture, its names.
//!
//! Nothing here changes by itself, such as free memory or a time: a fact must not make a plan flicker.

use indexmap::IndexMap;

use crate::{script::Script, sh, value::Value};

/// What each fact means, as the manual says it.
pub const FACTS: [(&str, &str); 15] = [
    ("hostname", "what the host calls itself"),
    ("kernel.name", "such as `Linux`"),
    ("kernel.release", "such as `6.1.0-13-amd64`; compare it by `version(..)`"),
    ("architecture", "such as `x86_64`, as `uname -m` says it"),
    ("os.id", "such as `debian`, `ubuntu`, `rocky`, `alpine`"),
    ("os.family", "`debian`, `redhat`, `suse`, `alpine`, `arch`; of any other system, its id"),
    ("os.like", "the systems that it is like, as it says itself; its id, where it says nothing"),
    ("os.name", "such as `Debian GNU/Linux 12 (bookworm)`"),
    ("os.version", "such as `12` or `24.04`, a string; compare it by `version(..)`"),
    (
        "os.major",
        "the first number of the version, such as `12`; absent where the system has no version",
    ),
    ("os.codename", "such as `bookworm`"),
    ("memory_mib", "how much memory there is, in MiB: a number"),
    ("cpus", "how many processors there are: a number"),
    ("tools", "those of `systemctl`, `apt-get`, `apk`, `docker` that are there"),
    ("addresses", "its addresses of global scope, IPv4 and IPv6"),
];

/// Those that a run itself may change, by their names at the top. The others change with another system or another machine.
pub const CHANGING: [&str; 3] = ["hostname", "tools", "addresses"];

/// Reads the facts of a host: two processes.
pub fn script() -> Script {
    sh!(
        "uname -s -r -m -n
if [ -r /proc/meminfo ]; then read -r _ kb _ </proc/meminfo; say \"memory_kb=$kb\"; fi
cpus=0; while read -r key _; do case $key in processor) cpus=$((cpus + 1));; esac; done </proc/cpuinfo
say \"cpus=$cpus\"
for tool in systemctl apt-get apk docker; do if has $tool; then say \"tool=$tool\"; fi; done
if [ -r /etc/os-release ]; then while IFS= read -r line; do say \"os:$line\"; done </etc/os-release; fi
if has ip; then ip -o addr show scope global; fi"
    )
}

/// Reads what [`script`] printed. What a host does not say is an empty text, or 0.
pub fn parse(output: &str) -> Value {
    let mut lines = output.lines();
    let mut uname = lines.next().unwrap_or_default().split(' ');
    let [kernel, hostname, release, architecture] =
        [(); 4].map(|()| uname.next().unwrap_or_default().to_owned());
    let mut os = IndexMap::new();
    let (mut memory, mut cpus) = (0, 0);
    let mut tools = Vec::new();
    let mut addresses = Vec::new();
    for line in lines {
        if let Some((name, value)) = line.strip_prefix("os:").and_then(|it| it.split_once('=')) {
            os.insert(name.to_owned(), value.trim_matches(['"', '\'']).to_owned());
        } else if let Some(kb) = line.strip_prefix("memory_kb=") {
            memory = kb.parse::<i64>().unwrap_or_default() / 1024;
        } else if let Some(count) = line.strip_prefix("cpus=") {
            cpus = count.parse().unwrap_or_default();
        } else if let Some(tool) = line.strip_prefix("tool=") {
            tools.push(Value::from(tool));
        } else if let [_, _, "inet" | "inet6", address, ..] =
            line.split_whitespace().collect::<Vec<_>>()[..]
        {
            addresses.push(Value::from(address.split('/').next().unwrap_or_default()));
        }
    }
    map([
        ("hostname", Value::Text(hostname)),
        ("kernel", map([("name", Value::Text(kernel)), ("release", Value::Text(release))])),
        ("architecture", Value::Text(architecture)),
        ("os", Value::Map(system(&os))),
        ("memory_mib", Value::Int(memory)),
        ("cpus", Value::Int(cpus)),
        ("tools", Value::List(tools)),
        ("addresses", Value::List(addresses)),
    ])
}

/// What a host says of its system in os-release.
fn system(said: &IndexMap<String, String>) -> IndexMap<String, Value> {
    let said = |name: &str| said.get(name).map(String::as_str).unwrap_or_default();
    let (id, version) = (said("ID"), said("VERSION_ID"));
    let like = if said("ID_LIKE").is_empty() { id } else { said("ID_LIKE") };
    let texts = [
        ("id", id),
        ("family", family(id, like)),
        ("like", like),
        ("name", said("PRETTY_NAME")),
        ("version", version),
        ("codename", said("VERSION_CODENAME")),
    ];
    let mut parts: IndexMap<String, Value> =
        texts.into_iter().map(|(name, text)| (name.to_owned(), Value::from(text))).collect();
    // A system without releases has no number that a script could take for a small one.
    if let Ok(major) = version.split('.').next().unwrap_or_default().parse() {
        parts.insert("major".to_owned(), Value::Int(major));
    }
    parts
}

/// The families of systems, each with those that do not say themselves whom they are like.
const FAMILIES: [(&str, &[&str]); 5] = [
    ("debian", &["debian", "ubuntu"]),
    ("redhat", &["rhel", "fedora", "centos", "amzn", "ol", "rocky", "almalinux"]),
    ("suse", &["suse", "opensuse", "sles", "sled", "opensuse-leap", "opensuse-tumbleweed"]),
    ("alpine", &["alpine"]),
    ("arch", &["arch", "manjaro"]),
];

/// The family of a system: those whose packages and files are alike.
fn family<'a>(id: &'a str, like: &str) -> &'a str {
    let mut names = std::iter::once(id).chain(like.split_whitespace());
    let family = |name: &str| FAMILIES.iter().find(|(_, names)| names.contains(&name));
    names.find_map(family).map_or(id, |(family, _)| family)
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
