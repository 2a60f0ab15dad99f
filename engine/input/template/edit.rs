//! A text of which some places were changed, and where each of its places stood before.

use std::ops::Range;

/// A text for the engine, and where its parts stood.
pub(super) struct Translated {
    pub(super) text: String,
    /// Where something else stands than was written, in order.
    edits: Vec<TemplateEdit>,
}

/// What stands instead of what was written.
pub(super) struct TemplateEdit {
    /// In the text as it was written.
    pub(super) at: usize,
    pub(super) removed: usize,
    pub(super) inserted: String,
    /// What opens stands behind what closes at the same place, and what was found later stands outside.
    pub(super) opens: bool,
}

impl Translated {
    /// A text with its edits done.
    pub(super) fn new(written: &str, mut edits: Vec<TemplateEdit>) -> Self {
        // A sort that keeps the order of equals: what closes first, innermost first; then what opens, outermost first.
        edits.reverse();
        edits.sort_by_key(|edit| (edit.at, edit.opens));
        let closing = |edits: &mut [TemplateEdit]| edits.reverse();
        for same in
            edits.chunk_by_mut(|one, other| one.at == other.at && !one.opens && !other.opens)
        {
            closing(same);
        }
        let mut text = String::with_capacity(written.len() + 16 * edits.len());
        let mut done = 0;
        for edit in &edits {
            text += written.get(done..edit.at).unwrap_or_default();
            text += &edit.inserted;
            done = done.max(edit.at + edit.removed);
        }
        text += &written[done..];
        Self { text, edits }
    }

    /// The place in the text as it was written of a place in this one.
    pub(super) fn written(&self, span: Range<usize>) -> Range<usize> {
        self.origin(span.start)..self.origin(span.end)
    }

    fn origin(&self, at: usize) -> usize {
        let mut gained = 0_isize;
        for edit in &self.edits {
            let starts = edit.at.saturating_add_signed(gained);
            if starts >= at {
                break;
            }
            if at < starts + edit.inserted.len() {
                return edit.at;
            }
            gained += edit.inserted.len() as isize - edit.removed as isize;
        }
        at.saturating_add_signed(-gained)
    }
}
