//! What can be found by reading scripts and templates, without running them: also in branches that do not run.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use rhai::{AST, ASTNode, Engine, Expr, Scope, Stmt};

use self::call::Checker;
use super::{
    Input, Note, explain, role_folders, roles, sandbox,
    state::Evaluating,
    written::{self, each_call},
};
use crate::{base::diagnostic::Diagnostic, evaluate::language::SourceError, input::template};

mod call;

/// Reads the playbook and every role and template, and finds all errors that show without running anything; and what is most
/// likely not meant.
pub fn check(input: Input) -> (Vec<Diagnostic>, Vec<Note>) {
    let state = Evaluating::new(input, Arc::new(|_| {}));
    let (engine, mut found) = sandbox::engine(&state);
    let functions = explain::function_names(&engine);
    let reader = LintReader { engine: &engine, state: &state, functions: &functions };
    for playbook in &state.input().playbooks {
        found.extend(reader.script(playbook, &Scope::new()));
    }
    // What keeps the roles from being listed was found when the engine was made.
    for name in role_folders::names(&state).unwrap_or_default() {
        let Some(folder) = role_folders::folder(&state, &name) else { continue };
        // What keeps a library from being read at all was found when the engine was made.
        for error in reader.script(&format!("{folder}/lib.rhai"), &Scope::new()) {
            if !found.contains(&error) {
                found.push(error);
            }
        }
        match roles::read_parameters(&state, &folder) {
            Ok(parameters) => {
                let scope = roles::constants_of(&parameters);
                found.extend(reader.script(&format!("{folder}/main.rhai"), &scope));
            }
            Err(error) => found.push(error),
        }
        found.extend(reader.templates(&folder));
    }
    let notes = std::mem::take(&mut state.gathered().notes);
    (found, notes)
}

struct LintReader<'a> {
    engine: &'a Engine,
    state: &'a Evaluating,
    /// All that can be called, those of libraries as `ROLE::NAME`.
    functions: &'a BTreeSet<String>,
}

impl LintReader<'_> {
    /// The errors in a script; none where there is no script. `scope` holds the names that it is given.
    fn script(&self, path: &str, scope: &Scope<'_>) -> Vec<Diagnostic> {
        let ast = match roles::compile(self.engine, self.state, path, scope) {
            Ok(ast) => ast,
            Err(roles::CompileError::Error(error)) => return vec![error],
            Err(roles::CompileError::Source(SourceError::NotFound)) => return Vec::new(),
            Err(roles::CompileError::Source(error)) => {
                return vec![role_folders::unreadable(path, &error)];
            }
        };
        let (imports, mut found) = self.imports(&ast, path);
        let checker = Checker {
            engine: self.engine,
            state: self.state,
            functions: self.functions,
            imports,
            own: self.own_names(&ast, path, scope),
            file: path,
        };
        each_call(&ast, &mut |call| found.extend(checker.check(call)));
        found
    }

    /// The libraries that a script imports, by the names that it gives them; and the imports that find none.
    fn imports(&self, ast: &AST, path: &str) -> (HashMap<String, String>, Vec<Diagnostic>) {
        let (mut imports, mut errors) = (HashMap::new(), Vec::new());
        ast.walk(&mut |nodes: &[ASTNode]| {
            if let Some(ASTNode::Stmt(Stmt::Import(import, _))) = nodes.last()
                && let (Expr::StringConstant(name, position), alias) = &**import
            {
                imports.insert(alias.name.to_string(), name.to_string());
                let library = format!("{name}::");
                if !self.functions.iter().any(|function| function.starts_with(&library)) {
                    let error = explain::unknown_library(name, self.engine);
                    errors.push(self.state.locate(error, &self.state.place(path, *position)));
                }
            }
            true
        });
        (imports, errors)
    }

    /// What a script can call because it is its own: functions, and variables that may hold one.
    fn own_names(&self, ast: &AST, path: &str, scope: &Scope<'_>) -> BTreeSet<String> {
        let mut own: BTreeSet<String> = ast.iter_functions().map(|it| it.name.to_owned()).collect();
        own.extend(scope.iter_raw().map(|(name, ..)| name.to_owned()));
        if let Ok(source) = self.state.text(path) {
            own.extend(written::declared_names(&source.text).into_iter().map(str::to_owned));
        }
        own
    }

    fn templates(&self, folder: &str) -> Vec<Diagnostic> {
        let templates = format!("{folder}/templates");
        let names = match self.state.input().sources.list(&templates, Some(folder)) {
            Ok(names) => names,
            Err(error) => return vec![role_folders::unreadable(folder, &error)],
        };
        let check = |name: String| {
            let path = format!("{templates}/{name}");
            match self.state.text(&path) {
                Ok(source) => template::check_syntax(&source).err(),
                // What editors keep there is no template.
                Err(_) if name.rsplit('/').next().is_some_and(|it| it.starts_with('.')) => None,
                Err(error) => Some(role_folders::unreadable(&path, &error)),
            }
        };
        names.into_iter().filter_map(check).collect()
    }
}
