//! Rhai's errors in the words of people who write roles, and what to write instead.

use std::collections::BTreeSet;

use rhai::{AST, Engine, EvalAltResult, ParseErrorType};

use super::{
    convert::kind_of,
    elsewhere,
    error::raised,
    parameters::GIVEN,
    role_folders,
    state::Evaluating,
    written::{declared_functions, declared_names},
};
use crate::{
    base::{
        diagnostic::{Diagnostic, Place, Source, did_you_mean},
        value::Value,
    },
    resources::{ansible, kinds::KINDS},
};

/// What kept a script from being compiled. `given` are the names that it finds without declaring them.
pub(super) fn of_parsing(error: &rhai::ParseError, source: &Source, given: &[&str]) -> Diagnostic {
    let position = error.position();
    let start = position.line().map(|line| source.word_at(line, position.position().unwrap_or(1)));
    // What is missing at the end of the text is missing after its last character.
    let last = source.text.trim_end().char_indices().next_back();
    let end = last.map_or(0..0, |(at, last)| at..at + last.len_utf8());
    let span = start.filter(|span| !span.is_empty()).unwrap_or(end);
    let line = position.line().and_then(|line| source.text.lines().nth(line - 1));
    let word = &source.text[span.clone()];
    parsing(&error.0, source, given, word, line.unwrap_or_default()).at(source, span)
}

/// What ended a script, with the calls of its functions that led there. `ast` is the script that was run.
pub(super) fn of_running(
    mut error: Box<EvalAltResult>,
    engine: &Engine,
    ast: &AST,
    state: &Evaluating,
) -> Diagnostic {
    let mut file = ast.source().unwrap_or_default().to_owned();
    let mut calls = Vec::new();
    loop {
        match *error {
            EvalAltResult::ErrorInFunctionCall(name, callee, inner, position) => {
                // A block that is given to `on` has no name that anybody knows.
                if !name.is_empty() && !name.starts_with("anon$") {
                    let call = Diagnostic::new("", format!("in this call of {name}()"));
                    calls.push(state.locate(call, &state.place(&file, position)));
                }
                if !callee.is_empty() {
                    file = callee;
                }
                error = inner;
            }
            EvalAltResult::ErrorInModule(_, inner, _) => error = inner,
            _ => break,
        }
    }
    let diagnostic = match raised(&error) {
        Some(diagnostic) => diagnostic,
        None => {
            let place = state.place(&file, error.take_position());
            state.locate(running(&error, engine, state, &place), &place)
        }
    };
    calls.into_iter().rev().fold(diagnostic, Diagnostic::related)
}

/// What kept a script from being compiled. `given` are the names that it finds without declaring them; `word` is what stands at
/// the place, in `line`.
fn parsing(
    error: &ParseErrorType,
    source: &Source,
    given: &[&str],
    word: &str,
    line: &str,
) -> Diagnostic {
    match error {
        ParseErrorType::VariableUndefined(name) => unknown_variable(name, &source.text, given),
        ParseErrorType::ModuleUndefined(name) => {
            Diagnostic::new("language::unknown-role", format!("there is no role library `{name}`"))
                .hint(format!("{name}::f() calls a function of roles/{name}/lib.rhai"))
        }
        other => {
            let reserved = match other {
                ParseErrorType::Reserved(word) => Some(word.as_str()),
                _ => None,
            };
            let hint = elsewhere::word(reserved.unwrap_or(word));
            let message = match (reserved, other) {
                (Some(word), _) => format!("there is no `{word}`"),
                (None, ParseErrorType::BadInput(rhai::LexError::ImproperSymbol(symbol, _)))
                    if hint.is_some() =>
                {
                    format!("there is no `{symbol}`")
                }
                _ => sentence(&other.to_string()),
            };
            let error = Diagnostic::new("language::syntax", message);
            hint.or_else(|| elsewhere::line(other, line)).into_iter().fold(error, Diagnostic::hint)
        }
    }
}

