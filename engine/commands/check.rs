//! `converge check`: every mistake that shows without a host.

use super::setup::Setup;
use crate::{
    base::{diagnostic::Diagnostic, secret::Secret},
    evaluate::language::{self, Evaluation, Known, Note, Question},
    plan::{
        event::{Event, Events as _},
        exit_status::ExitStatus,
        graph::Graph,
    },
};

pub(super) fn run(setup: &Setup, playbooks: &[String]) -> Result<ExitStatus, Vec<Diagnostic>> {
    let one = |mistake| vec![mistake];
    let playbook = playbooks.join(" ");
    let project = setup.project(playbooks.first().map(String::as_str)).map_err(one)?;
    let (mistakes, mut notes) = language::check(project.input(playbooks, Known::default()));
    let tell = |notes: Vec<Note>| {
        for Note { message, place, .. } in notes.into_iter().filter(|note| note.warning) {
            setup.report.send(Event::Warning { message, place });
        }
    };
    if !mistakes.is_empty() {
        tell(notes);
        return Err(mistakes);
    }
    let mut known = Known::default();
    loop {
        match language::evaluate(project.input(playbooks, known.clone())).map_err(one)? {
            Evaluation::Complete { catalog, notes: more, .. } => {
                Graph::build(&catalog).map_err(one)?;
                notes.extend(
                    more.into_iter().filter(|note| !notes.contains(note)).collect::<Vec<_>>(),
                );
                tell(notes);
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
                    tell(notes);
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
