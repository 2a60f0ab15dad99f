//! `converge check`: every error that shows without a host.

use super::setup::Setup;
use crate::{
    api::Checked,
    base::diagnostic::Diagnostic,
    plan::{
        event::{Event, Events as _},
        exit_status::ExitStatus,
    },
};

pub(super) fn run(setup: &Setup, playbooks: &[String]) -> Result<ExitStatus, Vec<Diagnostic>> {
    let project = setup.project(playbooks.first().map(String::as_str));
    let project = project.map_err(|error| vec![error])?;
    let Checked { errors, notes, resources } = project.check(playbooks);
    for note in notes.into_iter().filter(|note| note.warning) {
        setup.report.send(Event::Warning { message: note.message, place: note.place });
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let playbook = playbooks.join(" ");
    setup.report.print(&match resources {
        Some(1) => format!("{playbook}: 1 resource, no errors found"),
        Some(count) => format!("{playbook}: {count} resources, no errors found"),
        None => format!("{playbook}: no errors found; the rest depends on the answers of hosts"),
    });
    Ok(ExitStatus::Converged)
}
