//! `role(name, parameters)`: a role on the current host.

use std::sync::Arc;

use indexmap::IndexMap;
use rhai::{AST, Dynamic, Engine, EvalAltResult, FuncRegistration, Map, NativeCallContext, Scope};

use super::{
    SourceError, backticks,
    convert::{kind_of, to_dynamic, to_value},
    declare::handles,
    error::{ScriptResult, is_no_error, pass_on, raise},
    explain::{of_parsing, of_running},
    handle::Handles,
    host_ref::HostRef,
    known::no_host,
    parameters::{GIVEN, HOST, PARAMS, Parameter, Parameters, Type},
    role_folders::{folder, unknown, unreadable},
    state::{Evaluating, Role, ScriptContext},
    written::{self, FIRST},
};
use crate::{
    base::{
        diagnostic::{Diagnostic, Place, Result, did_you_mean},
        value::Value,
    },
    evaluate::catalog::Frame,
    input::inventory::Origin,
};

pub(super) fn register(engine: &mut Engine, state: &Evaluating) {
    let its = state.clone();
    let function = FuncRegistration::new("role").with_params_info(["name"]).with_comments(["Applies a role to the current host, with parameters. A parameter that the call leaves out is the host's variable of that name, or the default in `role.toml`. Returns the last value of `main.rhai`, if that ends without a semicolon; otherwise everything declared in it."]);
    function.register_into_engine(engine, move |context: NativeCallContext, name: &str| {
        role(&its, &context, name, Map::new())
    });
    let its = state.clone();
    let function = FuncRegistration::new("role").with_params_info(["name", "#{ .. }"]);
    function
        .register_into_engine(engine, move |context: NativeCallContext, name: &str, given: Map| {
            role(&its, &context, name, given)
        });
}

/// Runs the playbooks themselves, one after the other. One that asks something keeps none of the others from asking.
pub(super) fn run_playbooks(engine: &Engine, state: &Evaluating) -> Result<()> {
    state.input().playbooks.iter().try_for_each(|path| run_playbook(engine, state, path))
}

fn run_playbook(engine: &Engine, state: &Evaluating, path: &str) -> Result<()> {
    let ast = compile(engine, state, path, &Scope::new()).map_err(|error| match error {
        CompileError::Error(diagnostic) => diagnostic,
        CompileError::Source(error) => unreadable_playbook(state, path, &error),
    })?;
    match engine.run_ast(&ast) {
        Err(error) if !is_no_error(&error) => Err(of_running(error, engine, &ast, state)),
        _ => Ok(()),
    }
}

/// Where playbooks usually are; only a hint looks there by itself.
const PLAYBOOKS: &str = "playbooks";

fn unreadable_playbook(state: &Evaluating, path: &str, error: &SourceError) -> Diagnostic {
    let names = state.input().sources.list(PLAYBOOKS, Some(PLAYBOOKS)).unwrap_or_default();
    let playbooks: Vec<String> = names.iter().map(|name| format!("{PLAYBOOKS}/{name}")).collect();
    let name = path.rsplit('/').next().unwrap_or(path);
    let near = did_you_mean(&format!("{PLAYBOOKS}/{name}"), playbooks.iter().map(String::as_str));
    let near = error.hint().map(str::to_owned).or(near);
    Diagnostic::new("playbook::unreadable", format!("cannot read {path}: {error}"))
        .hint(near.unwrap_or_else(|| format!("a playbook is a file such as {PLAYBOOKS}/site.rhai")))
}

/// Something of a role that is there, and cannot be read.
/// What kept a script from being compiled.
pub(super) enum CompileError {
    Source(SourceError),
    Error(Diagnostic),
}

