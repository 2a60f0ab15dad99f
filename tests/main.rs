//! All tests of converge from the outside, in one binary.
#![allow(missing_docs, reason = "tests are read, not documented")]

mod cases;
mod hosts;
mod kinds;
mod prelude;
mod resources;
