//! What the user wrote down beside the playbooks: configuration, inventory, templates.
//!
//! In: texts. Out: values that know where they were written. Never in it: reading a file, running a program.

pub mod config;
pub mod trust;
pub mod inventory;
pub mod template;