/// Reads and compiles a script, and remembers where the arguments of its calls stand.
pub(super) fn compile(
    engine: &Engine,
    state: &Evaluating,
    path: &str,
    scope: &Scope<'_>,
) -> Result<AST, CompileError> {
    let source = state.text(path).map_err(CompileError::Source)?;
    let mut ast = engine.compile_with_scope(scope, &*source.text).map_err(|error| {
        let given: Vec<&str> = scope.iter_raw().map(|(name, ..)| name).collect();
        CompileError::Error(of_parsing(&error, &source, &given))
    })?;
    ast.set_source(path);
    let gathered = &mut *state.gathered();
    gathered.arguments.insert(source.name.clone(), written::arguments(&ast));
    written::each_map(&ast, &mut |keys, position| {
        gathered.orders.keep(&source.name, position, keys);
    });
    gathered.reads_global |= written::reads_global(&ast);
    for note in backticks::notes(&source) {
        if !gathered.notes.contains(&note) {
            gathered.notes.push(note);
        }
    }
    Ok(ast)
}

/// Runs a role on the current host; its value is that of the last expression of `main.rhai`, or else all that it declared.
fn role(
    state: &Evaluating,
    context: &NativeCallContext,
    name: &str,
    given: Map,
) -> ScriptResult<Dynamic> {
    let here = state.gathered().context.clone();
    let fail = |diagnostic| raise(state, context, diagnostic);
    let Some(host) = here.host else { return Err(fail(no_host("role"))) };
    let call = state.call(context);
    let frame = Frame { what: format!("role {name}"), place: call.clone() };
    if here.scene.frames.iter().any(|outer| outer.what == frame.what) {
        let message = format!("role {name} calls itself");
        let error = Diagnostic::new("role::cycle", message)
            .hint("move the common part into another role, or into a function in lib.rhai");
        return Err(fail(error));
    }
    let role = load(context.engine(), state, name, &call).map_err(fail)?;
    let (values, constants) = parameters(state, &role, name, given, &host, &call).map_err(fail)?;
    let mut scope = Scope::new();
    for (name, value) in &constants {
        scope.push_constant_dynamic(name.as_str(), value.clone());
    }
    scope.push_constant(PARAMS, constants);
    scope.push_constant(HOST, host);
    let explained = |error: Box<EvalAltResult>| {
        if is_no_error(&error) {
            return error;
        }
        let error = of_running(error, context.engine(), &role.main, state);
        pass_on(error.related(state.call_of(&frame)))
    };
    let change = |context: &mut ScriptContext| {
        context.scene.frames = frame.clone().within(&context.scene.frames);
        context.scene.parameters = Arc::new(values);
    };
    let start = Handles::start(state);
    let value = state.within(change, || {
        let ended = context.engine().eval_ast_with_scope::<Dynamic>(&mut scope, &role.main);
        ended.map_err(explained)
    })?;
    let all = || Dynamic::from(Handles::since(state, &start));
    let is_last_by_chance = !role.gives_value && handles(&value).is_ok();
    Ok(if value.is_unit() || is_last_by_chance { all() } else { value })
}

/// Reads and compiles a role, once per evaluation.
fn load(engine: &Engine, state: &Evaluating, name: &str, call: &Place) -> Result<Arc<Role>> {
    if let Some(role) = state.gathered().roles.get(name) {
        return Ok(role.clone());
    }
    let at_name = |error| state.locate(error, &state.argument(call, FIRST, |it| it.value));
    let folder = folder(state, name).ok_or_else(|| at_name(unknown(state, name)))?;
    let parameters = read_parameters(state, &folder)?;
    let main = compile(engine, state, &format!("{folder}/main.rhai"), &constants_of(&parameters));
    let main = main.map_err(|error| match error {
        CompileError::Error(diagnostic) => diagnostic.related(
            state.locate(Diagnostic::new("", format!("in this call of role {name}")), call),
        ),
        CompileError::Source(error) => {
            let message = format!("cannot read {folder}/main.rhai: {error}");
            let hint = format!("functions of lib.rhai are called as {name}::NAME()");
            let hint = error.hint().map_or(hint, str::to_owned);
            at_name(Diagnostic::new("role::unreadable", message).hint(hint))
        }
    })?;
    let text = state.text(&format!("{folder}/main.rhai")).map(|source| source.text);
    let gives_value = written::gives_value(&main, &text.unwrap_or_default());
    let role = Arc::new(Role { parameters, main, gives_value });
    state.gathered().roles.insert(name.to_owned(), role.clone());
    Ok(role)
}

