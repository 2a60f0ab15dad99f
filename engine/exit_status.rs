//! Every exit status of converge, and its meaning.

/// How converge ended, for the shell and for CI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Everything is as declared.
    Converged,
    /// A mistake in what the user gave: a script, the inventory, the command line. No host was changed.
    Mistake,
    /// The plan has changes that wait: only with `--exit-code`.
    Pending,
    /// A resource failed, or was refused.
    Failed,
    /// A host could not be reached, or was lost.
    Unreachable,
    /// A change was taken back: what was there before is there again.
    Reverted,
    /// The run was interrupted.
    Interrupted,
}

impl ExitStatus {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            ExitStatus::Converged => 0,
            ExitStatus::Mistake => 1,
            ExitStatus::Pending => 2,
            ExitStatus::Failed => 3,
            ExitStatus::Unreachable => 4,
            ExitStatus::Reverted => 5,
            ExitStatus::Interrupted => 130,
        }
    }
}
