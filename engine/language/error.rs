//! Rhai's errors to diagnostics: with the place in the right file, and what to write instead.

use rhai::{AST, Dynamic, EvalAltResult, NativeCallContext, ParseErrorType, Position};

use super::{Question, convert::kind_of, hosts::nearest_variable, state::State};
use crate::{
    diagnostic::{Diagnostic, Source, did_you_mean},
    resources::KINDS,
};

/// A diagnostic on its way through Rhai.
#[derive(Clone)]
pub(super) struct Raised(Diagnostic);

/// What ends a script that asks for something that is not known yet.
#[derive(Clone)]
struct Asks;

/// What ends a block that asks a host that does not answer.
#[derive(Clone)]
struct Silent;

impl Raised {
    /// Whether the script only has to be run again when more is known.
    pub(super) fn is_question(error: &EvalAltResult) -> bool {
        matches!(innermost(error), EvalAltResult::ErrorTerminated(token, _) if token.is::<Asks>())
    }

    /// Whether the block's host does not answer.
    pub(super) fn is_silence(error: &EvalAltResult) -> bool {
        matches!(innermost(error), EvalAltResult::ErrorTerminated(token, _) if token.is::<Silent>())
    }

    /// Whether it is no mistake, but the end of a block or of this evaluation.
    pub(super) fn is_no_mistake(error: &EvalAltResult) -> bool {
        Self::is_question(error) || Self::is_silence(error)
    }
}

/// Ends the block of a host that does not answer. Rhai's `try` does not catch it.
pub(super) fn silent() -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorTerminated(Dynamic::from(Silent), Position::NONE))
}

/// Ends the script with a question. Rhai's `try` does not catch it.
pub(super) fn asks(state: &State, question: Question) -> Box<EvalAltResult> {
    state.gathered().questions.insert(question);
    Box::new(EvalAltResult::ErrorTerminated(Dynamic::from(Asks), Position::NONE))
}

/// Ends the script with a mistake, at the call that is running unless the diagnostic has a place of its own.
pub(super) fn raise(
    state: &State,
    context: &NativeCallContext,
    diagnostic: Diagnostic,
) -> Box<EvalAltResult> {
    let diagnostic = if diagnostic.has_place() {
        diagnostic
    } else {
        let place = state.place(context.call_source().unwrap_or_default(), context.call_position());
        state.locate(diagnostic, &place)
    };
    pass_on(state.with_chain(diagnostic))
}

/// Ends the script with a mistake that has its place and its chain already.
pub(super) fn pass_on(diagnostic: Diagnostic) -> Box<EvalAltResult> {
    let raised = Dynamic::from(Raised(diagnostic));
    Box::new(EvalAltResult::ErrorRuntime(raised, Position::NONE))
}

/// What kept a script from being compiled.
pub(super) fn of_parsing(error: &rhai::ParseError, source: &Source) -> Diagnostic {
    let span = span(source, error.position());
    let diagnostic = match &*error.0 {
        ParseErrorType::VariableUndefined(name) => unknown_variable(name, None),
        ParseErrorType::ModuleUndefined(name) => {
            Diagnostic::new("language::unknown-role", format!("there is no role library `{name}`"))
                .hint("NAME::f() calls a function of roles/NAME/lib.rhai")
        }
        other => Diagnostic::new("language::syntax", lowercase(&other.to_string())),
    };
    diagnostic.at(source, span)
}

/// What ended a script. `ast` is the script that was run.
pub(super) fn of_running(error: &EvalAltResult, ast: &AST, state: &State) -> Diagnostic {
    let mut file = ast.source().unwrap_or_default().to_owned();
    let mut error = error;
    let mut calls = Vec::new();
    loop {
        match error {
            EvalAltResult::ErrorInFunctionCall(name, callee, inner, position) => {
                if !name.is_empty() && !name.starts_with("anon$") {
                    let call = Diagnostic::new("", format!("in this call of {name}()"));
                    calls.push(state.locate(call, &state.place(&file, *position)));
                }
                if !callee.is_empty() {
                    file.clone_from(callee);
                }
                error = inner;
            }
            EvalAltResult::ErrorInModule(_, inner, _) => error = inner,
            _ => break,
        }
    }
    if let EvalAltResult::ErrorRuntime(value, _) = error
        && let Some(raised) = value.read_lock::<Raised>()
    {
        return raised.0.clone();
    }
    let place = state.place(&file, error.position());
    let diagnostic = state.locate(describe(error, state), &place);
    let diagnostic = calls.into_iter().rev().fold(diagnostic, Diagnostic::related);
    state.with_chain(diagnostic)
}

