//! Hosts over SSH.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    Connector, Remote, RemoteError, Timeouts,
    dial::{Dialer, Stop},
    hop::Hop,
    identity::Identity,
    keys::KeyRing,
    known_hosts::{KeyTrust, KnownHosts},
    local_user::LocalUser,
    secrets::Passwords,
    session::Session,
    ssh_config::{ConfigCommands, Settings, SshConfig, Tokens, unreadable},
    target::LoginTarget,
};
use crate::{
    input::inventory::{Connection, Host, HostKeys},
    io::disk,
};
use async_trait::async_trait;
use indexmap::IndexMap;

/// Finds a host of the inventory by its name, to jump through it.
pub type FindHost = Arc<dyn Fn(&str) -> Option<Host> + Send + Sync>;

/// Opens one SSH connection for each host.
pub struct SshConnector {
    user: LocalUser,
    inventory: FindHost,
    passwords: Arc<dyn Passwords>,
    timeouts: Timeouts,
    dialer: Dialer,
    configs: Once<SshConfig>,
    commands: ConfigCommands,
    known_hosts: Once<KnownHosts>,
}

impl SshConnector {
    /// Logs in on behalf of `user`; `inventory` knows jump hosts, `passwords` what keys and `become` need.
    pub fn new(
        user: LocalUser,
        inventory: FindHost,
        passwords: Arc<dyn Passwords>,
        timeouts: Timeouts,
    ) -> Self {
        let dialer = Dialer::new(KeyRing::new(passwords.clone()), timeouts);
        let (configs, known_hosts) = (Once::default(), Once::default());
        let commands = ConfigCommands::default();
        Self { user, inventory, passwords, timeouts, dialer, configs, commands, known_hosts }
    }

    /// The jump hosts, then the host itself.
    fn stops(&self, host: &Host, depth: usize) -> Result<Vec<Stop>, RemoteError> {
        /// Nobody chains more; a circle does.
        const DEEPEST: usize = 8;
        if depth > DEEPEST {
            let message = format!("the jump hosts of {} form a cycle", host.name);
            return Err(RemoteError::unreachable(message));
        }
        let settings = self.settings(host)?;
        let target = LoginTarget::of(host, &settings, &self.user)?;
        let of_inventory = &host.connection.jump;
        let hops = match of_inventory.is_empty() {
            true => hops(&settings, host, &target)?,
            false => of_inventory.clone(),
        };
        let mut stops = Vec::new();
        for hop in &hops {
            let hop = Hop::parse(hop)?;
            // `Host *` with ProxyJump is meant for all but the jump host.
            if hop.name == host.address && of_inventory.is_empty() {
                break;
            }
            let way = self.stops(&self.jump_host(&hop, host), depth + 1)?;
            // Only the first hop is reached in its own way, all others from the hop before.
            let skipped = if stops.is_empty() { 0 } else { way.len() - 1 };
            stops.extend(way.into_iter().skip(skipped));
        }
        let trust = self.trust(&target)?;
        stops.push(Stop { target, trust });
        Ok(stops)
    }

    /// A jump host of the inventory; or one that is like the host behind it but for what its hop says.
    fn jump_host(&self, hop: &Hop<'_>, behind: &Host) -> Host {
        let alike = || Host {
            name: hop.name.into(),
            address: hop.name.to_owned(),
            groups: Vec::new(),
            vars: IndexMap::new(),
            connection: Connection {
                user: None,
                port: None,
                jump: Vec::new(),
                // A jump host is not told the secrets of the host behind it, nor is it reached by that one's options.
                password: None,
                ssh_options: Vec::new(),
                ..behind.connection.clone()
            },
            place: None,
        };
        let mut host = (self.inventory)(hop.name).unwrap_or_else(alike);
        let connection = &mut host.connection;
        connection.user = hop.user.map(str::to_owned).or(connection.user.take());
        connection.port = hop.port.or(connection.port);
        host
    }

