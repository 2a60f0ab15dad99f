//! What users see when they give something wrong, rendered as on a terminal without colour.

mod input;
mod inventory;

use converge::diagnostic::Diagnostic;
use miette::{GraphicalReportHandler, GraphicalTheme};

/// A mistake as people see it.
fn shown(diagnostic: &Diagnostic) -> String {
    let mut shown = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut shown, diagnostic)
        .expect("a String takes all that is written");
    shown
}
