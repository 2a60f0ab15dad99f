//! What can be said of playbooks without a host.

use super::Project;
use crate::{
    base::{
        diagnostic::{Diagnostic, Result},
        secret::Secret,
    },
    evaluate::language::{self, Evaluation, Known, Note, Question},
    plan::graph::Graph,
};

/// What a check found.
pub struct Checked {
    /// All errors; empty if the playbooks can be run.
    pub errors: Vec<Diagnostic>,
    /// Warnings, and what the scripts print.
    pub notes: Vec<Note>,
    /// The number of declared resources; `None` if that depends on answers of hosts.
    pub resources: Option<usize>,
}

impl Project {
    /// Checks playbooks, and all roles and templates that they use, without connecting to a host.
    pub fn check(&self, playbooks: &[String]) -> Checked {
        let (mut errors, mut notes) = language::check(self.input(playbooks, Known::default()));
        let mut resources = None;
        if errors.is_empty() {
            match self.count_resources(playbooks, &mut notes) {
                Ok(count) => resources = count,
                Err(error) => errors.push(error),
            }
        }
        Checked { errors, notes, resources }
    }

    /// How many resources the playbooks declare, if that depends on no host.
    fn count_resources(
        &self,
        playbooks: &[String],
        notes: &mut Vec<Note>,
    ) -> Result<Option<usize>> {
        let mut known = Known::default();
        loop {
            match language::evaluate(self.input(playbooks, known.clone()))? {
                Evaluation::Complete { catalog, notes: more, .. } => {
                    Graph::build(&catalog)?;
                    let new: Vec<_> = more.into_iter().filter(|it| !notes.contains(it)).collect();
                    notes.extend(new);
                    return Ok(Some(catalog.len()));
                }
                Evaluation::Asks(questions) => {
                    // Any text does for a secret here, if it is also accepted as the hash of a password (`*` is).
                    // The answer of a host cannot be made up: without it, the count is not known.
                    for question in questions {
                        let Question::Secret { name, .. } = question else { return Ok(None) };
                        known.secrets.insert(name.clone(), Secret::new(name, "*"));
                    }
                }
            }
        }
    }
}
