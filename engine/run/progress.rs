//! What a segment says while it runs. Pure.

use crate::base::secret::CUT;

/// Where a segment's script is, as its output tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A part began.
    Began(usize),
    /// The running part, or the next one, printed a line.
    Line(usize, String),
    /// The running part warns of something that does not keep it from going on.
    Warned(usize, String),
    /// A part ended with this exit status.
    Ended(usize, i32),
    /// What came of taking the lock along with it.
    Locked(String),
    /// The parts that are left are not begun.
    Stopped,
    /// It came to its end, with this exit status.
    Over(i32),
}

/// Reads a segment's output as it arrives.
pub struct ProgressReader {
    mark: String,
    part: Option<usize>,
    /// The part that comes next, if none runs.
    next: usize,
    pending: Vec<u8>,
    /// The frame puts an empty line before each of its own; it is held back until the next line is known.
    empty: bool,
    is_over: bool,
}

/// A longer line is cut, and marked so: what a host prints must not fill the memory.
const LINE_MAX: usize = 64 * 1024;

impl ProgressReader {
    /// Reads the output of the segment with this id.
    pub fn new(id: &str) -> Self {
        let (part, next, pending) = (None, 0, Vec::new());
        Self { mark: format!("{id} "), part, next, pending, empty: false, is_over: false }
    }

    /// Takes some bytes, and gives what they complete, and what stands behind the end of the segment.
    pub fn read<'a>(&mut self, bytes: &'a [u8]) -> (Vec<Progress>, &'a [u8]) {
        let mut progress = Vec::new();
        for (at, &byte) in bytes.iter().enumerate() {
            if self.is_over {
                return (progress, &bytes[at..]);
            }
            if byte == b'\n' {
                let line = String::from_utf8_lossy(&std::mem::take(&mut self.pending)).into_owned();
                self.line(line, &mut progress);
            } else if self.pending.len() < LINE_MAX {
                self.pending.push(byte);
            } else if self.pending.len() == LINE_MAX {
                self.pending.extend_from_slice(CUT.as_bytes());
            }
        }
        (progress, &[])
    }

    fn line(&mut self, line: String, progress: &mut Vec<Progress>) {
        if let Some(mark) = line.strip_prefix(&self.mark) {
            self.empty = false;
            let mut words = mark.split(' ');
            let (what, number) = (words.next(), words.next());
            let index = number.and_then(|word| word.parse().ok());
            match (what, index) {
                (Some("begin"), Some(index)) => {
                    self.part = Some(index);
                    progress.push(Progress::Began(index));
                }
                (Some("end"), Some(index)) => {
                    self.part = None;
                    self.next = index.saturating_add(1);
                    let status = words.next().and_then(|word| word.parse().ok()).unwrap_or(-1);
                    progress.push(Progress::Ended(index, status));
                }
                (Some("locked"), _) => {
                    let said = mark.strip_prefix("locked ").unwrap_or_default().to_owned();
                    progress.push(Progress::Locked(said));
                }
                (Some("stopped"), _) => progress.push(Progress::Stopped),
                (Some("over"), _) => {
                    let status = number.and_then(|word| word.parse().ok()).unwrap_or(-1);
                    self.is_over = true;
                    progress.push(Progress::Over(status));
                }
                (Some("warn"), _) => {
                    let text = mark.strip_prefix("warn ").unwrap_or_default().to_owned();
                    progress.extend(self.part.map(|part| Progress::Warned(part, text)));
                }
                _ => {}
            }
            return;
        }
        // What is printed before a part is said of it: it is why it does not begin.
        let part = self.part.unwrap_or(self.next);
        if std::mem::replace(&mut self.empty, line.is_empty()) {
            progress.push(Progress::Line(part, String::new()));
        }
        if !line.is_empty() {
            progress.push(Progress::Line(part, line));
        }
    }
}
