//! Errors, questions and silences on their way through Rhai.

use rhai::{Dynamic, EvalAltResult, NativeCallContext, Position};

use super::{Question, state::Evaluating};
use crate::base::diagnostic::Diagnostic;

/// What a function that scripts call comes to.
pub(super) type ScriptResult<T> = Result<T, Box<EvalAltResult>>;

/// A diagnostic on its way through Rhai.
#[derive(Clone)]
struct Raised(Diagnostic);

/// What ends a script that asks for something that is not known yet.
#[derive(Clone)]
struct AskSignal;

/// What ends a block that asks a host that does not answer.
#[derive(Clone)]
struct Silent;

/// Whether it is no error, but the end of a block or of this evaluation.
pub(super) fn is_no_error(error: &EvalAltResult) -> bool {
    match error.unwrap_inner() {
        EvalAltResult::ErrorTerminated(token, _) => token.is::<AskSignal>() || token.is::<Silent>(),
        _ => false,
    }
}

/// Ends the block of a host that does not answer. Rhai's `try` does not catch it.
pub(super) fn silent() -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorTerminated(Dynamic::from(Silent), Position::NONE))
}

/// Ends the script with a question. Rhai's `try` does not catch it.
pub(super) fn asks(state: &Evaluating, question: Question) -> Box<EvalAltResult> {
    state.gathered().questions.insert(question);
    Box::new(EvalAltResult::ErrorTerminated(Dynamic::from(AskSignal), Position::NONE))
}

/// Ends the script with an error, at the call that is running unless the diagnostic has a place of its own.
pub(super) fn raise(
    state: &Evaluating,
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

/// Ends the script with an error that has its place already.
pub(super) fn pass_on(diagnostic: Diagnostic) -> Box<EvalAltResult> {
    let raised = Dynamic::from(Raised(diagnostic));
    Box::new(EvalAltResult::ErrorRuntime(raised, Position::NONE))
}

/// The error that a script was ended with, if it was.
pub(super) fn raised(error: &EvalAltResult) -> Option<Diagnostic> {
    let EvalAltResult::ErrorRuntime(value, _) = error else { return None };
    value.read_lock::<Raised>().map(|raised| raised.0.clone())
}
