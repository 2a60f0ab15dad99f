//! The frame around the sections of a probe: what begins and ends each, and what a host printed in it.

use std::collections::HashMap;

use crate::{
    base::script::{Library, Script},
    resources::resource::{Looked, Unknown},
    sh,
};

static FRAMES: Library = Library::new("frames", &[include_str!("frames.sh")]);

/// Ends what comes before the first section.
pub(super) fn begin(boundary: &str) -> Script {
    FRAMES.script().then(sh!("frame_mark={}; frame 0 0", boundary))
}

/// Adds a section, with the words that are its arguments.
pub(super) fn push(script: &mut Script, index: usize, section: &Script, words: &Script) {
    let (lists, end) = (if words.is_empty() { "" } else { "lists; " }, index + 1);
    script.push(sh!("part() {{\nbegins"));
    script.push(section);
    script.push(Script::trusted(format!("}}\n{lists}part{}; ended {end}", words.text())));
}

/// The parts of a probe's output.
pub(super) struct Frames<'a> {
    sections: HashMap<usize, ProbeAnswer<'a>>,
    errors: &'a str,
    /// What begins a line that ends a section.
    mark: String,
}

/// What one section printed.
struct ProbeAnswer<'a> {
    text: &'a str,
    /// How it ended; none when it was cut off.
    status: Option<i32>,
}

impl<'a> Frames<'a> {
    /// A line `BOUNDARY N STATUS` begins section N, and says how the one before it ended.
    pub(super) fn parse(output: &'a str, errors: &'a str, boundary: &str) -> Self {
        let mark = format!("\n{boundary} ");
        let mut frames = Self { sections: HashMap::new(), errors, mark };
        for part in output.split(frames.mark.as_str()).skip(1) {
            let (head, text) = part.split_once('\n').unwrap_or((part, ""));
            let Some((index, status)) = head.split_once(' ') else { continue };
            let Ok(index) = index.parse::<usize>() else { continue };
            if let Some(ended) = index.checked_sub(1).and_then(|it| frames.sections.get_mut(&it)) {
                ended.status = status.parse().ok();
            }
            frames.sections.insert(index, ProbeAnswer { text, status: None });
        }
        frames
    }

    /// What a section printed that ended well.
    pub(super) fn text(&self, index: usize) -> Looked<&'a str> {
        match self.sections.get(&index) {
            Some(ProbeAnswer { text, status: Some(0) }) => Ok(text),
            Some(ProbeAnswer { status: Some(status), .. }) => {
                Err(self.explained(index, format!("its probe ended with exit status {status}")))
            }
            _ => {
                let reason = "the host did not answer this part of the probe";
                Err(self.explained(index, reason.to_owned()))
            }
        }
    }

    /// Why a section is not known, with the last that the host said about it.
    pub(super) fn explained(&self, index: usize, reason: String) -> Unknown {
        const LINES: usize = 3;
        let lines = self.words(index).lines().map(str::trim).filter(|line| !line.is_empty());
        let lines: Vec<&str> = lines.collect();
        let last = lines[lines.len().saturating_sub(LINES)..].join("; ");
        Unknown::new(if last.is_empty() { reason } else { format!("{reason}: {last}") })
    }

    /// What a host said on its standard error in a section that failed; up to its end, where it ended well.
    fn words(&self, index: usize) -> &'a str {
        let mut parts = self.errors.split(self.mark.as_str());
        let mut text = parts.next().unwrap_or_default();
        for part in parts {
            // A section's mark stands at its end, under the number of the next one.
            let (mark, after) = part.split_once('\n').unwrap_or((part, ""));
            let ended = mark.split(' ').next().and_then(|number| number.parse::<usize>().ok());
            if ended.is_some_and(|ended| ended > index) {
                break;
            }
            text = after;
        }
        text
    }
}
