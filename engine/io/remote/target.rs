//! All that is needed to log in at one host: the inventory, then the SSH configuration, then defaults.

use std::{path::PathBuf, time::Duration};

use super::{
    RemoteError,
    algorithms::Algorithms,
    local_user::{LocalUser, account},
    ssh_config::{Said, Settings, Tokens},
};
use crate::input::inventory::{Connection, Host, HostKeys};

/// Where and how to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoginTarget {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) way: Stream,
    pub(super) keys: HostKeyRules,
    pub(super) algorithms: Algorithms,
    pub(super) credentials: Credentials,
}

/// How a stream to the host comes about, where no jump host makes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stream {
    /// A command whose standard input and output are the stream.
    pub(super) command: Option<String>,
    /// Only addresses of this family.
    pub(super) family: Option<AddressFamily>,
    /// The address of this machine that is used.
    pub(super) from: Option<String>,
    /// How long to wait at least.
    pub(super) patience: Option<Duration>,
    /// How often to try at least.
    pub(super) attempts: u32,
}

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AddressFamily {
    V4,
    V6,
}

/// How the key of the host is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostKeyRules {
    /// The name that known_hosts has it under.
    pub(super) name: String,
    /// The port that belongs to the name. A name of its own has none.
    pub(super) port: Option<u16>,
    pub(super) policy: HostKeys,
    /// Where a new key is written.
    pub(super) own: Vec<PathBuf>,
    /// Other files of known keys.
    pub(super) global: Vec<PathBuf>,
    /// What the configuration says about unknown keys, and is not done.
    pub(super) not_followed: Vec<String>,
}

/// What to show to the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    /// Ways to log in, the first first.
    pub(super) methods: Vec<LoginMethod>,
    /// Private keys, in order.
    pub(super) files: Vec<PathBuf>,
    /// Certificates of these or of other keys.
    pub(super) certificates: Vec<PathBuf>,
    /// Whether somebody named the keys. If so, one that is missing is worth a word.
    pub(super) named: bool,
    /// Whether keys of the agent that are not among the files stay out of it.
    pub(super) only_files: bool,
    /// The socket of the agent.
    pub(super) agent: Option<PathBuf>,
    /// The name of the secret that holds the passphrase.
    pub(super) passphrase: Option<String>,
    /// The name of the secret that holds the password.
    pub(super) password: Option<String>,
}

/// A way to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoginMethod {
    Key,
    Questions,
    Password,
}

impl LoginTarget {
    /// Puts together what is known about `host`.
    pub(super) fn of(host: &Host, ssh: &Settings, user: &LocalUser) -> Result<Self, RemoteError> {
        let connection = &host.connection;
        let address = ssh.host_name(&host.address)?;
        let local = user.name.as_deref();
        let login = connection.user.as_deref().or(ssh.text("user")).or(local);
        let login = login.ok_or_else(|| {
            let why = account().err().map_or(String::new(), |why| format!(": {why}"));
            let message = format!("no login user is known for {}{why}", host.name);
            RemoteError::unreachable(message).with_hint("set `user` in the inventory")
        })?;
        let port = connection.port.map_or_else(|| ssh.number("port"), |port| Ok(Some(port)))?;
        let tokens = Tokens {
            original: &host.address,
            host: &address,
            port: port.unwrap_or(22),
            user: login,
            key_name: ssh.text("hostkeyalias"),
            jump: ssh.said("proxyjump").map_or("", |said| &said.rest),
            local: user,
            machine: Default::default(),
        };
        Ok(Self {
            way: Stream::of(connection, ssh, &tokens)?,
            keys: HostKeyRules::of(connection, ssh, &tokens)?,
            algorithms: Algorithms::of(ssh)?,
            credentials: Credentials::of(connection, ssh, &tokens)?,
            user: login.to_owned(),
            port: port.unwrap_or(22),
            host: address.clone(),
        })
    }

