//! `converge graph`: the order of a playbook's resources, drawn.

use super::setup::Setup;
use crate::{
    base::diagnostic::Result,
    commands::cli::OutputFormat,
    plan::{
        exit_status::ExitStatus,
        graph::{self, Graph},
    },
    run::Interrupt,
};

pub(super) async fn run(setup: &Setup, playbooks: &[String]) -> Result<ExitStatus> {
    let project = setup.project(playbooks.first().map(String::as_str))?;
    let (_sender, interrupt) = Interrupt::new();
    let run = project.run(String::new(), setup.report.clone(), interrupt)?;
    let catalog = run.catalog(|known| project.input(playbooks, known)).await?;
    let graph = Graph::build(&catalog)?;
    let text = match setup.global.format {
        Some(OutputFormat::Mermaid) => graph::mermaid(&catalog, &graph),
        _ => graph::dot(&catalog, &graph),
    };
    setup.report.print(&text);
    Ok(ExitStatus::Converged)
}
