//! Two texts as a unified diff.

use similar::{ChangeTag, TextDiff};

use super::look::{Look, Tone, count};

/// How many unchanged lines stand around a change.
const CONTEXT: usize = 3;

/// How many lines of a text that is all new, or all gone, are shown to who does not ask for more.
const WHOLE: usize = 20;

/// The lines of the diff, painted.
pub(super) fn unified(before: &str, after: &str, look: Look) -> Vec<String> {
    if before == after {
        return vec![look.dim("(the difference is in characters that cannot be shown)")];
    }
    let diff = TextDiff::from_lines(before, after);
    let whole = before.is_empty() || after.is_empty();
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        if !whole {
            lines.push(look.paint(Tone::Runs, hunk.header().to_string()));
        }
        for change in hunk.iter_changes() {
            let text = change.value().strip_suffix('\n').unwrap_or(change.value());
            lines.push(match change.tag() {
                ChangeTag::Equal => look.dim(format!(" {text}")),
                ChangeTag::Insert => look.paint(Tone::Added, format!("+{text}")),
                ChangeTag::Delete => look.paint(Tone::Removed, format!("-{text}")),
            });
            if change.missing_newline() {
                lines.push(look.dim("\\ no newline at the end"));
            }
        }
    }
    if whole && !look.verbose && lines.len() > WHOLE + 1 {
        let more = count(lines.len() - WHOLE, "more line");
        lines.truncate(WHOLE);
        lines.push(look.dim(format!("… {more} (-v shows all)")));
    }
    lines
}

/// How many lines are new and how many are gone: `+3 -1 lines`.
pub(super) fn size(before: &str, after: &str, look: Look) -> String {
    let diff = TextDiff::from_lines(before, after);
    let tagged = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
    let added = look.paint(Tone::Added, format!("+{}", tagged(ChangeTag::Insert)));
    let removed = look.paint(Tone::Removed, format!("-{}", tagged(ChangeTag::Delete)));
    format!("{added} {removed} lines")
}
