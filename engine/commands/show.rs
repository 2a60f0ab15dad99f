//! `converge show`: what happened in an earlier run.

use std::io;

use super::setup::Setup;
use crate::{
    api::Project,
    base::diagnostic::{Diagnostic, Result},
    plan::{event::Events as _, exit_status::ExitStatus},
    report::journal::{self, JournalEntry},
};

/// The word for the last run.
pub(super) const LAST: &str = "last";

pub(super) fn run(setup: &Setup, run: &str) -> Result<ExitStatus> {
    let project = setup.project(None)?;
    let entry = find(earlier_runs(&project)?, run)?;
    let events = entry.events().map_err(|error| unreadable(&entry, &error))?;
    for event in events {
        setup.report.send(event);
    }
    Ok(ExitStatus::Converged)
}

/// The runs that a project had.
pub(super) fn earlier_runs(project: &Project) -> Result<Vec<JournalEntry>> {
    let folder = &project.config().folder;
    journal::entries(folder).map_err(|error| {
        let message = format!("cannot read the runs in {}/.converge: {error}", folder.display());
        Diagnostic::new("journal::unreadable", message)
    })
}

/// The error of a run of which it cannot be told what happened.
pub(super) fn unreadable(entry: &JournalEntry, error: &io::Error) -> Diagnostic {
    let folder = entry.folder.display();
    let message = format!("cannot read the journal of run {} in {folder}: {error}", entry.id);
    Diagnostic::new("journal::unreadable", message)
}

pub(super) fn find(mut entries: Vec<JournalEntry>, run: &str) -> Result<JournalEntry> {
    let unknown = |message: String| {
        Diagnostic::new("journal::unknown-run", message).hint("`converge history` lists them")
    };
    if run == LAST {
        return entries.pop().ok_or_else(|| unknown("there is no earlier run".to_owned()));
    }
    entries.retain(|entry| entry.id.starts_with(run));
    match entries.len() {
        1 => Ok(entries.remove(0)),
        0 => Err(unknown(format!("there is no run `{run}`"))),
        count => Err(unknown(format!("{count} runs begin with `{run}`"))),
    }
}
