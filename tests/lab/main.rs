//! The promises on real hosts: `tests/lab/lab up` must have made them. `make test` does, and sets CONVERGE_LAB.
//!
//! Each file is one promise; each says in its first lines what it leaves behind. They run one after the other.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test panics, or says why it is skipped"
)]

#[path = "../chance.rs"]
mod chance;

mod approval;
mod attributes;
mod availability;
mod broken;
mod chaos;
mod client;
mod compatibility;
mod drift;
mod everyday;
mod figures;
mod firewall;
mod front;
mod guarded;
mod load;
mod logins;
mod lost;
mod messages;
mod errors;
mod monitoring;
mod packages;
mod release;
mod requests;
mod running;
mod scenario;
mod services;
mod site;
mod virtual_address;
mod world;
