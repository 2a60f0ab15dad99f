//! Brings many hosts to the declared state over SSH.
//!
//! The stages stand in the order of the data flow, and so do the modules in each `mod.rs`: each uses only what stands before it.
#![deny(rustdoc::broken_intra_doc_links)]
// Without the feature, what is `pub` in a stage is seen by nobody else.
#![cfg_attr(not(feature = "internals"), allow(unreachable_pub))]

// Other programs use `api`. Tests, benches and the fuzzer look inside by the feature `internals`.

// Pure: no IO, no clock, no waiting.
#[cfg(not(feature = "internals"))]
mod base;
#[cfg(feature = "internals")]
pub mod base;
#[cfg(not(feature = "internals"))]
mod resources;
#[cfg(feature = "internals")]
pub mod resources;
#[cfg(not(feature = "internals"))]
mod input;
#[cfg(feature = "internals")]
pub mod input;
#[cfg(not(feature = "internals"))]
mod evaluate;
#[cfg(feature = "internals")]
pub mod evaluate;
#[cfg(not(feature = "internals"))]
mod plan;
#[cfg(feature = "internals")]
pub mod plan;

// The world.
#[cfg(not(feature = "internals"))]
mod io;
#[cfg(feature = "internals")]
pub mod io;
#[cfg(not(feature = "internals"))]
mod run;
#[cfg(feature = "internals")]
pub mod run;
pub mod api;
#[cfg(not(feature = "internals"))]
mod report;
#[cfg(feature = "internals")]
pub mod report;
pub mod commands;

// What is tried with any bytes, by tests and by a fuzzer.
#[cfg(any(test, fuzzing))]
pub mod fuzz;
