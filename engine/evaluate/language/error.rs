//! Mistakes, questions and silences on their way through Rhai; and Rhai's own errors to diagnostics.

use rhai::{AST, Dynamic, Engine, EvalAltResult, NativeCallContext, Position};

use super::{Question, explain, state::State};
use crate::base::diagnostic::{Diagnostic, Source};

/// What a function that scripts call comes to.
pub(super) type Outcome<T> = Result<T, Box<EvalAltResult>>;

/// A diagnostic on its way through Rhai.
#[derive(Clone)]
struct Raised(Diagnostic);

/// What ends a script that asks for something that is not known yet.
#[derive(Clone)]
struct Asks;

/// What ends a block that asks a host that does not answer.
#[derive(Clone)]
struct Silent;

/// Whether it is no mistake, but the end of a block or of this evaluation.
pub(super) fn is_no_mistake(error: &EvalAltResult) -> bool {
    match error.unwrap_inner() {
        EvalAltResult::ErrorTerminated(token, _) => token.is::<Asks>() || token.is::<Silent>(),
        _ => false,
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
        state.locate(diagnostic, &state.call(context))
    };
    pass_on(diagnostic)
}

/// Ends the script with a mistake that has its place already.
pub(super) fn pass_on(diagnostic: Diagnostic) -> Box<EvalAltResult> {
    let raised = Dynamic::from(Raised(diagnostic));
    Box::new(EvalAltResult::ErrorRuntime(raised, Position::NONE))
}

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
    explain::parsing(&error.0, source, given, word, line.unwrap_or_default()).at(source, span)
}

/// What ended a script, with the calls of its functions that led there. `ast` is the script that was run.
pub(super) fn of_running(
    mut error: Box<EvalAltResult>,
    engine: &Engine,
    ast: &AST,
    state: &State,
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
            state.locate(explain::running(&error, engine, state, &place), &place)
        }
    };
    calls.into_iter().rev().fold(diagnostic, Diagnostic::related)
}

fn raised(error: &EvalAltResult) -> Option<Diagnostic> {
    let EvalAltResult::ErrorRuntime(value, _) = error else { return None };
    value.read_lock::<Raised>().map(|raised| raised.0.clone())
}