    /// How people write it: `user@host:port`.
    pub(super) fn address(&self) -> String {
        format!("{}@{}:{}", self.user, self.host, self.port)
    }
}

impl Stream {
    fn of(
        connection: &Connection,
        ssh: &Settings,
        tokens: &Tokens<'_>,
    ) -> Result<Self, RemoteError> {
        let command = ssh.said("proxycommand").filter(|said| {
            // Jump hosts of the inventory win over the configuration.
            connection.jump.is_empty() && !said.rest.eq_ignore_ascii_case("none")
        });
        let command =
            command.map(|said| tokens.fill_way(&said.rest).map_err(|why| said.wrong(&why)));
        let family = match ssh.text("addressfamily").map(str::to_lowercase).as_deref() {
            Some("inet") => Some(AddressFamily::V4),
            Some("inet6") => Some(AddressFamily::V6),
            _ => None,
        };
        let patience = ssh.said("connecttimeout").map(|said| {
            let value = said.values.first().map_or("", String::as_str);
            duration(value).ok_or_else(|| said.wrong("is not a time"))
        });
        Ok(Self {
            command: command.transpose()?,
            family,
            from: ssh.text("bindaddress").map(str::to_owned),
            patience: patience.transpose()?.flatten(),
            attempts: ssh.number("connectionattempts")?.unwrap_or(1),
        })
    }
}

impl HostKeyRules {
    fn of(
        connection: &Connection,
        ssh: &Settings,
        tokens: &Tokens<'_>,
    ) -> Result<Self, RemoteError> {
        let alias = ssh.text("hostkeyalias");
        let own = match &connection.known_hosts {
            Some(file) => vec![file.clone()],
            None => files(ssh.said("userknownhostsfile"), tokens)?.unwrap_or_else(|| {
                ["known_hosts", "known_hosts2"]
                    .map(|name| tokens.local.home.join(".ssh").join(name))
                    .into()
            }),
        };
        let usual = || ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"].map(PathBuf::from);
        let global =
            files(ssh.said("globalknownhostsfile"), tokens)?.unwrap_or_else(|| usual().into());
        let strict = ssh.said("stricthostkeychecking");
        let says = |said: &Said, words: &[&str]| {
            said.values
                .first()
                .is_some_and(|value| words.iter().any(|word| value.eq_ignore_ascii_case(word)))
        };
        let accepts = strict.is_some_and(|said| says(said, &["accept-new"]));
        let policy = if accepts { HostKeys::AcceptNew } else { connection.host_keys };
        let asks = [
            (strict, &["no", "off", "false"][..], "StrictHostKeyChecking"),
            (ssh.said("verifyhostkeydns"), &["yes", "ask"], "VerifyHostKeyDNS"),
            (
                ssh.said("nohostauthenticationforlocalhost"),
                &["yes"],
                "NoHostAuthenticationForLocalhost",
            ),
        ];
        let not_followed = asks.into_iter().filter_map(|(said, words, keyword)| {
            let said = said.filter(|said| says(said, words))?;
            Some(format!("{keyword} {} ({})", said.values.join(" "), said.place))
        });
        Ok(Self {
            name: alias.unwrap_or(tokens.host).to_owned(),
            port: alias.is_none().then_some(tokens.port),
            policy,
            own,
            global,
            not_followed: not_followed.collect(),
        })
    }
}

/// The files of known keys that a setting names.
fn files(said: Option<&Said>, tokens: &Tokens<'_>) -> Result<Option<Vec<PathBuf>>, RemoteError> {
    let Some(said) = said else { return Ok(None) };
    if matches!(&said.values[..], [one] if one.eq_ignore_ascii_case("none")) {
        return Ok(Some(Vec::new()));
    }
    let paths = said.values.iter().map(|text| tokens.path(text).map_err(|why| said.wrong(&why)));
    paths.collect::<Result<_, _>>().map(Some)
}

