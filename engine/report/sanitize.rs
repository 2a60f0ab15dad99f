//! Text from outside cannot move the cursor, hide itself or forge a line.

use std::{borrow::Cow, fmt::Write as _};

/// How a text is going to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Within a line.
    Line,
    /// On lines of its own, character for character.
    Block,
    /// What a program printed: as a terminal would leave it, where a carriage return starts the line anew.
    Printed,
}

/// The text with everything that a terminal would obey, or the eye not see, written out: `^[`, `\u{202e}`.
pub(super) fn sanitize(text: &str, shape: Shape) -> Cow<'_, str> {
    match shape {
        Shape::Line => escape(text.trim_end_matches('\n'), &[]),
        Shape::Block => escape(text, &['\n', '\t']),
        Shape::Printed if text.contains('\r') => {
            let lines: Vec<_> = text.split('\n').map(last_overwrite).collect();
            escape(&lines.join("\n"), &['\n', '\t']).into_owned().into()
        }
        Shape::Printed => escape(text, &['\n', '\t']),
    }
}

/// As [`Shape::Block`], but colours stay: for text that was painted here around text from outside.
pub(super) fn sanitize_painted(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        let (before, sequence) = rest.split_at(at);
        let length = colour_length(sequence);
        safe.push_str(&sanitize(before, Shape::Block));
        match length {
            Some(length) => safe.push_str(&sequence[..length]),
            None => safe.push_str("^["),
        }
        rest = &sequence[length.unwrap_or(1)..];
    }
    safe.push_str(&sanitize(rest, Shape::Block));
    safe
}

/// The length of the colour sequence (`ESC [ 1 ; 31 m`) that a text starts with.
fn colour_length(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    parameters[end..].starts_with('m').then_some(2 + end + 1)
}

fn last_overwrite(line: &str) -> &str {
    let line = line.trim_end_matches('\r');
    line.rsplit('\r').next().unwrap_or(line)
}

/// Writes out what is dangerous, but for what is kept.
fn escape<'a>(text: &'a str, kept: &[char]) -> Cow<'a, str> {
    // Nearly all texts are plain, and are known to be so byte by byte.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let dangerous = |c: char| (c.is_control() || deceives(c)) && !kept.contains(&c);
    let Some(first) = text.find(dangerous) else { return Cow::Borrowed(text) };
    let (harmless, rest) = text.split_at(first);
    let mut safe = String::with_capacity(text.len() + 1);
    safe.push_str(harmless);
    for c in rest.chars() {
        match c {
            _ if !dangerous(c) => safe.push(c),
            '\n' => safe.push_str("\\n"),
            '\t' => safe.push_str("\\t"),
            '\0'..='\x1f' => {
                safe.push('^');
                safe.push(char::from(c as u8 + 0x40));
            }
            '\x7f' => safe.push_str("^?"),
            _ => {
                write!(safe, "\\u{{{:x}}}", u32::from(c)).expect("a String takes all text");
            }
        }
    }
    Cow::Owned(safe)
}

/// Characters that are not control characters, but change the order of the others, break the line or are not seen.
pub(super) fn deceives(c: char) -> bool {
    matches!(c,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(sanitize("\x1b[2Jgone\x07", Shape::Block), "^[[2Jgone^G");
        assert_eq!(sanitize("\u{9b}2J", Shape::Line), "\\u{9b}2J");
        assert_eq!(sanitize("a\u{202e}b", Shape::Line), "a\\u{202e}b");
        assert_eq!(sanitize("a\nok: b\n", Shape::Line), "a\\nok: b");
        assert_eq!(sanitize("a\r\n", Shape::Block), "a^M\n");
    }

    #[test]
    fn a_progress_bar_leaves_its_last_state() {
        assert_eq!(sanitize("10 %\r50 %\r100 %\r\ndone", Shape::Printed), "100 %\ndone");
    }

    #[test]
    fn only_colours_pass_in_painted_text() {
        assert_eq!(sanitize_painted("\x1b[1;31mred\x1b[0m\x1b[2J"), "\x1b[1;31mred\x1b[0m^[[2J");
        assert_eq!(sanitize_painted("\x1b[31\x1b"), "^[[31^[");
    }

    proptest! {
        #[test]
        fn nothing_that_moves_the_cursor_remains(text in any::<String>()) {
            let harmless = |c: char| !c.is_control() && !deceives(c);
            prop_assert!(sanitize(&text, Shape::Line).chars().all(harmless));
            for shape in [Shape::Block, Shape::Printed] {
                let safe = sanitize(&text, shape);
                prop_assert!(safe.chars().all(|c| harmless(c) || matches!(c, '\n' | '\t')));
            }
            let painted = sanitize_painted(&text);
            let bare = console::strip_ansi_codes(&painted);
            prop_assert!(bare.chars().all(|c| harmless(c) || matches!(c, '\n' | '\t')));
        }

        #[test]
        fn harmless_text_stays(text in "[a-zäöü€ 0-9/:.-]*") {
            prop_assert_eq!(sanitize(&text, Shape::Line), text.clone());
            prop_assert_eq!(sanitize_painted(&text), text);
        }
    }
}
