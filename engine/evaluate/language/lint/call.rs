//! One call, as far as it is written with literals.

use std::collections::{BTreeSet, HashMap};

use indexmap::IndexMap;
use rhai::{Engine, Expr};
use serde_json::Value as Json;

use crate::{
    base::{
        content::Content,
        diagnostic::{Diagnostic, Place},
        value::Value,
    },
    evaluate::language::{
        convert::to_value,
        declare, explain,
        files::RoleFiles,
        role_folders, roles,
        state::{Evaluating, ScriptContext},
        written::{FIRST, WrittenCall},
    },
    resources::{
        kind::Kind,
        kinds,
        resource::{ArgumentError, Files, SourceTree},
    },
};

/// What the language calls by itself; none of these is registered as a function.
const BUILT_IN: [&str; 8] =
    ["Fn", "call", "curry", "type_of", "is_def_fn", "is_def_var", "is_shared", "this"];

/// Looks at the calls of one script.
pub(super) struct Checker<'a> {
    pub(super) engine: &'a Engine,
    pub(super) state: &'a Evaluating,
    /// All that can be called, those of libraries as `ROLE::NAME`.
    pub(super) functions: &'a BTreeSet<String>,
    /// The libraries that the script imports, by the names that it gives them.
    pub(super) imports: HashMap<String, String>,
    /// What can be called because the script itself declares it.
    pub(super) own: BTreeSet<String>,
    /// The script.
    pub(super) file: &'a str,
}

impl Checker<'_> {
    pub(super) fn check(&self, call: &WrittenCall<'_>) -> Vec<Diagnostic> {
        // An operator is no name, also where it is one of our own.
        if call.is_operator() {
            return Vec::new();
        }
        let place = self.state.place(self.file, call.position);
        let namespace = call.namespace();
        if call.is_method || !namespace.is_empty() {
            return self.check_name(call.name(), &namespace, &place).into_iter().collect();
        }
        match (call.name(), call.first()) {
            ("role", Some(Expr::StringConstant(name, _))) => self.check_role(name, call, &place),
            ("hosts", Some(Expr::StringConstant(pattern, _))) => {
                self.check_hosts(pattern, &place).into_iter().collect()
            }
            (name, _) => match kinds::kind(name) {
                Some(kind) => self.check_kind(kind, call, &place),
                None => self.check_name(name, "", &place).into_iter().collect(),
            },
        }
    }

    /// That there is a function of this name, whatever it is given.
    fn check_name(&self, name: &str, namespace: &str, place: &Place) -> Option<Diagnostic> {
        let full = match self.imports.get(namespace).map_or(namespace, String::as_str) {
            "" if self.own.contains(name) || BUILT_IN.contains(&name) => return None,
            "" => name.to_owned(),
            library => format!("{library}::{name}"),
        };
        // A library without functions is not there, or has an error that is told by itself.
        let library = full.rsplit_once("::").map_or("", |(library, _)| library);
        let is_there = |function: &String| function.starts_with(library);
        if self.functions.contains(&full) || !self.functions.iter().any(is_there) {
            return None;
        }
        let own: Vec<&str> = self.own.iter().map(String::as_str).collect();
        let error = explain::unknown_name_of_function(&full, &own, self.engine, self.state);
        Some(self.state.locate(error, place))
    }

    fn check_hosts(&self, pattern: &str, place: &Place) -> Option<Diagnostic> {
        let error = self.state.input().inventory.select(pattern).err()?;
        let place = self.state.argument(place, FIRST, |argument| argument.value);
        Some(self.state.locate(error, &place))
    }

    fn check_role(&self, name: &str, call: &WrittenCall<'_>, place: &Place) -> Vec<Diagnostic> {
        let Some(folder) = role_folders::folder(self.state, name) else {
            let place = self.state.argument(place, FIRST, |argument| argument.value);
            return vec![self.state.locate(role_folders::unknown(self.state, name), &place)];
        };
        // An error in role.toml is reported with the role.
        let Ok(parameters) = roles::read_parameters(self.state, &folder) else {
            return Vec::new();
        };
        let Some(given) = call.rest() else { return Vec::new() };
        let mut found = Vec::new();
        for (key, value) in given {
            let (place, error) = match parameters.all.get(key.name.as_str()) {
                None => (key.pos, Err(parameters.unknown(name, &key.name))),
                Some(parameter) => {
                    let checked =
                        literal(value).map_or(Ok(()), |it| parameter.check(&key.name, &it));
                    (value.start_position(), checked)
                }
            };
            let locate = |it| self.state.locate(it, &self.state.place(self.file, place));
            found.extend(error.err().map(locate));
        }
        let missing = parameters.all.iter().filter(|(key, parameter)| {
            let hosts = || self.state.input().inventory.hosts.values();
            let set = parameter.r#type.is_written() && hosts().any(|it| it.vars.contains_key(*key));
            parameter.default.is_none() && !set && !given.iter().any(|(it, _)| it.name == **key)
        });
        let missing = missing.map(|(key, parameter)| parameter.missing(name, key));
        found.extend(missing.map(|error| self.state.locate(error, place)));
        found
    }

    fn check_kind(
        &self,
        kind: &dyn Kind,
        call: &WrittenCall<'_>,
        place: &Place,
    ) -> Vec<Diagnostic> {
        let (Some(first), Some(rest)) = (call.first(), call.rest()) else { return Vec::new() };
        let reaction = |name: &str| kind.reacts().iter().any(|it| it.argument() == Some(name));
        let own = rest.iter().filter(|(key, _)| !reaction(&key.name));
        let mut given: IndexMap<String, Option<Value>> =
            own.map(|(key, value)| (key.name.to_string(), literal(value))).collect();
        let scene = ScriptContext::default();
        let files = Unrendered(RoleFiles::new(self.state, self.file, &scene));
        let mut found = Vec::new();
        for name in names(first) {
            given.insert(kind.first().to_owned(), name);
            let all: Option<IndexMap<String, Value>> =
                given.iter().map(|(name, value)| Some((name.clone(), value.clone()?))).collect();
            let errors = match all {
                Some(all) => kind.declare(Value::Map(all), &files).err().into_iter().collect(),
                None => check_parts(kind, &given, &files),
            };
            let errors = errors.into_iter().map(|it| declare::refusal(self.state, kind, it, place));
            found.extend(errors);
        }
        found.dedup();
        found
    }
}

