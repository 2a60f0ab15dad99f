//! A script as it is written: its calls, and where each of their arguments stands.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, LazyLock},
};

use regex::Regex;
use rhai::{AST, ASTNode, Expr, FnCallExpr, Ident, Position, Stmt};

/// The keys of a map, as they were written.
pub(super) type Keys = Arc<[Box<str>]>;

/// Where the arguments of calls stand, by the line and column of the call. Only what is written as a literal map
/// can be found.
pub(super) type ArgumentPlaces = HashMap<(usize, usize), HashMap<String, Argument>>;

/// Where an argument stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Argument {
    /// Its name; that of a first argument, which has none, is the argument itself.
    pub(super) name: Position,
    /// Its value.
    pub(super) value: Position,
}

/// The path of the argument that stands first in a call, without a name.
pub(super) const FIRST: &str = "";

/// Where the arguments of all calls in a script stand, by their paths, such as `health.port` or `ports[0]`.
pub(super) fn arguments(ast: &AST) -> ArgumentPlaces {
    let mut all = ArgumentPlaces::new();
    each_call(ast, &mut |call| {
        let mut found = HashMap::new();
        if let Some(first) = call.first() {
            let position = first.start_position();
            found.insert(FIRST.to_owned(), Argument { name: position, value: position });
        }
        let map = call.expression.args.iter().rev().find_map(|argument| match argument {
            Expr::Map(map, _) => Some(map),
            _ => None,
        });
        if let Some(map) = map {
            add(&map.0, "", &mut found);
        }
        let (line, column) = (call.position.line(), call.position.position());
        all.insert((line.unwrap_or_default(), column.unwrap_or_default()), found);
    });
    all
}

fn add(map: &[(Ident, Expr)], below: &str, found: &mut HashMap<String, Argument>) {
    for (key, value) in map {
        let path = format!("{below}{}", key.name);
        found.insert(path.clone(), Argument { name: key.pos, value: value.start_position() });
        add_below(value, &path, found);
    }
}

fn add_below(value: &Expr, path: &str, found: &mut HashMap<String, Argument>) {
    match value {
        Expr::Map(inner, _) => add(&inner.0, &format!("{path}."), found),
        Expr::Array(items, _) => {
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                let position = item.start_position();
                found.insert(path.clone(), Argument { name: position, value: position });
                add_below(item, &path, found);
            }
        }
        _ => {}
    }
}

/// Calls `visit` with the keys of each map that is written out, in their order, and its place.
pub(super) fn each_map(ast: &AST, visit: &mut dyn FnMut(Keys, Position)) {
    ast.walk(&mut |path: &[ASTNode]| {
        if let Some(ASTNode::Expr(Expr::Map(map, position))) = path.last()
            && map.0.len() > 1
        {
            visit(map.0.iter().map(|(key, _)| key.name.as_str().into()).collect(), *position);
        }
        true
    });
}

/// A call of a function, as it is written.
pub(super) struct WrittenCall<'a> {
    expression: &'a FnCallExpr,
    /// Where its name stands.
    pub(super) position: Position,
    /// Whether it is written as `first.name(..)`.
    pub(super) is_method: bool,
}

impl<'a> WrittenCall<'a> {
    pub(super) fn name(&self) -> &'a str {
        &self.expression.name
    }

    /// What stands before `::`; empty where nothing does.
    pub(super) fn namespace(&self) -> String {
        self.expression.namespace.to_string()
    }

    /// Whether it is an operator such as `+`.
    pub(super) fn is_operator(&self) -> bool {
        self.expression.op_token.is_some()
    }

    /// The first argument.
    pub(super) fn first(&self) -> Option<&'a Expr> {
        self.expression.args.first()
    }

    /// The map after the first argument, empty if there is none. `None` where it is not a literal.
    pub(super) fn rest(&self) -> Option<&'a [(Ident, Expr)]> {
        match self.expression.args.as_slice() {
            [_] => Some(&[]),
            [_, Expr::Map(map, _)] => Some(&map.0),
            _ => None,
        }
    }
}

/// Calls `visit` with each call of a function.
pub(super) fn each_call(ast: &AST, visit: &mut dyn FnMut(&WrittenCall<'_>)) {
    ast.walk(&mut |path: &[ASTNode]| {
        let (expression, position, is_method) = match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, position)))
            | Some(ASTNode::Stmt(Stmt::FnCall(call, position))) => (call, position, false),
            Some(ASTNode::Expr(Expr::MethodCall(call, position))) => (call, position, true),
            _ => return true,
        };
        visit(&WrittenCall { expression, position: *position, is_method });
        true
    });
}

/// Whether a script ends with a value that it means to give: Rhai gives the value of the last statement also where a semicolon
/// ends it.
pub(super) fn gives_value(ast: &AST, text: &str) -> bool {
    let mut returns = false;
    ast.walk(&mut |path: &[ASTNode]| {
        returns |= matches!(path, [.., ASTNode::Stmt(Stmt::Return(Some(_), ..))]);
        !returns
    });
    let code = |line: &str| line.split("//").next().unwrap_or_default().trim_end().to_owned();
    let last = text.lines().map(code).rfind(|line| !line.is_empty());
    returns || !last.is_some_and(|line| line.ends_with([';', '}']))
}

/// Whether a script reads what it, or a library, has for good: `global::NAME` or `LIBRARY::NAME`.
pub(super) fn reads_global(ast: &AST) -> bool {
    let mut found = false;
    ast.walk(&mut |path: &[ASTNode]| {
        if let Some(ASTNode::Expr(Expr::Variable(variable, ..))) = path.last() {
            found |= !variable.2.is_empty();
        }
        !found
    });
    found
}

/// The names that a script declares: variables, constants, and what loops, functions and blocks are given.
pub(super) fn declared_names(text: &str) -> BTreeSet<&str> {
    // A name in Rhai is of ASCII: without the classes of Unicode the pattern is read in a twentieth of the time.
    static DECLARATIONS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?-u)\b(?:let|const|as)\s+(\w+)|\bfor\s+\(?([\w\s,]+?)\)?\s+in\b|\bfn\s+\w+\s*\(([\w\s,]*)\)|\|([\w\s,]*)\|",
        )
        .expect("the pattern is right")
    });
    let lists = DECLARATIONS.captures_iter(text).flat_map(|found| {
        found.iter().skip(1).flatten().map(|list| list.as_str()).collect::<Vec<_>>()
    });
    lists.flat_map(|list| list.split(',')).map(str::trim).filter(|name| !name.is_empty()).collect()
}

/// The names of the functions that a script declares.
pub(super) fn declared_functions(text: &str) -> Vec<&str> {
    let names = text.split("fn ").skip(1);
    let names = names.filter_map(|rest| rest.split_once('(').map(|(name, _)| name.trim()));
    names.filter(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_declare_a_name_is_seen() {
        let text = "let a = 1; const B = 2; import \"x\" as c; for d in [] {} for (e, f) in [] {}\n\
                    fn g(h, i) {} on(all, |j| { || 1 });";
        let names: Vec<&str> = declared_names(text).into_iter().collect();
        assert_eq!(names, ["B", "a", "c", "d", "e", "f", "h", "i", "j"]);
    }
}
