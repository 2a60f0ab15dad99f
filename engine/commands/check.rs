//! `converge check`: every mistake that shows without a host.

use super::setup::Setup;
use crate::{
    diagnostic::Diagnostic,
    exit_status::ExitStatus,
    graph::Graph,
    language::{self, Evaluation, Known, Question},
    secret::Secret,
};

pub(super) fn run(setup: &Setup, playbook: &str) -> Result<ExitStatus, Vec<Diagnostic>> {
    let one = |mistake| vec![mistake];
    let project = setup.project(Some(playbook)).map_err(one)?;
    let mistakes = language::check(project.input(playbook, Known::default()));
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let mut known = Known::default();
    loop {
        match language::evaluate(project.input(playbook, known.clone())).map_err(one)? {
            Evaluation::Complete { catalog, .. } => {
                Graph::build(&catalog).map_err(one)?;
                let resources = match catalog.len() {
                    1 => "1 resource".to_owned(),
                    count => format!("{count} resources"),
                };
                let text = format!("{playbook}: {resources}, no mistake found");
                setup.report.print(&text);
                return Ok(ExitStatus::Converged);
            }
            Evaluation::Asks(questions) => {
                // A secret's text does not matter here, as long as it would also do for the hash of a password;
                // what hosts would answer does.
                let mut asks_hosts = false;
                for question in questions {
                    if let Question::Secret { name, .. } = question {
                        known.secrets.insert(name.clone(), Secret::new(name, "*"));
                    } else {
                        asks_hosts = true;
                    }
                }
                if asks_hosts {
                    let text = format!(
                        "{playbook}: no mistake found; the rest depends on what hosts answer"
                    );
                    setup.report.print(&text);
                    return Ok(ExitStatus::Converged);
                }
            }
        }
    }
}
