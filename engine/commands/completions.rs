//! `converge completions`: for bash, zsh, fish and others.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::setup::Setup;
use crate::{commands::cli::Cli, plan::exit_status::ExitStatus};

pub(super) fn run(setup: &Setup, shell: Shell) -> ExitStatus {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "converge", &mut script);
    setup.report.print(&String::from_utf8_lossy(&script));
    ExitStatus::Converged
}
