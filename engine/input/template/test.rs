//! Tests, as Jinja and Ansible have them.

use minijinja::{
    Error,
    value::{Value, ValueKind},
};

use super::{
    arguments::Arguments,
    filter::{regex::compile, value::is_yes},
    python::{self, text},
    version,
    word::Word,
    wrong,
};
use crate::input::template::parts;

pub(super) const TESTS: &[Word] = &[
    Word::engine(&["defined"], "is defined, whatever is missing on the way to it"),
    Word::engine(&["undefined"], "is not there"),
    Word::new(&["none"], "is nothing", |_, value, args| holds(args, value.is_none())),
    Word::engine(&["true", "false"], "is exactly this boolean"),
    Word::new(&["boolean"], "is true or false", |_, value, args| {
        holds(args, value.kind() == ValueKind::Bool)
    }),
    Word::new(&["integer", "int"], "is an integer", |_, value, args| {
        holds(args, value.is_integer() && value.kind() == ValueKind::Number)
    }),
    Word::new(&["float"], "is a number with a fraction", |_, value, args| {
        holds(args, !value.is_integer() && value.kind() == ValueKind::Number)
    }),
    Word::new(&["number"], "is a number, or true or false, as in Python", |_, value, args| {
        holds(args, python::number(value).is_some())
    }),
    Word::new(&["string"], "is a text", |_, value, args| {
        holds(args, value.kind() == ValueKind::String)
    }),
    Word::new(&["sequence"], "is a list, a text or a map, as in Python", |_, value, args| {
        holds(args, is_iterable(value))
    }),
    Word::new(&["iterable"], "is iterable", |_, value, args| holds(args, is_iterable(value))),
    Word::new(&["mapping"], "is a map", |_, value, args| {
        holds(args, value.kind() == ValueKind::Map)
    }),
    Word::new(&["callable"], "can be called", |_, value, args| {
        let is_plain = value.kind() == ValueKind::Plain && value.as_object().is_some();
        holds(args, is_plain)
    }),
    Word::engine(&["odd"], "is odd"),
    Word::engine(&["even"], "is even"),
    Word::engine(&["divisibleby"], "is divisible by a number"),
    Word::engine(&["lower"], "is in lower case"),
    Word::engine(&["upper"], "is in upper case"),
    Word::engine(&["startingwith", "endingwith"], "starts, or ends, with a text"),
    Word::engine(&["eq", "equalto", "=="], "is equal"),
    Word::engine(&["ne", "!="], "is not equal"),
    Word::engine(&["lt", "lessthan", "<"], "is less"),
    Word::engine(&["le", "<="], "is less or equal"),
    Word::engine(&["gt", "greaterthan", ">"], "is more"),
    Word::engine(&["ge", ">="], "is more or equal"),
    Word::engine(&["in"], "is in a list, a map or a text"),
    Word::engine(&["sameas"], "is the same object"),
    Word::engine(&["safe", "escaped"], "was escaped"),
    Word::new(&["filter"], "is the name of a filter", |_, value, args| {
        args.end()?;
        let chapters = super::filter::CHAPTERS.iter();
        let mut names = chapters.flat_map(|chapter| chapter.words).flat_map(|word| word.names);
        Ok(Value::from(names.any(|name| *name == text(value))))
    }),
    Word::new(&["test"], "is the name of a test", |_, value, args| {
        args.end()?;
        Ok(Value::from(TESTS.iter().flat_map(|word| word.names).any(|name| *name == text(value))))
    }),
    Word::new(&["match"], "matches a pattern at its beginning", |_, value, args| {
        matches(value, args, "match")
    }),
    Word::new(&["search"], "matches a pattern anywhere", |_, value, args| {
        matches(value, args, "search")
    }),
    Word::new(
        &["regex"],
        "matches a pattern: `match_type` is search, match or fullmatch",
        |_, value, args| matches(value, args, ""),
    ),
    Word::new(
        &["version", "version_compare"],
        "compares versions: `is version('1.10', '>=')`; `strict`, `version_type`",
        |_, value, mut args| {
            let other = args.text("version")?;
            let operator = args.text_or("operator", "eq")?;
            let strict = args.bool_or("strict", false)?;
            let kind = args.maybe_text("version_type");
            args.end()?;
            let kind = kind.unwrap_or_else(|| if strict { "strict" } else { "loose" }.to_owned());
            version::compare(&text(value), &operator, &other, &kind).map(Value::from).map_err(wrong)
        },
    ),
    Word::new(&["contains"], "holds an item, a key or a text", |_, value, mut args| {
        let item = args.value("value")?;
        args.end()?;
        if let Some(whole) = value.as_str() {
            return Ok(Value::from(whole.contains(&*text(&item))));
        }
        Ok(Value::from(parts::items(value)?.contains(&item)))
    }),
    Word::new(&["subset", "issubset"], "all its items are in another list", |_, value, args| {
        subset(value, args, false)
    }),
    Word::new(
        &["superset", "issuperset"],
        "all items of another list are in it",
        |_, value, args| subset(value, args, true),
    ),
    Word::new(&["any"], "one of its items is true", |_, value, args| {
        let items = parts::items(value)?;
        holds(args, items.iter().any(Value::is_true))
    }),
    Word::new(&["all"], "all its items are true", |_, value, args| {
        let items = parts::items(value)?;
        holds(args, items.iter().all(Value::is_true))
    }),
    Word::new(
        &["truthy"],
        "is true; with `convert_bool`, also for words that mean yes",
        |_, value, args| truth(value, args),
    ),
    Word::new(&["falsy"], "is not true", |state, value, args| {
        let _ = state;
        Ok(Value::from(!truth(value, args)?.is_true()))
    }),
    Word::new(&["abs"], "is an absolute path", |_, value, args| {
        let is_absolute = text(value).starts_with('/');
        holds(args, is_absolute)
    }),
    Word::new(&["nan", "isnan"], "is not a number (NaN)", |_, value, args| {
        let is_nan = python::number(value).is_some_and(f64::is_nan);
        holds(args, is_nan)
    }),
    Word::new(&["uri"], "is an address with a scheme", |_, value, mut args| {
        let schemes = args.optional("schemes");
        args.end()?;
        address(value, schemes, false)
    }),
    Word::new(&["url"], "is an address with a scheme and a host", |_, value, mut args| {
        let schemes = args.optional("schemes");
        args.end()?;
        address(value, schemes, true)
    }),
    Word::new(&["urn"], "is a name such as `urn:isbn:1`", |_, value, args| {
        let is_urn = text(value).to_lowercase().starts_with("urn:");
        holds(args, is_urn)
    }),
    Word::new(&["changed", "change"], "is a map with `changed: true`", |_, value, args| {
        told(value, args, "changed")
    }),
    Word::new(&["failed", "failure"], "is a map with `failed: true`", |_, value, args| {
        told(value, args, "failed")
    }),
    Word::new(
        &["succeeded", "success", "successful"],
        "is a map without `failed: true`",
        |_, value, args| Ok(Value::from(!told(value, args, "failed")?.is_true())),
    ),
    Word::new(&["skipped", "skip"], "is a map with `skipped: true`", |_, value, args| {
        told(value, args, "skipped")
    }),
    Word::new(
        &[
            "directory",
            "is_dir",
            "file",
            "is_file",
            "exists",
            "link",
            "is_link",
            "link_exists",
            "mount",
            "is_mount",
            "same_file",
            "is_same_file",
        ],
        "refused: it would read from the controller",
        |_, _, _| {
            Err(wrong(
                "this would read from the controller, not from the host: ask the host in the role, with probe(\"test -e PATH\")",
            ))
        },
    ),
    Word::new(&["vault_encrypted"], "never: a secret comes from secret(\"NAME\")", |_, _, args| {
        holds(args, false)
    }),
];

