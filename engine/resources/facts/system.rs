//! What a host says of its system, and of what it runs on.

use indexmap::IndexMap;

use super::{FactsOutput, map};
use crate::base::value::Value;

/// What it says in os-release, and its version with the point release: that of Debian is not there.
pub(super) fn system(said: &FactsOutput) -> [Value; 2] {
    let release: IndexMap<&str, &str> = said
        .all("os")
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name, value.trim_matches(['"', '\''])))
        .collect();
    let of = |name: &str| release.get(name).copied().unwrap_or_default();
    let (id, version) = (of("ID"), of("VERSION_ID"));
    let like = if of("ID_LIKE").is_empty() { id } else { of("ID_LIKE") };
    let point = said.first("debian").trim();
    let is_point = id == "debian" && point.starts_with(|c: char| c.is_ascii_digit());
    let mut parts: IndexMap<String, Value> = [
        ("id", id),
        ("family", family(id, like)),
        ("like", like),
        ("name", of("PRETTY_NAME")),
        ("version", version),
        ("codename", of("VERSION_CODENAME")),
    ]
    .map(|(name, text)| (name.to_owned(), Value::from(text)))
    .into();
    // A system without releases has no number that a script could take for a small one.
    if let Ok(major) = version.split('.').next().unwrap_or_default().parse() {
        parts.insert("major".to_owned(), Value::Int(major));
    }
    [Value::Map(parts), Value::from(if is_point { point } else { version })]
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

/// How many sockets there are, cores in each, and threads in each core; where it does not say, each processor is a socket.
pub(super) fn processor(said: &FactsOutput) -> Value {
    let sockets = said.first("sockets").split_whitespace().count() as i64;
    let (cores, siblings) = (said.number("cores").max(1), said.number("siblings").max(1));
    let (sockets, cores, threads) = match sockets {
        0 => (said.number("cpus"), 1, 1),
        _ => (sockets, cores, (siblings / cores).max(1)),
    };
    map([("sockets", sockets), ("cores", cores), ("threads", threads)]
        .map(|(name, count)| (name, Value::Int(count))))
}

/// What runs the host, by Ansible's word; empty for bare metal.
pub(super) fn virtualization(said: &FactsOutput) -> Value {
    let (vendor, product) = (said.first("vendor"), said.first("product"));
    let of_vendor = |names: &[&str]| names.iter().any(|name| vendor.starts_with(name));
    Value::from(match said.all("container").next() {
        Some("") => "docker",
        Some("lxc" | "lxc-libvirt") => "lxc",
        Some("podman") => "podman",
        Some(_) => "container",
        None if product.starts_with("VMware") => "VMware",
        None if product.starts_with("OpenStack") || of_vendor(&["OpenStack"]) => "openstack",
        None if product == "VirtualBox" || of_vendor(&["innotek"]) => "virtualbox",
        None if product == "Virtual Machine" && of_vendor(&["Microsoft"]) => "VirtualPC",
        None if of_vendor(&["Parallels"]) => "parallels",
        None if of_vendor(&["Xen"]) || product.starts_with("HVM domU") => "xen",
        None if matches!(product, "KVM" | "KVM Server" | "Bochs" | "AHV" | "RHEL") => "kvm",
        None if of_vendor(&KVM) => "kvm",
        None => "",
    })
}

/// Vendors whose machines are of KVM.
const KVM: [&str; 11] = [
    "QEMU",
    "oVirt",
    "Amazon EC2",
    "DigitalOcean",
    "Google",
    "Scaleway",
    "Nutanix",
    "Hetzner",
    "Linode",
    "Exoscale",
    "Red Hat",
];

/// Who scripts run as.
pub(super) fn user(said: &FactsOutput) -> Value {
    let mut entry = said.first("user").split(':');
    let [name, id, group, _, home, shell] = [(); 6].map(|()| entry.next().unwrap_or_default());
    let number = |text: &str| text.parse().map_or(Value::Null, Value::Int);
    let home = if said.first("home").is_empty() { home } else { said.first("home") };
    map([
        ("name", Value::from(name)),
        ("id", number(id)),
        ("group_id", number(group)),
        ("home", Value::from(home)),
        ("shell", Value::from(shell)),
    ])
}

/// What is mounted from a device or another host. How much room is left is no fact: it changes by itself.
pub(super) fn mounts(said: &FactsOutput) -> Value {
    let mount = |line: &str| {
        let [device, path, kind, options] =
            line.split(' ').take(4).collect::<Vec<_>>().try_into().ok()?;
        // Spaces are written as numbers there.
        let text = |text: &str| Value::Text(text.replace("\\040", " "));
        Some(map([
            ("device", text(device)),
            ("path", text(path)),
            ("type", text(kind)),
            ("options", text(options)),
        ]))
    };
    Value::List(said.all("mount").filter_map(mount).collect())
}
