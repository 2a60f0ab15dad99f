//! Brings many hosts to the declared state over SSH.
//!
//! The modules stand in the order of the data flow; each uses only what stands before it.
#![deny(rustdoc::broken_intra_doc_links)]

// Words: pure, without a meaning of their own.
pub mod diagnostic;
pub mod script;
pub mod secret;
pub mod value;

// What can be managed: pure.
pub mod content;
pub mod resource;
pub mod entry;
pub mod pattern;
pub mod resources;

// What we are given: text in, values out.
pub mod inventory;

// The world: the only modules that may do IO.
pub mod remote;
pub mod event;
