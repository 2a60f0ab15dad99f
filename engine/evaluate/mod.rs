//! From a playbook to the catalog: everything it declares, on which host, and where that was written.
//!
//! In: the text of playbooks and roles, the inventory, what is known of hosts. Out: a catalog, or questions. Never in it:
//! waiting for a host, IO.

pub mod catalog;
pub mod language;