/// The first argument of a call, or each of a list: as many resources are declared.
fn names(first: &Expr) -> Vec<Option<Value>> {
    match literal(first) {
        Some(Value::List(names)) => names.into_iter().map(Some).collect(),
        None if matches!(first, Expr::Array(..)) => vec![None],
        name => vec![name],
    }
}

/// What is wrong with a call of which only some arguments are known.
fn check_parts(
    kind: &dyn Kind,
    given: &IndexMap<String, Option<Value>>,
    files: &dyn Files,
) -> Vec<ArgumentError> {
    let schema = kind.schema();
    let properties = schema.get("properties").and_then(Json::as_object);
    let mut errors = Vec::new();
    for (name, value) in given {
        let Some(property) = properties.and_then(|all| all.get(name)) else {
            errors.push(ArgumentError::unknown(kind.name(), name));
            continue;
        };
        let Some(value) = value else { continue };
        if let Some(wanted) = wanted_instead(property, value) {
            errors.push(ArgumentError::misfit(kind.name(), value.misfit(wanted).at_key(name)));
        } else if let ("template", Some(file)) = (name.as_str(), value.as_str()) {
            errors.extend(files.template(file, IndexMap::new()).err());
        }
    }
    let required = schema.get("required").and_then(Json::as_array).into_iter().flatten();
    let missing = required.filter_map(Json::as_str).filter(|name| !given.contains_key(*name));
    errors.extend(missing.map(|name| ArgumentError::missing(kind.name(), name)));
    errors
}

/// The type that an argument has, if a value is not of it. Only simple types are known here.
fn wanted_instead(property: &Json, value: &Value) -> Option<&'static str> {
    let types: Vec<&str> = match property.get("type")? {
        Json::String(one) => vec![one],
        several => several.as_array()?.iter().filter_map(Json::as_str).collect(),
    };
    let given = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Int(_) if !types.contains(&"integer") => "number",
        Value::Int(_) => "integer",
        Value::Float(_) => "number",
        Value::Text(_) | Value::Secret(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) => "object",
    };
    if types.contains(&given) {
        return None;
    }
    Some(match *types.first()? {
        "boolean" => "a boolean",
        "integer" => "an integer",
        "number" => "a number",
        "array" => "a list",
        "object" => "a map",
        _ => "a string",
    })
}

fn literal(value: &Expr) -> Option<Value> {
    to_value(&value.get_literal_value(None)?, None).ok()
}

/// A role's files, with templates that are only looked for: what they would be rendered with is not known.
struct Unrendered<'a>(RoleFiles<'a>);

impl Files for Unrendered<'_> {
    fn source(&self, name: &str) -> Result<Vec<u8>, ArgumentError> {
        self.0.source(name)
    }

    fn template(
        &self,
        name: &str,
        _vars: IndexMap<String, Value>,
    ) -> Result<Content, ArgumentError> {
        self.0.read_template(name).map(|_| Content::new(Vec::new()))
    }

    fn tree(&self, name: &str) -> Result<SourceTree, ArgumentError> {
        self.0.tree(name)
    }
}