/// What ended a script, at `place`.
fn running(
    error: &EvalAltResult,
    engine: &Engine,
    state: &Evaluating,
    place: &Place,
) -> Diagnostic {
    match error {
        EvalAltResult::ErrorVariableNotFound(name, _) => {
            let parameters = state.gathered().context.scene.parameters.clone();
            let given: Vec<&str> = parameters.keys().map(String::as_str).chain(GIVEN).collect();
            let text = state.text(&place.file).map(|source| source.text).unwrap_or_default();
            unknown_variable(name, &text, &given)
        }
        EvalAltResult::ErrorPropertyNotFound(name, _) => unknown_property(name, state, place),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            let text = state.text(&place.file).map(|source| source.text).unwrap_or_default();
            unknown_function(signature, &declared_functions(&text), engine, state)
        }
        EvalAltResult::ErrorModuleNotFound(name, _) => unknown_library(name, engine),
        EvalAltResult::ErrorRuntime(value, _) => {
            let text = match value.clone().into_string() {
                Ok(text) => text,
                Err(_) => format!("the script threw {}", kind_of(value)),
            };
            Diagnostic::new("language::thrown", text)
        }
        EvalAltResult::ErrorMismatchDataType(wanted, given, _) => {
            let (wanted, given) = (plain_types(wanted), plain_types(given));
            Diagnostic::new("language::type", format!("expected {wanted}, not {given}"))
        }
        EvalAltResult::ErrorTooManyOperations(_) => {
            Diagnostic::new("language::limit", "the script runs too long")
                .hint("is this in a loop that does not end?")
        }
        EvalAltResult::ErrorStackOverflow(_) => {
            Diagnostic::new("language::limit", "calls are nested too deep")
                .hint("does a function call itself?")
        }
        EvalAltResult::ErrorDataTooLarge(what, _) => {
            Diagnostic::new("language::limit", format!("{} is too large", sentence(what)))
                .hint("is this in a loop that does not end?")
        }
        other => Diagnostic::new("language::error", sentence(&other.to_string())),
    }
}

fn unknown_variable(name: &str, text: &str, given: &[&str]) -> Diagnostic {
    let error = Diagnostic::new("language::unknown-name", format!("there is no variable `{name}`"));
    let mut known = declared_names(text);
    // What is given, or stands outside, is found everywhere but in functions.
    if given.contains(&name) || known.contains(name) {
        return error.hint(format!(
            "a function sees only its parameters: variables, parameters of a role and `host` are not visible in it; add a \
             parameter, and call it with `{name}`"
        ));
    }
    if let Some(hint) = elsewhere::word(name) {
        return error.hint(hint);
    }
    known.extend(given);
    match did_you_mean(name, known) {
        Some(hint) => error.hint(hint),
        None if name == "host" => error
            .hint("a block is given its host: on(hosts(\"all\"), |host| { .. }); a function needs a parameter for it"),
        None => match ansible::instead(name) {
            Some(instead) => error.hint(format!("Ansible's `{name}` is here: {instead}")),
            None => error.hint("put strings in quotes"),
        },
    }
}

/// A key that a map does not have. What the map is can be read before the place of the key.
fn unknown_property(name: &str, state: &Evaluating, place: &Place) -> Diagnostic {
    let path = state.text(&place.file).map(|source| path_before(&source, place));
    let path = path.unwrap_or_default();
    let context = state.gathered().context.clone();
    let known: Vec<String> = match path.rsplit('.').next() {
        Some("vars") => {
            context.host.iter().flat_map(|host| host.reveal().vars.keys().cloned()).collect()
        }
        Some("params") => context.scene.parameters.keys().cloned().collect(),
        _ => known_facts(&path, state),
    };
    let message = match path.rsplit('.').next() {
        Some("vars") => match &context.host {
            Some(host) => format!("{} has no variable `{name}`", host.reveal().name),
            None => format!("the host has no variable `{name}`"),
        },
        None | Some("") => format!("there is no `{name}` here"),
        Some(_) => format!("`{path}` has no `{name}`"),
    };
    let error = Diagnostic::new("language::unknown-name", message);
    match did_you_mean(name, known.iter().map(String::as_str)) {
        Some(hint) => error.hint(hint),
        None if path.ends_with("vars") => error.hint(format!(
            "set it in the inventory, or with -e {name}=VALUE; where it may be missing: {path}.get(\"{name}\") ?? DEFAULT"
        )),
        None if path.is_empty() => error,
        None => {
            error.hint(format!("where it may be missing: {path}.get(\"{name}\") ?? DEFAULT"))
        }
    }
}