/// What a role's `role.toml` says; a role without one takes no parameters.
pub(super) fn read_parameters(state: &Evaluating, folder: &str) -> Result<Parameters> {
    match state.text(&format!("{folder}/role.toml")) {
        Ok(source) => Parameters::parse(&source),
        Err(SourceError::NotFound) => Ok(Parameters::default()),
        Err(error) => Err(unreadable(&format!("cannot read {folder}/role.toml"), &error)),
    }
}

/// The names that a role's script finds, so that an unknown one is an error before the script runs.
pub(super) fn constants_of(parameters: &Parameters) -> Scope<'static> {
    let mut scope = Scope::new();
    for name in parameters.all.keys().map(String::as_str).chain(GIVEN) {
        scope.push_constant(name, ());
    }
    scope
}

/// The parameters of a call, checked: for templates, and as the constants of the script. What the call does not give is
/// looked for among the host's variables, and then in `role.toml`.
fn parameters(
    state: &Evaluating,
    role: &Role,
    name: &str,
    mut given: Map,
    host: &HostRef,
    call: &Place,
) -> Result<(IndexMap<String, Value>, Map)> {
    let unknown = given.keys().find(|name| !role.parameters.all.contains_key(name.as_str()));
    if let Some(unknown) = unknown {
        let place = state.argument(call, unknown, |argument| argument.name);
        return Err(state.locate(role.parameters.unknown(name, unknown), &place));
    }
    let mut values = IndexMap::new();
    let mut constants = Map::new();
    for (key, parameter) in &role.parameters.all {
        let (constant, value) = if let Some(constant) = given.remove(key.as_str()) {
            let at_value =
                |error| state.locate(error, &state.argument(call, key, |argument| argument.value));
            let value = to_value(&constant, Some((state, call)))
                .map_err(|_| parameter.mistyped(key, kind_of(&constant)));
            let value = value.map_err(at_value)?;
            parameter.check(key, &value).map_err(at_value)?;
            (constant, value)
        } else {
            let value = match (variable(state, parameter, key, host), &parameter.default) {
                (Some(value), _) => value.map_err(|error| match error.has_place() {
                    false => error,
                    true => {
                        let here = Diagnostic::new("", format!("for this call of role {name}"));
                        error.related(state.locate(here, call))
                    }
                })?,
                (None, Some(default)) => default.clone(),
                (None, None) => return Err(parameter.missing(name, key)),
            };
            (to_dynamic(&value, state), value)
        };
        values.insert(key.clone(), value);
        constants.insert(key.as_str().into(), constant);
    }
    Ok((values, constants))
}

/// What the inventory or the command line says for a parameter.
fn variable(
    state: &Evaluating,
    parameter: &Parameter,
    name: &str,
    host: &HostRef,
) -> Option<Result<Value>> {
    if !parameter.r#type.is_written() {
        return None;
    }
    let variable = host.variable(name)?;
    let origin = variable.chain.last();
    let of_command_line =
        origin.is_some_and(|it| it.level == Origin::COMMAND_LINE && it.place.is_none());
    // Of what the command line says, nobody writes whether it is a number or a text that looks like one.
    let value = match (&variable.value, parameter.r#type) {
        (Value::Int(_) | Value::Float(_) | Value::Bool(_), Type::Text) if of_command_line => {
            Value::Text(variable.value.written())
        }
        (value, _) => value.clone(),
    };
    state.gathered().bound.insert(name.to_owned());
    let checked = parameter.check(name, &value).map(|()| value.clone());
    Some(checked.map_err(|error| match origin.and_then(|origin| origin.place.as_ref()) {
        Some(place) => state.locate(error, place),
        None => error.hint(format!("set by -e: {name}={}", value.written())),
    }))
}
