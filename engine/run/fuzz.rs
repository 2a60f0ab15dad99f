//! What a host prints while a run goes on: the progress of a segment, facts, answers, who holds the lock.

use std::sync::Arc;

use super::{
    lock,
    progress::{Progress, ProgressReader},
    questions::Questions,
};
use crate::{
    base::{secret::CUT, value::Value},
    evaluate::language::Question,
    io::remote::{Captured, Output as _, one_line},
    resources::facts,
};

/// How long a line that is kept can be, in bytes of text: what is none takes three each.
const LINE_MAX: usize = 3 * 64 * 1024 + CUT.len();

/// The bytes as the output of a segment, of facts, of answers, and of the script that takes the lock.
pub(crate) fn progress(bytes: &[u8]) {
    segment(bytes);
    let text = String::from_utf8_lossy(bytes);
    let facts = facts::parse(&text);
    let Value::Map(names) = &facts else { panic!("facts are a map") };
    assert!(
        facts::FACTS
            .iter()
            .all(|(name, _)| names.contains_key(name.split('.').next().unwrap_or(name)))
    );
    answers(bytes);
    let (who, said) = text.split_once('\n').unwrap_or_default();
    let shown = lock::untaken(one_line(said.as_bytes()), who).to_string();
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
}

/// In one piece, and byte by byte: what is told is the same.
fn segment(bytes: &[u8]) {
    let (whole, behind) = ProgressReader::new("S").read(bytes);
    let mut reader = ProgressReader::new("S");
    let (mut pieces, mut rest) = (Vec::new(), Vec::new());
    for byte in bytes {
        let byte = [*byte];
        let (progress, behind) = reader.read(&byte);
        pieces.extend(progress);
        rest.extend_from_slice(behind);
    }
    assert_eq!((&whole, behind), (&pieces, &rest[..]));
    let (mut running, mut next) = (None, 0);
    for progress in whole {
        match progress {
            Progress::Began(part) => running = Some(part),
            Progress::Ended(part, _) => (running, next) = (None, part.saturating_add(1)),
            Progress::Locked(_) | Progress::Stopped | Progress::Over(_) => {}
            Progress::Line(part, text) => {
                assert!(running.unwrap_or(next) == part && text.len() <= LINE_MAX);
            }
            Progress::Warned(part, text) => {
                assert!(running == Some(part) && text.len() <= LINE_MAX);
            }
        }
    }
}

/// The answers are as many as the questions, or none; what stands behind them is left.
fn answers(bytes: &[u8]) {
    let host: Arc<str> = "web-1".into();
    let probe = Question::Probe { host: host.clone(), command: "true".to_owned() };
    let asked = vec![probe, Question::Facts(host)];
    let mut printed = Captured::within(bytes.len() * 6, None);
    printed.stdout(bytes);
    printed.stderr(bytes);
    if let Some(answers) = Questions::new(asked, "B".to_owned()).read(&mut printed) {
        assert_eq!(answers.len(), 2);
        assert!(bytes.ends_with(&printed.stdout) && bytes.ends_with(&printed.stderr));
    }
}