    /// What the configurations say about a host: its options in the inventory first.
    fn settings(&self, host: &Host) -> Result<Settings, RemoteError> {
        let connection = &host.connection;
        let own = format!("ssh_options of {}", host.name);
        let own = SshConfig::of_lines(&connection.ssh_options, &own)?;
        let home = &self.user.home;
        let mut configs = match &connection.ssh_config {
            Some(file) => vec![self.config(file, true)?],
            None => vec![
                self.config(&home.join(".ssh/config"), false)?,
                self.config(Path::new("/etc/ssh/ssh_config"), false)?,
            ],
        };
        configs.insert(0, own.into());
        let configs: Vec<&SshConfig> = configs.iter().map(|config| &**config).collect();
        SshConfig::about(&configs, &host.address, &self.user, &self.commands)
    }

    fn config(&self, file: &Path, must_exist: bool) -> Result<Arc<SshConfig>, RemoteError> {
        let missing = |file: &Path| {
            std::fs::metadata(file).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        self.configs.get(file, || match missing(file) && !must_exist {
            true => Ok(Arc::default()),
            false => Ok(SshConfig::read(file, &self.user.home)?.into()),
        })
    }

    fn trust(&self, target: &LoginTarget) -> Result<KeyTrust, RemoteError> {
        let read = |file: &PathBuf| match disk::text(file) {
            // The device that is always empty: people name it for a file that knows nobody.
            _ if file == Path::new("/dev/null") => Ok(Arc::default()),
            Ok(text) => Ok(KnownHosts::parse(file, text).into()),
            Err(unread) if unread.is_missing() => Ok(Arc::default()),
            Err(unread) => Err(unreadable(file, &unread)),
        };
        let rules = &target.keys;
        let known = rules.own.iter().chain(&rules.global).map(|file| match rules.policy {
            HostKeys::Strict => self.known_hosts.get(file, || read(file)),
            // What was accepted a moment ago is known, and may not change.
            HostKeys::AcceptNew => read(file),
        });
        let known = known.collect::<Result<Vec<_>, _>>()?;
        Ok(KeyTrust::of(rules.clone(), target.algorithms.clone(), &known))
    }
}

/// The jump hosts that the configuration names, first to last.
fn hops(
    settings: &Settings,
    host: &Host,
    target: &LoginTarget,
) -> Result<Vec<String>, RemoteError> {
    let Some(said) = settings.said("proxyjump") else { return Ok(Vec::new()) };
    // The whole line: there may be spaces after the commas.
    let list = said.values.concat();
    if list.eq_ignore_ascii_case("none") {
        return Ok(Vec::new());
    }
    let local = LocalUser::default();
    let tokens = Tokens {
        original: &host.address,
        host: &target.host,
        port: target.port,
        user: &target.user,
        key_name: None,
        jump: "",
        local: &local,
        machine: Default::default(),
    };
    let list = tokens.fill_way(&list).map_err(|why| said.wrong(&why))?;
    Ok(list.split(',').map(str::to_owned).collect())
}

#[async_trait]
impl Connector for SshConnector {
    async fn connect(&self, host: &Host) -> Result<Arc<dyn Remote>, RemoteError> {
        let stops = self.stops(host, 0)?;
        let identity = Identity::of(host, &*self.passwords, self.timeouts.connect)?;
        let connection = Arc::new(self.dialer.dial(&stops).await?);
        Ok(Arc::new(Session::open(connection, identity).await?))
    }
}

/// Files that are read once, however many hosts need them.
struct Once<T: ?Sized>(Mutex<HashMap<PathBuf, Arc<T>>>);

impl<T: ?Sized> Default for Once<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: ?Sized> Once<T> {
    fn get(
        &self,
        file: &Path,
        read: impl FnOnce() -> Result<Arc<T>, RemoteError>,
    ) -> Result<Arc<T>, RemoteError> {
        // What is kept is whole even if somebody panicked with the lock.
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = files.get(file) {
            return Ok(known.clone());
        }
        let read = read()?;
        files.insert(file.to_owned(), read.clone());
        Ok(read)
    }
}
