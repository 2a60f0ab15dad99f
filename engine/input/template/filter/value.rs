//! Filters of any value.

use minijinja::{Error, ErrorKind, State, value::Value};

use super::super::{arguments::Arguments, python, word::Word, wrong};

pub(super) const FILTERS: &[Word] = &[
    Word::new(
        &["default", "d"],
        "another value where there is none; with `true`, also where it is empty or false",
        default,
    )
    .of_undefined(),
    Word::new(&["mandatory"], "the value, which must be there", mandatory).of_undefined(),
    Word::new(
        &["ternary"],
        "the first where it is true, else the second; the third where it is nothing",
        ternary,
    ),
    Word::new(&["bool"], "true for the words that mean yes", bool_of),
    Word::new(&["string"], "as a text", |_, value, args| {
        args.end()?;
        Ok(Value::from(python::text(value).into_owned()))
    }),
    Word::new(&["type_debug"], "what Python calls its type", |_, value, args| {
        args.end()?;
        Ok(Value::from(python::type_name(value)))
    }),
    Word::engine(&["attr"], "one of its attributes"),
    Word::new(&["pprint"], "as Python would write it", |_, value, _| {
        Ok(Value::from(python::repr(value)))
    }),
    Word::new(&["safe"], "unchanged: these templates escape nothing", |_, value, args| {
        args.end()?;
        Ok(value.clone())
    }),
];

fn default(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let other = args.optional("default_value").unwrap_or_else(|| Value::from(""));
    let also_false = args.bool_or("boolean", false)?;
    args.end()?;
    let missing = value.is_undefined() || (also_false && !value.is_true());
    Ok(if missing { other } else { value.clone() })
}

fn mandatory(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let message = args.maybe_text("msg");
    args.end()?;
    match value.is_undefined() {
        false => Ok(value.clone()),
        true => Err(Error::new(
            ErrorKind::UndefinedError,
            message.unwrap_or_else(|| "a mandatory value is not defined".to_owned()),
        )),
    }
}

fn ternary(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let (yes, no) = (args.value("true_val")?, args.value("false_val")?);
    let none = args.optional("none_val").filter(|it| !it.is_none());
    args.end()?;
    Ok(match none {
        Some(none) if value.is_none() => none,
        _ if value.is_true() => yes,
        _ => no,
    })
}

/// As Ansible: the words that mean yes are true, everything else is false.
fn bool_of(_: &mut State<'_, '_>, value: &Value, args: Arguments) -> Result<Value, Error> {
    args.end()?;
    Ok(Value::from(is_yes(value)))
}

/// Whether a value means yes.
pub(in crate::input::template) fn is_yes(value: &Value) -> bool {
    match value.as_str() {
        Some(text) => matches!(text.to_lowercase().as_str(), "yes" | "on" | "1" | "true"),
        None => python::number(value) == Some(1.0),
    }
}

/// A filter of texts that takes no argument.
pub(super) fn plain(
    value: &Value,
    args: Arguments,
    make: impl Fn(&str) -> String,
) -> Result<Value, Error> {
    args.end()?;
    Ok(Value::from(make(&python::text(value))))
}

/// A choice of which there is none.
pub(super) fn no_such(what: &str, given: &str, known: &[&str]) -> Error {
    wrong(format!("there is no {what} `{given}`: {}", known.join(", ")))
}
