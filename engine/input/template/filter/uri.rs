//! Addresses, and words for a shell.

use indexmap::IndexMap;
use minijinja::{
    Error, State,
    value::{Value, ValueKind},
};

use super::{
    super::{arguments::Arguments, container, python::text, word::Word, wrong},
    urlize::urlize,
    value::{no_such, plain},
};
use crate::input::template::parts;

pub(super) const FILTERS: &[Word] = &[
    Word::new(&["quote"], "as one word for a shell", |_, value, args| {
        args.end()?;
        Ok(Value::from(if value.is_none() { "''".to_owned() } else { quote(&text(value)) }))
    }),
    Word::new(&["urlencode"], "for an address: a text, or a map as a query", urlencode),
    Word::new(&["urldecode"], "the decoded text", |_, value, args| plain(value, args, decode)),
    Word::new(&["urlize"], "a text with its addresses as links of HTML", urlize),
    Word::new(&["urlsplit"], "the parts of an address, or one of them", urlsplit),
];

/// As Python's `shlex.quote`.
fn quote(text: &str) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    match !text.is_empty() && text.chars().all(is_safe) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\"'\"'")),
    }
}

fn encode(text: &str, safe: &str, plus: bool) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b if b.is_ascii_alphanumeric()
                || b"_.-~".contains(&b)
                || safe.as_bytes().contains(&b) =>
            {
                encoded.push(b as char);
            }
            b' ' if plus => encoded.push('+'),
            b => encoded += &format!("%{b:02X}"),
        }
    }
    encoded
}

fn urlencode(_: &mut State<'_, '_>, value: &Value, args: Arguments) -> Result<Value, Error> {
    args.end()?;
    let pairs = match value.kind() {
        ValueKind::Map => parts::entries(value)?,
        ValueKind::Seq | ValueKind::Iterable => parts::pairs(value)?.into_iter().collect(),
        _ => return Ok(Value::from(encode(&text(value), "/", false))),
    };
    let pair = |(name, value): (Value, Value)| {
        format!("{}={}", encode(&text(&name), "", true), encode(&text(&value), "", true))
    };
    Ok(Value::from(pairs.into_iter().map(pair).collect::<Vec<_>>().join("&")))
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let hex = behind.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%');
        bytes.push(match (first, code) {
            (_, Some(code)) => code,
            (b'+', _) => b' ',
            (byte, _) => *byte,
        });
        rest = if code.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn urlsplit(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let wanted = args.text_or("query", "")?;
    args.end()?;
    let url = text(value);
    let rest = url.as_ref();
    let is_scheme = |it: &str| {
        it.starts_with(|c: char| c.is_ascii_alphabetic())
            && it.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    let (scheme, rest) = match rest.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_lowercase(), rest),
        _ => (String::new(), rest),
    };
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (netloc, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    let (account, place) =
        netloc.rsplit_once('@').map_or((None, netloc), |(account, place)| (Some(account), place));
    let (host, port) = match place.strip_prefix('[').and_then(|it| it.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    let none = || Value::from(());
    let port = match port.filter(|it| !it.is_empty()) {
        Some(port) => {
            Value::from(port.parse::<u16>().map_err(|_| wrong(format!("`{port}` is not a port")))?)
        }
        None => none(),
    };
    let (user, password) = match account
        .map(|it| it.split_once(':').map_or((it, None), |(user, password)| (user, Some(password))))
    {
        Some((user, password)) => (Value::from(user), password.map_or_else(none, Value::from)),
        None => (none(), none()),
    };
    let host = if host.is_empty() { none() } else { Value::from(host.to_lowercase()) };
    let parts: IndexMap<Value, Value> = [
        ("fragment", Value::from(fragment)),
        ("hostname", host),
        ("netloc", Value::from(netloc)),
        ("password", password),
        ("path", Value::from(path)),
        ("port", port),
        ("query", Value::from(query)),
        ("scheme", Value::from(scheme)),
        ("username", user),
    ]
    .map(|(name, value)| (Value::from(name), value))
    .into();
    if wanted.is_empty() {
        return Ok(container::map(parts));
    }
    let known = [
        "fragment", "hostname", "netloc", "password", "path", "port", "query", "scheme", "username",
    ];
    parts
        .get(&Value::from(wanted.as_str()))
        .cloned()
        .ok_or_else(|| no_such("part", &wanted, &known))
}
