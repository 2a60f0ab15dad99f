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
    identity::Identity,
    keys::KeyRing,
    known_hosts::{KnownHosts, Trust},
    secrets::Passwords,
    session::Session,
    ssh_config::SshConfig,
    target::{Hop, LocalUser, Target},
};
use crate::inventory::{Connection, Host, HostKeys};
use async_trait::async_trait;
use indexmap::IndexMap;

/// Finds a host of the inventory by its name, to jump through it.
pub type Inventory = Arc<dyn Fn(&str) -> Option<Host> + Send + Sync>;

/// Opens one SSH connection for each host.
pub struct SshConnector {
    user: LocalUser,
    inventory: Inventory,
    passwords: Arc<dyn Passwords>,
    timeouts: Timeouts,
    dialer: Dialer,
    configs: Once<SshConfig>,
    known_hosts: Once<KnownHosts>,
}

impl SshConnector {
    /// Logs in on behalf of `user`; `inventory` knows jump hosts, `passwords` what keys and `become` need.
    pub fn new(
        user: LocalUser,
        inventory: Inventory,
        passwords: Arc<dyn Passwords>,
        timeouts: Timeouts,
    ) -> Self {
        let dialer = Dialer::new(KeyRing::new(passwords.clone()), timeouts);
        let (configs, known_hosts) = (Once::default(), Once::default());
        Self { user, inventory, passwords, timeouts, dialer, configs, known_hosts }
    }

    /// The jump hosts, then the host itself.
    fn stops(&self, host: &Host, depth: usize) -> Result<Vec<Stop>, RemoteError> {
        /// Nobody chains more; a circle does.
        const DEEPEST: usize = 8;
        if depth > DEEPEST {
            let message = format!("the jump hosts of {} go in a circle", host.name);
            return Err(RemoteError::unreachable(message));
        }
        let settings = self.config(&host.connection)?.about(&host.address);
        let target = Target::of(host, &settings, &self.user)?;
        let of_inventory = &host.connection.jump;
        let hops = if of_inventory.is_empty() { settings.jump } else { of_inventory.clone() };
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

    fn config(&self, connection: &Connection) -> Result<Arc<SshConfig>, RemoteError> {
        let home = &self.user.home;
        let chosen = connection.ssh_config.as_ref();
        let file = chosen.cloned().unwrap_or_else(|| home.join(".ssh/config"));
        self.configs.get(&file, || {
            let config = match SshConfig::read(&file, home) {
                Err(error) if chosen.is_none() && error.kind() == io::ErrorKind::NotFound => {
                    SshConfig::default()
                }
                config => config.map_err(|error| unreadable(&file, &error))?,
            };
            if chosen.is_some() {
                return Ok(config.into());
            }
            let system = SshConfig::read(Path::new("/etc/ssh/ssh_config"), home);
            Ok(config.then(system.unwrap_or_default()).into())
        })
    }

    fn trust(&self, target: &Target) -> Result<Trust, RemoteError> {
        let read = |file: &PathBuf| match std::fs::read_to_string(file) {
            Ok(text) => Ok(KnownHosts::parse(file, text).into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Arc::default()),
            Err(error) => Err(unreadable(file, &error)),
        };
        let known = target.known_hosts.iter().map(|file| match target.host_keys {
            HostKeys::Strict => self.known_hosts.get(file, || read(file)),
            // What was accepted a moment ago is known, and may not change.
            HostKeys::AcceptNew => read(file),
        });
        let known = known.collect::<Result<Vec<_>, _>>()?;
        let files = target.known_hosts.clone();
        Ok(Trust::of(&target.key_name, target.port, target.host_keys, files, &known))
    }
}

fn unreadable(file: &Path, error: &io::Error) -> RemoteError {
    RemoteError::unreachable(format!("{} cannot be read: {error}", file.display()))
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
