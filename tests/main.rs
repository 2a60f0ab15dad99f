//! What the engine does to the world around it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test panics, or says why it is skipped"
)]

mod remote;
