//! The first line of a template that says how it is written: `#jinja2: trim_blocks: False`, as Ansible takes it.

use std::ops::Range;

use minijinja::{Error, syntax::SyntaxConfig};

/// How a template is written. Ansible's way, unless its first line says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct HeaderSettings {
    pub(super) block: [String; 2],
    pub(super) variable: [String; 2],
    pub(super) comment: [String; 2],
    line_statement: String,
    line_comment: String,
    trim_blocks: bool,
    lstrip_blocks: bool,
    keep_trailing_newline: bool,
    /// What every end of a line in the template becomes.
    pub(super) newline: String,
}

impl Default for HeaderSettings {
    fn default() -> Self {
        let pair = |start: &str, end: &str| [start.to_owned(), end.to_owned()];
        Self {
            block: pair("{%", "%}"),
            variable: pair("{{", "}}"),
            comment: pair("{#", "#}"),
            line_statement: String::new(),
            line_comment: String::new(),
            trim_blocks: true,
            lstrip_blocks: false,
            keep_trailing_newline: false,
            newline: "\n".to_owned(),
        }
    }
}

impl HeaderSettings {
    pub(super) fn syntax(&self) -> Result<SyntaxConfig, Error> {
        let own = |[start, end]: &[String; 2]| (start.clone(), end.clone());
        let (block, variable, comment) =
            (own(&self.block), own(&self.variable), own(&self.comment));
        SyntaxConfig::builder()
            .block_delimiters(block.0, block.1)
            .variable_delimiters(variable.0, variable.1)
            .comment_delimiters(comment.0, comment.1)
            .line_statement_prefix(self.line_statement.clone())
            .line_comment_prefix(self.line_comment.clone())
            .trim_blocks(self.trim_blocks)
            .lstrip_blocks(self.lstrip_blocks)
            .keep_trailing_newline(self.keep_trailing_newline)
            .build()
    }

    /// Whether a text can mean anything else than itself: Ansible leaves one without a marker as it is.
    pub(super) fn means_something(&self, text: &str) -> bool {
        let starts = [&self.block[0], &self.variable[0], &self.comment[0]];
        let lines = [&self.line_statement, &self.line_comment];
        starts
            .into_iter()
            .chain(lines.into_iter().filter(|prefix| !prefix.is_empty()))
            .any(|marker| text.contains(marker.as_str()))
    }
}

/// What the first line starts with.
const MARK: &str = "#jinja2:";

/// A first line that says how the template is written, and where the template itself begins.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) settings: HeaderSettings,
    pub(super) end: usize,
}

/// What is wrong with a first line, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misspelt {
    pub(super) message: String,
    pub(super) span: Range<usize>,
}

/// The keys that a first line can hold.
pub(super) const KEYS: [&str; 12] = [
    "block_end_string",
    "block_start_string",
    "comment_end_string",
    "comment_start_string",
    "keep_trailing_newline",
    "line_comment_prefix",
    "line_statement_prefix",
    "lstrip_blocks",
    "newline_sequence",
    "trim_blocks",
    "variable_end_string",
    "variable_start_string",
];

/// The settings of a template's first line, if it has one.
pub(super) fn header(text: &str) -> Result<Option<Header>, Misspelt> {
    let Some(rest) = text.strip_prefix(MARK) else { return Ok(None) };
    let Some(end) = rest.find('\n') else {
        let message = format!("the header with {MARK} has no template below it");
        return Err(Misspelt { message, span: 0..text.len() });
    };
    let mut settings = HeaderSettings::default();
    let mut at = MARK.len();
    for pair in rest[..end].split(',') {
        let span = at..at + pair.trim_end().len();
        at += pair.len() + 1;
        set(&mut settings, pair).map_err(|message| Misspelt { message, span })?;
    }
    if settings.syntax().is_err() {
        let message = "the start strings of blocks, variables and comments must differ".to_owned();
        return Err(Misspelt { message, span: 0..MARK.len() + end });
    }
    Ok(Some(Header { settings, end: MARK.len() + end + 1 }))
}

fn set(settings: &mut HeaderSettings, pair: &str) -> Result<(), String> {
    let Some((key, value)) = pair.split_once(':') else {
        return Err("write a setting as `key: value`".to_owned());
    };
    let (key, value) = (key.trim(), value.trim());
    let text = || {
        let inner =
            ['\'', '"'].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        let inner = inner.ok_or_else(|| format!("`{key}` takes a string in quotes"))?;
        Ok::<_, String>(inner.replace("\\r", "\r").replace("\\n", "\n"))
    };
    let yes = || match value {
        "True" => Ok(true),
        "False" => Ok(false),
        _ => Err(format!("`{key}` takes True or False")),
    };
    match key {
        "block_start_string" => settings.block[0] = text()?,
        "block_end_string" => settings.block[1] = text()?,
        "variable_start_string" => settings.variable[0] = text()?,
        "variable_end_string" => settings.variable[1] = text()?,
        "comment_start_string" => settings.comment[0] = text()?,
        "comment_end_string" => settings.comment[1] = text()?,
        "line_statement_prefix" => settings.line_statement = text()?,
        "line_comment_prefix" => settings.line_comment = text()?,
        "trim_blocks" => settings.trim_blocks = yes()?,
        "lstrip_blocks" => settings.lstrip_blocks = yes()?,
        "keep_trailing_newline" => settings.keep_trailing_newline = yes()?,
        "newline_sequence" => match text()?.as_str() {
            newline @ ("\n" | "\r\n" | "\r") => settings.newline = newline.to_owned(),
            _ => return Err(format!("`{key}` is '\\n', '\\r\\n' or '\\r'")),
        },
        _ => return Err(format!("there is no setting `{key}`")),
    }
    Ok(())
}
