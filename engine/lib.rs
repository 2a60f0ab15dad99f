//! Brings many hosts to the declared state over SSH.
//!
//! The modules stand in the order of the data flow; each uses only what stands before it.
#![deny(rustdoc::broken_intra_doc_links)]

// Words: pure, without a meaning of their own.
pub mod diagnostic;
pub mod script;
pub mod secret;
pub mod value;
pub mod document;
pub mod yaml;
pub mod wildcard;

// What can be managed: pure.
pub mod content;
pub mod seal;
pub mod pattern;
pub mod edit;
pub mod footprint;
pub mod before;
pub mod danger;
pub mod change;
pub mod resource;
pub mod kind;
pub mod check;
pub mod entry;
pub mod docker;
pub mod dpkg;
pub mod systemd;
pub mod resources;
pub mod manual;
pub mod ansible;

// What we are given: text in, values out.
pub mod config;
pub mod trust;
pub mod inventory;
pub mod template;

// Deciding: pure.
pub mod catalog;
pub mod facts;
pub mod language;
pub mod graph;
pub mod prelude;
pub mod probe;
pub mod plan;
pub mod undo;

// The world: the only modules that may do IO.
pub mod disk;
pub mod program;
pub mod secrets;
pub mod project;
pub mod remote;
pub mod event;
pub mod exit_status;
pub mod run;
pub mod report;
pub mod journal;
pub mod approved;
pub mod cli;
pub mod commands;

// What is tried with any bytes, by tests and by a fuzzer.
#[cfg(any(test, fuzzing))]
pub mod fuzz;