impl Credentials {
    fn of(
        connection: &Connection,
        ssh: &Settings,
        tokens: &Tokens<'_>,
    ) -> Result<Self, RemoteError> {
        let paths = |keyword| -> Result<Vec<PathBuf>, RemoteError> {
            let named = ssh.all(keyword).iter().filter(|said| {
                !said.values.first().is_some_and(|value| value.eq_ignore_ascii_case("none"))
            });
            let path = |said: &Said| {
                let text = said.values.first().map_or("", String::as_str);
                tokens.path(text).map_err(|why| said.wrong(&why))
            };
            named.map(path).collect()
        };
        let agent = match ssh.said("identityagent") {
            None => tokens.local.agent.clone(),
            Some(said) => match said.values.first().map_or("", String::as_str) {
                none if none.eq_ignore_ascii_case("none") => None,
                "SSH_AUTH_SOCK" => tokens.local.agent.clone(),
                text => {
                    // `$NAME` is a variable too.
                    let variable = text.strip_prefix('$').filter(|name| !name.starts_with('{'));
                    let text = variable.map_or(text.to_owned(), |name| format!("${{{name}}}"));
                    Some(tokens.path(&text).map_err(|why| said.wrong(&why))?)
                }
            },
        };
        let of_inventory = connection.identity_file.is_some();
        let only = ssh.flag("identitiesonly")?.unwrap_or(false);
        let named = match &connection.identity_file {
            Some(file) => vec![file.clone()],
            None => paths("identityfile")?,
        };
        let home = &tokens.local.home;
        let usual = ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| home.join(".ssh").join(name));
        Ok(Self {
            methods: methods(ssh)?,
            named: !named.is_empty(),
            only_files: of_inventory || only,
            // Without `none` somebody who names no key has the usual ones.
            files: match named.is_empty() && ssh.all("identityfile").is_empty() {
                true => usual.into(),
                false => named,
            },
            certificates: paths("certificatefile")?,
            agent,
            passphrase: connection.identity_passphrase.clone(),
            password: connection.password.clone(),
        })
    }
}

/// The ways to log in that a configuration leaves.
fn methods(ssh: &Settings) -> Result<Vec<LoginMethod>, RemoteError> {
    let known = [
        ("publickey", LoginMethod::Key, "pubkeyauthentication"),
        ("keyboard-interactive", LoginMethod::Questions, "kbdinteractiveauthentication"),
        ("password", LoginMethod::Password, "passwordauthentication"),
    ];
    let preferred = ssh.said("preferredauthentications");
    let list = preferred.map(|said| said.values.concat());
    let names = match &list {
        Some(list) => list.split(',').collect(),
        None => known.map(|(name, ..)| name).to_vec(),
    };
    let mut methods = Vec::new();
    for name in names {
        let Some((_, method, switch)) = known.iter().find(|(known, ..)| *known == name) else {
            continue;
        };
        if ssh.flag(switch)?.unwrap_or(true) {
            methods.push(*method);
        }
    }
    match preferred {
        Some(said) if methods.is_empty() => Err(said
            .wrong("leaves no login method")
            .with_hint("supported: publickey, keyboard-interactive, password")),
        _ => Ok(methods),
    }
}

