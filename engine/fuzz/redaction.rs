//! Secrets in what is shown, whole or in pieces, in each form; and what texts can do to a terminal.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::misleads;
use crate::{
    base::{
        script::Quoted,
        secret::{CUT, Redactor, Secret},
    },
    io::remote::one_line,
    report,
};

/// Less than this says little, and is not looked for.
const PIECE: usize = 16;

/// Four bytes say in which form, from where to where, and how it is wrapped; up to the next zero stands the secret; what
/// follows is around it.
pub(super) fn run(bytes: &[u8]) {
    clean(&String::from_utf8_lossy(bytes));
    let Some((&[form, from, count, width], rest)) = bytes.split_first_chunk() else { return };
    let mut parts = rest.splitn(2, |byte| *byte == 0).map(String::from_utf8_lossy);
    let secret = parts.next().unwrap_or_default();
    let around = parts.next().unwrap_or_default();
    if secret.len() < PIECE {
        return;
    }
    let (whole, gaps) = written(form, &secret);
    let piece = piece(&whole, from, count);
    let shown = match (gaps, width) {
        (true, 1..) => wrapped(piece, width.into()),
        _ => piece.to_owned(),
    };
    let (before, after) = around.split_at(around.floor_char_boundary(around.len() / 2));
    let text = [before, CUT, &shown, CUT, after].concat();
    let redactor = Redactor::new(&[Secret::new("s", &*secret)]);
    let safe = redactor.redact(&text);
    // What stands for a secret is none, however much it looks like one.
    for shown in safe.split("(secret s)") {
        match gaps {
            true => nothing_is_left(&dense(piece), &dense(shown)),
            false => nothing_is_left(piece.as_bytes(), shown.as_bytes()),
        }
    }
}

/// The secret in a form, and whether white space may stand in it.
fn written(form: u8, secret: &str) -> (String, bool) {
    let bytes = secret.as_bytes();
    let hex = |byte: &u8| format!("{byte:02x}");
    // The characters at both ends are of the neighbours too.
    let behind = |before: usize| {
        let encoded = STANDARD.encode([&b"xy"[..before], bytes, b"z"].concat());
        encoded[(before * 8).div_ceil(6)..(before + bytes.len()) * 8 / 6].to_owned()
    };
    let percent = |byte: &u8| match byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    let quoted = |quoted: String| quoted[1..quoted.len() - 1].to_owned();
    match form % 9 {
        0 => (secret.to_owned(), true),
        1 => (STANDARD.encode(secret), true),
        2 => (behind(1), true),
        3 => (behind(2), true),
        4 => (bytes.iter().map(hex).collect(), true),
        5 => (bytes.iter().map(hex).collect::<String>().to_uppercase(), true),
        6 => (bytes.iter().map(percent).collect(), false),
        7 => (quoted(Quoted(secret).to_string()), false),
        _ => (quoted(serde_json::Value::from(secret).to_string()), false),
    }
}

/// A piece, from one place to another.
fn piece(whole: &str, from: u8, count: u8) -> &str {
    let start = whole.floor_char_boundary(usize::from(from) * whole.len() / 512);
    let end = match count {
        0 => whole.len(),
        count => whole.floor_char_boundary((start + PIECE + usize::from(count)).min(whole.len())),
    };
    &whole[start..end.max(start)]
}

fn wrapped(text: &str, width: usize) -> String {
    let characters: Vec<char> = text.chars().collect();
    let lines = characters.chunks(width).map(|line| line.iter().collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}

/// Without what gaps are made of.
fn dense(text: &str) -> Vec<u8> {
    text.bytes().filter(|byte| *byte > b' ' && *byte != 0x7f).collect()
}

/// No piece of the form is in what is shown. A line of one byte says nothing.
fn nothing_is_left(form: &[u8], shown: &[u8]) {
    for piece in form.windows(PIECE) {
        let says = piece.iter().any(|byte| *byte != piece[0]);
        let left = says && shown.windows(PIECE).any(|window| window == piece);
        assert!(!left, "{} is left", piece.escape_ascii());
    }
}

/// What is shown neither moves the cursor nor misleads the eye.
fn clean(text: &str) {
    let line = one_line(text.as_bytes());
    assert!(!line.chars().any(char::is_control), "{line:?}");
    assert!(line.chars().count() <= 301, "{}", line.len());
    for (shown, kept) in report::fuzz::sanitized(text) {
        let wrong = shown.chars().find(|c| misleads(*c) && !kept.contains(c));
        assert_eq!(wrong, None, "{shown:?}");
    }
}
