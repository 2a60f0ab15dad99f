//! Loops over texts, and macros that take any arguments.

use super::{super::lexer::Token, ANY, EACH, OPEN, Translation};

/// A macro whose end was not found yet.
pub(super) struct Macro<'a> {
    name: &'a str,
    /// Where another parameter could stand, and whether one is before it.
    parameters: Option<(usize, bool)>,
    /// Whether it reads arguments that it has no parameters for.
    takes_any: bool,
}

impl Translation<'_> {
    /// Reads a statement that begins with the word at `first`, and whose tag ends at `end`.
    pub(super) fn statement(&mut self, tokens: &[Token], first: usize, end: usize) {
        match self.word(tokens, first) {
            "for" if self.asks_for_ends => self.for_each(tokens, first),
            "macro" => {
                let close = tokens.iter().rposition(|it| &self.text[it.at.clone()] == ")");
                let parameters = close
                    .map(|close| (tokens[close].at.start, self.word(tokens, close - 1) != "("));
                let name = self.word(tokens, first + 1);
                self.macros.push(Macro { name, parameters, takes_any: false });
            }
            "endmacro" => self.end_macro(tokens, end),
            _ => {}
        }
    }

    /// Notes what a macro reads.
    pub(super) fn reads(&mut self, tokens: &[Token]) {
        let Some(open) = self.macros.last_mut() else { return };
        open.takes_any |= tokens.iter().any(|it| ANY.contains(&&self.text[it.at.clone()]));
    }

    /// `for x in y if z` becomes `for x in each(y) if z`.
    fn for_each(&mut self, tokens: &[Token], first: usize) {
        let mut depth = 0;
        let mut begin = None;
        let mut last = None;
        for (at, token) in tokens.iter().enumerate().skip(first + 1) {
            match (&self.text[token.at.clone()], begin) {
                ("in", None) if depth == 0 => begin = Some(at + 1),
                ("if" | "recursive", Some(_)) if depth == 0 => break,
                // A mark for spaces, before the end of the tag.
                ("-" | "+", Some(_)) if at + 1 == tokens.len() => break,
                ("(" | "[" | "{", _) => depth += 1,
                (")" | "]" | "}", _) => depth -= 1,
                _ => {}
            }
            last = Some(at);
        }
        if let (Some(begin), Some(last)) = (begin, last)
            && begin <= last
        {
            self.wrap(tokens[begin].at.start, tokens[last].at.end, EACH);
        }
    }

    fn end_macro(&mut self, tokens: &[Token], end: usize) {
        let Some(Macro { name, parameters: Some((at, has_others)), takes_any: true }) =
            self.macros.pop()
        else {
            return;
        };
        let [varargs, kwargs] = ANY;
        let comma = if has_others { ", " } else { "" };
        self.insert(at, format!("{comma}{varargs}=[], {kwargs}={{}}"));
        let [open, close] = &self.settings.block;
        let last = tokens.last().map(|it| &self.text[it.at.clone()]);
        let mark = last.filter(|it| matches!(*it, "-" | "+")).unwrap_or_default();
        self.insert(end, format!("{open} set {name} = {OPEN}({name}) {mark}{close}"));
    }
}
