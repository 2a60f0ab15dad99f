//! `converge undo`: writes the playbook that undoes a run, and plans it or carries it out.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    playbook,
    setup::Setup,
    show::{LAST, earlier_runs, find, unreadable},
    unwritable,
};
use crate::{
    base::diagnostic::{Diagnostic, Result},
    plan::{
        event::{Event, Events as _},
        exit_status::ExitStatus,
        undo::{SaidKept, Unwritten, asking, playbook as written},
    },
    report::journal::JournalEntry,
};

/// What to do with the playbook.
pub(super) struct Undo<'a> {
    pub(super) run: &'a str,
    /// Where to write it.
    pub(super) output: Option<&'a Path>,
    /// Whether to show the plan, and carry it out after a yes.
    pub(super) ask: bool,
}

pub(super) async fn run(setup: &Setup, undo: Undo<'_>) -> Result<ExitStatus> {
    let project = setup.project(None)?;
    let entries = earlier_runs(&project)?;
    let run = match undo.run {
        LAST => last(entries)?,
        run if entries.iter().any(|entry| entry.id.starts_with(run)) => find(entries, run)?.id,
        // One of somebody else is known to the hosts alone.
        run => named(run)?,
    };
    let pattern = setup.global.options.limit.clone().unwrap_or_else(|| "all".to_owned());
    let answers = setup.ask(&pattern, asking(&run)).await?;
    let all = answers.iter().all(|(_, answer)| answer.is_some());
    let said = answers.into_iter().filter_map(|(host, answer)| {
        let output = String::from_utf8_lossy(&answer?.stdout).into_owned();
        Some(SaidKept { host: host.to_string(), output })
    });
    let said: Vec<SaidKept> = said.collect();
    let text = match written(&run, &said) {
        Err(Unwritten::Nothing(_)) if !all => return Ok(ExitStatus::Unreachable),
        text => text.map_err(|why| {
            Diagnostic::new("undo::nothing", why.to_string())
                .hint("a host keeps the old state for its last ten runs that changed something")
        })?,
    };
    let file = match undo.output {
        Some(file) => file.to_owned(),
        None => project.config().folder.join(".converge").join("undo").join(format!("{run}.rhai")),
    };
    write(&file, &text)?;
    let name = file.display().to_string();
    let message = format!("{name} undoes run {run}: read it, then: converge apply {name}");
    setup.report.send(Event::Warning { message, place: None });
    let playbooks = [name];
    let status = match undo.ask {
        true => playbook::apply(setup, &playbooks, None, true).await?,
        false => playbook::plan(setup, &playbooks, None, false).await?,
    };
    Ok(if all || status != ExitStatus::Converged { status } else { ExitStatus::Unreachable })
}

/// A word that can be the id of a run.
fn named(run: &str) -> Result<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if !run.is_empty() && !run.starts_with('.') && run.chars().all(plain) {
        return Ok(run.to_owned());
    }
    Err(Diagnostic::new("journal::unknown-run", format!("`{run}` is not the id of a run"))
        .hint("`converge history` lists them"))
}

/// The last run that began to change something.
fn last(entries: Vec<JournalEntry>) -> Result<String> {
    for entry in entries.into_iter().rev() {
        let events = entry.events().map_err(|error| unreadable(&entry, &error))?;
        let began =
            |event: &Event| matches!(event, Event::Finished { outcome, .. } if outcome.was_begun());
        if events.iter().any(began) {
            return Ok(entry.id);
        }
    }
    Err(Diagnostic::new("journal::unknown-run", "there is no earlier run that changed anything"))
}

/// It holds what files held: it is for nobody else.
fn write(file: &PathBuf, text: &str) -> Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    let written = || {
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(file)?;
        std::io::Write::write_all(&mut file, text.as_bytes())
    };
    written().map_err(|error| unwritable(file, &error))
}
