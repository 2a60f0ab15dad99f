//! All tests of converge from the outside, in one binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cases;
mod hosts;
mod kinds;
mod prelude;
mod resources;