fn holds(args: Arguments, holds: bool) -> Result<Value, Error> {
    args.end()?;
    Ok(Value::from(holds))
}

/// Whether the result of a task says so.
fn told(value: &Value, args: Arguments, what: &str) -> Result<Value, Error> {
    args.end()?;
    match value.kind() {
        ValueKind::Map => Ok(Value::from(value.get_attr(what).is_ok_and(|it| it.is_true()))),
        _ => Err(wrong(format!("{} is not a result of a task", python::repr(value)))),
    }
}

fn is_iterable(value: &Value) -> bool {
    matches!(
        value.kind(),
        ValueKind::Seq
            | ValueKind::Iterable
            | ValueKind::Map
            | ValueKind::String
            | ValueKind::Bytes
    )
}

fn matches(value: &Value, mut args: Arguments, how: &str) -> Result<Value, Error> {
    let pattern = args.text("pattern")?;
    let (ignorecase, multiline) =
        (args.bool_or("ignorecase", false)?, args.bool_or("multiline", false)?);
    let how = match how {
        "" => args.text_or("match_type", "search")?,
        how => how.to_owned(),
    };
    args.end()?;
    let pattern = compile(&pattern, ignorecase, multiline)?;
    let text: &str = &text(value);
    let found = match how.as_str() {
        "search" => pattern.find(text).map_err(wrong)?,
        "match" => pattern.find(text).map_err(wrong)?.filter(|it| it.start() == 0),
        "fullmatch" => {
            pattern.find(text).map_err(wrong)?.filter(|it| it.range() == (0..text.len()))
        }
        _ => return Err(wrong("`match_type` is search, match or fullmatch")),
    };
    Ok(Value::from(found.is_some()))
}

fn subset(value: &Value, mut args: Arguments, turned: bool) -> Result<Value, Error> {
    let other = parts::items(&args.value("b")?)?;
    args.end()?;
    let (inner, outer) = match turned {
        true => (other, parts::items(value)?),
        false => (parts::items(value)?, other),
    };
    Ok(Value::from(inner.iter().all(|item| outer.contains(item))))
}

fn truth(value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let convert = args.bool_or("convert_bool", false)?;
    args.end()?;
    if convert && let Some(text) = value.as_str() {
        let known = ["yes", "on", "1", "true", "no", "off", "0", "false", "y", "n", "t", "f"];
        if known.contains(&text.to_lowercase().as_str()) {
            return Ok(Value::from(is_yes(value) || matches!(text, "y" | "Y" | "t" | "T")));
        }
    }
    Ok(Value::from(value.is_true()))
}

fn address(value: &Value, schemes: Option<Value>, with_host: bool) -> Result<Value, Error> {
    let text = text(value);
    let Some((scheme, rest)) = text.split_once(':') else { return Ok(Value::from(false)) };
    let known = match schemes {
        None => true,
        Some(schemes) => parts::items(&schemes)?.iter().any(|it| python::text(it) == scheme),
    };
    let is_scheme = !scheme.is_empty()
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let has_host = rest.strip_prefix("//").is_some_and(|it| !it.is_empty() && !it.starts_with('/'));
    Ok(Value::from(known && is_scheme && (has_host || !with_host)))
}
