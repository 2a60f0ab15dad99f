//! The methods of texts, as Python has them.

use minijinja::{
    Error, ErrorKind, State,
    formatting::{FormatStyle, format},
    value::{Value, ValueKind},
};

use super::{
    arguments::Arguments,
    container::{self, tuple},
    python, wrong,
};
use crate::input::template::parts;

/// The methods of texts.
pub(super) const TEXT_METHODS: [&str; 46] = [
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
];

/// Calls a method of a value that has none of its own.
pub(super) fn call(
    _: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::String => of_text(value, method, Arguments::new(method, args)?, args),
        ValueKind::Map | ValueKind::Seq | ValueKind::Iterable => {
            container::method(value, method, args)
        }
        // Whoever prints it is told what is undefined.
        ValueKind::Undefined => Ok(value.clone()),
        ValueKind::Bytes if method == "decode" => {
            let text = String::from_utf8(value.as_bytes().unwrap_or_default().to_vec());
            text.map(Value::from).map_err(|_| wrong("the bytes are not UTF-8 text"))
        }
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

/// Where something is put in a space that is wider.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Side {
    Left,
    Right,
    Both,
}

/// A text in a width, which is filled up.
pub(super) fn pad(text: &str, width: i64, filling: char, side: Side) -> String {
    let length = text.chars().count();
    let width = usize::try_from(width).unwrap_or_default().min(1_000_000);
    let room = width.saturating_sub(length);
    let left = match side {
        Side::Left => 0,
        Side::Right => room,
        Side::Both => room / 2 + (room & width & 1),
    };
    let fill = |count: usize| filling.to_string().repeat(count);
    format!("{}{text}{}", fill(left), fill(room - left))
}

pub(super) fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    first + &chars.as_str().to_lowercase()
}

/// `split`, as a method and as a filter.
pub(super) fn split(_: &mut State<'_, '_>, value: &Value, args: Arguments) -> Result<Value, Error> {
    pieces(&python::text(value), args, false)
}

fn pieces(text: &str, mut args: Arguments, from_end: bool) -> Result<Value, Error> {
    let separator = args.maybe_text("sep");
    let limit = usize::try_from(args.int_or("maxsplit", -1)?).unwrap_or(usize::MAX);
    args.end()?;
    let mut parts: Vec<&str> = Vec::new();
    match separator.as_deref() {
        Some("") => return Err(wrong("an empty separator separates nothing")),
        Some(separator) if from_end => {
            parts.extend(text.rsplitn(limit.saturating_add(1), separator));
            parts.reverse();
        }
        Some(separator) => parts.extend(text.splitn(limit.saturating_add(1), separator)),
        None if from_end => {
            let mut rest = text.trim_end();
            while parts.len() < limit
                && let Some((before, part)) = rest.rsplit_once(char::is_whitespace)
            {
                parts.push(part);
                rest = before.trim_end();
            }
            parts.extend((!rest.trim().is_empty()).then_some(rest));
            parts.reverse();
        }
        None => {
            let mut rest = text.trim_start();
            while parts.len() < limit
                && let Some((part, behind)) = rest.split_once(char::is_whitespace)
            {
                parts.push(part);
                rest = behind.trim_start();
            }
            parts.extend((!rest.trim().is_empty()).then_some(rest));
        }
    }
    Ok(container::list(parts.into_iter().map(Value::from).collect()))
}

