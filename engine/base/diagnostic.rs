//! An error with a place in the text that the user wrote, a kind, and a hint.

use std::{fmt, ops::Range, sync::Arc};

use miette::{LabeledSpan, SourceCode};
use serde::{Deserialize, Serialize};

/// A text that the user wrote: a playbook, a role, a template, an inventory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The file's path, as the user would name it.
    pub name: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
}

impl Source {
    /// A text and the name of its file.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The place of a byte offset.
    pub fn place(&self, offset: usize) -> Place {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        Place { file: self.name.clone(), line, column }
    }

    /// The bytes of the word, number or quoted text that starts at a line and column, both from 1.
    pub fn word_at(&self, line: usize, column: usize) -> Range<usize> {
        let Some(start_of_line) = self.start_of_line(line) else {
            return self.text.len()..self.text.len();
        };
        let rest = &self.text[start_of_line..];
        let rest = rest.lines().next().unwrap_or("");
        let skipped = rest.char_indices().nth(column.saturating_sub(1));
        let start = skipped.map_or(rest.len(), |(at, _)| at);
        start_of_line + start..start_of_line + start + word_length(&rest[start..])
    }

    fn start_of_line(&self, line: usize) -> Option<usize> {
        let mut starts =
            std::iter::once(0).chain(self.text.match_indices('\n').map(|(at, _)| at + 1));
        starts.nth(line.checked_sub(1)?)
    }
}

/// How long the token is that a text starts with; at least one character, so that a label shows.
fn word_length(text: &str) -> usize {
    let Some(first) = text.chars().next() else { return 0 };
    if matches!(first, '"' | '`' | '\'') {
        let end = text[1..].find(first).map_or(text.len(), |at| at + 2);
        return end;
    }
    let in_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let word = text.find(|c| !in_word(c)).unwrap_or(text.len());
    word.max(first.len_utf8())
}

/// A line and a column of a file, both counted from 1; columns are characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file's path, as the user would name it.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// An error in what the user gave: shown with its place, and with what to do about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic(Box<Parts>);

#[derive(Debug, Clone, PartialEq)]
struct Parts {
    code: &'static str,
    message: String,
    at: Option<(Source, Range<usize>)>,
    label: String,
    hint: Option<String>,
    related: Vec<Diagnostic>,
}

/// The result of a stage that reads what the user gave.
pub type Result<T, E = Diagnostic> = std::result::Result<T, E>;

impl Diagnostic {
    /// An error of the kind `code`, such as `inventory::unknown-key`.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            code,
            message: message.into(),
            at: None,
            label: String::new(),
            hint: None,
            related: Vec::new(),
        }))
    }

    /// Where the error is, in bytes of the source.
    #[must_use]
    pub fn at(mut self, source: &Source, span: Range<usize>) -> Self {
        self.0.at = Some((source.clone(), span));
        self
    }

    /// What to write under the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.0.label = label.into();
        self
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Another place that explains this one, such as the call that led here.
    #[must_use]
    pub fn related(mut self, other: Diagnostic) -> Self {
        self.0.related.push(other);
        self
    }

    /// What is wrong, and what to do about it.
    pub fn in_one_line(&self) -> String {
        let hint = self.0.hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"));
        format!("{}{hint}", self.0.message)
    }

    /// The kind of the error, without the `converge::` that people see before it.
    pub fn kind(&self) -> &'static str {
        self.0.code
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The hint, if there is one.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The other places that explain it.
    pub fn others(&self) -> &[Diagnostic] {
        &self.0.related
    }

    /// Where the error is.
    pub fn place(&self) -> Option<Place> {
        self.0.at.as_ref().map(|(source, span)| source.place(span.start))
    }

    /// Whether a place was given already: the innermost place is the one to keep.
    pub fn has_place(&self) -> bool {
        self.0.at.is_some()
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Diagnostic {}

impl miette::Diagnostic for Diagnostic {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.0.code.is_empty())
            .then(|| Box::new(format!("converge::{}", self.0.code)) as Box<dyn fmt::Display>)
    }

    /// A note that explains another diagnostic has no kind of its own.
    fn severity(&self) -> Option<miette::Severity> {
        self.0.code.is_empty().then_some(miette::Severity::Advice)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.at.as_ref().map(|(source, _)| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (_, span) = self.0.at.as_ref()?;
        let label = (!self.0.label.is_empty()).then(|| self.0.label.clone());
        Some(Box::new(std::iter::once(LabeledSpan::new(label, span.start, span.len()))))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        if self.0.related.is_empty() {
            return None;
        }
        Some(Box::new(self.0.related.iter().map(|other| other as &dyn miette::Diagnostic)))
    }
}

impl SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        before: usize,
        after: usize,
    ) -> std::result::Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let contents = self.text.as_ref().read_span(span, before, after)?;
        Ok(Box::new(miette::MietteSpanContents::new_named(
            self.name.to_string(),
            contents.data(),
            *contents.span(),
            contents.line(),
            contents.column(),
            contents.line_count(),
        )))
    }
}

/// The nearest of `known` to a mistyped word, as a hint: ``did you mean `content`?``. A word that was cut short is
/// near whatever it begins.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = |candidate: &'a str| {
        let distance = strsim::damerau_levenshtein(word, candidate);
        let longest = candidate.chars().count().max(word.chars().count());
        let cut_short = word.len() > 2 && candidate.starts_with(word);
        (cut_short || distance <= (longest + 1) / 3).then_some((distance, !cut_short, candidate))
    };
    let (_, _, nearest) = known.into_iter().filter_map(near).min()?;
    Some(format!("did you mean `{nearest}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_characters_from_one() {
        let source = Source::new("a.rhai", "é = 1;\nlet x = \"two words\";\n");
        assert_eq!(source.place(0).to_string(), "a.rhai:1:1");
        assert_eq!(source.place("é = ".len()).to_string(), "a.rhai:1:5");
        assert_eq!(&source.text[source.word_at(2, 5)], "x");
        assert_eq!(&source.text[source.word_at(2, 9)], "\"two words\"");
        assert_eq!(source.word_at(9, 9), source.text.len()..source.text.len());
    }

    #[test]
    fn only_a_near_word_is_suggested() {
        let known = ["content", "owner", "mode"];
        assert_eq!(did_you_mean("contnet", known).as_deref(), Some("did you mean `content`?"));
        assert_eq!(did_you_mean("cont", known).as_deref(), Some("did you mean `content`?"));
        assert_eq!(did_you_mean("elephant", known), None);
        assert_eq!(did_you_mean("a", ["b"]), None);
    }
}
