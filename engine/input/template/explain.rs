//! What is wrong with a template, where, and what to do about it.

use std::ops::Range;

use minijinja::{Error, ErrorKind};

use super::{Context, FUEL, Includes, begin, header::HeaderSettings, names, translated};
use crate::base::{
    diagnostic::{Diagnostic, Source, did_you_mean},
    secret::{Redactor, Secret},
    value::Value,
};

/// The error of the innermost template, with its place there, and the includes that led to it.
pub(super) fn explain(
    error: &Error,
    context: &Context,
    includes: &Includes,
    settings: &HeaderSettings,
    has_read_secret: bool,
) -> Diagnostic {
    let values = context.0.iter().flat_map(|values| values.values());
    let redactor = Redactor::new(&secrets_of(values));
    let mut chain = vec![error];
    while let Some(inner) = std::error::Error::source(chain[chain.len() - 1])
        .and_then(|source| source.downcast_ref::<Error>())
    {
        chain.push(inner);
    }
    let source_of = |error: &Error| error.name().and_then(|name| includes(name).ok().flatten());
    let mut chain = chain.into_iter().rev();
    let innermost = chain.next().unwrap_or(error);
    let what = match innermost.kind() {
        // What was made of a secret is one too, and nobody could recognise it in a message.
        ErrorKind::InvalidOperation | ErrorKind::BadSerialization if has_read_secret => {
            "this operation failed on a value that may contain a secret".to_owned()
        }
        ErrorKind::OutOfFuel => format!("the template takes more than {FUEL} steps"),
        kind => innermost.detail().map_or_else(|| kind.to_string(), str::to_owned),
    };
    let message = redactor.redact(&what);
    let mut diagnostic = Diagnostic::new(kind(innermost.kind()), message);
    if let Some(source) = source_of(innermost) {
        let span = span(innermost, &source, settings);
        let path = path_at(&source.text, &span);
        if let Some(hint) = hint(innermost, path, context) {
            diagnostic = diagnostic.hint(hint);
        }
        diagnostic = diagnostic.at(&source, span).label("here");
    }
    for include in chain {
        if let Some(source) = source_of(include) {
            let span = span(include, &source, settings);
            diagnostic = diagnostic.related(Diagnostic::new("", "included here").at(&source, span));
        }
    }
    diagnostic
}

fn kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::SyntaxError => "template::syntax",
        ErrorKind::UndefinedError => "template::undefined",
        ErrorKind::TemplateNotFound => "template::not-found",
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest => "template::unknown-filter",
        ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => "template::unknown-function",
        ErrorKind::OutOfFuel => "template::limit",
        _ => "template::error",
    }
}

/// The bytes of the error; the whole line where it is not known better.
fn span(error: &Error, source: &Source, settings: &HeaderSettings) -> Range<usize> {
    let translated = translated(source, settings);
    let range = error.range().map(|range| translated.written(range));
    let range = range.filter(|range| source.text.get(range.clone()).is_some());
    range.unwrap_or_else(|| {
        let below = source.text[..begin(&source.text)].matches('\n').count();
        source.word_at(error.line().unwrap_or(1) + below, 1)
    })
}

/// A path such as `host.vars.port`, whole, of which a part is at fault.
fn path_at<'a>(text: &'a str, span: &Range<usize>) -> &'a str {
    let of_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    let start = text[..span.start].trim_end_matches(of_path).len();
    let rest = &text[start..];
    &rest[..rest.find(|c| !of_path(c)).unwrap_or(rest.len())]
}

/// What to do about it. An undefined name may be mistyped at any step of a path such as `host.vars.port`.
fn hint(error: &Error, path: &str, context: &Context) -> Option<String> {
    match error.kind() {
        ErrorKind::UndefinedError => {}
        ErrorKind::OutOfFuel => {
            return Some("look for a loop in a loop".to_owned());
        }
        _ => return None,
    }
    let missing = || Some(format!("where it may be missing, write `{path} | default(\"...\")`"));
    let mut steps = path.split('.');
    let first = steps.next()?;
    let Some((mut known, ..)) = context.find(first) else {
        let refused = names::refused(first).map(str::to_owned);
        return refused.or_else(|| did_you_mean(first, context.names())).or_else(missing);
    };
    for name in steps {
        let Value::Map(inner) = known else { return None };
        known = match inner.get(name) {
            Some(value) => value,
            None => {
                let fact = (first == "ansible_facts").then(|| [names::PREFIX, name].concat());
                let refused = fact.and_then(|fact| names::refused(&fact)).map(str::to_owned);
                let near = || did_you_mean(name, inner.keys().map(String::as_str));
                return refused.or_else(near).or_else(missing);
            }
        };
    }
    None
}

fn secrets_of<'a>(values: impl IntoIterator<Item = &'a Value>) -> Vec<Secret> {
    let mut secrets = Vec::new();
    for value in values {
        match value {
            Value::Secret(secret) => secrets.push(secret.clone()),
            Value::List(values) => secrets.extend(secrets_of(values)),
            Value::Map(values) => secrets.extend(secrets_of(values.values())),
            _ => {}
        }
    }
    secrets
}
