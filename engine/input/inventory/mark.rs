//! Where something of an inventory was written.

use std::ops::Range;

use crate::base::{
    diagnostic::{Diagnostic, Place, Source},
    document::Document,
};

/// Bytes of a text: where something was declared.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub source: Source,
    pub span: Range<usize>,
    pub place: Place,
}

impl Mark {
    pub(super) fn new(document: &Document, span: &Range<usize>) -> Self {
        let place = document.place(span.start);
        Self { source: document.source.clone(), span: span.clone(), place }
    }

    /// An error here.
    pub(super) fn error(&self, kind: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(kind, message).at(&self.source, self.span.clone())
    }

    /// Something to know about an error elsewhere.
    pub(super) fn note(&self, message: impl Into<String>) -> Diagnostic {
        self.error("", message)
    }
}
