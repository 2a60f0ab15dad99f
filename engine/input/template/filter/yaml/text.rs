//! Plain words, quotes and escapes of YAML: how a text can be written.

use minijinja::value::Value;

use super::{super::super::python, Emitter};

impl Emitter {
    pub(super) fn single_quoted(&mut self, text: &str, split: bool) {
        self.indicator("'", true, false, false);
        let chars: Vec<char> = text.chars().collect();
        let (mut spaces, mut breaks, mut start) = (false, false, 0);
        for end in 0..=chars.len() {
            let c = chars.get(end).copied();
            let run = || chars[start..end].iter().collect::<String>();
            if spaces {
                if c != Some(' ') {
                    if start + 1 == end
                        && self.column > self.width
                        && split
                        && start != 0
                        && end != chars.len()
                    {
                        self.write_indent();
                    } else {
                        self.write(&run());
                    }
                    start = end;
                }
            } else if breaks {
                if !c.is_some_and(is_break) {
                    if chars[start] == '\n' {
                        self.line_break();
                    }
                    for _ in start..end {
                        self.line_break();
                    }
                    self.write_indent();
                    start = end;
                }
            } else if c.is_none_or(|c| c == ' ' || c == '\'' || is_break(c)) && start < end {
                self.write(&run());
                start = end;
            }
            if c == Some('\'') {
                self.write("''");
                start = end + 1;
            }
            if let Some(c) = c {
                spaces = c == ' ';
                breaks = is_break(c);
            }
        }
        self.indicator("'", false, false, false);
    }

    /// As libyaml does it, which PyYAML uses wherever it is there: a line is broken at a space, and at nothing else.
    pub(super) fn double_quoted(&mut self, text: &str, split: bool) {
        self.indicator("\"", true, false, false);
        let mut after_space = false;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|(_, next)| *next);
            let may_break = split && !after_space && at > 0 && next.is_some();
            if c == ' ' && may_break && self.column > self.width {
                self.write_indent();
                if next == Some(' ') {
                    self.write("\\");
                }
            } else if self.is_itself(c) {
                self.write(c.encode_utf8(&mut [0; 4]));
            } else {
                self.write(&escaped(c));
            }
            after_space = c == ' ';
        }
        self.indicator("\"", false, false, false);
    }

    /// Whether a character stands for itself between double quotes.
    fn is_itself(&self, c: char) -> bool {
        let is_plain =
            (' '..='~').contains(&c) || (self.unicode && is_wide(c) && u32::from(c) < 0x10000);
        is_plain && !matches!(c, '"' | '\\' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
    }
}

/// A float: `1e+20` is `1.0e+20`, which YAML reads as a number.
pub(super) fn float(value: &Value) -> String {
    match python::text(value).as_ref() {
        "inf" => ".inf".to_owned(),
        "-inf" => "-.inf".to_owned(),
        "nan" => ".nan".to_owned(),
        number if !number.contains('.') => number.replacen('e', ".0e", 1),
        number => number.to_owned(),
    }
}

/// The words of a text, each with the spaces behind it.
pub(super) fn words(text: &str) -> Vec<(&str, &str)> {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, behind) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
        let (spaces, behind) = behind.split_at(behind.find(|c| c != ' ').unwrap_or(behind.len()));
        words.push((word, spaces));
        rest = behind;
    }
    words
}

pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_wide(c: char) -> bool {
    c == '\u{85}'
        || matches!(c, '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10fffe}')
}

fn escaped(c: char) -> String {
    match c {
        '\0' => "\\0".to_owned(),
        '\u{7}' => "\\a".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\t' => "\\t".to_owned(),
        '\n' => "\\n".to_owned(),
        '\u{b}' => "\\v".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\r' => "\\r".to_owned(),
        '\u{1b}' => "\\e".to_owned(),
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\u{85}' => "\\N".to_owned(),
        '\u{a0}' => "\\_".to_owned(),
        '\u{2028}' => "\\L".to_owned(),
        '\u{2029}' => "\\P".to_owned(),
        c => match u32::from(c) {
            code @ ..=0xff => format!("\\x{code:02X}"),
            code @ ..=0xffff => format!("\\u{code:04X}"),
            code => format!("\\U{code:08X}"),
        },
    }
}

/// How a text can be written.
pub(super) struct Analysis {
    pub(super) multiline: bool,
    pub(super) flow_plain: bool,
    pub(super) block_plain: bool,
    pub(super) single_quoted: bool,
}

impl Analysis {
    pub(super) fn of(text: &str, unicode: bool) -> Self {
        if text.is_empty() {
            return Self {
                multiline: false,
                flow_plain: false,
                block_plain: true,
                single_quoted: true,
            };
        }
        let chars: Vec<char> = text.chars().collect();
        let is_space = |c: Option<&char>| {
            c.is_none_or(|c| matches!(c, '\0' | ' ' | '\t' | '\r') || is_break(*c))
        };
        let starts = text.starts_with("---") || text.starts_with("...");
        let (mut block, mut flow) = (starts, starts);
        let (mut multiline, mut special, mut break_space, mut space_break) =
            (false, false, false, false);
        for (at, c) in chars.iter().copied().enumerate() {
            let before = at.checked_sub(1).map(|at| chars[at]);
            let followed = is_space(chars.get(at + 1));
            let (of_block, of_flow) = match (at, c) {
                (
                    0,
                    '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"'
                    | '%' | '@' | '`',
                ) => (true, true),
                (0, '?' | ':') => (followed, true),
                (0, '-') => (followed, followed),
                (0, _) => (false, false),
                (_, ',' | '?' | '[' | ']' | '{' | '}') => (false, true),
                (_, ':') => (followed, true),
                (_, '#') => [is_space(before.as_ref()); 2].into(),
                _ => (false, false),
            };
            block |= of_block;
            flow |= of_flow;
            multiline |= is_break(c);
            let is_plain = c == '\n' || (' '..='~').contains(&c);
            special |= !(is_plain || is_wide(c) && c != '\u{feff}' && unicode);
            break_space |= c == ' ' && before.is_some_and(is_break);
            space_break |= is_break(c) && before == Some(' ');
        }
        let edge = |c: Option<&char>| c.is_some_and(|c| *c == ' ' || is_break(*c));
        let plain = !(edge(chars.first())
            || edge(chars.last())
            || break_space
            || space_break
            || special
            || multiline);
        Self {
            multiline,
            flow_plain: plain && !flow,
            block_plain: plain && !block,
            single_quoted: !(break_space || space_break || special),
        }
    }
}
