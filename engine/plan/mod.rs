//! From the catalog to what is going to happen, and in which order.
//!
//! In: a catalog, and what hosts answered. Out: an order, probes, a plan, and events that tell of it. Never in it: IO, clocks,
//! waiting.

pub mod graph;
pub mod probe;
pub mod planner;
pub mod undo;
pub mod exit_status;
pub mod event;
