//! What can be managed on a host, and what a host offers for that.
//!
//! In: arguments, and what a host answered. Out: scripts that look, differences, and scripts that change. Never in it: how
//! a host is reached, in which order resources are made, IO.

// The contract of a kind.
pub mod edit;
pub mod footprint;
pub mod before;
pub mod danger;
pub mod change;
pub mod resource;
pub mod kind;

// What hosts offer.
pub mod prelude;
pub mod facts;

// What several kinds share.
pub mod check;
pub mod entry;
pub mod docker;
pub mod systemd;

// The kinds, and what is made of their list.
pub mod kinds;
pub mod manual;
pub mod ansible;
