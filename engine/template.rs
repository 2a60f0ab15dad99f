//! Templates: Jinja, strict about undefined names, and aware of secrets.
//!
//! A template reads its context through guarded values: whatever way it takes to a secret leads through one of
//! them, which notes that the text is no longer for everyone's eyes.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use indexmap::IndexMap;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior,
    syntax::SyntaxConfig,
    value::{Enumerator, Object, ObjectRepr, Value as Jinja},
};

use crate::{
    diagnostic::{Diagnostic, Result, Source, did_you_mean},
    secret::{Redactor, Secret},
    value::Value,
};

mod filter;

/// What a template made.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// Whether a secret was read on the way.
    pub sensitive: bool,
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sensitive {
            true => write!(f, "Rendered({} bytes)", self.text.len()),
            false => write!(f, "Rendered({:?})", self.text),
        }
    }
}

/// Gives templates by the names that they include each other by.
pub type Includes = Arc<dyn Fn(&str) -> Option<Source> + Send + Sync>;

/// Steps that one render may take: a template of a thousand lines takes some ten thousand.
const FUEL: u64 = 10_000_000;

/// Templates that can include each other. Each is read and compiled once, however often it is rendered.
pub struct Templates {
    environment: Environment<'static>,
    sources: Includes,
}

impl Templates {
    /// Templates that `sources` gives, the first as well as those that it includes.
    pub fn new(sources: Includes) -> Self {
        Self { environment: environment(&sources), sources }
    }

    /// Renders a template.
    ///
    /// # Errors
    /// With the place in the template or in what it includes; a secret's text is never in the message.
    pub fn render(&self, name: &str, context: &IndexMap<String, Value>) -> Result<Rendered> {
        let read = Arc::new(AtomicBool::new(false));
        let root = guarded_map(context, &read);
        let template = self.environment.get_template(name);
        let text = template
            .and_then(|template| template.render(root))
            .map_err(|error| explain(&error, context, &self.sources))?;
        Ok(Rendered { text, sensitive: read.load(Ordering::Relaxed) })
    }
}

/// Checks what can be checked without values: that the template, alone, can be read.
///
/// # Errors
/// Where it cannot.
pub fn check_syntax(source: &Source) -> Result<()> {
    let alone = source.clone();
    let templates = Templates::new(Arc::new(move |_| Some(alone.clone())));
    let checked = templates.environment.get_template(&source.name);
    checked.map(drop).map_err(|error| explain(&error, &IndexMap::new(), &templates.sources))
}

/// Whether a template itself, not one that it includes, reads a name or what is below it, such as `host.facts`.
pub fn reads(source: &Source, name: &str) -> bool {
    // Most templates do not, and need not be parsed to know it.
    if !name.split('.').all(|part| source.text.contains(part)) {
        return false;
    }
    let environment = environment(&(Arc::new(|_: &str| None) as Includes));
    let template = environment.template_from_named_str(&source.name, &source.text);
    let names = template.map(|template| template.undeclared_variables(true)).unwrap_or_default();
    let below = |path: &String| {
        path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    names.iter().any(below)
}

/// The way that Ansible sets up Jinja, so that its templates mean the same here.
fn environment(includes: &Includes) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    let syntax = SyntaxConfig::builder().trim_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(syntax.expect("the usual delimiters are good"));
    // Without it errors do not name what is undefined. It also lets them print values: `explain` never does.
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(200);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    let includes = includes.clone();
    environment.set_loader(move |name| Ok(includes(name).map(|source| source.text.to_string())));
    filter::add(&mut environment);
    environment
}

/// A list or a map. Whoever reads a secret in it raises the flag, and has plain text from then on.
struct Guarded {
    inner: Inner,
    read: Arc<AtomicBool>,
}

enum Inner {
    List(Vec<Slot>),
    Map(IndexMap<String, Slot>),
}

enum Slot {
    Plain(Jinja),
    Secret(Secret),
}

/// The engine's debug output must not hold what is guarded.
impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(guarded)")
    }
}

fn guarded_map(values: &IndexMap<String, Value>, read: &Arc<AtomicBool>) -> Jinja {
    let slots = values.iter().map(|(name, value)| (name.clone(), slot(value, read)));
    Jinja::from_object(Guarded { inner: Inner::Map(slots.collect()), read: read.clone() })
}

