//! What scripts were told of hosts: what a run asks again after its changes.

use super::{Known, Question};
use crate::{base::value::Value, resources::facts};
use std::sync::Arc;

/// An answer that was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// The host that gave it.
    pub host: Arc<str>,
    what: AskedWhat,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum AskedWhat {
    /// What a command printed.
    Probe(String),
    /// A fact by its name at the top; all of them where it is not known which.
    Fact(Option<&'static str>),
}

/// How much of a command is shown.
const SHOWN: usize = 60;

impl Asked {
    pub(super) fn probe(host: &Arc<str>, command: &str) -> Self {
        Self { host: host.clone(), what: AskedWhat::Probe(command.to_owned()) }
    }

    pub(super) fn fact(host: &Arc<str>, name: &str) -> Self {
        let mut names = facts::FACTS.iter().map(|(path, _)| path.split('.').next().unwrap_or(path));
        Self { host: host.clone(), what: AskedWhat::Fact(names.find(|known| *known == name)) }
    }

    /// The question that asks for it.
    pub fn question(&self) -> Question {
        let host = self.host.clone();
        match &self.what {
            AskedWhat::Probe(command) => Question::Probe { host, command: command.clone() },
            AskedWhat::Fact(_) => Question::Facts(host),
        }
    }

    /// As scripts write it, in one line: ``probe(`cat /etc/token`)``.
    pub fn name(&self) -> String {
        match &self.what {
            AskedWhat::Probe(command) => {
                let mut lines = command.trim().lines();
                let line = lines.next().unwrap_or_default().trim_end();
                let whole = lines.next().is_none() && line.chars().count() <= SHOWN;
                let shown: String = line.chars().take(SHOWN).collect();
                format!("probe(`{shown}{}`)", if whole { "" } else { "…" })
            }
            AskedWhat::Fact(Some(name)) => format!("host.facts.{name}"),
            AskedWhat::Fact(None) => "host.facts".to_owned(),
        }
    }

    /// All of it, as an approved plan names it.
    pub fn whole(&self) -> String {
        match &self.what {
            AskedWhat::Probe(command) => format!("probe(`{command}`) on {}", self.host),
            AskedWhat::Fact(_) => format!("{} on {}", self.name(), self.host),
        }
    }

    /// Whether a change on the host may give it another answer.
    pub fn may_change(&self) -> bool {
        match &self.what {
            AskedWhat::Probe(_) => true,
            AskedWhat::Fact(name) => name.is_none_or(|name| facts::CHANGING.contains(&name)),
        }
    }

    /// Whether it was answered otherwise. What a host did not say again is as it was.
    pub fn differs(&self, before: &Known, now: &Known) -> bool {
        let answer = |known| self.answer(known);
        answer(now).is_some() && answer(now) != answer(before)
    }

    fn answer<'a>(&self, known: &'a Known) -> Option<&'a Value> {
        match &self.what {
            AskedWhat::Probe(command) => known.probes.get(&(self.host.clone(), command.clone())),
            AskedWhat::Fact(name) => match (known.facts.get(&self.host)?, name) {
                (Value::Map(facts), Some(name)) => facts.get(*name),
                (facts, _) => Some(facts),
            },
        }
    }
}