/// The path that stands before a key: `host.vars` for the key of `host.vars.port`.
fn path_before(source: &Source, place: &Place) -> String {
    let before = &source.text[..source.word_at(place.line, place.column).start];
    let in_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    let start = before.rfind(|c| !in_path(c)).map_or(0, |at| at + 1);
    let start = before.ceil_char_boundary(start);
    before[start..].trim_end_matches('.').to_owned()
}

/// The keys of a part of the current host's facts.
fn known_facts(path: &str, state: &Evaluating) -> Vec<String> {
    let Some(host) = state.gathered().context.host.clone() else { return Vec::new() };
    let Some((_, below)) = path.split_once("facts") else { return Vec::new() };
    let mut facts = state.input().known.facts.get(&host.reveal().name);
    for part in below.split('.').filter(|part| !part.is_empty()) {
        facts = match facts {
            Some(Value::Map(inner)) => inner.get(part),
            _ => None,
        };
    }
    match facts {
        Some(Value::Map(inner)) => inner.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

/// `signature` is a name and the types of the arguments, such as `file (string, integer)`.
fn unknown_function(
    signature: &str,
    own: &[&str],
    engine: &Engine,
    state: &Evaluating,
) -> Diagnostic {
    let (name, types) = signature.split_once(" (").unwrap_or((signature, ")"));
    let types = plain_types(types.trim_end_matches(')'));
    if name.starts_with("anon$") {
        return Diagnostic::new("language::arguments", "the block takes other arguments")
            .hint("a block for hosts takes one: |host| { .. }");
    }
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        let message = format!("`{name}` cannot be applied to {}", types.replace(", ", " and "));
        return Diagnostic::new("language::type", message);
    }
    let uses = uses(name, engine);
    if !uses.is_empty() {
        let given = if types.is_empty() { "nothing".to_owned() } else { types };
        return Diagnostic::new(
            "language::arguments",
            format!("{name}() cannot be called with {given}"),
        )
        .hint(format!("it is called as {}", uses.join(" or ")));
    }
    unknown_name_of_function(name, own, engine, state)
}

/// A function that nobody wrote, whatever it is given. `own` are the functions of the script itself.
pub(super) fn unknown_name_of_function(
    name: &str,
    own: &[&str],
    engine: &Engine,
    state: &Evaluating,
) -> Diagnostic {
    let message = format!("there is no function `{name}`");
    let error = Diagnostic::new("language::unknown-function", message);
    error.hint(instead_of_function(name, own, engine, state).unwrap_or_else(|| {
        "`converge doc` lists all that can be called; a function of another role is called as ROLE::NAME()".to_owned()
    }))
}

/// What to call in place of a function that is not there: what people bring from elsewhere, then what is written here most,
/// and what Rhai brings only where it is very near.
fn instead_of_function(
    name: &str,
    own: &[&str],
    engine: &Engine,
    state: &Evaluating,
) -> Option<String> {
    let all = function_names(engine);
    if role_folders::folder(state, name).is_some() {
        return Some(format!("{name} is a role: role(\"{name}\", #{{ .. }})"));
    }
    if let Some(instead) = ansible::instead(name) {
        return Some(format!("Ansible's `{name}` is here: {instead}"));
    }
    if let Some(instead) = elsewhere::function(name) {
        return Some(instead.to_owned());
    }
    let documented = documented_names(engine);
    let kinds = KINDS.iter().map(|kind| kind.name());
    let ours = kinds.chain(documented.iter().map(String::as_str)).chain(own.iter().copied());
    did_you_mean(name, ours).or_else(|| {
        let near = |it: &&String| name.len() > 4 && strsim::damerau_levenshtein(name, it) <= 1;
        did_you_mean(name, all.iter().filter(near).map(String::as_str))
    })
}

/// An `import` of what is no role library.
pub(super) fn unknown_library(name: &str, engine: &Engine) -> Diagnostic {
    let names = function_names(engine);
    let libraries: BTreeSet<&str> =
        names.iter().filter_map(|name| name.split_once("::").map(|(library, _)| library)).collect();
    let message = format!("there is no role library `{name}`");
    let error = Diagnostic::new("language::unknown-role", message);
    match did_you_mean(name, libraries) {
        Some(hint) => error.hint(hint),
        None => error.hint("`import` finds the roles that have a lib.rhai, by their names"),
    }
}

/// The names of all functions, those of libraries as `ROLE::NAME`. Operators and the like have names that nobody calls.
pub(super) fn function_names(engine: &Engine) -> BTreeSet<String> {
    let name = |info: rhai::FuncInfo<'_>| {
        let name = &info.metadata.name;
        let callable = name.starts_with(|c: char| c.is_alphabetic()) && !name.contains('$');
        callable.then(|| qualified(&info.namespace, name))
    };
    engine.collect_fn_metadata(None, name, true).into_iter().collect()
}

