//! `lib.rhai`: the functions that a role gives to others, called as `ROLE::NAME()`.

use rhai::{Engine, Module, Scope, module_resolvers::StaticModuleResolver};

use super::{
    SourceError,
    explain::of_running,
    role_folders,
    roles::{self, CompileError},
    state::Evaluating,
};
use crate::base::diagnostic::{Diagnostic, Result};

/// Makes every role's functions known to the engine, and gives the errors in them. A library can use others: those
/// that do wait until what they use is there.
pub(super) fn register(engine: &mut Engine, state: &Evaluating) -> Vec<Diagnostic> {
    let mut waiting = match role_folders::names(state) {
        Ok(names) => names,
        Err(error) => return vec![error],
    };
    let mut resolver = StaticModuleResolver::new();
    loop {
        let (before, mut errors) = (waiting.len(), Vec::new());
        waiting.retain(|name| match library(engine, state, name) {
            Ok(None) => false,
            Ok(Some(module)) => {
                resolver.insert(name.as_str(), module.clone());
                engine.register_static_module(name.as_str(), module.into());
                engine.set_module_resolver(resolver.clone());
                false
            }
            Err(error) => {
                errors.push(error);
                true
            }
        });
        if waiting.is_empty() {
            return errors;
        }
        if waiting.len() == before {
            return errors_of(&waiting, engine, state);
        }
    }
}

/// The errors of libraries that cannot be read, or use one that cannot.
fn errors_of(names: &[String], engine: &mut Engine, state: &Evaluating) -> Vec<Diagnostic> {
    // With these, who only uses a library with an error in it has none of its own.
    for name in names {
        engine.register_static_module(name.as_str(), Module::new().into());
    }
    let errors: Vec<_> =
        names.iter().filter_map(|name| library(engine, state, name).err()).collect();
    if !errors.is_empty() {
        return errors;
    }
    let message = format!("the libraries of {} import each other", names.join(" and "));
    let hint = "move what they share into the lib.rhai of another role";
    vec![Diagnostic::new("role::cycle", message).hint(hint)]
}

fn library(engine: &Engine, state: &Evaluating, name: &str) -> Result<Option<Module>> {
    let Some(folder) = role_folders::folder(state, name) else { return Ok(None) };
    let path = format!("{folder}/lib.rhai");
    let ast = match roles::compile(engine, state, &path, &Scope::new()) {
        Ok(ast) => ast,
        Err(CompileError::Source(SourceError::NotFound)) => return Ok(None),
        Err(CompileError::Source(error)) => {
            return Err(role_folders::unreadable(&format!("cannot read {path}"), &error));
        }
        Err(CompileError::Error(diagnostic)) => return Err(diagnostic),
    };
    let module = Module::eval_ast_as_new(Scope::new(), &ast, engine);
    module.map(Some).map_err(|error| of_running(error, engine, &ast, state))
}
