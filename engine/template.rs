//! Templates: Jinja, strict about undefined names, and aware of secrets.
//!
//! A template reads its context through guarded values: whatever way it takes to a secret leads through one of
//! them, which notes that the text is no longer for everyone's eyes.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};

use indexmap::{IndexMap, IndexSet};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, escape_formatter,
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
    /// A bit for each of the values of the context.
    read: u8,
}

impl Rendered {
    /// Whether something of these values was read: those that stand at this place in the context.
    pub fn has_read(&self, values: usize) -> bool {
        self.read & (1 << values) != 0
    }
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sensitive {
            true => write!(f, "Rendered({} bytes)", self.text.len()),
            false => write!(f, "Rendered({:?})", self.text),
        }
    }
}

/// Values by name.
pub type Values = IndexMap<String, Value>;

/// What a template sees: the values of each, at most eight, of which a later one hides what has the same name in an earlier.
#[derive(Clone, Default)]
pub struct Context(pub Vec<Arc<Values>>);

impl Context {
    /// A value, the place of the values that it is one of, and where it stands in them.
    fn find(&self, name: &str) -> Option<(&Value, usize, usize)> {
        self.0.iter().enumerate().rev().find_map(|(place, values)| {
            let (at, _, value) = values.get_full(name)?;
            Some((value, place, at))
        })
    }

    fn names(&self) -> IndexSet<&str> {
        self.0.iter().flat_map(|values| values.keys()).map(String::as_str).collect()
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
    pub fn render(&self, name: &str, context: &Context) -> Result<Rendered> {
        let read = Arc::new(Read::default());
        let root = Root { context: context.clone(), read: read.clone() };
        let template = self.environment.get_template(name);
        let text = template
            .and_then(|template| template.render(Jinja::from_object(root)))
            .map_err(|error| explain(&error, context, &self.sources))?;
        let sensitive = read.secret.load(Ordering::Relaxed);
        Ok(Rendered { text, sensitive, read: read.values.load(Ordering::Relaxed) })
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
    checked.map(drop).map_err(|error| explain(&error, &Context::default(), &templates.sources))
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
    environment.set_formatter(write);
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

/// Writes a value as the engine would. Nearly all that templates write are texts and numbers, which cost it a third of their
/// time when they go through a formatter.
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Jinja) -> Result<(), Error> {
    if let Some(text) = value.as_str() {
        return out.write_str(text).map_err(Error::from);
    }
    match value.as_usize().filter(|_| value.is_integer()) {
        Some(number) => out.write_str(itoa::Buffer::new().format(number)).map_err(Error::from),
        None => escape_formatter(out, state, value),
    }
}

/// All that a template sees.
struct Root {
    context: Context,
    read: Arc<Read>,
}

/// What a template has read.
#[derive(Default)]
struct Read {
    /// A bit for each of the values of the context.
    values: AtomicU8,
    secret: AtomicBool,
}

/// A list or a map in the values that a template sees, by the way to it: what stands at each step. Only what a template
/// asks for is made a value of Jinja.
struct Guarded {
    values: Arc<Values>,
    way: Vec<usize>,
    read: Arc<Read>,
}

// The engine's debug output must not hold what is guarded.

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(guarded)")
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(guarded)")
    }
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        self.get_value_by_str(key.as_str()?)
    }

    /// By this way templates ask for names; the other one makes a value of each name first.
    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Jinja> {
        let (value, place, at) = self.context.find(name)?;
        self.read.values.fetch_or(1 << place, Ordering::Relaxed);
        Some(guarded(value, &self.context.0[place], || vec![at], &self.read))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.context.names().into_iter().map(Jinja::from).collect())
    }
}

impl Guarded {
    /// The list or the map.
    fn inner(&self) -> Option<&Value> {
        let (first, rest) = self.way.split_first()?;
        let (_, first) = self.values.get_index(*first)?;
        rest.iter().try_fold(first, |value, at| match value {
            Value::List(values) => values.get(*at),
            Value::Map(values) => values.get_index(*at).map(|(_, value)| value),
            _ => None,
        })
    }
}

impl Object for Guarded {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match self.inner() {
            Some(Value::List(_)) => ObjectRepr::Seq,
            _ => ObjectRepr::Map,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        let (at, value) = match self.inner()? {
            Value::List(values) => {
                let at = key.as_usize()?;
                (at, values.get(at)?)
            }
            Value::Map(values) => {
                let (at, _, value) = values.get_full(key.as_str()?)?;
                (at, value)
            }
            _ => return None,
        };
        let way = || self.way.iter().copied().chain([at]).collect();
        Some(guarded(value, &self.values, way, &self.read))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.inner() {
            Some(Value::List(values)) => Enumerator::Seq(values.len()),
            Some(Value::Map(values)) => {
                Enumerator::Values(values.keys().map(|key| Jinja::from(key.as_str())).collect())
            }
            _ => Enumerator::NonEnumerable,
        }
    }
}

/// A value as Jinja has it. Whoever reads a secret raises the flag, and has plain text from then on.
fn guarded(
    value: &Value,
    values: &Arc<Values>,
    way: impl FnOnce() -> Vec<usize>,
    read: &Arc<Read>,
) -> Jinja {
    match value {
        Value::Null => Jinja::from(()),
        Value::Bool(value) => Jinja::from(*value),
        Value::Int(value) => Jinja::from(*value),
        Value::Float(value) => Jinja::from(*value),
        Value::Text(text) => Jinja::from(text.as_str()),
        Value::Secret(secret) => {
            read.secret.store(true, Ordering::Relaxed);
            Jinja::from(secret.expose())
        }
        Value::List(_) | Value::Map(_) => {
            let (values, read) = (values.clone(), read.clone());
            Jinja::from_object(Guarded { values, way: way(), read })
        }
    }
}

/// The error of the innermost template, with its place there, and the includes that led to it.
fn explain(error: &Error, context: &Context, includes: &Includes) -> Diagnostic {
    let values = context.0.iter().flat_map(|values| values.values());
    let redactor = Redactor::new(&secrets_of(values));
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
fn hint(error: &Error, written: &str, context: &Context) -> Option<String> {
    match error.kind() {
        ErrorKind::UndefinedError => {}
        ErrorKind::OutOfFuel => {
            return Some("look for a loop in a loop".to_owned());
        }
        _ => return None,
    }
    let path = written.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.'))).next()?;
    let missing = || Some(format!("where it may be missing, write `{path} | default(\"...\")`"));
    let mut names = path.split('.');
    let first = names.next()?;
    let Some((mut known, ..)) = context.find(first) else {
        return did_you_mean(first, context.names()).or_else(missing);
    };
    for name in names {
        let Value::Map(inner) = known else { return None };
        known = match inner.get(name) {
            Some(value) => value,
            None => return did_you_mean(name, inner.keys().map(String::as_str)).or_else(missing),
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
