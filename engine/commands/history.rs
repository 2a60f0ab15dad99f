//! `converge history`: earlier runs.

use super::{
    setup::Setup,
    show::{earlier_runs, unreadable},
};
use crate::{
    base::diagnostic::Result,
    commands::cli::OutputFormat,
    plan::{
        event::{Event, HostSummary},
        exit_status::ExitStatus,
    },
    report::journal::JournalEntry,
};

pub(super) fn run(setup: &Setup) -> Result<ExitStatus> {
    let project = setup.project(None)?;
    let json = setup.global.format == Some(OutputFormat::Json);
    let mut unread = None;
    for entry in earlier_runs(&project)? {
        match entry.events() {
            Ok(events) => setup.report.print(&line(&entry, &events, json)),
            Err(error) => unread = Some(unreadable(&entry, &error)),
        }
    }
    // The others are told first.
    unread.map_or(Ok(ExitStatus::Converged), Err)
}

fn line(entry: &JournalEntry, events: &[Event], json: bool) -> String {
    let (command, playbook) = match events.first() {
        Some(Event::RunStarted { command, playbook, .. }) => (command.as_str(), playbook.as_str()),
        _ => ("?", "?"),
    };
    let end = events.iter().rev().find_map(|event| match event {
        Event::Summary { hosts, exit_status, .. } => Some((hosts, exit_status)),
        _ => None,
    });
    let status = end.map(|(_, status)| *status);
    let known = |status| ExitStatus::ALL.into_iter().find(|known| known.code() == status);
    let ended = match status {
        Some(status) => known(status).map_or("?", ExitStatus::word),
        None if entry.goes_on() => "running",
        None => "cut short",
    };
    if json {
        let id = &entry.id;
        return serde_json::json!({
            "run": id, "command": command, "playbook": playbook, "exit_status": status, "ended": ended,
        })
        .to_string();
    }
    let count = |count: fn(&HostSummary) -> usize| -> usize {
        end.map_or(0, |(hosts, _)| hosts.values().map(count).sum())
    };
    let counts = [
        (count(|host| host.changed), "changed"),
        (count(|host| host.pending), "pending"),
        (count(|host| host.failed), "failed"),
    ];
    let told = counts.iter().filter(|(number, _)| *number > 0);
    let told: String = told.map(|(number, what)| format!(", {number} {what}")).collect();
    format!("{}  {command} {playbook}  {ended}{told}", entry.id)
}
