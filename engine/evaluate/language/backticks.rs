//! Escapes in backticks, which mean nothing there: `\n` is written to the host as a backslash and an n.

use std::sync::Arc;

use super::Note;
use crate::base::diagnostic::{Place, Source};

/// The arguments whose texts are written to a host as they are.
const WRITTEN: [&str; 4] = ["content", "line", "stdin", "want"];

/// What looks like an escape and ends a text, or stands in one that is written to a host: a warning for each such text. In a
/// pattern or a command it may be meant.
pub(super) fn notes(source: &Source) -> Vec<Note> {
    let text = &*source.text;
    if !text.contains('`') || !text.contains('\\') {
        return Vec::new();
    }
    let note = |(start, inner): (usize, &str)| {
        let before = text[..start].trim_end();
        let argument = before.strip_suffix(':').map(|it| {
            let word = it.trim_end();
            &word[word.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + 1)..]
        });
        let is_written = argument.is_some_and(|argument| WRITTEN.contains(&argument));
        let escape = match argument {
            Some(argument) if !is_written && argument != "run" => return None,
            _ if inner.ends_with("\\n") => "\\n",
            _ if is_written && !inner.contains('\n') => {
                ["\\n", "\\t", "\\\""].into_iter().find(|escape| inner.contains(escape))?
            }
            _ => return None,
        };
        let message = format!(
            "`{escape}` is not an escape in backticks and stays two characters: write \"..{escape}\" in quotes, or \
             a line of its own in backticks"
        );
        Some(Note { warning: true, message, place: Some(place(source, start)) })
    };
    texts(text).into_iter().filter_map(note).collect()
}

fn place(source: &Source, at: usize) -> Place {
    let Place { line, column, .. } = source.place(at);
    Place { file: Arc::clone(&source.name), line, column }
}

/// The texts in backticks: where each starts, and what is in it.
fn texts(script: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = script.get(at..).filter(|rest| !rest.is_empty()) {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with('"') {
            quoted(rest)
        } else if rest.starts_with('`') {
            let length = in_backticks(rest);
            found.push((at, rest[1..length].trim_end_matches('`')));
            length
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        at += skipped;
    }
    found
}

/// How long the text in quotes is that stands at the start.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// How long the text in backticks is that stands at the start, with the values that are put in.
fn in_backticks(text: &str) -> usize {
    let mut at = 1;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("``") {
            at += 2;
        } else if rest.starts_with('`') {
            return at + 1;
        } else if rest.starts_with("${") {
            at += value(rest);
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// How long the `${ .. }` is that stands at the start.
fn value(text: &str) -> usize {
    let (mut at, mut depth) = (2, 1);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        match rest.as_bytes()[0] {
            b'"' => at += quoted(rest),
            b'`' => at += in_backticks(rest),
            b'{' => (at, depth) = (at + 1, depth + 1),
            b'}' if depth == 1 => return at + 1,
            b'}' => (at, depth) = (at + 1, depth - 1),
            _ => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_meant_is_pointed_out() {
        let told = |script: &str| notes(&Source::new("a.rhai", script)).len();
        for script in [
            r"file('/f', #{ content: `*/5 * * * * root x\n` })",
            r"let text = `a\n`;",
            r"line('/f', #{ line: `a\tb` })",
            r"f(#{ content: `a \n b` })",
            r#"f(#{ content: `say \"x\"` })"#,
            r"f(`${host.name}: ${`x`} \n`)",
            r"f(#{ run: `echo a\n` })",
        ] {
            assert_eq!(told(script), 1, "{script}");
        }
        for script in [
            r#"let text = "a\n";"#,
            r"line('/f', #{ match: `^a\.b\n` })",
            r"command('x', #{ run: `printf 'a\nb'` })",
            "f(#{ content: `#!/bin/sh\nprintf 'a\\n'\n` })",
            r"// `a\n`",
            r"/* `a\n` */ x",
            r#"print("`a\n`")"#,
            "let text = `a\nb`;",
            r"let pattern = `\d+`;",
        ] {
            assert_eq!(told(script), 0, "{script}");
        }
    }
}
