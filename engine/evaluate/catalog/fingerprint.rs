//! What tells two desired states apart: the digest of what would be run.

use crate::{base::content::Digest, resources::resource::Step};

pub(super) fn fingerprint(step: &Step) -> Digest {
    let mut text = step.script.text().to_owned();
    for content in &step.contents {
        text.push('\n');
        text.push_str(content.digest().as_str());
    }
    Digest::of(text.as_bytes())
}

/// What is left of a step that brings a secret where nobody must be able to guess it. A kind may put digests into its script
/// that are made of the secret: whatever could be one goes as well.
pub(super) fn without_secrets(mut step: Step) -> Step {
    /// As long as the shortest digest in use.
    const DIGITS: usize = 32;
    if !step.is_sensitive() {
        return step;
    }
    let is_digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    let (mut script, mut rest) = (String::new(), step.script.text());
    while let Some(start) = rest.find(is_digit) {
        let (before, from) = rest.split_at(start);
        let (digits, after) = from.split_at(from.find(|c| !is_digit(c)).unwrap_or(from.len()));
        script += before;
        script += if digits.len() < DIGITS { digits } else { "DIGEST" };
        rest = after;
    }
    script += rest;
    step.script = step.script.with_text(script);
    step.contents.retain(|content| !content.is_sensitive());
    step
}
