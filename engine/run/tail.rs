//! The last lines of what a step prints.

use std::collections::VecDeque;

/// The last lines of an output.
#[derive(Default)]
pub(super) struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
}

const TAIL_LINES_MAX: usize = 40;

/// A line more than these many bytes takes the place of others; the last one is kept, however long it is.
const TAIL_BYTES_MAX: usize = 64 * 1024;

impl Tail {
    pub(super) fn push(&mut self, line: String) {
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.lines.len() > TAIL_LINES_MAX
            || self.bytes > TAIL_BYTES_MAX && self.lines.len() > 1
        {
            self.bytes -= self.lines.pop_front().map_or(0, |line| line.len());
        }
    }

    pub(super) fn text(&self) -> String {
        self.lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// The text without its last line, and that line.
    pub(super) fn before_last(&self) -> (String, String) {
        let text = self.text();
        let (before, last) = text.rsplit_once('\n').unwrap_or(("", &text));
        (before.to_owned(), last.to_owned())
    }
}
