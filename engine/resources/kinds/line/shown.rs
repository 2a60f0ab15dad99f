//! What a plan shows of a line and of the text around it.

use std::sync::Arc;

use super::{Line, SHOWN_MAX};
use crate::{
    base::pattern::Pattern,
    resources::change::{Field, Shown},
};

impl Line {
    /// The change where the text cannot be shown.
    pub(super) fn field(&self, before: Shown) -> Field {
        match (&self.line, &self.pattern) {
            (Some(line), _) if !self.absent => Field::new("line", before, line.as_str()),
            (Some(line), _) => Field::new("line", line.as_str(), Shown::Nothing),
            (None, pattern) => {
                Field::new("match", pattern.as_deref().unwrap_or_default(), Shown::Nothing)
            }
        }
    }

    /// The change of the whole text, as far as it may be shown.
    pub(super) fn diff(&self, text: Option<&[u8]>) -> Field {
        let small = text.filter(|text| text.len() <= SHOWN_MAX && self.sensitive != Some(true));
        let shown = small.and_then(|text| {
            let build = |text: &str| Pattern::new(text).map(Arc::new);
            let after = self.edit().editor(&build).ok()?.edited(text);
            Some((std::str::from_utf8(text).ok()?.to_owned(), String::from_utf8(after).ok()?))
        });
        match shown {
            Some((before, after)) if before != after => Field::new("content", before, after),
            _ if self.sensitive == Some(true) => self.field(Shown::sensitive()),
            _ if text.is_none() => self.field(Shown::closed()),
            _ => self.field(Shown::Hidden("not this line".into())),
        }
    }
}
