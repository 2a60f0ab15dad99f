//! What most subcommands need first: the configuration, the inventory, the ways to hosts.

use std::{
    collections::BTreeSet,
    env, fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{LateSecrets, redactors, unwritable};
use crate::{
    base::{
        diagnostic::{Diagnostic, Result},
        script::Script,
    },
    commands::cli::{CliCommand, Global, OutputFormat},
    evaluate::language::{Input, Known},
    input::{
        config::Config,
        inventory::{Host, Inventory},
    },
    io::{
        disk::Disk,
        program, project,
        remote::{
            Captured, Connector, Connectors, LocalConnector, LocalUser, Passwords, SshConnector,
            Timeouts,
        },
        secrets::Secrets,
    },
    plan::event::{Event, Events},
    report::{
        Report,
        journal::{Journal, Tee},
    },
    run::{Fleet, Interrupt, Run},
};

/// What the command line gives to every subcommand.
pub(super) struct Setup {
    pub(super) global: Global,
    pub(super) report: Arc<Report>,
    pub(super) late_secrets: LateSecrets,
    pub(super) disk: Disk,
}

/// A project that was found and read.
pub(super) struct Project {
    pub(super) config: Config,
    pub(super) inventory: Arc<Inventory>,
    secrets: Arc<Secrets>,
    disk: Disk,
}

impl Setup {
    /// Finds the project of a playbook, or of the current folder, and reads its inventory.
    pub(super) fn project(&self, playbook: Option<&str>) -> Result<Project> {
        let user = LocalUser::from_environment();
        let config = project::configuration(&self.disk, &start(playbook), &user.home)?;
        program::hide(&config.secrets);
        let secrets = Arc::new(Secrets::new(config.secrets.clone()));
        // The first project is the only one.
        let _ = self.late_secrets.set(secrets.clone());
        let assignments = project::assignments(&self.disk, &self.global.vars)?;
        let paths: Vec<PathBuf> = if self.global.inventory.is_empty() {
            config.inventory.iter().map(|path| shown(path)).collect()
        } else {
            self.global.inventory.clone()
        };
        let inventory = project::inventory(&self.disk, &paths, &user.home, &assignments)?;
        for warning in &inventory.warnings {
            let (message, place) = (warning.in_one_line(), warning.place());
            self.report.send(Event::Warning { message, place });
        }
        let absolute = |path: &Option<PathBuf>| path.as_ref().map(|path| current().join(path));
        let [key, known_hosts] =
            [&self.global.identity_file, &self.global.known_hosts].map(absolute);
        let inventory = Arc::new(inventory.reached_with(key, known_hosts));
        Ok(Project { config, inventory, secrets, disk: self.disk.clone() })
    }

    /// The options that another command needs to mean the same hosts and variables.
    pub(super) fn options(&self) -> Vec<String> {
        let inventories = self.global.inventory.iter().map(|path| path.display().to_string());
        let option = |name: &'static str| move |value: String| [name.to_owned(), value];
        let inventories = inventories.map(option("-i"));
        let vars = self.global.vars.iter().cloned().map(option("-e"));
        let limit = self.global.limit.iter().cloned().map(option("-l"));
        inventories.chain(vars).chain(limit).flatten().collect()
    }

    /// The hosts that `--limit` leaves.
    pub(super) fn limit(&self, project: &Project) -> Result<Option<BTreeSet<Arc<str>>>> {
        let Some(pattern) = &self.global.limit else { return Ok(None) };
        let hosts = project.inventory.select(pattern)?;
        // A playbook may name a group that is empty; who types its name means somebody.
        if hosts.is_empty() {
            let message = format!("the group `{}` is empty", pattern.escape_debug());
            return Err(Diagnostic::new("inventory::no-host", message));
        }
        Ok(Some(hosts.into_iter().map(|host| host.name.clone()).collect()))
    }

    /// The hosts of a pattern that `--limit` leaves.
    pub(super) fn select(&self, project: &Project, pattern: &str) -> Result<Vec<Arc<Host>>> {
        let mut hosts = project.inventory.select(pattern)?;
        if let Some(limit) = self.limit(project)? {
            hosts.retain(|host| limit.contains(&host.name));
        }
        Ok(hosts)
    }

    /// What the hosts of a pattern print when a script asks them something, in their order. Whoever does not answer was reported.
    pub(super) async fn ask(
        &self,
        pattern: &str,
        script: Script,
    ) -> Result<Vec<(Arc<str>, Option<Captured>)>> {
        let project = self.project(None)?;
        let hosts = self.select(&project, pattern)?;
        let fleet = Arc::new(self.fleet(&project));
        fleet.reserve(hosts.iter().map(|host| host.name.clone()))?;
        let script = Arc::new(script);
        let names = hosts.iter().map(|host| host.name.clone());
        let ask = fleet.ask_each(names, move |fleet, host: Arc<str>| {
            let script = script.clone();
            async move {
                let answer = fleet.run(&host, &script, 0).await;
                (host, answer.ok().map(|(_, captured)| captured))
            }
        });
        let answers = ask.await;
        fleet.close().await;
        Ok(answers)
    }

    fn concurrency(&self, project: &Project) -> usize {
        self.global.concurrency.map_or(project.config.concurrency, NonZeroUsize::get)
    }

    /// A run that is journaled, and ends early when a signal says so.
    pub(super) fn run(
        &self,
        project: &Project,
        id: String,
        interrupt: Interrupt,
    ) -> Result<(Run, Arc<Journal>)> {
        let journal = Journal::create(&project.config.folder, &id, redactors(&self.late_secrets));
        let journal = journal.map_err(|error| {
            let folder = project.config.folder.join(".converge");
            unwritable(&folder, &error).hint("converge keeps there what happened in each run")
        })?;
        let journal = Arc::new(journal);
        let events: Arc<dyn Events> = Arc::new(Tee(journal.clone(), self.report.clone()));
        Ok((Run { id, events, ..self.unjournaled(project, interrupt)? }, journal))
    }

    /// A run of which nothing is kept.
    pub(super) fn unjournaled(&self, project: &Project, interrupt: Interrupt) -> Result<Run> {
        let secrets = project.secrets.clone();
        Ok(Run {
            id: String::new(),
            who: who(),
            connector: self.connector(project),
            events: self.report.clone(),
            lookup: Arc::new(move |name| secrets.lookup(name)),
            concurrency: self.concurrency(project),
            limit: self.limit(project)?,
            lock_wait: self.global.lock_wait.map_or(project.config.lock_wait, Duration::from_secs),
            limits: project.config.limits,
            interrupt: interrupt.after(self.global.timeout.map(|it| Duration::from_secs(it.get()))),
        })
    }

    /// The hosts, for a subcommand that is no run.
    pub(super) fn fleet(&self, project: &Project) -> Fleet {
        let (connector, events) = (self.connector(project), self.report.clone());
        let (inventory, limits) = (project.inventory.clone(), project.config.limits);
        Fleet::new(connector, events, inventory, self.concurrency(project), limits)
    }

    fn connector(&self, project: &Project) -> Arc<dyn Connector> {
        let secrets = project.secrets.clone();
        let passwords: Arc<dyn Passwords> =
            Arc::new(move |name: &str| secrets.lookup(name).map_err(|why| why.in_one_line()));
        let mut timeouts = Timeouts::default();
        if let Some(connect) = project.config.connect_timeout {
            timeouts.connect = connect;
        }
        let inventory = project.inventory.clone();
        let known = move |name: &str| inventory.host(name).map(|host| (*host).clone());
        let user = LocalUser::from_environment();
        let ssh = SshConnector::new(user, Arc::new(known), passwords.clone(), timeouts);
        Arc::new(Connectors { ssh, local: LocalConnector::new(passwords, timeouts) })
    }

    /// A drawing is asked of `graph`, and of nothing else.
    pub(super) fn check_format(&self, command: Option<&CliCommand>) -> Result<()> {
        let drawing = matches!(self.global.format, Some(OutputFormat::Dot | OutputFormat::Mermaid));
        if drawing && !matches!(command, Some(CliCommand::Graph { .. })) {
            let message = "only `converge graph` draws";
            return Err(Diagnostic::new("cli::format", message).hint("--format human, or json"));
        }
        Ok(())
    }
}

impl Project {
    /// What an evaluation of playbooks starts from.
    pub(super) fn input(&self, playbooks: &[String], known: Known) -> Input {
        let shown = |path: &PathBuf| shown(path).display().to_string();
        Input {
            playbooks: playbooks.to_vec(),
            sources: Arc::new(self.disk.clone()),
            roles: self.config.roles.iter().map(shown).collect(),
            inventory: self.inventory.clone(),
            known,
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
pub(super) fn shown(path: &Path) -> PathBuf {
    path.strip_prefix(current()).map_or_else(|_| path.to_owned(), Path::to_owned)
}

pub(super) fn current() -> PathBuf {
    env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
}
