//! What a script may call besides kinds, hosts and roles.

use rhai::{Dynamic, Engine, FnPtr, FuncRegistration, NativeCallContext};

use super::{
    Note, Question,
    error::{ScriptResult, asks, raise},
    handle::Handles,
    state::Evaluating,
    written::FIRST,
};
use crate::{
    base::{
        diagnostic::{Diagnostic, Source},
        secret::Secret,
    },
    evaluate::catalog::Order,
};

pub(super) fn register(engine: &mut Engine, state: &Evaluating) {
    let its = state.clone();
    let function = FuncRegistration::new("sequence").with_params_info(["|| { .. }"]).with_comments(["Applies what the block declares in the order written, also across hosts. Returns everything declared in it."]);
    function.register_into_engine(engine, move |context: NativeCallContext, block: FnPtr| {
        sequence(&its, &context, &block)
    });
    let its = state.clone();
    let function = FuncRegistration::new("secret").with_params_info(["name"]).with_comments(["A secret by its name, from the providers of `converge.toml`. It is never shown and cannot become part of a string: give it to a template in `vars`, or as the whole value of an argument that takes a secret. It can only be compared with `()`."]);
    function.register_into_engine(engine, move |context: NativeCallContext, name: &str| {
        secret(&its, &context, name)
    });
    register_ends(engine, state);
    register_refused(engine, state);
    register_notes(engine, state);
    register_secrets(engine, state);
}

/// `assert` and `fail`.
fn register_ends(engine: &mut Engine, state: &Evaluating) {
    let its = state.clone();
    let function = FuncRegistration::new("assert")
        .with_params_info(["condition", "message"])
        .with_comments(["Stops with this error before any change, unless the condition holds."]);
    function.register_into_engine(
        engine,
        move |context: NativeCallContext, holds: bool, message: &str| -> ScriptResult<()> {
            if holds { Ok(()) } else { Err(failure(&its, &context, message)) }
        },
    );
    let its = state.clone();
    let function = FuncRegistration::new("fail")
        .with_params_info(["message"])
        .with_comments(["Stops with this error before any change."]);
    function.register_into_engine(
        engine,
        move |context: NativeCallContext, message: &str| -> ScriptResult<()> {
            Err(failure(&its, &context, message))
        },
    );
}

/// What Rhai brings and would make a run slow, or end it early without a word.
fn register_refused(engine: &mut Engine, state: &Evaluating) {
    let refusal = |message: &'static str, hint: &'static str| {
        let its = state.clone();
        move |context: &NativeCallContext| -> ScriptResult<()> {
            let error = Diagnostic::new("language::refused", message).hint(hint);
            Err(raise(&its, context, error))
        }
    };
    let sleep = refusal(
        "a script does not wait",
        "http_check, port_check and command_check wait until something holds",
    );
    let its = sleep.clone();
    engine.register_fn("sleep", move |context: NativeCallContext, _: i64| its(&context));
    engine.register_fn("sleep", move |context: NativeCallContext, _: f64| sleep(&context));
    let exit = refusal(
        "a script does not end early",
        "`return` ends a role, a function or a block; fail(MESSAGE) stops with an error",
    );
    let its = exit.clone();
    engine.register_fn("exit", move |context: NativeCallContext| its(&context));
    engine.register_fn("exit", move |context: NativeCallContext, _: Dynamic| exit(&context));
}

/// `warn` and `print`.
fn register_notes(engine: &mut Engine, state: &Evaluating) {
    let its = state.clone();
    let function = FuncRegistration::new("warn").with_params_info(["message"]).with_comments([
        "Shows the message as a warning, once, and continues. `print(..)` shows it without a warning.",
    ]);
    function.register_into_engine(engine, move |context: NativeCallContext, message: &str| {
        let place = its.call(&context);
        note(&its, Note { warning: true, message: message.to_owned(), place: Some(place) });
    });
    // Rhai has its own `print` for most types, which ends here, and does not say where it stands.
    let its = state.clone();
    engine.on_print(move |message| {
        note(&its, Note { warning: false, message: message.to_owned(), place: None });
    });
    let its = state.clone();
    engine.on_debug(move |message, _, _| {
        note(&its, Note { warning: false, message: message.to_owned(), place: None });
    });
}

/// A note is kept once: a block runs for many hosts.
fn note(state: &Evaluating, note: Note) {
    let notes = &mut state.gathered().notes;
    if !notes.contains(&note) {
        notes.push(note);
    }
}

/// Makes every way to put a secret in a text an error. Rhai ignores errors there, so the error is kept aside.
fn register_secrets(engine: &mut Engine, state: &Evaluating) {
    engine.register_type_with_name::<Secret>("Secret");
    for name in ["to_string", "to_debug"] {
        let its = state.clone();
        engine.register_fn(name, move |context: NativeCallContext, secret: &mut Secret| {
            let message = format!("the secret {} cannot become part of a text", secret.name());
            let error = Diagnostic::new("language::secret", message).hint(
                "give it to a template in `vars`, or as the whole value of an argument that takes a secret",
            );
            let error = its.locate(error, &its.call(&context));
            let frames = its.gathered().context.scene.frames.clone();
            let calls = frames.iter().map(|frame| its.call_of(frame));
            let error = calls.fold(error, Diagnostic::related);
            its.gathered().error.get_or_insert(error);
            secret.to_string()
        });
    }
}

fn sequence(
    state: &Evaluating,
    context: &NativeCallContext,
    block: &FnPtr,
) -> ScriptResult<Handles> {
    let start = Handles::start(state);
    let inner = state.open_block(Order::Sequence);
    let run = || block.call_within_context::<Dynamic>(context, ()).map(|_| ());
    state.within(|context| context.scene.block = inner, run)?;
    Ok(Handles::since(state, &start))
}

fn secret(state: &Evaluating, context: &NativeCallContext, name: &str) -> ScriptResult<Secret> {
    match state.input().known.secrets.get(name) {
        Some(secret) => Ok(secret.clone()),
        None => {
            let place = state.argument(&state.call(context), FIRST, |argument| argument.value);
            let script = state.text(&place.file).unwrap_or_else(|_| Source::new("", ""));
            Err(asks(state, Question::Secret { name: name.to_owned(), place, script }))
        }
    }
}

fn failure(
    state: &Evaluating,
    context: &NativeCallContext,
    message: &str,
) -> Box<rhai::EvalAltResult> {
    raise(state, context, Diagnostic::new("language::failed", message))
}
