//! Reads the expressions of a template, as far as a translation needs them.

use std::ops::Range;

use super::{
    super::lexer::{Token, TokenKind, is_keyword},
    LIST, MAP, Translation,
};

/// Brackets in brackets that are looked into; what is deeper is left as it is.
const DEPTH: usize = 100;

impl Translation<'_> {
    /// Reads expressions up to the bracket that closes them, and gives the place of that.
    pub(super) fn expressions(&mut self, tokens: &[Token], at: usize) -> usize {
        if self.depth > DEPTH {
            return tokens.len();
        }
        self.depth += 1;
        let end = self.values(tokens, at);
        self.depth -= 1;
        end
    }

    fn values(&mut self, tokens: &[Token], mut at: usize) -> usize {
        // Where the sum or product before the next operator begins, and a comparison that waits for its other side.
        let (mut begin, mut open): (Option<usize>, Option<(usize, usize)>) = (None, None);
        while at < tokens.len() {
            let word = self.word(tokens, at);
            let is_value = tokens[at].kind != TokenKind::Sign && !is_keyword(word)
                || matches!(word, "(" | "[" | "{");
            let is_between = matches!(word, "+" | "-" | "*" | "/" | "//" | "**" | "%" | "~");
            if word == "+" && begin.is_none_or(|it| it == at) {
                self.replace(&tokens[at].at.clone(), "");
                at += 1;
                continue;
            }
            if is_value || is_between {
                begin = begin.or(Some(at));
                at = if is_value { self.operand(tokens, at) } else { at + 1 };
                continue;
            }
            let is_order = matches!(word, "<" | ">" | "<=" | ">=");
            let ends = matches!(word, ")" | "]" | "}");
            match (open.take(), begin.take()) {
                // One that has a third side is left as it is.
                (Some(_), Some(_)) if is_order => {}
                (Some((left, sign)), Some(right)) => self.compare(tokens, left, sign, right, at),
                (None, Some(left)) if is_order => open = Some((left, at)),
                _ => {}
            }
            if ends {
                return at;
            }
            at += 1;
        }
        if let (Some((left, sign)), Some(right)) = (open, begin) {
            self.compare(tokens, left, sign, right, at);
        }
        at
    }

    /// Reads a value with all that hangs on it, and gives the place behind.
    pub(super) fn operand(&mut self, tokens: &[Token], start: usize) -> usize {
        let mut at = self.primary(tokens, start);
        let begin = tokens[start].at.start;
        // The steps of a path since its last call: where each begins, and ends.
        let mut steps: Vec<Range<usize>> = Vec::new();
        let is_value =
            tokens[start].kind != TokenKind::Name || !is_keyword(self.word(tokens, start));
        while is_value && at < tokens.len() {
            match self.word(tokens, at) {
                "." if at + 1 < tokens.len() => {
                    steps.push(at..at + 1);
                    at += 2;
                }
                "[" => {
                    let slice = self.has_colon(tokens, at);
                    let close = self.expressions(tokens, at + 1);
                    if slice {
                        steps.clear();
                    } else {
                        steps.push(at..close);
                    }
                    at = close + 1;
                }
                "(" => {
                    at = self.expressions(tokens, at + 1) + 1;
                    steps.clear();
                }
                "|" if at + 1 < tokens.len() => {
                    let (last, behind) = self.dotted(tokens, at + 1);
                    if matches!(last, "default" | "d") {
                        self.dig(tokens, begin, &steps);
                    }
                    steps.clear();
                    at = behind;
                }
                "is" => {
                    let not = usize::from(self.word(tokens, at + 1) == "not");
                    let (last, behind) = self.dotted(tokens, at + 1 + not);
                    if matches!(last, "defined" | "undefined") {
                        self.dig(tokens, begin, &steps);
                    }
                    steps.clear();
                    at = behind;
                }
                "%" if at == start + 1 && tokens[start].kind == TokenKind::Text => {
                    return self.printf(tokens, start, at);
                }
                _ => break,
            }
        }
        at
    }

    /// A name with dots, as filters and tests have: its last word, and the place behind it.
    fn dotted(&self, tokens: &[Token], mut at: usize) -> (&str, usize) {
        while self.word(tokens, at + 1) == "." {
            at += 2;
        }
        (self.word(tokens, at), at + 1)
    }

    fn has_colon(&self, tokens: &[Token], open: usize) -> bool {
        let mut depth = 0;
        for token in &tokens[open..] {
            match &self.text[token.at.clone()] {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" if depth == 1 => return false,
                ")" | "]" | "}" => depth -= 1,
                ":" if depth == 1 => return true,
                _ => {}
            }
        }
        false
    }

    fn primary(&mut self, tokens: &[Token], at: usize) -> usize {
        let open = self.word(tokens, at);
        let of = match open {
            "(" => None,
            "[" => Some(LIST),
            "{" => Some(MAP),
            _ => return at + 1,
        };
        let close = self.expressions(tokens, at + 1);
        if let (Some(of), true, Some(last)) = (of, self.changes, tokens.get(close)) {
            self.wrap(tokens[at].at.start, last.at.end, of);
        }
        close + 1
    }
}
