//! The `converge` program.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// The threads of a run make many small things that stay: libc's allocator asks the kernel for almost every page of them
/// on its own.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    converge::commands::main()
}
