//! Takes the text of secrets out of whatever is shown.

use std::{borrow::Cow, cmp::Reverse, fmt, sync::Arc};

use aho_corasick::{AhoCorasick, Input, MatchKind};

use super::{
    CUT, SHORT, Secret, forms,
    pieces::{Found, PIECE, SecretPieces},
};

/// Replaces secrets by `(secret name)`: their text, and base64, hexadecimal, URL, shell and JSON forms of it.
///
/// Of a form that is long enough, each piece of 16 bytes is replaced, wherever it stands: a text may be cut, wrapped, or
/// printed in groups. A shorter one is replaced as a whole, and what is left of it where a text was cut.
#[derive(Default)]
pub struct Redactor {
    pieces: SecretPieces,
    /// Forms that are shorter than a piece, each with whose it is.
    short: Vec<(u32, Vec<u8>)>,
    /// Finds all short forms at once; `None` when there are none.
    finder: Option<AhoCorasick>,
    /// What each secret is replaced by.
    labels: Vec<Arc<str>>,
}

impl Redactor {
    /// A redactor for these secrets.
    pub fn new(secrets: &[Secret]) -> Self {
        let labels = secrets.iter().map(|secret| secret.to_string().into()).collect();
        let forms = (0..).zip(secrets).flat_map(|(whose, secret)| {
            forms::of(secret.expose()).into_iter().map(move |form| (whose, form))
        });
        let (long, short): (Vec<_>, Vec<_>) = forms.partition(|(_, form)| form.len() >= PIECE);
        let pieces = SecretPieces::of(long.iter().map(|(whose, form)| (*whose, form.as_slice())));
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(short.iter().map(|(_, form)| form));
        let finder = finder.expect("the short forms of all secrets fit in memory");
        Self { pieces, finder: (!short.is_empty()).then_some(finder), short, labels }
    }

    /// Whether there is nothing to find.
    pub fn is_idle(&self) -> bool {
        self.finder.is_none() && self.pieces.len() == 0
    }

    /// The text without secrets.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut found = Vec::new();
        self.pieces.find(text, &mut found);
        self.find_short(text, &mut found);
        self.find_cut(text, &mut found);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let (mut redacted, mut copied) = (String::new(), 0);
        for Found { start, end, whose } in merged(found) {
            redacted.push_str(&text[copied..text.floor_char_boundary(start).max(copied)]);
            redacted.push_str(&self.labels[whose as usize]);
            copied = text.ceil_char_boundary(end);
        }
        redacted.push_str(&text[copied..]);
        Cow::Owned(redacted)
    }

    fn find_short(&self, text: &str, found: &mut Vec<Found>) {
        let Some(finder) = &self.finder else { return };
        let mut at = 0;
        while let Some(hit) = finder.find(Input::new(text).range(at..)) {
            if hit.len() < SHORT && !stands_alone(text, hit.start(), hit.end()) {
                at = text.ceil_char_boundary(hit.start() + 1);
                continue;
            }
            let whose = self.short[hit.pattern()].0;
            found.push(Found { start: hit.start(), end: hit.end(), whose });
            at = hit.end();
        }
    }

    /// Where the text was cut, the beginning of a short form may stand before the mark, or its end behind it.
    fn find_cut(&self, text: &str, found: &mut Vec<Found>) {
        if self.short.is_empty() {
            return;
        }
        for (at, mark) in text.match_indices(CUT) {
            let (before, after) = (&text.as_bytes()[..at], &text.as_bytes()[at + mark.len()..]);
            for (whose, form) in &self.short {
                let parts = (SHORT..form.len()).rev();
                if let Some(kept) = parts.clone().find(|kept| before.ends_with(&form[..*kept])) {
                    found.push(Found { start: at - kept, end: at, whose: *whose });
                }
                let mut parts = parts.map(|kept| &form[form.len() - kept..]);
                if let Some(part) = parts.find(|part| after.starts_with(part)) {
                    let start = at + mark.len();
                    found.push(Found { start, end: start + part.len(), whose: *whose });
                }
            }
        }
    }
}

/// In order, those that overlap as one, which is named after the longest of them.
fn merged(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_unstable_by_key(|found| (found.start, Reverse(found.end)));
    let mut merged: Vec<Found> = Vec::new();
    let mut longest = 0;
    for next in found {
        match merged.last_mut() {
            Some(last) if next.start < last.end => {
                if next.end - next.start > longest {
                    (last.whose, longest) = (next.whose, next.end - next.start);
                }
                last.end = last.end.max(next.end);
            }
            _ => {
                longest = next.end - next.start;
                merged.push(next);
            }
        }
    }
    merged
}

/// The automaton would print the secrets.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} pieces, {} short forms)", self.pieces.len(), self.short.len())
    }
}

fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    !text[..start].ends_with(in_word) && !text[end..].starts_with(in_word)
}

#[cfg(test)]
mod tests;
