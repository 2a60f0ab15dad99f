//! What a script may call besides kinds, hosts and roles.

use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, NativeCallContext};

use super::{
    Note, Question,
    error::{asks, raise},
    state::State,
};
use crate::{
    catalog::Order,
    diagnostic::{Diagnostic, Place},
    secret::Secret,
};

type Outcome<T> = Result<T, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine, state: &State) {
    let its = state.clone();
    engine.register_fn("sequence", move |context: NativeCallContext, block: FnPtr| {
        sequence(&its, &context, &block)
    });
    let its = state.clone();
    engine.register_fn("secret", move |context: NativeCallContext, name: &str| {
        secret(&its, &context, name)
    });
    let its = state.clone();
    engine.register_fn(
        "assert",
        move |context: NativeCallContext, holds: bool, message: &str| -> Outcome<()> {
            if holds { Ok(()) } else { Err(fail(&its, &context, message)) }
        },
    );
    let its = state.clone();
    engine.register_fn("fail", move |context: NativeCallContext, message: &str| -> Outcome<()> {
        Err(fail(&its, &context, message))
    });
    let its = state.clone();
    engine.register_fn("warn", move |context: NativeCallContext, message: &str| {
        let place = place(&its, &context);
        note(&its, true, message, place);
    });
    let its = state.clone();
    engine.register_fn("print", move |context: NativeCallContext, value: Dynamic| {
        let place = place(&its, &context);
        note(&its, false, &value.to_string(), place);
    });
    // Rhai has a print of its own for texts, which would be taken before the one for anything.
    let its = state.clone();
    engine.register_fn("print", move |context: NativeCallContext, text: &str| {
        let place = place(&its, &context);
        note(&its, false, text, place);
    });

    engine.register_type_with_name::<Secret>("Secret");
    let shown = |_: &mut Secret| -> Outcome<String> {
        Err("a secret cannot become part of a text; give it to a template, or to an argument that \
             takes a secret"
            .into())
    };
    engine.register_fn("to_string", shown);
    engine.register_fn("to_debug", |secret: &mut Secret| secret.to_string());
}

fn sequence(state: &State, context: &NativeCallContext, block: &FnPtr) -> Outcome<()> {
    let inner = {
        let mut gathered = state.gathered();
        let parent = gathered.context.block;
        gathered.catalog.open_block(parent, Order::Sequence)
    };
    let run = || block.call_within_context::<Dynamic>(context, ());
    state.within(|context| context.block = inner, run).map(|_| ())
}

fn secret(state: &State, context: &NativeCallContext, name: &str) -> Outcome<Secret> {
    match state.input().known.secrets.get(name) {
        Some(secret) => Ok(secret.clone()),
        None => {
            let place = place(state, context);
            Err(asks(state, Question::Secret { name: name.to_owned(), place }))
        }
    }
}

fn fail(state: &State, context: &NativeCallContext, message: &str) -> Box<EvalAltResult> {
    raise(state, context, Diagnostic::new("language::failed", message))
}

fn place(state: &State, context: &NativeCallContext) -> Place {
    state.place(context.call_source().unwrap_or_default(), context.call_position())
}

/// Notes are kept once: a block runs for many hosts.
fn note(state: &State, warning: bool, message: &str, place: Place) {
    let note = Note { warning, message: message.to_owned(), place: Some(place) };
    let notes = &mut state.gathered().notes;
    if !notes.contains(&note) {
        notes.push(note);
    }
}
