//! What most subcommands need first: the configuration, the inventory, the ways to hosts.

use std::sync::Arc;

use super::{LateSecrets, redactors, unwritable};
use crate::{
    api::Project,
    base::{
        diagnostic::{Diagnostic, Result},
        script::Script,
    },
    commands::cli::{CliCommand, Global, OutputFormat},
    io::{disk::Disk, remote::Captured, secrets::Secrets},
    plan::event::{Event, Events},
    report::{
        Report,
        journal::{Journal, Tee},
    },
    run::{Interrupt, Run},
};

/// What the command line gives to every subcommand.
pub(super) struct Setup {
    pub(super) global: Global,
    pub(super) report: Arc<Report>,
    pub(super) late_secrets: LateSecrets,
    pub(super) disk: Disk,
}

impl Setup {
    /// Finds the project of a playbook, or of the current folder, and reads its inventory.
    pub(super) fn project(&self, playbook: Option<&str>) -> Result<Project> {
        // The first project is the only one.
        let keep = |secrets: &Arc<Secrets>| drop(self.late_secrets.set(secrets.clone()));
        let options = self.global.options.clone();
        let project = Project::open_with(options, playbook, self.disk.clone(), keep)?;
        for warning in &project.inventory().warnings {
            let (message, place) = (warning.in_one_line(), warning.place());
            self.report.send(Event::Warning { message, place });
        }
        Ok(project)
    }

    /// The options that another command needs to mean the same hosts and variables.
    pub(super) fn options(&self) -> Vec<String> {
        let options = &self.global.options;
        let inventories = options.inventory.iter().map(|path| path.display().to_string());
        let option = |name: &'static str| move |value: String| [name.to_owned(), value];
        let inventories = inventories.map(option("-i"));
        let vars = options.vars.iter().cloned().map(option("-e"));
        let limit = options.limit.iter().cloned().map(option("-l"));
        inventories.chain(vars).chain(limit).flatten().collect()
    }

    /// What the hosts of a pattern print when a script asks them something, in their order. Whoever does not answer was reported.
    pub(super) async fn ask(
        &self,
        pattern: &str,
        script: Script,
    ) -> Result<Vec<(Arc<str>, Option<Captured>)>> {
        let project = self.project(None)?;
        let hosts = project.select(pattern)?;
        let fleet = Arc::new(project.fleet(self.report.clone()));
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

    /// A run that is journaled, and ends early when a signal says so.
    pub(super) fn run(
        &self,
        project: &Project,
        id: String,
        interrupt: Interrupt,
    ) -> Result<(Run, Arc<Journal>)> {
        let journal = Journal::create(&project.config().folder, &id, redactors(&self.late_secrets));
        let journal = journal.map_err(|error| {
            let folder = project.config().folder.join(".converge");
            unwritable(&folder, &error).hint("converge keeps the record of each run there")
        })?;
        let journal = Arc::new(journal);
        let events: Arc<dyn Events> = Arc::new(Tee(journal.clone(), self.report.clone()));
        Ok((project.run(id, events, interrupt)?, journal))
    }

    /// A drawing is asked of `graph`, and of nothing else.
    pub(super) fn check_format(&self, command: Option<&CliCommand>) -> Result<()> {
        let drawing = matches!(self.global.format, Some(OutputFormat::Dot | OutputFormat::Mermaid));
        if drawing && !matches!(command, Some(CliCommand::Graph { .. })) {
            let message = "only `converge graph` has this format";
            return Err(Diagnostic::new("cli::format", message).hint("--format human, or json"));
        }
        Ok(())
    }
}
