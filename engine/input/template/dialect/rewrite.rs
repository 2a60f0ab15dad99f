//! Says a part of a template in other words.

use std::ops::Range;

use super::{
    super::{
        edit::TemplateEdit,
        lexer::{Token, TokenKind},
    },
    COMPARE, DIG, PRINTF, Translation,
};

impl Translation<'_> {
    pub(super) fn newlines(&mut self, begin: usize) {
        let newline = &self.settings.newline;
        if newline == "\n" && !self.text.contains('\r') {
            return;
        }
        let bytes = self.text.as_bytes();
        let mut at = begin;
        while at < bytes.len() {
            let length = match bytes[at] {
                b'\r' if bytes.get(at + 1) == Some(&b'\n') => 2,
                b'\r' | b'\n' => 1,
                _ => 0,
            };
            if length > 0 && self.text[at..at + length] != **newline {
                let inserted = newline.clone();
                self.edits.push(TemplateEdit { at, removed: length, inserted, opens: false });
            }
            at += length.max(1);
        }
    }

    /// `a < b` becomes `compare(a, "<", b)`.
    pub(super) fn compare(
        &mut self,
        tokens: &[Token],
        left: usize,
        sign: usize,
        right: usize,
        end: usize,
    ) {
        // A mark for spaces before the end of a tag is no part of it.
        let end =
            if end == tokens.len() && self.word(tokens, end - 1) == "-" { end - 1 } else { end };
        if right >= end || right != sign + 1 {
            return;
        }
        let operator = format!(", \"{}\", ", self.word(tokens, sign));
        self.replace(&tokens[sign].at.clone(), &operator);
        self.wrap(tokens[left].at.start, tokens[end.min(tokens.len()) - 1].at.end, COMPARE);
    }

    /// `a.b['c']` becomes `dig(a, "b", 'c')`.
    pub(super) fn dig(&mut self, tokens: &[Token], begin: usize, steps: &[Range<usize>]) {
        let Some(end) =
            steps.last().and_then(|step| tokens.get(step.end)).map(|token| token.at.end)
        else {
            return;
        };
        for step in steps {
            let (open, close) = (tokens[step.start].at.clone(), tokens[step.end].at.clone());
            match (&self.text[open.clone()], tokens[step.end].kind) {
                (".", TokenKind::Number) => self.replace(&open, ", "),
                (".", _) => {
                    self.replace(&open, ", \"");
                    self.edits.push(TemplateEdit {
                        at: close.end,
                        removed: 0,
                        inserted: "\"".to_owned(),
                        opens: false,
                    });
                }
                _ => {
                    self.replace(&open, ", ");
                    self.replace(&close, "");
                }
            }
        }
        self.wrap(begin, end, DIG);
    }

    /// `'%s' % x` becomes `printf('%s' , x)`.
    pub(super) fn printf(&mut self, tokens: &[Token], text: usize, sign: usize) -> usize {
        let mut value = sign + 1;
        while matches!(self.word(tokens, value), "-" | "+") {
            value += 1;
        }
        if value >= tokens.len() {
            return value;
        }
        let behind = self.operand(tokens, value);
        self.replace(&tokens[sign].at.clone(), ",");
        self.wrap(tokens[text].at.start, tokens[behind.min(tokens.len()) - 1].at.end, PRINTF);
        behind
    }

    pub(super) fn wrap(&mut self, start: usize, end: usize, function: &str) {
        self.edits.push(TemplateEdit {
            at: start,
            removed: 0,
            inserted: format!("{function}("),
            opens: true,
        });
        self.edits.push(TemplateEdit {
            at: end,
            removed: 0,
            inserted: ")".to_owned(),
            opens: false,
        });
    }

    pub(super) fn replace(&mut self, at: &Range<usize>, inserted: &str) {
        let (at, removed) = (at.start, at.len());
        self.edits.push(TemplateEdit { at, removed, inserted: inserted.to_owned(), opens: false });
    }

    /// Puts a text where none was.
    pub(super) fn insert(&mut self, at: usize, inserted: String) {
        self.edits.push(TemplateEdit { at, removed: 0, inserted, opens: false });
    }
}
