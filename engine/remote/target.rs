//! All that is needed to log in at one host: the inventory, then the SSH configuration, then defaults.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{RemoteError, ssh_config::Settings};
use crate::inventory::{Connection, Host, HostKeys};

/// The user who runs converge.
#[derive(Debug, Clone, Default)]
pub struct LocalUser {
    /// The home folder.
    pub home: PathBuf,
    /// The login name.
    pub name: Option<String>,
    /// The socket of the ssh-agent.
    pub agent: Option<PathBuf>,
}

impl LocalUser {
    /// As the environment tells: HOME, USER or LOGNAME, SSH_AUTH_SOCK. In containers and scheduled jobs it often
    /// names no user; then the one counts who this process runs as.
    pub fn from_environment() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            home: text("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from),
            name: text("USER").or_else(|| text("LOGNAME")).or_else(account),
            agent: text("SSH_AUTH_SOCK").map(PathBuf::from),
        }
    }
}

/// The name of the user whom this process runs as, where `/proc` tells.
fn account() -> Option<String> {
    let uid = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    })
}

/// Where and how to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    /// The name that known_hosts has it under, without the port.
    pub(super) key_name: String,
    pub(super) host_keys: HostKeys,
    pub(super) known_hosts: Vec<PathBuf>,
    pub(super) credentials: Credentials,
}

/// What to show to the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    /// Private keys, in order.
    pub(super) files: Vec<PathBuf>,
    /// Whether somebody named the keys. If so, one that is missing is worth a word.
    pub(super) named: bool,
    /// Whether keys of the agent that are not among the files stay out of it.
    pub(super) only_files: bool,
    /// The socket of the agent.
    pub(super) agent: Option<PathBuf>,
    /// The name of the secret that holds the passphrase.
    pub(super) passphrase: Option<String>,
}

impl Target {
    /// Puts together what is known about `host`.
    pub(super) fn of(host: &Host, ssh: &Settings, user: &LocalUser) -> Result<Self, RemoteError> {
        let connection = &host.connection;
        let address = ssh.host_name.clone().unwrap_or_else(|| host.address.clone());
        let login = connection.user.as_ref().or(ssh.user.as_ref()).or(user.name.as_ref());
        let login = login.cloned().ok_or_else(|| {
            RemoteError::unreachable(format!("no user is known to log in as on {}", host.name))
                .with_hint("set `user` in the inventory")
        })?;
        let port = connection.port.or(ssh.port).unwrap_or(22);
        let path = |text: &str| expand(text, user, &address, &login, port);
        let known_hosts = match &connection.known_hosts {
            Some(file) => vec![file.clone()],
            None if !ssh.known_hosts.is_empty() => {
                ssh.known_hosts.iter().map(|t| path(t)).collect()
            }
            None => vec![path("~/.ssh/known_hosts")],
        };
        let accepts = ssh.accept_new || connection.host_keys == HostKeys::AcceptNew;
        Ok(Self {
            key_name: ssh.host_key_alias.clone().unwrap_or_else(|| address.clone()),
            host_keys: if accepts { HostKeys::AcceptNew } else { HostKeys::Strict },
            known_hosts: [known_hosts, vec!["/etc/ssh/ssh_known_hosts".into()]].concat(),
            credentials: credentials(connection, ssh, user, path),
            user: login.clone(),
            host: address.clone(),
            port,
        })
    }

    /// How people write it: `user@host:port`.
    pub(super) fn address(&self) -> String {
        format!("{}@{}:{}", self.user, self.host, self.port)
    }
}

fn credentials(
    connection: &Connection,
    ssh: &Settings,
    user: &LocalUser,
    path: impl Fn(&str) -> PathBuf,
) -> Credentials {
    let agent = match ssh.identity_agent.as_deref() {
        Some("none") => None,
        Some("SSH_AUTH_SOCK") | None => user.agent.clone(),
        Some(socket) => Some(path(socket)),
    };
    let passphrase = connection.identity_passphrase.clone();
    let of_inventory = connection.identity_file.is_some();
    let files = match &connection.identity_file {
        Some(file) => vec![file.clone()],
        None => ssh.identity_files.iter().map(|text| path(text)).collect(),
    };
    if files.is_empty() {
        let default =
            ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| user.home.join(".ssh").join(name));
        let only_files = ssh.identities_only;
        return Credentials { files: default.into(), named: false, only_files, agent, passphrase };
    }
    let only_files = of_inventory || ssh.identities_only;
    Credentials { files, named: true, only_files, agent, passphrase }
}

