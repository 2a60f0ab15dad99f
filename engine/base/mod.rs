//! What every stage speaks of: values, scripts, contents, secrets, and errors with a place.
//!
//! In: text and bytes. Out: values. Never in it: hosts, resources, IO.

pub mod error_code;
pub mod diagnostic;
pub mod script;
pub mod secret;
pub mod value;
pub mod document;
pub mod yaml;
pub mod wildcard;
pub mod content;
pub mod seal;
pub mod reuse;
pub mod traffic;
pub mod pattern;
