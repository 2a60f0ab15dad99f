//! A project that was found and read: its configuration, its hosts, where its secrets come from.

use std::{
    collections::BTreeSet,
    env, fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::Options;
use crate::{
    base::{
        diagnostic::{Diagnostic, Result},
        secret::Redactor,
    },
    evaluate::language::{Input, Known},
    input::{
        config::Config,
        inventory::{Become, Host, Inventory},
    },
    io::{
        disk::Disk,
        program, project,
        remote::{
            Connector, Connectors, LocalConnector, LocalUser, Passwords, SshConnector, Timeouts,
        },
        secrets::Secrets,
    },
    plan::event::Events,
    run::{Ended, Fleet, Interrupt, Purpose, Run},
};

/// A project that was found and read.
pub struct Project {
    options: Options,
    config: Config,
    inventory: Arc<Inventory>,
    secrets: Arc<Secrets>,
    disk: Disk,
}

impl Project {
    /// Finds the project of a playbook, or of the current folder, and reads its inventory.
    ///
    /// # Errors
    /// An error in the configuration, an inventory or the options, with its place.
    pub fn open(options: Options, playbook: Option<&str>) -> Result<Self> {
        Self::open_with(options, playbook, Disk::default(), |_| ())
    }

    /// The same, by way of a disk. `keep` gets the secrets before anything is read that may show them.
    pub(crate) fn open_with(
        options: Options,
        playbook: Option<&str>,
        disk: Disk,
        keep: impl FnOnce(&Arc<Secrets>),
    ) -> Result<Self> {
        let user = LocalUser::from_environment();
        let config = project::configuration(&disk, &start(playbook), &user.home)?;
        program::hide(&config.secrets);
        let secrets = Arc::new(Secrets::new(config.secrets.clone()));
        keep(&secrets);
        let assignments = project::assignments(&disk, &options.vars)?;
        let paths: Vec<PathBuf> = if options.inventory.is_empty() {
            config.inventory.iter().map(|path| shown(path)).collect()
        } else {
            options.inventory.clone()
        };
        let inventory = project::inventory(&disk, &paths, &user.home, &assignments)?;
        let absolute = |path: &Option<PathBuf>| path.as_ref().map(|path| current().join(path));
        let [key, known_hosts] = [&options.identity_file, &options.known_hosts].map(absolute);
        let inventory = Arc::new(inventory.reached_with(key, known_hosts));
        Ok(Self { options, config, inventory, secrets, disk })
    }

    /// Its hosts, groups and variables, and the warnings about them.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// Lets scripts become root in this way on every host, whatever the inventory says.
    pub(crate) fn become_by(&mut self, how: Become) {
        let hosts = Arc::make_mut(&mut self.inventory).hosts.values_mut();
        hosts.for_each(|host| Arc::make_mut(host).connection.r#become = how);
    }

    /// Its `converge.toml`.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Takes every secret that was looked up so far out of a text. Events carry texts as they are.
    pub fn redactor(&self) -> Arc<Redactor> {
        self.secrets.redactor()
    }

    /// The hosts that the limit leaves.
    fn limit(&self) -> Result<Option<BTreeSet<Arc<str>>>> {
        let Some(pattern) = &self.options.limit else { return Ok(None) };
        let hosts = self.inventory.select(pattern)?;
        // A playbook may name a group that is empty; who types its name means somebody.
        if hosts.is_empty() {
            let message = format!("the group `{}` is empty", pattern.escape_debug());
            return Err(Diagnostic::new("inventory::no-host", message));
        }
        Ok(Some(hosts.into_iter().map(|host| host.name.clone()).collect()))
    }

    /// The hosts of a pattern that the limit leaves.
    ///
    /// # Errors
    /// A pattern that names nothing.
    pub fn select(&self, pattern: &str) -> Result<Vec<Arc<Host>>> {
        let mut hosts = self.inventory.select(pattern)?;
        if let Some(limit) = self.limit()? {
            hosts.retain(|host| limit.contains(&host.name));
        }
        Ok(hosts)
    }

    fn concurrency(&self) -> usize {
        self.options.concurrency.map_or(self.config.concurrency, NonZeroUsize::get)
    }

    /// A run that tells `events` what happens. [`Project::carry_out`] begins it.
    ///
    /// # Errors
    /// A limit that names nothing.
    pub fn run(&self, id: String, events: Arc<dyn Events>, interrupt: Interrupt) -> Result<Run> {
        let secrets = self.secrets.clone();
        let time = self.options.timeout.map(|seconds| Duration::from_secs(seconds.get()));
        Ok(Run {
            id,
            who: who(),
            connector: self.connector(),
            events,
            lookup: Arc::new(move |name| secrets.lookup(name)),
            concurrency: self.concurrency(),
            limit: self.limit()?,
            lock_wait: self.options.lock_wait.map_or(self.config.lock_wait, Duration::from_secs),
            limits: self.config.limits,
            interrupt: interrupt.after(time),
        })
    }

    /// Runs playbooks to their end: shows what they would change, or changes it.
    ///
    /// # Errors
    /// An error in what the user gave: no host was changed. What happens on hosts is no error but part of the result.
    pub async fn carry_out(
        &self,
        run: &Run,
        playbooks: &[String],
        purpose: Purpose,
    ) -> Result<Ended> {
        run.playbook(|known| self.input(playbooks, known), purpose).await
    }

    /// Its hosts, for what is no run.
    pub(crate) fn fleet(&self, events: Arc<dyn Events>) -> Fleet {
        let (inventory, limits) = (self.inventory.clone(), self.config.limits);
        Fleet::new(self.connector(), events, inventory, self.concurrency(), limits)
    }

    fn connector(&self) -> Arc<dyn Connector> {
        let secrets = self.secrets.clone();
        let passwords: Arc<dyn Passwords> =
            Arc::new(move |name: &str| secrets.lookup(name).map_err(|why| why.in_one_line()));
        let mut timeouts = Timeouts::default();
        if let Some(connect) = self.config.connect_timeout {
            timeouts.connect = connect;
        }
        let inventory = self.inventory.clone();
        let known = move |name: &str| inventory.host(name).map(|host| (*host).clone());
        let user = LocalUser::from_environment();
        let ssh = SshConnector::new(user, Arc::new(known), passwords.clone(), timeouts);
        Arc::new(Connectors { ssh, local: LocalConnector::new(passwords, timeouts) })
    }

    /// What an evaluation of playbooks starts from.
    pub(crate) fn input(&self, playbooks: &[String], known: Known) -> Input {
        let shown = |path: &PathBuf| shown(path).display().to_string();
        Input {
            playbooks: playbooks.to_vec(),
            sources: Arc::new(self.disk.clone()),
            roles: self.config.roles.iter().map(shown).collect(),
            inventory: self.inventory.clone(),
            known,
            reuse: Default::default(),
        }
    }
}

/// The user and the machine, and when.
fn who() -> String {
    let user = LocalUser::from_environment().name.unwrap_or_else(|| "somebody".to_owned());
    let machine = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S UTC");
    format!("{user}@{}, since {now}", machine.trim())
}

/// The folder that a project is looked for from, upwards.
fn start(playbook: Option<&str>) -> PathBuf {
    let folder = playbook.and_then(|path| Path::new(path).parent());
    folder.map_or_else(current, |folder| current().join(folder))
}

/// A path as people would write it where they are.
pub(crate) fn shown(path: &Path) -> PathBuf {
    path.strip_prefix(current()).map_or_else(|_| path.to_owned(), Path::to_owned)
}

pub(crate) fn current() -> PathBuf {
    env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
}
