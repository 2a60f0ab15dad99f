//! `converge resume`: applies once more what an earlier run was about, and says what it left open.

use clap::Parser as _;

use super::{
    setup::Setup,
    show::{earlier_runs, find, unreadable},
};
use crate::{
    api::{Options, current},
    base::diagnostic::{Diagnostic, Result},
    commands::cli::{Cli, Global},
    plan::event::{Event, Events as _, Outcome},
    report::journal::JournalEntry,
};

/// The command line of an earlier run: the last one that was to change something, unless another one is named. What was under way at its
/// end is told before it begins anew.
pub(super) fn command(setup: &Setup, run: Option<&str>) -> Result<Cli> {
    let own = &setup.global;
    if !own.options.vars.is_empty() || own.options.limit.is_some() {
        let message = "a run is resumed with its original options";
        return Err(Diagnostic::new("cli::resume", message)
            .hint("leave out --var and --limit, or apply the playbook with them"));
    }
    let project = setup.project(None)?;
    let entries = earlier_runs(&project)?;
    let (entry, events) = match run {
        Some(run) => {
            let entry = find(entries, run)?;
            let events = entry.events().map_err(|error| unreadable(&entry, &error))?;
            (entry, events)
        }
        None => last(entries)?,
    };
    let Some(words) = words(&events) else {
        let message = format!("run {} was not an `apply`", entry.id);
        return Err(Diagnostic::new("journal::nothing-to-resume", message)
            .hint("`converge history` lists all runs: only an `apply` can be resumed"));
    };
    if entry.goes_on() {
        let message = format!("run {} is still running", entry.id);
        return Err(Diagnostic::new("journal::running", message).hint("wait for it to end"));
    }
    if let Some(Event::RunStarted { folder, .. }) = events.first()
        && *folder != current().display().to_string()
    {
        let message = format!("run {} was started in {folder}", entry.id);
        return Err(Diagnostic::new("journal::elsewhere", message).hint("resume it there"));
    }
    let cli = Cli::try_parse_from(std::iter::once("converge".to_owned()).chain(words.clone()));
    let mut cli = cli.map_err(|error| {
        let message = format!("run {} cannot be repeated: {error}", entry.id);
        Diagnostic::new("journal::unreadable", message)
    })?;
    // How it is reached, waited for and told is said anew; what is done is not.
    let Options { mut inventory, vars, limit, .. } = cli.global.options;
    if !words.iter().any(|word| word == "-i") {
        // Whatever the environment names today.
        inventory.clear();
    }
    let options = Options { inventory, vars, limit, ..own.options.clone() };
    cli.global = Global { options, ..own.clone() };
    let open = open(&events);
    let what = match open.is_empty() {
        true => "nothing was in progress when it ended".to_owned(),
        false => format!("in progress when it ended: {}", open.join(", ")),
    };
    let message = format!("resuming run {}: converge {}; {what}", entry.id, words.join(" "));
    setup.report.send(Event::Warning { message, place: None });
    Ok(cli)
}

/// The last run that was to change something.
fn last(entries: Vec<JournalEntry>) -> Result<(JournalEntry, Vec<Event>)> {
    for entry in entries.into_iter().rev() {
        let events = entry.events().map_err(|error| unreadable(&entry, &error))?;
        if words(&events).is_some() {
            return Ok((entry, events));
        }
    }
    Err(Diagnostic::new("journal::unknown-run", "there is no earlier `apply`"))
}

/// What stood on the command line behind `converge`, if the run was to change something.
fn words(events: &[Event]) -> Option<Vec<String>> {
    let Some(Event::RunStarted { command, playbook, options, approved, more, .. }) = events.first()
    else {
        return None;
    };
    let mut words = vec![command.clone()];
    match (command.as_str(), approved) {
        ("apply", Some(plan)) => words.push(plan.clone()),
        ("apply", None) => {
            const END: &str = ".rhai";
            let playbooks = playbook.split_inclusive(".rhai ").map(str::trim_end);
            words.extend(playbooks.filter(|it| it.ends_with(END)).map(str::to_owned));
            words.extend(options.iter().cloned());
        }
        _ => return None,
    }
    words.extend(more.iter().cloned());
    Some(words)
}

/// What began and was not seen to end, or of which it is unknown how it ended.
fn open(events: &[Event]) -> Vec<&str> {
    let mut open: Vec<&str> = Vec::new();
    for event in events {
        match event {
            Event::Started { node } => open.push(&node.node),
            Event::Finished { node, outcome, .. }
                if !matches!(outcome, Outcome::Unknown { .. }) =>
            {
                open.retain(|it| *it != &*node.node);
            }
            _ => {}
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::event::VERSION;

    fn began(playbook: &str, approved: Option<&str>, more: &[&str]) -> Event {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Event::RunStarted {
            version: VERSION,
            run: "r".to_owned(),
            command: "apply".to_owned(),
            playbook: playbook.to_owned(),
            options: texts(&["-l", "web"]),
            approved: approved.map(str::to_owned),
            output: None,
            more: texts(more),
            folder: String::new(),
            hosts: 1,
        }
    }

    #[test]
    fn what_was_asked_for_is_asked_for_again() {
        let words = |event| words(&[event]).unwrap().join("|");
        assert_eq!(
            words(began("a b.rhai c.rhai", None, &["--ask"])),
            "apply|a b.rhai|c.rhai|-l|web|--ask"
        );
        let signed = ["--require-signatures", "2", "--allowed-signers", "f"];
        assert_eq!(
            words(began("a.rhai", Some("x.plan"), &signed)),
            "apply|x.plan|--require-signatures|2|--allowed-signers|f"
        );
    }
}
