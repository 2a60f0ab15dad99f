//! Templates: Jinja, strict about undefined names, and aware of secrets.
//!
//! A template reads its context through guarded values: whatever way it takes to a secret leads through one of
//! them, which notes that the text is no longer for everyone's eyes.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError, atomic::Ordering},
};

use indexmap::{IndexMap, IndexSet};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, Template, UndefinedBehavior,
    value::Value as Jinja,
};

use self::{
    edit::Translated,
    explain::explain,
    guard::{ReadMark, Root},
    header::{Header, HeaderSettings},
};
use crate::base::{
    diagnostic::{Diagnostic, Result, Source},
    value::Value,
};

mod crypt;
mod edit;
pub mod facts;
mod header;
mod lexer;
mod dialect;
pub mod names;
mod explain;
mod guard;
mod group;
mod python;
mod arguments;
mod parts;
mod order;
mod container;
mod method;
pub mod word;
mod filter;
mod function;
mod version;
mod test;
pub mod registry;
pub mod manual;

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

/// Gives templates by the names that they include each other by; or says why one that is there cannot be read.
pub type Includes = Arc<dyn Fn(&str) -> Result<Option<Source>, String> + Send + Sync>;

/// Steps that one render may take: a template of a thousand lines takes some ten thousand.
const FUEL: u64 = 10_000_000;

/// Templates that can include each other. Each is read and compiled once, however often it is rendered.
pub struct Templates {
    /// For each way in which templates are written.
    environments: Mutex<HashMap<HeaderSettings, Arc<Environment<'static>>>>,
    /// By their names.
    known: Mutex<HashMap<String, Arc<KnownToTemplates>>>,
    sources: Includes,
}

/// What is known of a template before it is rendered.
struct KnownToTemplates {
    environment: Arc<Environment<'static>>,
    settings: HeaderSettings,
    /// How many ends of lines it ends with: what it renders has as many, whatever stood before them.
    newlines: usize,
    /// The text, where nothing in it means anything but itself.
    verbatim: Option<Source>,
}

impl Templates {
    /// Templates that `sources` gives, the first as well as those that it includes.
    pub fn new(sources: Includes) -> Self {
        Self { environments: Mutex::default(), known: Mutex::default(), sources }
    }

    #[cfg(any(test, feature = "internals"))]
    /// Renders a template.
    ///
    /// # Errors
    /// With the place in the template or in what it includes; a secret's text is never in the message.
    pub fn render(&self, name: &str, context: &Context) -> Result<Rendered> {
        self.render_noting(name, context, &mut BTreeSet::new())
    }

    /// Renders a template, and notes what facts it reads of which hosts by `hostvars`. What it makes of those that are not
    /// known is nothing to be used.
    ///
    /// # Errors
    /// With the place in the template or in what it includes; a secret's text is never in the message.
    pub fn render_noting(
        &self,
        name: &str,
        context: &Context,
        facts: &mut BTreeSet<(String, String)>,
    ) -> Result<Rendered> {
        let known = self.known(name)?;
        if let Some(source) = &known.verbatim {
            let text = source.text.to_string();
            return Ok(Rendered { text, sensitive: false, read: 0 });
        }
        let read = Arc::new(ReadMark::default());
        let root = Root { context: context.clone(), read: read.clone() };
        let template = known.environment.get_template(name);
        let text = template.and_then(|template| template.render(Jinja::from_object(root)));
        facts.append(&mut lock(&read.facts));
        let mut text = text.map_err(|error| {
            let has_read_secret = read.secret.load(Ordering::Relaxed);
            explain(&error, context, &self.sources, &known.settings, has_read_secret)
        })?;
        // What prints nothing at all makes an empty file.
        if !text.is_empty() {
            (newlines(&text)..known.newlines).for_each(|_| text.push('\n'));
        }
        let sensitive = read.secret.load(Ordering::Relaxed);
        Ok(Rendered { text, sensitive, read: read.values.load(Ordering::Relaxed) })
    }

    /// The names that a template reads, or one that it includes, imports or extends by a name that stands in it: with what is
    /// below them, such as `host.facts`.
    pub fn names(&self, name: &str) -> BTreeSet<String> {
        let reachable = self.reachable(name);
        reachable.iter().flat_map(|(name, source)| self.own_names(name, source)).collect()
    }

    fn own_names(&self, name: &str, source: &Source) -> HashSet<String> {
        let Ok(known) = self.known(name) else { return HashSet::new() };
        if known.verbatim.is_some() {
            return HashSet::new();
        }
        // A translation says paths in another way; but not all that is written is understood. Where both are the same, it is
        // compiled for good.
        let written = &source.text[begin(&source.text)..];
        let compiled = known.environment.get_template(name).ok();
        let is_written = |template: &Template<'_, '_>| template.source() == written;
        let read = |template: Template<'_, '_>| template.undeclared_variables(true);
        let as_written = || known.environment.template_from_named_str(name, written).ok().map(read);
        let mut names = match compiled {
            Some(template) if is_written(&template) => read(template),
            other => as_written().or_else(|| other.map(read)).unwrap_or_default(),
        };
        names.retain(|name| !name.starts_with("__"));
        names
    }

