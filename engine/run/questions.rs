//! What is asked of one host beside its state, as a script; and what it printed to answers. Pure.

use crate::{
    base::{script::Script, value::Value},
    evaluate::language::Question,
    io::remote::{Captured, find},
    resources::{facts, prelude},
    sh,
};

/// An answer with its question.
pub(super) type Answer = (Question, Value);

/// Questions to one host.
pub(super) struct Questions {
    asked: Vec<Question>,
    boundary: String,
}

impl Questions {
    /// `boundary` is a word that nobody can guess: it keeps what a command prints from being taken for the frame around it.
    pub(super) fn new(asked: Vec<Question>, boundary: String) -> Self {
        Self { asked, boundary }
    }

    /// Asks all of them. A question leaves nothing behind that another one could see, and sees nothing of what comes after.
    pub(super) fn script(&self) -> Script {
        let mut script = Script::default();
        for question in &self.asked {
            let asks = match question {
                Question::Probe { command, .. } => Script::trusted(command.clone()),
                _ => prelude::reading().then(facts::script()),
            };
            let boundary = &self.boundary;
            let asking = sh!(
                "(eval {}); printf '\\n%s %s\\n' {} $?; printf '\\n%s \\n' {} >&2",
                asks.text(),
                boundary,
                boundary
            );
            script.push(asking.needing(asks.needs()));
        }
        script
    }

    /// Takes the answers from the beginning of what was printed, and leaves the rest. None where one of them is missing.
    pub(super) fn read(self, printed: &mut Captured) -> Option<Vec<Answer>> {
        if self.asked.is_empty() {
            return Some(Vec::new());
        }
        let frame = format!("\n{} ", self.boundary);
        let (mut stdout, mut stderr) = (&printed.stdout[..], &printed.stderr[..]);
        let mut answers = Vec::new();
        for question in self.asked {
            let (said, code) = part(&mut stdout, frame.as_bytes())?;
            let (complained, _) = part(&mut stderr, frame.as_bytes())?;
            let code = std::str::from_utf8(code).ok()?.parse().ok()?;
            let answer = answer(&question, code, said, complained).unwrap_or(Value::Null);
            answers.push((question, answer));
        }
        (printed.stdout, printed.stderr) = (stdout.to_vec(), stderr.to_vec());
        Some(answers)
    }
}

/// What stands before a frame, and the rest of its line. They are taken away.
fn part<'a>(from: &mut &'a [u8], frame: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = find(from, frame)?;
    let (before, rest) = (&from[..at], &from[at + frame.len()..]);
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    *from = &rest[end + 1..];
    Some((before, &rest[..end]))
}

/// What a question was answered; none where that is no text, which would damage it.
fn answer(question: &Question, code: i64, stdout: &[u8], stderr: &[u8]) -> Option<Value> {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    let stdout = text(stdout)?;
    let Question::Probe { .. } = question else { return Some(facts::parse(&stdout)) };
    let parts = [
        ("code", Value::Int(code)),
        ("stdout", Value::Text(stdout)),
        ("stderr", Value::Text(text(stderr)?)),
    ];
    Some(Value::Map(parts.map(|(name, value)| (name.to_owned(), value)).into()))
}