fn slot(value: &Value, read: &Arc<AtomicBool>) -> Slot {
    Slot::Plain(match value {
        Value::Null => Jinja::from(()),
        Value::Bool(value) => Jinja::from(*value),
        Value::Int(value) => Jinja::from(*value),
        Value::Float(value) => Jinja::from(*value),
        Value::Text(text) => Jinja::from(text.as_str()),
        Value::Secret(secret) => return Slot::Secret(secret.clone()),
        Value::List(values) => {
            let inner = Inner::List(values.iter().map(|value| slot(value, read)).collect());
            Jinja::from_object(Guarded { inner, read: read.clone() })
        }
        Value::Map(values) => guarded_map(values, read),
    })
}

impl Object for Guarded {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match self.inner {
            Inner::List(_) => ObjectRepr::Seq,
            Inner::Map(_) => ObjectRepr::Map,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        let slot = match &self.inner {
            Inner::List(slots) => slots.get(key.as_usize()?)?,
            Inner::Map(slots) => slots.get(key.as_str()?)?,
        };
        Some(match slot {
            Slot::Plain(value) => value.clone(),
            Slot::Secret(secret) => {
                self.read.store(true, Ordering::Relaxed);
                Jinja::from(secret.expose())
            }
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match &self.inner {
            Inner::List(slots) => Enumerator::Seq(slots.len()),
            Inner::Map(slots) => {
                Enumerator::Values(slots.keys().map(|key| Jinja::from(key.as_str())).collect())
            }
        }
    }
}

/// The error of the innermost template, with its place there, and the includes that led to it.
fn explain(error: &Error, context: &IndexMap<String, Value>, includes: &Includes) -> Diagnostic {
    let redactor = Redactor::new(&secrets_of(context.values()));
    let mut chain = vec![error];
    while let Some(inner) = std::error::Error::source(chain[chain.len() - 1])
        .and_then(|source| source.downcast_ref::<Error>())
    {
        chain.push(inner);
    }
    let source_of = |error: &Error| error.name().and_then(|name| includes(name));
    let mut chain = chain.into_iter().rev();
    let innermost = chain.next().unwrap_or(error);
    let what = match innermost.kind() {
        ErrorKind::OutOfFuel => format!("the template takes more than {FUEL} steps"),
        kind => innermost.detail().map_or_else(|| kind.to_string(), str::to_owned),
    };
    let message = redactor.redact(&what);
    let mut diagnostic = Diagnostic::new(kind(innermost.kind()), message);
    if let Some(source) = source_of(innermost) {
        let span = span(innermost, &source);
        let written = source.text.get(span.clone()).unwrap_or_default();
        if let Some(hint) = hint(innermost, written, context) {
            diagnostic = diagnostic.hint(hint);
        }
        diagnostic = diagnostic.at(&source, span).label("here");
    }
    for include in chain {
        if let Some(source) = source_of(include) {
            let span = span(include, &source);
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
        ErrorKind::OutOfFuel => "template::endless",
        _ => "template::error",
    }
}

/// The bytes of the mistake; the whole line where it is not known better.
fn span(error: &Error, source: &Source) -> std::ops::Range<usize> {
    let range = error.range().filter(|range| source.text.get(range.clone()).is_some());
    range.unwrap_or_else(|| source.word_at(error.line().unwrap_or(1), 1))
}

/// What to do about it. An undefined name may be mistyped at any step of a path such as `host.vars.port`.
fn hint(error: &Error, written: &str, context: &IndexMap<String, Value>) -> Option<String> {
    match error.kind() {
        ErrorKind::UndefinedError => {}
        ErrorKind::OutOfFuel => {
            return Some("look for a loop in a loop".to_owned());
        }
        _ => return None,
    }
    let mut known = context;
    let path = written.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.'))).next()?;
    for name in path.split('.') {
        known = match known.get(name) {
            Some(Value::Map(inner)) => inner,
            Some(_) => return None,
            None => {
                let near = did_you_mean(name, known.keys().map(String::as_str));
                return near.or_else(|| {
                    Some(format!("where it may be missing, write `{path} | default(\"...\")`"))
                });
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

#[cfg(test)]
mod tests;
