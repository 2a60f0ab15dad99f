//! The forms that a secret turns up in.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

use super::{SHORT, pieces::PIECE, reading::is_space};
use crate::base::script::Quoted;

/// Every way in which a secret usually appears. Output comes line by line, so each line that is long enough counts too; a line
/// that is as long as a piece is found by its pieces.
pub(super) fn of(secret: &str) -> Vec<Vec<u8>> {
    let text = secret.trim_end_matches(['\r', '\n']);
    let mut forms = encodings(text);
    if text.contains('\n') {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| (2 * SHORT..PIECE).contains(&line.len()));
        forms.extend(lines.flat_map(encodings));
    }
    if text.len() < secret.len() {
        forms.extend(encodings(secret));
    }
    forms.sort_unstable();
    forms.dedup();
    forms
}

fn encodings(text: &str) -> Vec<Vec<u8>> {
    let bytes = text.as_bytes();
    let mut forms = base64_forms(bytes);
    forms.extend([hex(bytes), hex(&swapped(bytes, 0)), hex(&swapped(bytes, 1))]);
    forms.extend(quoted(text));
    forms.retain(|form| form.len() >= SHORT && bytes.len() >= SHORT);
    forms.push(bytes.to_owned());
    // Where gaps are passed over in a text, those of the secret are too.
    let dense: Vec<u8> = bytes.iter().copied().filter(|byte| !is_space(*byte)).collect();
    forms.extend((dense.len() >= PIECE).then_some(dense));
    forms.retain(|form| !form.is_empty());
    forms
}

/// Base64 of the text alone, with its padding and without, and what it looks like inside of something longer:
/// three ways, by the place of its first byte in a group of three. There, the characters at both ends mix in
/// bits of the neighbours, and are left out.
fn base64_forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for engine in [&STANDARD, &URL_SAFE] {
        let padded = engine.encode(bytes);
        forms.push(padded.trim_end_matches('=').to_owned());
        forms.push(padded);
        for before in 0..3 {
            let shifted = engine.encode([&b"\0\0"[..before], bytes].concat());
            let first = (before * 8).div_ceil(6);
            let end = (before + bytes.len()) * 8 / 6;
            forms.extend(shifted.get(first..end).map(str::to_owned));
        }
    }
    forms.into_iter().map(String::into_bytes).collect()
}

/// The bytes as a dump of 16-bit words shows them, where the first one is the first of a word, or the second: of that word the
/// other half is not known. At the end of what is dumped, a word of one byte is filled up with zeros.
fn swapped(bytes: &[u8], before: usize) -> Vec<u8> {
    let words = bytes.get(before..).unwrap_or_default().chunks(2);
    words.flat_map(|word| [word.get(1).copied().unwrap_or_default(), word[0]]).collect()
}

/// In the quotes of a URL, of a shell and of JSON, and in capital digits.
fn quoted(text: &str) -> Vec<Vec<u8>> {
    let shell = Quoted(text).to_string();
    let json = serde_json::Value::from(text).to_string();
    let inside = |quoted: &str| quoted[1..quoted.len() - 1].to_owned();
    let capitals = base16ct::upper::encode_string(text.as_bytes());
    let forms = [
        percent_encoded(text, true),
        percent_encoded(text, false),
        inside(&shell),
        inside(&json),
        capitals,
    ];
    forms.map(String::into_bytes).into()
}

fn percent_encoded(text: &str, upper: bool) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte: u8| match (plain(byte), upper) {
        (true, _) => char::from(byte).to_string(),
        (false, true) => format!("%{byte:02X}"),
        (false, false) => format!("%{byte:02x}"),
    };
    text.bytes().map(encode).collect()
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    base16ct::lower::encode_string(bytes).into_bytes()
}
