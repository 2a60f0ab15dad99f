//! `converge plan --simulate-failure`: how a run would end.

use super::setup::Setup;
use crate::{
    base::diagnostic::Result,
    plan::{
        event::{Event, VERSION},
        exit_status::ExitStatus,
    },
    run::Interrupt,
};

/// Shows how a run would end if `name`, a host or a resource, failed. That it can be told is a success.
pub(super) async fn run(setup: &Setup, playbooks: &[String], name: &str) -> Result<ExitStatus> {
    let project = setup.project(playbooks.first().map(String::as_str))?;
    let (_sender, interrupt) = Interrupt::new();
    let run = project.run(String::new(), setup.report.clone(), interrupt)?;
    run.events.send(Event::RunStarted {
        version: VERSION,
        run: String::new(),
        command: "simulate".to_owned(),
        playbook: playbooks.join(" "),
        options: setup.options(),
        approved: None,
        output: None,
        more: Vec::new(),
        folder: String::new(),
        hosts: project.inventory().hosts.len(),
    });
    run.simulate(|known| project.input(playbooks, known), name).await?;
    Ok(ExitStatus::Converged)
}