/// Replaces `~` and the tokens that make sense in a path.
fn expand(text: &str, user: &LocalUser, host: &str, login: &str, port: u16) -> PathBuf {
    let home = user.home.display().to_string();
    let mut path = String::new();
    let mut rest = text;
    if let Some(after) = text.strip_prefix("~/") {
        path = format!("{home}/");
        rest = after;
    }
    let mut characters = rest.chars();
    while let Some(c) = characters.next() {
        match (c, if c == '%' { characters.next() } else { None }) {
            ('%', Some('d')) => path.push_str(&home),
            ('%', Some('h' | 'n')) => path.push_str(host),
            ('%', Some('r')) => path.push_str(login),
            ('%', Some('p')) => path.push_str(&port.to_string()),
            ('%', Some('u')) => path.push_str(user.name.as_deref().unwrap_or_default()),
            ('%', Some(other)) => path.push(other),
            (c, _) => path.push(c),
        }
    }
    let path = Path::new(&path);
    if path.is_absolute() { path.to_owned() } else { user.home.join(".ssh").join(path) }
}

/// A jump host as it is written: `user@name:port`, `user@[v6]:port`, `ssh://user@name:port`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hop<'a> {
    pub(super) user: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) port: Option<u16>,
}

impl<'a> Hop<'a> {
    /// Reads it.
    pub(super) fn parse(text: &'a str) -> Result<Self, RemoteError> {
        let wrong = || {
            RemoteError::unreachable(format!("`{text}` is no jump host"))
                .with_hint("write it as NAME, or as USER@NAME:PORT")
        };
        let rest = text.strip_prefix("ssh://").unwrap_or(text);
        let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(u, r)| (Some(u), r));
        let (name, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, port)) => (name, port.strip_prefix(':')),
            None => match rest.split_once(':') {
                // More than one colon: an IPv6 address without a port.
                Some((name, port)) if !port.contains(':') => (name, Some(port)),
                _ => (rest, None),
            },
        };
        let port = port.map(|port| port.parse().map_err(|_| wrong())).transpose()?;
        if name.is_empty() || user == Some("") {
            return Err(wrong());
        }
        Ok(Self { user, name, port })
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;

    fn host(connection: Connection) -> Host {
        Host {
            name: "web-1".into(),
            address: "10.0.0.1".to_owned(),
            groups: Vec::new(),
            vars: IndexMap::new(),
            connection,
            place: None,
        }
    }

    fn ann() -> LocalUser {
        LocalUser {
            home: "/home/ann".into(),
            name: Some("ann".to_owned()),
            agent: Some("/run/agent".into()),
        }
    }

    fn ssh() -> Settings {
        Settings {
            host_name: Some("web.example.org".to_owned()),
            user: Some("ops".to_owned()),
            port: Some(2222),
            identity_files: vec!["~/%r@%h".to_owned()],
            known_hosts: vec!["%d/known".to_owned()],
            ..Settings::default()
        }
    }

    #[test]
    fn the_inventory_wins_over_the_ssh_configuration() {
        let connection = Connection {
            user: Some("root".to_owned()),
            port: Some(22),
            identity_file: Some("/key".into()),
            known_hosts: Some("/known".into()),
            ..Connection::default()
        };
        let target = Target::of(&host(connection), &ssh(), &ann()).unwrap();
        assert_eq!(target.address(), "root@web.example.org:22");
        assert_eq!(target.known_hosts[0], Path::new("/known"));
        let credentials = &target.credentials;
        assert_eq!((&credentials.files[..], credentials.only_files), (&["/key".into()][..], true));
    }

    #[test]
    fn the_ssh_configuration_wins_over_defaults() {
        let target = Target::of(&host(Connection::default()), &ssh(), &ann()).unwrap();
        assert_eq!(target.address(), "ops@web.example.org:2222");
        assert_eq!(target.known_hosts[0], Path::new("/home/ann/known"));
        assert_eq!(target.credentials.files, [Path::new("/home/ann/ops@web.example.org")]);
        assert!(!target.credentials.only_files);
    }

    #[test]
    fn without_a_word_it_is_the_own_user_with_the_usual_keys() {
        let target =
            Target::of(&host(Connection::default()), &Settings::default(), &ann()).unwrap();
        assert_eq!(target.address(), "ann@10.0.0.1:22");
        assert_eq!(target.credentials.files[0], Path::new("/home/ann/.ssh/id_ed25519"));
        assert_eq!(target.credentials.agent.as_deref(), Some(Path::new("/run/agent")));
    }

    #[test]
    fn jump_hosts_as_people_write_them() {
        let hop = |user, name, port| Hop { user, name, port };
        let cases = [
            ("bastion", hop(None, "bastion", None)),
            ("ops@bastion:2222", hop(Some("ops"), "bastion", Some(2222))),
            ("ssh://ops@bastion:2222", hop(Some("ops"), "bastion", Some(2222))),
            ("ops@[fd00::1]:22", hop(Some("ops"), "fd00::1", Some(22))),
            ("fd00::1", hop(None, "fd00::1", None)),
        ];
        for (text, expected) in cases {
            assert_eq!(Hop::parse(text), Ok(expected), "{text}");
        }
        for text in ["", "@bastion", "bastion:x", "ops@"] {
            assert!(Hop::parse(text).is_err(), "{text}");
        }
    }
}