fn innermost(mut error: &EvalAltResult) -> &EvalAltResult {
    while let EvalAltResult::ErrorInFunctionCall(_, _, inner, _)
    | EvalAltResult::ErrorInModule(_, inner, _) = error
    {
        error = inner;
    }
    error
}

fn describe(error: &EvalAltResult, state: &State) -> Diagnostic {
    match error {
        EvalAltResult::ErrorVariableNotFound(name, _) => unknown_variable(name, None),
        EvalAltResult::ErrorPropertyNotFound(name, _) => {
            let diagnostic =
                Diagnostic::new("language::unknown-name", format!("there is no `{name}` here"));
            match nearest_variable(state, name) {
                Some(hint) => diagnostic.hint(hint),
                None => {
                    diagnostic.hint("declare it in the inventory, or set it with -e NAME=VALUE")
                }
            }
        }
        EvalAltResult::ErrorFunctionNotFound(signature, _) => unknown_function(signature),
        EvalAltResult::ErrorRuntime(value, _) => {
            let text = match value.clone().into_string() {
                Ok(text) => text,
                Err(_) => format!("the script threw {}", kind_of(value)),
            };
            Diagnostic::new("language::thrown", text)
        }
        EvalAltResult::ErrorMismatchDataType(wanted, got, _) => {
            let (wanted, got) = (plain_type(wanted), plain_type(got));
            Diagnostic::new("language::type", format!("expected {wanted}, not {got}"))
        }
        EvalAltResult::ErrorTooManyOperations(_) => Diagnostic::new(
            "language::limit",
            "the script runs too long: is there an endless loop?",
        ),
        EvalAltResult::ErrorStackOverflow(_) => Diagnostic::new(
            "language::limit",
            "calls are nested too deep: does a function call itself?",
        ),
        other => {
            let mut other = other.clone_without_position();
            other.set_position(Position::NONE);
            Diagnostic::new("language::error", lowercase(&other.to_string()))
        }
    }
}

/// `EvalAltResult` cannot be cloned; a message is all that is left of it.
trait WithoutPosition {
    fn clone_without_position(&self) -> EvalAltResult;
}

impl WithoutPosition for EvalAltResult {
    fn clone_without_position(&self) -> EvalAltResult {
        let text = self.to_string();
        let text = match text.rfind(" (line ") {
            Some(at) => text[..at].to_owned(),
            None => text,
        };
        EvalAltResult::ErrorRuntime(text.into(), Position::NONE)
    }
}

fn unknown_variable(name: &str, hint: Option<String>) -> Diagnostic {
    let diagnostic =
        Diagnostic::new("language::unknown-name", format!("there is no variable `{name}`"));
    match hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

/// The functions that are not kinds.
const FUNCTIONS: &[&str] = &[
    "hosts", "on", "role", "probe", "secret", "sequence", "assert", "fail", "warn", "print",
    "after", "before",
];

/// `signature` is a name and the types of the arguments, such as `file (string, integer)`.
fn unknown_function(signature: &str) -> Diagnostic {
    let name = signature.split(" (").next().unwrap_or(signature).trim();
    let arguments = plain_type(signature[name.len()..].trim());
    if let Some(kind) = KINDS.iter().find(|kind| kind.name() == name) {
        let message = format!("{name}() cannot be called with {arguments}");
        let hint = format!("it takes its {0}, then a map: {name}({0}, #{{ .. }})", kind.first());
        return Diagnostic::new("language::arguments", message).hint(hint);
    }
    if FUNCTIONS.contains(&name) {
        let message = format!("{name}() cannot be called with {arguments}");
        return Diagnostic::new("language::arguments", message);
    }
    let message = format!("there is no function {name}{arguments}");
    let diagnostic = Diagnostic::new("language::unknown-function", message);
    let known = KINDS.iter().map(|kind| kind.name()).chain(FUNCTIONS.iter().copied());
    match did_you_mean(name, known) {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

/// Rhai's names of types in the words of the manual.
fn plain_type(text: &str) -> String {
    text.replace("&str | ImmutableString | String", "string")
        .replace("ImmutableString", "string")
        .replace("i64", "integer")
        .replace("f64", "float")
        .replace("bool", "boolean")
        .replace("Fn", "function")
}

fn span(source: &Source, position: Position) -> std::ops::Range<usize> {
    match (position.line(), position.position()) {
        (Some(line), Some(column)) => source.word_at(line, column),
        (Some(line), None) => source.word_at(line, 1),
        _ => source.text.len()..source.text.len(),
    }
}

fn lowercase(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(|first| first.to_lowercase().collect::<String>());
    first.unwrap_or_default() + characters.as_str()
}
