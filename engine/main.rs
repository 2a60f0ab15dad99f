//! The `converge` program: the command line to a subcommand, to an exit status.

use std::{process::ExitCode, thread::available_parallelism};

use converge::{cli::Cli, commands, exit_status::ExitStatus};
use tokio::runtime::{Builder, Runtime};

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
    match runtime() {
        // On one of its threads, what a run hands to the tasks of its connections wakes no other thread.
        Ok(runtime) => runtime
            .block_on(runtime.spawn(commands::run(cli)))
            .unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic())),
        Err(_) => ExitCode::from(ExitStatus::Mistake.code()),
    }
}

/// A thread for each processor, and at least two: while one evaluates a playbook, signals are heard and hosts dialled.
fn runtime() -> std::io::Result<Runtime> {
    let threads = available_parallelism().map_or(2, |processors| processors.get().max(2));
    Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}
