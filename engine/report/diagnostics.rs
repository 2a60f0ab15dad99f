//! Errors in what the user gave, with the text that they are in.

use miette::{GraphicalReportHandler, GraphicalTheme, ThemeCharacters, ThemeStyles};

use super::sanitize::sanitize_painted;
use crate::base::diagnostic::Diagnostic;

/// How errors are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canvas {
    /// Whether there are colours.
    pub color: bool,
    /// Whether lines may be drawn with more than ASCII.
    pub unicode: bool,
    /// Columns of the terminal.
    pub width: usize,
}

/// The errors, each with its place, the text there, and what to do about it.
pub fn render_diagnostics(diagnostics: &[Diagnostic], canvas: Canvas) -> String {
    let theme = GraphicalTheme {
        characters: if canvas.unicode {
            ThemeCharacters::unicode()
        } else {
            ThemeCharacters::ascii()
        },
        styles: if canvas.color { ThemeStyles::ansi() } else { ThemeStyles::none() },
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(canvas.width)
        .with_links(false)
        .with_show_related_as_nested(true)
        .with_context_lines(1);
    let mut drawn = String::new();
    for diagnostic in diagnostics {
        let place = drawn.len();
        if handler.render_report(&mut drawn, diagnostic).is_err() {
            // The span does not lie in its text: better without the text than not at all.
            drawn.truncate(place);
            drawn += &format!("error: {diagnostic}\n");
        }
    }
    sanitize_painted(&drawn)
}