fn of_text(
    value: &Value,
    method: &str,
    mut args: Arguments,
    all: &[Value],
) -> Result<Value, Error> {
    let text = value.as_str().unwrap_or_default();
    let result = match method {
        "upper" => Value::from(text.to_uppercase()),
        "lower" | "casefold" if method == "lower" || !text.contains('ß') => {
            Value::from(text.to_lowercase())
        }
        "casefold" => Value::from(text.to_lowercase().replace('ß', "ss")),
        "capitalize" => Value::from(capitalize(text)),
        "title" => Value::from(python::title(text)),
        "swapcase" => {
            let swap = |c: char| -> String {
                if c.is_uppercase() {
                    c.to_lowercase().collect()
                } else {
                    c.to_uppercase().collect()
                }
            };
            Value::from(text.chars().map(swap).collect::<String>())
        }
        "strip" | "lstrip" | "rstrip" => {
            let chars = args.maybe_text("chars");
            let is_one = |c: char| {
                chars.as_ref().map_or_else(|| c.is_whitespace(), |chars| chars.contains(c))
            };
            Value::from(match method {
                "strip" => text.trim_matches(is_one),
                "lstrip" => text.trim_start_matches(is_one),
                _ => text.trim_end_matches(is_one),
            })
        }
        "ljust" | "rjust" | "center" => {
            let width = args.int("width")?;
            let filling = args.text_or("fillchar", " ")?;
            let mut chars = filling.chars();
            let (Some(filling), None) = (chars.next(), chars.next()) else {
                return Err(wrong("`fillchar` is one character"));
            };
            let side = match method {
                "ljust" => Side::Left,
                "rjust" => Side::Right,
                _ => Side::Both,
            };
            Value::from(pad(text, width, filling, side))
        }
        "zfill" => {
            let width = args.int("width")?;
            let digits = text.trim_start_matches(['-', '+']);
            let (sign, digits) =
                if text.len() - digits.len() == 1 { text.split_at(1) } else { ("", text) };
            Value::from(format!(
                "{sign}{}",
                pad(digits, width - sign.len() as i64, '0', Side::Right)
            ))
        }
        "split" | "rsplit" => return pieces(text, args, method == "rsplit"),
        "splitlines" => {
            let keep = args.bool_or("keepends", false)?;
            container::list(python::lines(text, keep).into_iter().map(Value::from).collect())
        }
        "partition" | "rpartition" => {
            let separator = args.text("sep")?;
            let parts = match method {
                "partition" => text
                    .split_once(&*separator)
                    .map_or((text, "", ""), |(a, b)| (a, &*separator, b)),
                _ => text
                    .rsplit_once(&*separator)
                    .map_or(("", "", text), |(a, b)| (a, &*separator, b)),
            };
            tuple([parts.0, parts.1, parts.2].map(Value::from).to_vec())
        }
        "startswith" | "endswith" => {
            let wanted = args.value("prefix")?;
            let (start, end) =
                (args.int_or("start", 0)?, args.optional("end").and_then(|it| it.as_i64()));
            let part = slice(text, start, end);
            let any = match wanted.as_str() {
                Some(one) => vec![one.to_owned()],
                None => {
                    parts::items(&wanted)?.iter().map(|it| python::text(it).into_owned()).collect()
                }
            };
            Value::from(any.iter().any(|it| match method {
                "startswith" => part.starts_with(&**it),
                _ => part.ends_with(&**it),
            }))
        }
        "removeprefix" => {
            let prefix = args.text("prefix")?;
            Value::from(text.strip_prefix(&*prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let suffix = args.text("suffix")?;
            Value::from(text.strip_suffix(&*suffix).unwrap_or(text))
        }
        "find" | "rfind" | "index" | "rindex" => {
            let wanted = args.text("sub")?;
            let (start, end) =
                (args.int_or("start", 0)?, args.optional("end").and_then(|it| it.as_i64()));
            let part = slice(text, start, end);
            let found =
                if method.starts_with('r') { part.rfind(&*wanted) } else { part.find(&*wanted) };
            let skipped = usize::try_from(start).unwrap_or_default();
            match found {
                Some(at) => Value::from(part[..at].chars().count() + skipped),
                None if method.ends_with("find") => Value::from(-1),
                None => return Err(wrong(format!("`{wanted}` is not in the text"))),
            }
        }
        "count" => {
            let wanted = args.text("sub")?;
            Value::from(if wanted.is_empty() {
                text.chars().count() + 1
            } else {
                text.matches(&*wanted).count()
            })
        }
        "replace" => {
            let (old, new, count) =
                (args.text("old")?, args.text("new")?, args.int_or("count", -1)?);
            Value::from(match usize::try_from(count) {
                Ok(count) => text.replacen(&*old, &new, count),
                Err(_) => text.replace(&*old, &new),
            })
        }
        "join" => {
            let items = parts::items(&args.value("iterable")?)?;
            let part = |item: &Value| match item.as_str() {
                Some(text) => Ok(text.to_owned()),
                None => Err(wrong(format!("`join` takes texts, not {}", python::repr(item)))),
            };
            Value::from(items.iter().map(part).collect::<Result<Vec<_>, _>>()?.join(text))
        }
        "expandtabs" => {
            let size = usize::try_from(args.int_or("tabsize", 8)?).unwrap_or_default().min(100);
            let (mut made, mut column) = (String::new(), 0);
            for c in text.chars() {
                if c == '\t' {
                    let count = if size == 0 { 0 } else { size - column % size };
                    made += &" ".repeat(count);
                    column += count;
                } else {
                    made.push(c);
                    column = if matches!(c, '\n' | '\r') { 0 } else { column + 1 };
                }
            }
            Value::from(made)
        }
        "encode" => {
            let encoding = args.text_or("encoding", "utf-8")?;
            match encoding.to_lowercase().as_str() {
                "utf-8" | "utf8" => Value::from_bytes(text.as_bytes().to_vec()),
                _ => return Err(wrong("`encode` knows utf-8 only")),
            }
        }
        "format" => {
            let whole = |value: &Value| match value.kind() {
                ValueKind::Number | ValueKind::String | ValueKind::Map | ValueKind::Seq => {
                    value.clone()
                }
                _ if value.is_kwargs() => value.clone(),
                _ => Value::from(python::text(value).into_owned()),
            };
            let all: Vec<Value> = all.iter().map(whole).collect();
            return format(FormatStyle::StrFormat, text, &all).map(Value::from);
        }
        "format_map" => {
            let named = parts::entries(&args.value("mapping")?)?;
            let named =
                named.into_iter().map(|(name, value)| (python::text(&name).into_owned(), value));
            let named = Value::from(minijinja::value::Kwargs::from_iter(named));
            return format(FormatStyle::StrFormat, text, &[named]).map(Value::from);
        }
        "translate" => {
            let table = args.value("table")?;
            let one = |c: char| match table.get_item(&Value::from(u32::from(c))) {
                Ok(to) if to.is_none() => String::new(),
                Ok(to) if to.is_integer() => to
                    .as_usize()
                    .and_then(|code| char::from_u32(code as u32))
                    .map(String::from)
                    .unwrap_or_default(),
                Ok(to) if !to.is_undefined() => python::text(&to).into_owned(),
                _ => c.to_string(),
            };
            Value::from(text.chars().map(one).collect::<String>())
        }
        _ if method.starts_with("is") => python::is(text, method)
            .map(Value::from)
            .ok_or_else(|| Error::from(ErrorKind::UnknownMethod))?,
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    };
    args.end()?;
    Ok(result)
}

/// The characters from one place to another, each counted from the end if it is below zero.
fn slice(text: &str, start: i64, end: Option<i64>) -> &str {
    if start == 0 && end.is_none() {
        return text;
    }
    let length = text.chars().count() as i64;
    let place = |at: i64| if at < 0 { (at + length).max(0) } else { at.min(length) } as usize;
    let byte = |at: usize| text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
    let (start, end) = (byte(place(start)), byte(place(end.unwrap_or(length))));
    text.get(start..end).unwrap_or_default()
}
