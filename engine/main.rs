//! The `converge` program: the command line to a subcommand, to an exit status.

use std::process::ExitCode;

use converge::{cli::Cli, commands, exit_status::ExitStatus};

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and the version are no mistake. That nobody reads them is none either.
            let _ = error.print();
            let asked = !error.use_stderr();
            let status = if asked { ExitStatus::Converged } else { ExitStatus::Mistake };
            return ExitCode::from(status.code());
        }
    };
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(commands::run(cli)),
        Err(_) => ExitCode::from(ExitStatus::Mistake.code()),
    }
}
