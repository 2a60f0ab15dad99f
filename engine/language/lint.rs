//! What can be found by reading a script, without running it: also in branches that do not run.

use std::sync::Arc;

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Scope, Stmt};

use super::{
    Input,
    declare::argument_names,
    parameters::Parameters,
    roles, sandbox,
    state::{KeyPositions, State},
};
use crate::{
    diagnostic::{Diagnostic, Source, did_you_mean},
    resource::Kind,
    resources, template,
};

/// Where each key of a literal map stands, by the call that the map is given to.
pub(super) fn key_positions(ast: &AST, file: &Arc<str>) -> KeyPositions {
    let mut keys = KeyPositions::new();
    each_call(ast, &mut |call, position| {
        let Some(map) = literal_map(call) else { return };
        let (Some(line), Some(column)) = (position.line(), position.position()) else { return };
        let positions = map.iter().map(|(key, _)| (key.name.to_string(), key.pos)).collect();
        keys.insert((file.clone(), line, column), positions);
    });
    keys
}

/// Calls `visit` with each call of a function, and the position of its name.
fn each_call(ast: &AST, visit: &mut dyn FnMut(&FnCallExpr, Position)) {
    ast.walk(&mut |path: &[ASTNode]| {
        match path.last() {
            Some(ASTNode::Expr(
                Expr::FnCall(call, position) | Expr::MethodCall(call, position),
            )) => {
                visit(call, *position);
            }
            Some(ASTNode::Stmt(Stmt::FnCall(call, position))) => visit(call, *position),
            _ => {}
        }
        true
    });
}

type LiteralMap = [(rhai::Ident, Expr)];

fn literal_map(call: &FnCallExpr) -> Option<&LiteralMap> {
    call.args.iter().rev().find_map(|argument| match argument {
        Expr::Map(map, _) => Some(map.0.as_slice()),
        _ => None,
    })
}

/// Reads the playbook and every role and template, and finds all mistakes that show without running anything.
pub fn check(input: Input) -> Vec<Diagnostic> {
    let state = State::new(input);
    let engine = match sandbox::engine(&state) {
        Ok(engine) => engine,
        Err(diagnostic) => return vec![diagnostic],
    };
    let mut found = Vec::new();
    let read = |path: &str, scope: &Scope<'_>| match roles::compile(&engine, &state, path, scope) {
        Ok(ast) => check_calls(&ast, &state, path),
        Err(roles::CompileError::Mistake(diagnostic)) => vec![diagnostic],
        Err(roles::CompileError::Source(_)) => Vec::new(),
    };
    found.extend(read(&state.input().playbook.clone(), &Scope::new()));
    for name in roles::names(&state) {
        let Some(folder) = roles::folder(&state, &name) else { continue };
        found.extend(read(&format!("{folder}/lib.rhai"), &Scope::new()));
        match roles::read_parameters(&state, &folder) {
            Ok(parameters) => {
                let scope = roles::constants_of(&parameters);
                found.extend(read(&format!("{folder}/main.rhai"), &scope));
            }
            Err(diagnostic) => found.push(diagnostic),
        }
        found.extend(check_templates(&state, &folder));
    }
    found
}

fn check_templates(state: &State, folder: &str) -> Vec<Diagnostic> {
    let names = state.input().sources.list(&format!("{folder}/templates"));
    let check = |name: String| {
        let source = state.text(&format!("{folder}/templates/{name}")).ok()?;
        template::check_syntax(&source).err()
    };
    names.into_iter().filter_map(check).collect()
}

fn check_calls(ast: &AST, state: &State, path: &str) -> Vec<Diagnostic> {
    let Ok(source) = state.text(path) else { return Vec::new() };
    let mut found = Vec::new();
    each_call(ast, &mut |call, _| {
        let Some(map) = literal_map(call) else { return };
        if !call.namespace.is_empty() {
            return;
        }
        if let Some(kind) = resources::kind(&call.name) {
            found.extend(map.iter().filter_map(|entry| check_argument(kind, entry, &source)));
        } else if &*call.name == "role"
            && let Some(Expr::StringConstant(name, _)) = call.args.first()
        {
            found.extend(check_role_call(name, map, state, &source));
        }
    });
    found
}

/// An argument's name, and its type where it is written as a literal.
fn check_argument(
    kind: &dyn Kind,
    (key, value): &(rhai::Ident, Expr),
    source: &Source,
) -> Option<Diagnostic> {
    let known = argument_names(kind);
    if !known.iter().any(|name| **name == *key.name) {
        let message = format!("{}() has no argument `{}`", kind.name(), key.name);
        let hint = did_you_mean(&key.name, known.iter().map(String::as_str))
            .unwrap_or_else(|| format!("it takes {}", known.join(", ")));
        let diagnostic = Diagnostic::new("language::argument", message).hint(hint);
        return Some(diagnostic.at(source, word(source, key.pos)));
    }
    let wanted = kind.schema();
    let wanted = wanted.get("properties")?.get(key.name.as_str())?.get("type")?.clone();
    let got = literal_type(value)?;
    let accepts = |name: &str| {
        wanted == name || wanted.as_array().is_some_and(|names| names.iter().any(|it| it == name))
    };
    if accepts(got) || (got == "integer" && accepts("number")) {
        return None;
    }
    let names = match wanted.as_array() {
        Some(names) => {
            let names = names.iter().filter_map(|it| it.as_str()).filter(|it| *it != "null");
            names.collect::<Vec<_>>().join(" or ")
        }
        None => wanted.as_str().unwrap_or_default().to_owned(),
    };
    let message = format!("`{}` takes {names}, not {got}", key.name);
    let diagnostic = Diagnostic::new("language::argument", message);
    let diagnostic = if key.name == "mode" {
        diagnostic.hint("a mode is a string, such as \"0644\"")
    } else {
        diagnostic
    };
    Some(diagnostic.at(source, word(source, value.position())))
}

fn literal_type(value: &Expr) -> Option<&'static str> {
    match value {
        Expr::BoolConstant(..) => Some("boolean"),
        Expr::IntegerConstant(..) => Some("integer"),
        Expr::FloatConstant(..) => Some("number"),
        Expr::StringConstant(..) | Expr::InterpolatedString(..) => Some("string"),
        Expr::Array(..) => Some("array"),
        Expr::Map(..) => Some("object"),
        _ => None,
    }
}

fn check_role_call(
    name: &str,
    map: &LiteralMap,
    state: &State,
    source: &Source,
) -> Vec<Diagnostic> {
    let Some(folder) = roles::folder(state, name) else { return Vec::new() };
    let parameters: Parameters = match roles::read_parameters(state, &folder) {
        Ok(parameters) => parameters,
        Err(_) => return Vec::new(),
    };
    let unknown = map.iter().filter(|(key, _)| !parameters.all.contains_key(key.name.as_str()));
    let mistake = |(key, _): &(rhai::Ident, Expr)| {
        parameters.unknown(name, &key.name).at(source, word(source, key.pos))
    };
    unknown.map(mistake).collect()
}

fn word(source: &Source, position: Position) -> std::ops::Range<usize> {
    source.word_at(position.line().unwrap_or(1), position.position().unwrap_or(1))
}
