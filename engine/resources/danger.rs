//! What may keep everybody from logging in, if it is changed wrongly. Pure.

use crate::resources::footprint::{Footprint, Lies, Space};

/// What sshd, the programs that make somebody root, PAM, the accounts, the network and the firewall are made of. What ends in a
/// slash stands for all that is below it.
const PATHS: &[&str] = &[
    "/",
    "/etc",
    "/home",
    "/root",
    "/etc/ssh/",
    "/etc/default/ssh",
    "/etc/sudoers",
    "/etc/sudoers.d/",
    "/etc/doas.conf",
    "/etc/doas.d/",
    "/etc/polkit-1/",
    "/etc/pam.conf",
    "/etc/pam.d/",
    "/etc/security/",
    "/etc/nsswitch.conf",
    "/etc/sssd/",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/gshadow",
    "/etc/shells",
    "/etc/nologin",
    "/etc/hosts.allow",
    "/etc/hosts.deny",
    "/etc/network/",
    "/etc/netplan/",
    "/etc/systemd/network/",
    "/etc/NetworkManager/",
    "/etc/sysconfig/network",
    "/etc/sysconfig/network-scripts/",
    "/etc/sysconfig/iptables",
    "/etc/nftables.conf",
    "/etc/nftables.d/",
    "/etc/nftables/",
    "/etc/iptables/",
    "/etc/iptables.rules",
    "/etc/ufw/",
    "/etc/default/ufw",
    "/etc/firewalld/",
];

/// The units that log people in, or let them through.
const UNITS: &[&str] = &[
    "ssh.service",
    "ssh.socket",
    "sshd.service",
    "sshd.socket",
    "dropbear.service",
    "nftables.service",
    "iptables.service",
    "ip6tables.service",
    "netfilter-persistent.service",
    "ufw.service",
    "firewalld.service",
    "networking.service",
    "systemd-networkd.service",
    "NetworkManager.service",
    "network.service",
];

/// Where the files of units lie.
const UNIT_FOLDERS: &[&str] = &["/etc/systemd/system/", "/run/systemd/system/"];

/// Whether a change of what has this footprint may keep everybody out.
pub fn is_risky(footprint: &Footprint<'_>) -> bool {
    let changes = |lies: &Lies<'_>| !matches!(lies, Lies::Read | Lies::Made | Lies::Something);
    let paths = footprint.paths.iter().filter(|(_, lies)| changes(lies));
    let mut units = footprint.names.iter().filter(|name| name.space == Space::Unit);
    paths.map(|(path, _)| path).any(|path| is_risky_path(path))
        || units.any(|name| is_risky_unit(&name.name))
}

/// Whether it logs people in, or lets them through.
pub fn is_risky_unit(unit: &str) -> bool {
    UNITS.contains(&unit)
}

fn is_risky_path(path: &str) -> bool {
    let below = |known: &str| match known.strip_suffix('/').filter(|folder| !folder.is_empty()) {
        Some(folder) => path == folder || path.starts_with(known),
        None => path == known,
    };
    let unit = |folder: &&str| {
        let name = path.strip_prefix(folder).unwrap_or_default();
        let owner = name.split_once(".d/").map_or(name, |(owner, _)| owner);
        is_risky_unit(owner)
    };
    PATHS.iter().any(|known| below(known))
        || UNIT_FOLDERS.iter().any(unit)
        || path.ends_with("/.ssh")
        || path.contains("/.ssh/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::footprint::Access;

    #[test]
    fn what_logs_people_in_is_risky_and_nothing_else() {
        let file = |path: &'static str| {
            is_risky(&Footprint::at(path, Lies::File(None, Access::default())))
        };
        for risky in [
            "/etc/ssh",
            "/etc/ssh/sshd_config.d/10.conf",
            "/etc/sudoers",
            "/etc/pam.d/sshd",
            "/home/ops/.ssh/authorized_keys",
            "/root/.ssh",
            "/",
            "/home",
            "/etc/systemd/system/ssh.service.d/limits.conf",
            "/etc/systemd/system/nftables.service",
        ] {
            assert!(file(risky), "{risky}");
        }
        for other in [
            "/etc/sshx",
            "/home/ops/x",
            "/etc/sudoers.bak",
            "/etc/motd",
            "/etc/systemd/system/api.service",
        ] {
            assert!(!file(other), "{other}");
        }
        assert!(!is_risky(&Footprint::at("/etc/ssh/sshd_config", Lies::Read)));
    }
}
