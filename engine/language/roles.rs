//! `role(name, parameters)`: a role on the current host; and the libraries that roles give to others.

use std::sync::Arc;

use indexmap::IndexMap;
use rhai::{
    AST, Dynamic, Engine, EvalAltResult, Map, Module, NativeCallContext, Position, Scope,
    Shared as Rc, module_resolvers::StaticModuleResolver,
};

use super::{
    SourceError,
    convert::{to_dynamic, to_value},
    error::{Raised, of_parsing, of_running, pass_on, raise},
    hosts::{HostRef, no_host},
    lint,
    parameters::Parameters,
    state::{Role, State},
};
use crate::{
    catalog::Frame,
    diagnostic::{Diagnostic, Place, Result, did_you_mean},
    value::Value,
};

type Outcome<T> = Result<T, Box<EvalAltResult>>;

/// Roles can call roles; deeper than this they go in circles.
const ROLES_DEPTH_MAX: usize = 16;

/// The constants that a role finds besides its parameters.
const PARAMS: &str = "params";
const HOST: &str = "host";

pub(super) fn register(engine: &mut Engine, state: &State) -> Result<()> {
    let its = state.clone();
    engine.register_fn("role", move |context: NativeCallContext, name: &str| {
        role(&its, &context, name, Map::new())
    });
    let its = state.clone();
    engine.register_fn("role", move |context: NativeCallContext, name: &str, given: Map| {
        role(&its, &context, name, given)
    });
    let mut resolver = StaticModuleResolver::new();
    for name in names(state) {
        if let Some(library) = library(engine, state, &name)? {
            resolver.insert(name.as_str(), Module::clone(&library));
            engine.register_static_module(name.as_str(), library);
        }
    }
    engine.set_module_resolver(resolver);
    Ok(())
}

/// Runs the playbook itself.
pub(super) fn run_playbook(engine: &Engine, state: &State) -> Result<()> {
    let path = &state.input().playbook;
    let ast = compile(engine, state, path, &Scope::new()).map_err(|error| match error {
        CompileError::Mistake(diagnostic) => diagnostic,
        CompileError::Source(error) => {
            Diagnostic::new("playbook::unreadable", format!("cannot read {path}: {error}"))
                .hint("the first argument is the path of a playbook")
        }
    })?;
    match engine.run_ast(&ast) {
        Ok(()) => Ok(()),
        Err(error) if Raised::is_no_mistake(&error) => Ok(()),
        Err(error) => Err(of_running(&error, &ast, state)),
    }
}