/// The functions that say what they do, and those of roles: what people write here, and not all that Rhai brings.
fn documented_names(engine: &Engine) -> BTreeSet<String> {
    let name = |info: rhai::FuncInfo<'_>| {
        let ours = !info.namespace.is_empty() || !info.metadata.comments.is_empty();
        (ours && !info.metadata.name.contains('$'))
            .then(|| qualified(&info.namespace, &info.metadata.name))
    };
    engine.collect_fn_metadata(None, name, false).into_iter().collect()
}

/// How a function is called: its name and what its parameters are called.
fn uses(name: &str, engine: &Engine) -> Vec<String> {
    let parameters = |info: rhai::FuncInfo<'_>| {
        if qualified(&info.namespace, &info.metadata.name) != name {
            return None;
        }
        let scripted = info.script.as_ref().map(|script| script.params.join(", "));
        let described = || {
            let named =
                info.metadata.params_info.iter().map(|it| it.split(':').next().unwrap_or(it));
            named.map(str::trim).collect::<Vec<_>>().join(", ")
        };
        Some(format!("{name}({})", scripted.unwrap_or_else(described)))
    };
    let mut uses = engine.collect_fn_metadata(None, parameters, true);
    uses.sort_by_key(String::len);
    uses.dedup();
    uses.truncate(3);
    uses
}

fn qualified(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}::{name}") }
}

/// Rhai's names of types in the words of the manual.
fn plain_types(text: &str) -> String {
    let plain = |name: &str| match name.trim() {
        "&str | ImmutableString | String" | "ImmutableString" | "string" => "a string".to_owned(),
        "i64" => "an integer".to_owned(),
        "f64" => "a float".to_owned(),
        "bool" => "a boolean".to_owned(),
        "array" => "a list".to_owned(),
        "map" => "a map".to_owned(),
        "()" => "nothing".to_owned(),
        "Fn" => "a function".to_owned(),
        "Host" => "a host".to_owned(),
        "Secret" => "a secret".to_owned(),
        "Resource" => "a resource".to_owned(),
        "Resources" => "resources".to_owned(),
        "Version" => "a version".to_owned(),
        other => other.to_owned(),
    };
    text.split(',').filter(|name| !name.is_empty()).map(plain).collect::<Vec<_>>().join(", ")
}

/// A message of Rhai as one of ours.
fn sentence(message: &str) -> String {
    let mut characters = message.trim_end_matches('.').chars();
    let first = characters.next().map(|first| first.to_lowercase().collect::<String>());
    first.unwrap_or_default() + characters.as_str()
}
