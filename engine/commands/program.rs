//! The program: from the command line to an exit status.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    thread::available_parallelism,
};

use tokio::runtime::{Builder, Runtime};

use super::{cli::Cli, run};
use crate::{plan::exit_status::ExitStatus, report};

/// The command line to a subcommand, to an exit status.
pub fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(error) => {
            return ExitCode::from(told(&error).code());
        }
    };
    let Ok(runtime) = runtime() else { return ExitCode::from(ExitStatus::Error.code()) };
    // On one of its threads, what a run hands to the tasks of its connections wakes no other thread.
    let ended = runtime.block_on(runtime.spawn(run(cli)));
    let status = ended.map_or(PANICKED, |status| status.code().into());
    crate::io::remote::end_all();
    // Exits at once: without waiting for pending connections or name servers, and without freeing what is known of a fleet.
    std::process::exit(status)
}

/// Tells what is wrong with the command line; or the help and the version, which are no error. That nobody reads them
/// is none either.
fn told(error: &clap::Error) -> ExitStatus {
    let printed = error.print().and_then(|()| io::stdout().flush());
    let lost = printed.err().filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
    match (error.use_stderr(), lost) {
        (true, _) => ExitStatus::Error,
        (false, None) => ExitStatus::Converged,
        (false, Some(error)) => {
            // Where this cannot be said either, the exit status says it.
            let _ = writeln!(io::stderr(), "{}", report::unwritten(&error));
            ExitStatus::Unwritten
        }
    }
}

/// The exit status of a program that panicked, as Rust has it. What happened was told then.
const PANICKED: i32 = 101;

/// A thread for each processor, but not one alone: while it evaluates a playbook, signals are heard and hosts dialled.
fn runtime() -> std::io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if available_parallelism().is_ok_and(|processors| processors.get() == 1) {
        builder.worker_threads(2);
    }
    builder.enable_all().build()
}
