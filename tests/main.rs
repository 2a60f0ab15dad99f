//! All tests that go through the library from outside: one program, so that it is linked once.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test panics, or says why it is skipped"
)]

mod cases;
mod project;
mod hosts;
mod docker;
mod systemd;
mod prelude;
mod api;
mod approved;
mod chance;
mod command_line;
mod container;
mod errors;
mod firewall;
mod graph;
mod input;
mod instructions;
mod intruder;
mod inventory;
mod kinds;
mod language;
mod lines;
mod manual;
mod old_texts;
mod recipes;
mod remote;
mod resources;
mod run;
mod signals;
mod signed;
#[path = "../benches/scale/simulated/mod.rs"]
mod simulated;
mod templates;
mod tidy;
mod trust;
mod unknown;
mod unreadable;
mod ways;

use converge::base::diagnostic::Diagnostic;
use miette::{GraphicalReportHandler, GraphicalTheme};

/// An error as people see it.
fn shown(diagnostic: &Diagnostic) -> String {
    let mut shown = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut shown, diagnostic)
        .expect("a String takes all that is written");
    shown
}