    /// A template, and those that it leads to.
    fn reachable(&self, name: &str) -> Vec<(String, Source)> {
        // What cannot be read is told when it is rendered: not all that stands in quotes is a name.
        let named = |name: &str| Some((name.to_owned(), (self.sources)(name).ok()??));
        let mut found: Vec<_> = named(name).into_iter().collect();
        let mut at = 0;
        while let Some((from, source)) = found.get(at).cloned() {
            at += 1;
            if !["include", "import", "extends"].iter().any(|word| source.text.contains(word)) {
                continue;
            }
            let quoted = source.text.split(['"', '\'']).skip(1).filter(|text| !text.contains('\n'));
            for name in quoted.filter(|name| name.len() < 256 && !name.is_empty()) {
                let name = included(name, &from, &self.sources);
                if found.iter().all(|(known, _)| **known != *name) {
                    found.extend(named(&name));
                }
            }
        }
        found
    }

    fn known(&self, name: &str) -> Result<Arc<KnownToTemplates>> {
        if let Some(known) = lock(&self.known).get(name) {
            return Ok(known.clone());
        }
        let source =
            (self.sources)(name).map_err(|why| Diagnostic::new("template::unreadable", why))?;
        let header = source.as_ref().map(header_of).transpose()?.flatten();
        let is_plain = header.is_none();
        let settings = header.map(|header| header.settings).unwrap_or_default();
        let environment = lock(&self.environments)
            .entry(settings.clone())
            .or_insert_with(|| Arc::new(environment(&self.sources, &settings)))
            .clone();
        let newlines = source.as_ref().map_or(0, |source| newlines(&source.text));
        let verbatim = source.filter(|it| is_plain && !settings.means_something(&it.text));
        let known = Arc::new(KnownToTemplates { environment, settings, newlines, verbatim });
        lock(&self.known).insert(name.to_owned(), known.clone());
        Ok(known)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many ends of lines a text ends with.
fn newlines(text: &str) -> usize {
    text.bytes().rev().take_while(|byte| *byte == b'\n').count()
}

/// The first line of a template, if that says how it is written.
fn header_of(source: &Source) -> Result<Option<Header>> {
    header::header(&source.text).map_err(|misspelt| {
        let error = Diagnostic::new("template::header", misspelt.message);
        let hint = format!("settings are {}", header::KEYS.join(", "));
        error.hint(hint).at(source, misspelt.span).label("here")
    })
}

/// Checks what can be checked without values: that the template, alone, can be read.
///
/// # Errors
/// Where it cannot.
pub fn check_syntax(source: &Source) -> Result<()> {
    let alone = source.clone();
    let templates = Templates::new(Arc::new(move |_| Ok(Some(alone.clone()))));
    let known = templates.known(&source.name)?;
    let checked = known.environment.get_template(&source.name);
    checked.map(drop).map_err(|error| {
        explain(&error, &Context::default(), &templates.sources, &known.settings, false)
    })
}

/// What a template is called that another one names: it lies below `templates`, where `templates/` may stand before its name,
/// or beside the other one.
fn included<'a>(name: &'a str, from: &str, includes: &Includes) -> Cow<'a, str> {
    let below = name.strip_prefix("templates/").map(Cow::Borrowed);
    let beside = from.rsplit_once('/').map(|(folder, _)| [folder, "/", name].concat().into());
    let names = [Some(Cow::Borrowed(name)), below, beside].into_iter().flatten();
    // One that cannot be read is told of when it is.
    let is_there = |name: &Cow<'_, str>| !matches!(includes(name), Ok(None));
    names.into_iter().find(is_there).unwrap_or(Cow::Borrowed(name))
}

/// Where a template begins: behind its header.
fn begin(text: &str) -> usize {
    header::header(text).ok().flatten().map_or(0, |header| header.end)
}

/// The way that Ansible sets up Jinja, so that its templates mean the same here.
fn environment(includes: &Includes, settings: &HeaderSettings) -> Environment<'static> {
    static ALL: OnceLock<Environment<'static>> = OnceLock::new();
    let mut environment = ALL.get_or_init(furnished).clone();
    if let Ok(syntax) = settings.syntax() {
        environment.set_syntax(syntax);
    }
    let known = includes.clone();
    environment.set_path_join_callback(move |name, from| included(name, from, &known));
    let (includes, settings) = (includes.clone(), settings.clone());
    environment.set_loader(move |name| {
        let found = includes(name).map_err(|why| Error::new(ErrorKind::BadInclude, why))?;
        Ok(found.map(|source| translated(&source, &settings).text))
    });
    environment
}

/// A template as the engine takes it. A header counts in the template that is rendered; in another one it is text.
fn translated(source: &Source, settings: &HeaderSettings) -> Translated {
    let header = header::header(&source.text).ok().flatten();
    let begin = header.filter(|it| it.settings == *settings).map_or(0, |it| it.end);
    dialect::translate(&source.text, begin, settings)
}

/// With all filters, tests, functions and methods, which all templates share.
fn furnished() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(write);
    // Without it errors do not name what is undefined. It also lets them print values: `explain` never does.
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(200);
    environment.set_unknown_method_callback(method::call);
    registry::furnish(&mut environment);
    environment
}

/// An error in a call.
fn wrong(error: impl fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidOperation, error.to_string())
}

/// Writes a value as Python would; nothing is no text. Nearly all that templates write are texts and numbers, which cost a
/// third of their time when they go through a formatter.
fn write(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Jinja) -> Result<(), Error> {
    if let Some(text) = value.as_str() {
        return out.write_str(text).map_err(Error::from);
    }
    match value.as_usize().filter(|_| value.is_integer()) {
        Some(number) => out.write_str(itoa::Buffer::new().format(number)).map_err(Error::from),
        None if value.is_none() => Ok(()),
        None => out.write_str(&python::printed(value)).map_err(Error::from),
    }
}

#[cfg(test)]
mod tests;
