//! The `converge` program: the command line to a subcommand, to an exit status.

use std::{process::ExitCode, thread::available_parallelism};

use converge::{cli::Cli, commands, exit_status::ExitStatus};
use mimalloc::MiMalloc;
use tokio::runtime::{Builder, Runtime};

/// The threads of a run make many small things that stay: libc's allocator asks the kernel for almost every page of them
/// on its own.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
    let Ok(runtime) = runtime() else { return ExitCode::from(ExitStatus::Mistake.code()) };
    // On one of its threads, what a run hands to the tasks of its connections wakes no other thread.
    let ended = runtime.block_on(runtime.spawn(commands::run(cli)));
    let status = ended.map_or(PANICKED, |status| status.code().into());
    converge::remote::end_all();
    // Nothing is waited for any more: no host that was dialled in vain, no answer of a name server, nor until all that was
    // known of a fleet is freed.
    std::process::exit(status)
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