/// A time as OpenSSH writes it, such as `90` or `1m30s`; `none` is none.
fn duration(text: &str) -> Option<Option<Duration>> {
    if text.eq_ignore_ascii_case("none") {
        return Some(None);
    }
    let (mut seconds, mut number) = (0_u64, None::<u64>);
    for c in text.to_lowercase().chars() {
        if let Some(digit) = c.to_digit(10) {
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(digit.into())?);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86400,
            'w' => 604_800,
            _ => return None,
        };
        seconds = seconds.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    let rest = number.unwrap_or(0);
    (!text.is_empty()).then(|| Some(Duration::from_secs(seconds.saturating_add(rest))))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use indexmap::IndexMap;

    use super::{
        super::ssh_config::{ConfigCommands, SshConfig},
        *,
    };

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

    fn ssh(lines: &[&str]) -> Settings {
        let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        let config = SshConfig::of_lines(&lines, "config").unwrap();
        SshConfig::about(&[&config], "10.0.0.1", &ann(), &ConfigCommands::default()).unwrap()
    }

    fn usual() -> Settings {
        ssh(&[
            "HostName web.example.org",
            "User ops",
            "Port 2222",
            "IdentityFile ~/%n/%r@%h",
            "UserKnownHostsFile %d/known",
        ])
    }

    fn target(connection: Connection, ssh: &Settings) -> LoginTarget {
        LoginTarget::of(&host(connection), ssh, &ann()).unwrap()
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
        let target = target(connection, &usual());
        assert_eq!(target.address(), "root@web.example.org:22");
        assert_eq!(target.keys.own[0], Path::new("/known"));
        let credentials = &target.credentials;
        assert_eq!((&credentials.files[..], credentials.only_files), (&["/key".into()][..], true));
    }

    #[test]
    fn the_ssh_configuration_wins_over_defaults() {
        let target = target(Connection::default(), &usual());
        assert_eq!(target.address(), "ops@web.example.org:2222");
        assert_eq!(target.keys.own[0], Path::new("/home/ann/known"));
        assert_eq!(target.credentials.files, [Path::new("/home/ann/10.0.0.1/ops@web.example.org")]);
        assert!(!target.credentials.only_files);
    }

    #[test]
    fn without_a_word_it_is_the_own_user_with_the_usual_keys() {
        let target = target(Connection::default(), &ssh(&[]));
        assert_eq!(target.address(), "ann@10.0.0.1:22");
        assert_eq!(target.credentials.files[0], Path::new("/home/ann/.ssh/id_ed25519"));
        assert_eq!(target.credentials.agent.as_deref(), Some(Path::new("/run/agent")));
    }

    #[test]
    fn a_name_for_the_keys_of_a_host_has_no_port() {
        let keys = |lines: &[&str]| target(Connection::default(), &ssh(lines)).keys;
        assert_eq!(keys(&["Port 2201"]).port, Some(2201));
        let alias = keys(&["Port 2201", "HostKeyAlias web"]);
        assert_eq!((alias.name.as_str(), alias.port), ("web", None));
        let none = keys(&["UserKnownHostsFile NONE", "GlobalKnownHostsFile /a /b"]);
        assert_eq!((none.own.len(), none.global.len()), (0, 2));
        let lax = keys(&["StrictHostKeyChecking no", "VerifyHostKeyDNS no"]);
        assert_eq!(lax.not_followed, ["StrictHostKeyChecking no (config)"]);
        assert_eq!(keys(&["StrictHostKeyChecking accept-new"]).policy, HostKeys::AcceptNew);
    }

    #[test]
    fn the_ways_to_log_in_are_those_that_are_left() {
        use LoginMethod::{Key, Password, Questions};
        let left = |lines: &[&str]| target(Connection::default(), &ssh(lines)).credentials.methods;
        assert_eq!(left(&[]), [Key, Questions, Password]);
        assert_eq!(
            left(&["PreferredAuthentications password,gssapi-with-mic,publickey"]),
            [Password, Key]
        );
        assert_eq!(left(&["PubkeyAuthentication no"]), [Questions, Password]);
        let none = ssh(&["PreferredAuthentications hostbased"]);
        let error = LoginTarget::of(&host(Connection::default()), &none, &ann()).unwrap_err();
        assert!(
            error.to_string().starts_with("config: `hostbased` leaves no login method"),
            "{error}"
        );
    }

    #[test]
    fn a_time_is_written_as_openssh_writes_it() {
        let time = |text| duration(text).map(|time| time.map(|time| time.as_secs()));
        assert_eq!(
            (time("90"), time("1m30"), time("1h5s")),
            (Some(Some(90)), Some(Some(90)), Some(Some(3605)))
        );
        assert_eq!((time("none"), time("x"), time("m"), time("")), (Some(None), None, None, None));
    }
}