/// The names of all roles, sorted.
pub(super) fn names(state: &State) -> Vec<String> {
    let input = state.input();
    let files = input.roles.iter().flat_map(|folder| input.sources.list(folder));
    let mut names: Vec<String> = files
        .filter_map(|path| {
            let (name, file) = path.split_once('/')?;
            matches!(file, "main.rhai" | "lib.rhai").then(|| name.to_owned())
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The folder of a role: in the first of the roles' folders that has it.
pub(super) fn folder(state: &State, name: &str) -> Option<String> {
    let input = state.input();
    let has = |folder: &&String| {
        let below = |file: &str| format!("{folder}/{name}/{file}");
        ["main.rhai", "lib.rhai"].iter().any(|file| input.sources.read(&below(file)).is_ok())
    };
    input.roles.iter().find(has).map(|folder| format!("{folder}/{name}"))
}

fn library(engine: &Engine, state: &State, name: &str) -> Result<Option<Rc<Module>>> {
    let Some(folder) = folder(state, name) else { return Ok(None) };
    let ast = match compile(engine, state, &format!("{folder}/lib.rhai"), &Scope::new()) {
        Ok(ast) => ast,
        Err(CompileError::Source(SourceError::NotFound)) => return Ok(None),
        Err(CompileError::Source(error)) => {
            let message = format!("cannot read {folder}/lib.rhai: {error}");
            return Err(Diagnostic::new("role::unreadable", message));
        }
        Err(CompileError::Mistake(diagnostic)) => return Err(diagnostic),
    };
    let module = Module::eval_ast_as_new(Scope::new(), &ast, engine)
        .map_err(|error| of_running(&error, &ast, state))?;
    Ok(Some(module.into()))
}

/// What kept a script from being compiled.
pub(super) enum CompileError {
    Source(SourceError),
    Mistake(Diagnostic),
}

/// Reads and compiles a script, and remembers where the keys of its literal maps stand.
pub(super) fn compile(
    engine: &Engine,
    state: &State,
    path: &str,
    scope: &Scope<'_>,
) -> Result<AST, CompileError> {
    let source = state.text(path).map_err(CompileError::Source)?;
    let mut ast = engine
        .compile_with_scope(scope, &*source.text)
        .map_err(|error| CompileError::Mistake(of_parsing(&error, &source)))?;
    ast.set_source(path);
    let keys = lint::key_positions(&ast, &source.name);
    state.gathered().keys.extend(keys);
    Ok(ast)
}

/// Runs a role on the current host; its value is that of the last expression of `main.rhai`.
fn role(state: &State, context: &NativeCallContext, name: &str, given: Map) -> Outcome<Dynamic> {
    let scene = state.gathered().context.clone();
    let Some(host) = scene.host else { return Err(raise(state, context, no_host("role"))) };
    if scene.frames.len() >= ROLES_DEPTH_MAX {
        let diagnostic =
            Diagnostic::new("role::circle", format!("role {name} ends up calling itself"));
        return Err(raise(state, context, diagnostic));
    }
    let role = match load(context.engine(), state, name) {
        Ok(role) => role,
        Err(diagnostic) => return Err(raise(state, context, diagnostic)),
    };
    let call = state.place(context.call_source().unwrap_or_default(), context.call_position());
    let (values, constants) = parameters(state, &role, name, given, &call)
        .map_err(|diagnostic| raise(state, context, diagnostic))?;
    let mut scope = Scope::new();
    for (name, value) in &constants {
        scope.push_constant_dynamic(name.as_str(), value.clone());
    }
    scope.push_constant(PARAMS, constants);
    scope.push_constant(HOST, HostRef { host });
    let frame = Frame { what: format!("role {name}"), place: call };
    let change = |context: &mut super::state::Context| {
        context.frames.insert(0, frame);
        context.parameters = Arc::new(values);
    };
    let run = || {
        context.engine().eval_ast_with_scope::<Dynamic>(&mut scope, &role.main).map_err(|error| {
            if Raised::is_no_mistake(&error) {
                return error;
            }
            pass_on(of_running(&error, &role.main, state))
        })
    };
    state.within(change, run)
}

/// Reads and compiles a role, once per evaluation.
fn load(engine: &Engine, state: &State, name: &str) -> Result<Arc<Role>> {
    if let Some(role) = state.gathered().roles.get(name) {
        return Ok(role.clone());
    }
    let Some(folder) = folder(state, name) else {
        let known = names(state);
        let hint = did_you_mean(name, known.iter().map(String::as_str)).unwrap_or_else(|| {
            format!("a role is a folder in {}, with a main.rhai", state.input().roles.join(", "))
        });
        let message = format!("there is no role `{name}`");
        return Err(Diagnostic::new("role::unknown", message).hint(hint));
    };
    let parameters = read_parameters(state, &folder)?;
    let main = compile(engine, state, &format!("{folder}/main.rhai"), &constants_of(&parameters));
    let main = main.map_err(|error| match error {
        CompileError::Mistake(diagnostic) => diagnostic,
        CompileError::Source(_) => {
            Diagnostic::new("role::unknown", format!("{folder} has no main.rhai"))
                .hint(format!("its functions are called as {name}::NAME()"))
        }
    })?;
    let role = Arc::new(Role { parameters, main });
    state.gathered().roles.insert(name.to_owned(), role.clone());
    Ok(role)
}

/// What a role's `role.toml` says; a role without one takes no parameters.
pub(super) fn read_parameters(state: &State, folder: &str) -> Result<Parameters> {
    match state.text(&format!("{folder}/role.toml")) {
        Ok(source) => Parameters::parse(&source),
        Err(SourceError::NotFound) => Ok(Parameters::default()),
        Err(error) => {
            let message = format!("cannot read {folder}/role.toml: {error}");
            Err(Diagnostic::new("role::unreadable", message))
        }
    }
}

/// The names that a role's script finds, so that an unknown one is a mistake before the script runs.
pub(super) fn constants_of(parameters: &Parameters) -> Scope<'static> {
    let mut scope = Scope::new();
    for name in parameters.all.keys().map(String::as_str).chain([PARAMS, HOST]) {
        scope.push_constant(name, ());
    }
    scope
}

/// The parameters of a call, checked: for templates, and as the constants of the script.
fn parameters(
    state: &State,
    role: &Role,
    name: &str,
    mut given: Map,
    call: &Place,
) -> Result<(IndexMap<String, Value>, Map)> {
    let at_key = |key: &str, diagnostic: Diagnostic| {
        let gathered = state.gathered();
        let keys = gathered.keys.get(&(call.file.clone(), call.line, call.column));
        let key = keys.into_iter().flatten().find(|(name, _)| name == key);
        let position = key.map(|(_, position)| *position);
        drop(gathered);
        let position = position.unwrap_or_else(|| position_of(call));
        state.locate(diagnostic, &state.place(&call.file, position))
    };
    let unknown = given.keys().find(|name| !role.parameters.all.contains_key(name.as_str()));
    if let Some(unknown) = unknown {
        return Err(at_key(unknown, role.parameters.unknown(name, unknown)));
    }
    let mut values = IndexMap::new();
    let mut constants = Map::new();
    for (key, parameter) in &role.parameters.all {
        let constant = match (given.remove(key.as_str()), &parameter.default) {
            (Some(given), _) => given,
            (None, Some(default)) => to_dynamic(default),
            (None, None) => {
                let message = format!("role {name} needs the parameter `{key}`");
                let hint = format!("{key} is {}: {}", parameter.wanted(), parameter.description);
                return Err(Diagnostic::new("role::missing-parameter", message).hint(hint));
            }
        };
        let wrong = |message| at_key(key, Diagnostic::new("role::parameter", message));
        let value = to_value(&constant).map_err(wrong)?;
        parameter.check(key, &value).map_err(wrong)?;
        values.insert(key.clone(), value);
        constants.insert(key.as_str().into(), constant);
    }
    Ok((values, constants))
}

fn position_of(place: &Place) -> Position {
    let short = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    Position::new(short(place.line), short(place.column))
}
