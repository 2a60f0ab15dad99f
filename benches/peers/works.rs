//! The works that are measured, and with how many hosts.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A piece of work that every tool does, with the same outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Work {
    /// W1: 100 small templated files with owner and mode; all is as it should be.
    Many,
    /// W2: 10 packages, 20 files, 5 folders, 3 services, 2 users, 1 cron entry, 5 lines; all is as it should be.
    Site,
    /// W3: the same, one value changed, and the service restarted that reads it.
    Change,
    /// W4: `true`.
    True,
    /// W5: W2 from nothing.
    New,
}

/// A work as it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// What is done.
    pub(crate) work: Work,
    /// On how many hosts.
    pub(crate) hosts: usize,
    /// Whether every packet takes its time.
    pub(crate) slow: bool,
}

/// All that is measured, in this order.
pub(crate) fn cells() -> Vec<Cell> {
    let cell = |(work, hosts, slow)| Cell { work, hosts, slow };
    [
        (Work::True, 5, false),
        (Work::True, 20, false),
        (Work::True, 100, false),
        (Work::Many, 5, false),
        (Work::Many, 20, false),
        (Work::Many, 100, false),
        (Work::Site, 5, false),
        (Work::Site, 5, true),
        (Work::Site, 20, false),
        (Work::Site, 100, false),
        (Work::Change, 5, false),
        (Work::Change, 5, true),
        (Work::New, 5, false),
    ]
    .map(cell)
    .to_vec()
}

impl Work {
    /// What it is called in tables.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Many => "W1",
            Self::Site => "W2",
            Self::Change => "W3",
            Self::True => "W4",
            Self::New => "W5",
        }
    }

    /// The name of its playbooks in `work/`; none where a command does it.
    pub(crate) fn playbook(self) -> Option<&'static str> {
        match self {
            Self::Many => Some("many"),
            Self::Site | Self::Change | Self::New => Some("site"),
            Self::True => None,
        }
    }

    /// Whether a tool that does it must say that it changed nothing.
    pub(crate) fn changes_nothing(self) -> bool {
        matches!(self, Self::Many | Self::Site)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slow = if self.slow { ", 50 ms each way" } else { "" };
        f.pad(&format!("{}, {} hosts{slow}", self.work.label(), self.hosts))
    }
}
