//! Every exit status of converge, and its meaning.

/// How converge ended, for the shell and for CI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Everything is as declared.
    Converged,
    /// An error in what the user gave: a script, the inventory, the command line. No host was changed.
    Error,
    /// The plan has changes that wait: only with `--exit-code`.
    Pending,
    /// A resource failed, or was refused.
    Failed,
    /// A host could not be reached, or was lost.
    Unreachable,
    /// A change was taken back: what was there before is there again.
    Reverted,
    /// Another run holds a host.
    Locked,
    /// A report, a plan or the journal could not be written. The hosts are as the summary says.
    Unwritten,
    /// The run was interrupted.
    Interrupted,
}

impl ExitStatus {
    /// All of them, by their numbers.
    pub const ALL: [Self; 9] = [
        Self::Converged,
        Self::Error,
        Self::Pending,
        Self::Failed,
        Self::Unreachable,
        Self::Reverted,
        Self::Locked,
        Self::Unwritten,
        Self::Interrupted,
    ];

    /// The number.
    pub fn code(self) -> u8 {
        self.row().0
    }

    /// One word for it, where runs are listed.
    pub fn word(self) -> &'static str {
        self.row().1
    }

    /// What it means.
    pub fn meaning(self) -> &'static str {
        self.row().2
    }

    /// The status where something could not be written: what went wrong on the hosts says more.
    #[must_use]
    pub fn unwritten(self) -> Self {
        match self {
            Self::Converged | Self::Pending => Self::Unwritten,
            status => status,
        }
    }

    fn row(self) -> (u8, &'static str, &'static str) {
        match self {
            Self::Converged => (0, "ok", "converged"),
            Self::Error => (1, "error", "an error in the input; no host was changed"),
            Self::Pending => (2, "pending", "changes are pending (`plan --exit-code`)"),
            Self::Failed => (3, "failed", "something failed, or was refused"),
            Self::Unreachable => (4, "unreachable", "a host is unreachable"),
            Self::Reverted => (5, "reverted", "a change was reverted: the old state is restored"),
            Self::Locked => (6, "locked", "another run holds a host"),
            Self::Unwritten => (
                7,
                "unwritten",
                "the hosts are fine, but the result or a report could not be written",
            ),
            Self::Interrupted => (130, "interrupted", "interrupted"),
        }
    }

    /// All of them with their meanings, for the help.
    pub fn help() -> String {
        let line = |status: &Self| format!("\n  {:>3}  {}", status.code(), status.meaning());
        format!("Exit status:{}", Self::ALL.iter().map(line).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_lists_them_all_by_their_numbers() {
        let row = |status: &ExitStatus| format!("| {} | {} |\n", status.code(), status.meaning());
        let rows: String = ExitStatus::ALL.iter().map(row).collect();
        let table = format!("| exit status | meaning |\n|---|---|\n{rows}\n");
        assert!(include_str!("../../README.md").contains(&table), "README.md lacks:\n{table}");
        assert!(ExitStatus::ALL.is_sorted_by_key(|status| status.code()));
    }
}
