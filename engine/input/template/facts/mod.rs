//! The facts of a host by the names that Ansible has for them.

mod known;

use indexmap::IndexMap;

use self::known::KnownFacts;
use crate::base::value::Value;

/// Makes a fact of what is known of a host.
type Make = fn(&KnownFacts) -> Value;

/// Each fact with those of ours that it is made of, its meaning, and how it is made.
pub const FACTS: [(&str, &[&str], &str, Make); 49] = [
    ("hostname", &["hostname"], "its host name, up to the first dot", |it| {
        it.text("hostname").split('.').next().unwrap_or_default().into()
    }),
    ("nodename", &["hostname"], "its host name", |it| it.text("hostname").into()),
    (
        "fqdn",
        &["fqdn"],
        "that with the domain that `/etc/hosts` has for it; DNS is not asked",
        |it| it.text("fqdn").into(),
    ),
    ("domain", &["fqdn"], "the part behind the first dot of that", |it| {
        it.text("fqdn").split_once('.').map_or("", |(_, domain)| domain).into()
    }),
    ("architecture", &["architecture"], "such as `x86_64`", |it| it.text("architecture").into()),
    ("machine", &["architecture"], "such as `x86_64`", |it| it.text("architecture").into()),
    ("userspace_architecture", &["architecture"], "such as `x86_64`", |it| {
        it.text("architecture").into()
    }),
    ("userspace_bits", &["architecture"], "`64` or `32`: what the architecture has", |it| {
        if it.text("architecture").contains("64") || it.text("architecture") == "s390x" {
            "64"
        } else {
            "32"
        }
        .into()
    }),
    ("system", &["kernel"], "such as `Linux`", |it| it.text("kernel.name").into()),
    ("kernel", &["kernel"], "such as `6.1.0-13-amd64`", |it| it.text("kernel.release").into()),
    ("distribution", &["os"], "such as `Debian`, `Ubuntu`, `Rocky`", |it| {
        Value::Text(distribution(it.text("os.id")))
    }),
    ("distribution_version", &["release"], "such as `12.5` or `24.04`", |it| {
        it.text("release").into()
    }),
    ("distribution_major_version", &["os"], "such as `12` or `24`", |it| {
        it.text("os.version").split('.').next().unwrap_or_default().into()
    }),
    ("distribution_minor_version", &["release"], "such as `5`; empty where there is none", |it| {
        it.text("release").split('.').nth(1).unwrap_or_default().into()
    }),
    ("distribution_release", &["os"], "such as `bookworm`", |it| it.text("os.codename").into()),
    ("os_family", &["os"], "such as `Debian`, `RedHat`, `Suse`", |it| it.family().into()),
    (
        "lsb",
        &["os"],
        "`.id`, `.codename`, `.description`, `.release`, `.major_release`: of os-release",
        |it| {
            map([
                ("id", Value::Text(distribution(it.text("os.id")))),
                ("codename", it.text("os.codename").into()),
                ("description", it.text("os.name").into()),
                ("release", it.text("os.version").into()),
                (
                    "major_release",
                    it.text("os.version").split('.').next().unwrap_or_default().into(),
                ),
            ])
        },
    ),
    ("processor_count", &["processor"], "how many sockets there are", |it| {
        it.number("processor.sockets")
    }),
    ("processor_cores", &["processor"], "how many cores each socket has", |it| {
        it.number("processor.cores")
    }),
    ("processor_threads_per_core", &["processor"], "how many threads each core has", |it| {
        it.number("processor.threads")
    }),
    ("processor_vcpus", &["processor"], "how many processors that makes", |it| {
        let count = |path: &str| match it.number(path) {
            Value::Int(count) => count,
            _ => 0,
        };
        Value::Int(
            ["sockets", "cores", "threads"]
                .map(|part| count(&["processor.", part].concat()))
                .iter()
                .product(),
        )
    }),
    ("processor_nproc", &["cpus"], "how many processors there are", |it| it.number("cpus")),
    ("memtotal_mb", &["memory_mib"], "how much memory there is, in MiB", |it| {
        it.number("memory_mib")
    }),
    ("swaptotal_mb", &["swap_mib"], "how much swap there is, in MiB", |it| it.number("swap_mib")),
    (
        "default_ipv4",
        &["gateways", "interfaces"],
        "of the interface with the default route: `.address`, `.interface`, `.gateway`, `.netmask`, `.network`, `.broadcast`, `.prefix`, `.macaddress`, `.mtu`, `.type`",
        |it| it.default_way(false),
    ),
    ("default_ipv6", &["gateways", "interfaces"], "the same for IPv6", |it| it.default_way(true)),
    ("all_ipv4_addresses", &["interfaces"], "its IPv4 addresses but those of `lo`", |it| {
        it.addresses(false)
    }),
    ("all_ipv6_addresses", &["interfaces"], "its IPv6 addresses but those of `lo`", |it| {
        it.addresses(true)
    }),
    ("interfaces", &["interfaces"], "the names of its interfaces", |it| {
        Value::List(it.interfaces().iter().map(|it| it.text("name").into()).collect())
    }),
    ("dns", &["resolver"], "`.nameservers` and `.search` of `/etc/resolv.conf`", |it| {
        let mut parts = IndexMap::new();
        for name in ["nameservers", "search"] {
            let items = it.list(&["resolver.", name].concat());
            if !items.is_empty() {
                parts.insert(name.to_owned(), Value::List(items.to_vec()));
            }
        }
        Value::Map(parts)
    }),
    (
        "mounts",
        &["mounts"],
        "each with `.mount`, `.device`, `.fstype`, `.options`; free space is not a fact",
        |it| {
            let mount = |mount: &Value| {
                let mount = KnownFacts(mount);
                map([
                    ("mount", mount.text("path").into()),
                    ("device", mount.text("device").into()),
                    ("fstype", mount.text("type").into()),
                    ("options", mount.text("options").into()),
                ])
            };
            Value::List(it.list("mounts").iter().map(mount).collect())
        },
    ),
    ("pkg_mgr", &["os", "tools"], "such as `apt`, `dnf`, `zypper`, `apk`", |it| {
        match it.family() {
            "Debian" => "apt",
            "RedHat" if it.has("yum") && !it.has("dnf") => "yum",
            "RedHat" => "dnf",
            "Suse" => "zypper",
            "Alpine" => "apk",
            "Archlinux" => "pacman",
            _ => "unknown",
        }
        .into()
    }),
    ("service_mgr", &["os", "tools"], "such as `systemd`, `openrc`", |it| {
        match (it.has("systemctl"), it.family()) {
            (true, _) => "systemd",
            (false, "Alpine") => "openrc",
            _ => "service",
        }
        .into()
    }),
    ("user_id", &["user"], "the user that scripts run as, such as `root`", |it| {
        it.text("user.name").into()
    }),
    ("user_uid", &["user"], "its UID", |it| it.number("user.id")),
    ("user_gid", &["user"], "its GID", |it| it.number("user.group_id")),
    ("real_user_id", &["user"], "the UID of the user that scripts run as", |it| {
        it.number("user.id")
    }),
    ("effective_user_id", &["user"], "the UID of the user that scripts run as", |it| {
        it.number("user.id")
    }),
    ("real_group_id", &["user"], "its GID", |it| it.number("user.group_id")),
    ("effective_group_id", &["user"], "its GID", |it| it.number("user.group_id")),
    ("user_dir", &["user"], "its home", |it| it.text("user.home").into()),
    ("user_shell", &["user"], "its shell", |it| it.text("user.shell").into()),
    ("env", &["user"], "`.HOME`, `.USER`, `.LOGNAME`, `.SHELL` and no more", |it| {
        map([
            ("HOME", it.text("user.home").into()),
            ("USER", it.text("user.name").into()),
            ("LOGNAME", it.text("user.name").into()),
            ("SHELL", it.text("user.shell").into()),
        ])
    }),
    (
        "virtualization_type",
        &["virtualization"],
        "such as `kvm`, `VMware`, `container`; `NA` for bare metal",
        |it| or_none(it.text("virtualization")),
    ),
    (
        "virtualization_role",
        &["virtualization"],
        "`guest`; `NA` for bare metal, also with guests",
        |it| if it.text("virtualization").is_empty() { "NA" } else { "guest" }.into(),
    ),
    ("system_vendor", &["hardware"], "the vendor of the machine; `NA` where it is unknown", |it| {
        or_none(it.text("hardware.vendor"))
    }),
    (
        "product_name",
        &["hardware"],
        "the product name of the machine; `NA` where it is unknown",
        |it| or_none(it.text("hardware.product")),
    ),
    ("machine_id", &["machine_id"], "the content of `/etc/machine-id`", |it| {
        it.text("machine_id").into()
    }),
    (
        "selinux",
        &["selinux"],
        "`.status`: `enabled` or `disabled`; `.mode`: `enforcing` or `permissive`",
        |it| match it.text("selinux") {
            mode @ ("enforcing" | "permissive") => {
                map([("status", "enabled".into()), ("mode", mode.into())])
            }
            _ => map([("status", "disabled".into())]),
        },
    ),
];

/// The facts of a host by Ansible's names, and each interface by its own.
pub fn facts(facts: &Value) -> IndexMap<String, Value> {
    let known = KnownFacts(facts);
    let mut made: IndexMap<String, Value> = known
        .interfaces()
        .iter()
        .map(|it| (it.text("name").replace('-', "_"), it.interface()))
        .collect();
    made.extend(FACTS.iter().map(|(name, _, _, make)| ((*name).to_owned(), make(&known))));
    made
}

/// What is there, or Ansible's word for what is not.
fn or_none(text: &str) -> Value {
    if text.is_empty() { "NA" } else { text }.into()
}

fn map<const N: usize>(parts: [(&str, Value); N]) -> Value {
    Value::Map(parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
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
