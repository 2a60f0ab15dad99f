//! The only doors to the world: files, programs, secrets, hosts.
//!
//! In: what to read, run or send. Out: bytes, and errors that say what could not be done. Never in it: what that means.

pub(crate) mod nonce;
pub mod disk;
pub mod program;
pub mod secrets;
pub mod project;
pub mod remote;
