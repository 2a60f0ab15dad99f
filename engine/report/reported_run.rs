//! The run that a report is about.

/// The run that is told about.
#[derive(Debug, Default)]
pub(super) struct ReportedRun {
    pub id: String,
    pub command: String,
    pub playbook: String,
    pub options: Vec<String>,
    pub approved: Option<String>,
    pub output: Option<String>,
}

impl ReportedRun {
    /// Whether nothing is going to be changed.
    pub(super) fn only_plans(&self) -> bool {
        self.command == "plan"
    }

    /// Whether everything happens in mind only.
    pub(super) fn is_simulation(&self) -> bool {
        self.command == "simulate"
    }
}
