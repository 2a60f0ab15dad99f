//! Values as Python writes them: templates come from there, and what they print is compared byte for byte.

use std::borrow::Cow;

use minijinja::value::{Value, ValueKind};

use super::group::NamedPair;

/// What `str()` gives.
pub(super) fn text(value: &Value) -> Cow<'_, str> {
    match value.as_str() {
        Some(text) => Cow::Borrowed(text),
        None => {
            let mut text = String::new();
            write_repr(&mut text, value, false);
            Cow::Owned(text)
        }
    }
}

/// What `repr()` gives.
pub(super) fn repr(value: &Value) -> String {
    let mut text = String::new();
    write_repr(&mut text, value, false);
    text
}

/// What a template prints of what is no text: Ansible makes lists of tuples before.
pub(super) fn printed(value: &Value) -> String {
    let mut text = String::new();
    write_repr(&mut text, value, true);
    text
}

fn write_repr(out: &mut String, value: &Value, tuples_are_lists: bool) {
    match value.kind() {
        ValueKind::Undefined => {}
        ValueKind::None => out.push_str("None"),
        ValueKind::Bool => out.push_str(if value.is_true() { "True" } else { "False" }),
        ValueKind::Number if value.is_integer() => out.push_str(&format!("{value}")),
        ValueKind::Number => out.push_str(&float(f64::try_from(value.clone()).unwrap_or_default())),
        ValueKind::String => write_text(out, value.as_str().unwrap_or_default()),
        ValueKind::Seq | ValueKind::Iterable => {
            let is_group = value.downcast_object_ref::<NamedPair>().is_some();
            let round = is_group || (value.is_tuple() && !tuples_are_lists);
            out.push(if round { '(' } else { '[' });
            let mut count = 0;
            for item in value.try_iter().into_iter().flatten() {
                if count > 0 {
                    out.push_str(", ");
                }
                write_repr(out, &item, tuples_are_lists);
                count += 1;
            }
            if round && count == 1 {
                out.push(',');
            }
            out.push(if round { ')' } else { ']' });
        }
        ValueKind::Map => {
            out.push('{');
            for (at, key) in value.try_iter().into_iter().flatten().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write_repr(out, &key, tuples_are_lists);
                out.push_str(": ");
                write_repr(out, &value.get_item(&key).unwrap_or_default(), tuples_are_lists);
            }
            out.push('}');
        }
        ValueKind::Bytes => {
            out.push_str("b'");
            for byte in value.as_bytes().unwrap_or_default() {
                match byte {
                    b'\'' | b'\\' => out.push_str(&format!("\\{}", *byte as char)),
                    b'\n' => out.push_str("\\n"),
                    b' '..=b'~' => out.push(*byte as char),
                    _ => out.push_str(&format!("\\x{byte:02x}")),
                }
            }
            out.push('\'');
        }
        _ => out.push_str(&format!("{value}")),
    }
}

/// A text in quotes, with what cannot be printed as escapes.
fn write_text(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if is_printable(c) => out.push(c),
            c => match u32::from(c) {
                code @ ..=0xff => out.push_str(&format!("\\x{code:02x}")),
                code @ ..=0xffff => out.push_str(&format!("\\u{code:04x}")),
                code => out.push_str(&format!("\\U{code:08x}")),
            },
        }
    }
    out.push(quote);
}

/// Whether Python shows a character as itself.
pub(super) fn is_printable(c: char) -> bool {
    let hidden = matches!(
        c,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}'
    );
    c == ' ' || !(c.is_control() || c.is_whitespace() || hidden)
}

/// What Python calls the type of a value.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "Undefined",
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String => "str",
        ValueKind::Bytes => "bytes",
        ValueKind::Seq | ValueKind::Iterable if value.is_tuple() => "tuple",
        ValueKind::Seq | ValueKind::Iterable => "list",
        ValueKind::Map => "dict",
        _ => "object",
    }
}

/// The number that a value is, if it is one.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value.kind() {
        ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        ValueKind::Number => f64::try_from(value.clone()).ok(),
        _ => None,
    }
}

/// The lines of a text, without their ends or with them.
pub(super) fn lines(text: &str, keep: bool) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let is_end = |c: char| {
            matches!(
                c,
                '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                    ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
            )
        };
        let Some(end) = rest.find(is_end) else {
            lines.push(rest);
            break;
        };
        let length = match rest[end..].starts_with("\r\n") {
            true => 2,
            false => rest[end..].chars().next().map_or(1, char::len_utf8),
        };
        lines.push(&rest[..if keep { end + length } else { end }]);
        rest = &rest[end + length..];
    }
    lines
}

/// Each letter behind something else than a letter is capital.
pub(super) fn title(text: &str) -> String {
    let mut title = String::new();
    let mut inside = false;
    for c in text.chars() {
        match inside {
            true => title.extend(c.to_lowercase()),
            false => title.extend(c.to_uppercase()),
        }
        inside = c.is_alphabetic();
    }
    title
}

/// What a text consists of, for the methods whose names begin with `is`.
pub(super) fn is(text: &str, method: &str) -> Option<bool> {
    let all = |holds: fn(char) -> bool| !text.is_empty() && text.chars().all(holds);
    let cased = text.chars().any(|c| c.is_lowercase() || c.is_uppercase());
    Some(match method {
        "isdigit" | "isdecimal" => all(|c| c.is_ascii_digit() || (!c.is_ascii() && c.is_numeric())),
        "isnumeric" => all(char::is_numeric),
        "isalnum" => all(char::is_alphanumeric),
        "isalpha" => all(char::is_alphabetic),
        "isspace" => all(char::is_whitespace),
        "isascii" => text.is_ascii(),
        "isprintable" => text.chars().all(is_printable),
        "islower" => cased && !text.chars().any(char::is_uppercase),
        "isupper" => cased && !text.chars().any(char::is_lowercase),
        "istitle" => cased && title(text) == text,
        "isidentifier" => {
            all(|c| c.is_alphanumeric() || c == '_') && !text.starts_with(|c: char| c.is_numeric())
        }
        _ => return None,
    })
}

/// A number with a fraction: the fewest digits that mean it.
pub(super) fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let digits = format!("{number:e}");
    let (mantissa, exponent) = digits.split_once('e').unwrap_or((&digits, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        let plain = format!("{number}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_in_python() {
        let shown =
            [1e20, 1.0, 100_000.0, 1e16, 1.5e-7, 0.0001, 123_456.789, -0.5, 1e15].map(float);
        let wanted = [
            "1e+20",
            "1.0",
            "100000.0",
            "1e+16",
            "1.5e-07",
            "0.0001",
            "123456.789",
            "-0.5",
            "1000000000000000.0",
        ];
        assert_eq!(shown, wanted);
    }

    #[test]
    fn texts_are_as_in_python() {
        let shown = |text: &str| repr(&Value::from(text));
        assert_eq!(shown("a"), "'a'");
        assert_eq!(shown("it's"), "\"it's\"");
        assert_eq!(shown("both ' and \""), "'both \\' and \"'");
        assert_eq!(shown("a\n\t\\\u{a0}\u{7f}é"), "'a\\n\\t\\\\\\xa0\\x7fé'");
    }
}
