//! Brings many hosts to the declared state over SSH.
//!
//! The stages stand in the order of the data flow, and so do the modules in each `mod.rs`: each uses only what stands before it.
#![deny(rustdoc::broken_intra_doc_links)]

// Pure: no IO, no clock, no waiting.
pub mod base;
pub mod resources;
pub mod input;
pub mod evaluate;
pub mod plan;

// The world.
pub mod io;
pub mod run;
pub mod api;
pub mod report;
pub mod commands;

// What is tried with any bytes, by tests and by a fuzzer.
#[cfg(any(test, fuzzing))]
pub mod fuzz;
