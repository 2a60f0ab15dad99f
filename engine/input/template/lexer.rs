//! The words and signs of an expression, as far as a translation needs them.

use std::ops::Range;

/// What a part of an expression is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum TokenKind {
    Name,
    Text,
    Number,
    Sign,
}

/// A part of an expression.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) at: Range<usize>,
}

/// The tokens up to `end`, and the place behind it.
pub(super) fn tokens(text: &str, start: usize, end: &str) -> (Vec<Token>, usize) {
    let bytes = text.as_bytes();
    let (mut tokens, mut at, mut depth) = (Vec::new(), start, 0_u32);
    while at < bytes.len() {
        if depth == 0 && text[at..].starts_with(end) {
            return (tokens, at + end.len());
        }
        let first = at;
        let byte = bytes[at];
        let kind = match byte {
            b'"' | b'\'' => {
                at += 1;
                while at < bytes.len() && bytes[at] != byte {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at = (at + 1).min(bytes.len());
                TokenKind::Text
            }
            b'0'..=b'9' => {
                while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_') {
                    at += 1;
                }
                TokenKind::Number
            }
            b if b.is_ascii_alphabetic() || b == b'_' || b >= 0x80 => {
                while at < bytes.len()
                    && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_' || bytes[at] >= 0x80)
                {
                    at += 1;
                }
                TokenKind::Name
            }
            b if b.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b => {
                match b {
                    b'(' | b'[' | b'{' => depth += 1,
                    b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                at += if matches!(
                    text.get(at..at + 2),
                    Some("**" | "//" | "==" | "!=" | "<=" | ">=")
                ) {
                    2
                } else {
                    1
                };
                TokenKind::Sign
            }
        };
        tokens.push(Token { kind, at: first..at });
    }
    (tokens, bytes.len())
}

/// Words that are no values.
pub(super) fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "and" | "or" | "not" | "in" | "is" | "if" | "else" | "elif" | "for" | "set" | "recursive"
    )
}
