//! `hosts(pattern)`, `on(hosts, |host| ..)`, and what a script can ask of a host.

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, FnPtr, FuncRegistration, NativeCallContext};

use super::{
    Asked, Note, Question,
    convert::{kind_of, to_dynamic},
    error::{ScriptResult, asks, is_no_error, raise, silent},
    handle::Handles,
    host_ref::HostRef,
    known::{no_host, no_text, reads_fact},
    property::PROPERTIES,
    recording::Repeater,
    state::Evaluating,
    written::FIRST,
};
use crate::{
    base::{
        diagnostic::{Diagnostic, Place, did_you_mean},
        value::Value,
    },
    input::inventory::Host,
};

pub(super) fn register(engine: &mut Engine, state: &Evaluating) {
    engine.register_type_with_name::<HostRef>("Host");
    engine.register_fn("to_string", |it: &mut HostRef| it.reveal().name.to_string());
    engine.register_fn("to_debug", |it: &mut HostRef| it.reveal().name.to_string());

    // Rhai asks here for every property, since none is registered by name: so an unknown one gets a hint.
    let its = state.clone();
    engine.register_indexer_get(move |context: NativeCallContext, it: &mut HostRef, name: &str| {
        property(&its, &context, it, name)
    });
    let its = state.clone();
    let function = FuncRegistration::new("hosts").with_params_info(["pattern"]).with_comments([r#"The hosts of a group, a name or a glob, in the order of the inventory: a list. `&` is both, `,` or `|` is one of both, `!` is not: `hosts("api & !api-2")`. An unknown name in a pattern is an error. `localhost` is the controller."#]);
    function.register_into_engine(engine, move |context: NativeCallContext, pattern: &str| {
        hosts(&its, &context, pattern)
    });
    let its = state.clone();
    let function = FuncRegistration::new("on").with_params_info(["hosts", "|host| { .. }"]).with_comments(["Runs the block for each host; what it declares belongs to that host. Takes a list of hosts, or one. On one host the order is the order written; hosts are worked on in parallel. Returns everything declared in it, for `.after(..)`, `.before(..)`, `restart_on` and the like."]);
    function.register_into_engine(
        engine,
        move |context: NativeCallContext, hosts: Dynamic, block: FnPtr| {
            on(&its, &context, &hosts, &block)
        },
    );
    let its = state.clone();
    let function = FuncRegistration::new("probe").with_params_info(["command"]).with_comments(["The output of a read-only command on the host: `#{ code, stdout, stderr }`. It runs before any change. If the run changes the answer, converge plans what depends on it again, in the same run. Check `code`: a command that fails mostly prints nothing, and a script that never reads `code` gets a warning."]);
    function.register_into_engine(engine, move |context: NativeCallContext, command: &str| {
        probe(&its, &context, command)
    });
}

fn property(
    state: &Evaluating,
    context: &NativeCallContext,
    it: &HostRef,
    name: &str,
) -> ScriptResult<Dynamic> {
    if let Some(at) = PROPERTIES.iter().position(|property| property.name == name) {
        let property = &PROPERTIES[at];
        match property.same {
            Some(_) => it.see(at),
            None => it.see_all(),
        }
        let read = (property.read)(state, it.host())?;
        if property.name == "facts" {
            let place = state.after_dot(state.call(context), name);
            if read.is_unit() {
                let [message, hint] = no_text(&it.host().name);
                let error = Diagnostic::new("language::facts", message).hint(hint);
                return Err(raise(state, context, state.locate(error, &place)));
            }
            let fact = below(state, &place, name);
            reads_fact(state, it.host(), fact.as_deref().unwrap_or_default(), &place);
        }
        return Ok(read);
    }
    let names = PROPERTIES.each_ref().map(|property| property.name);
    let message = format!("a host has no `{name}`");
    let error = Diagnostic::new("language::unknown-name", message);
    let hint = if it.reveal().vars.contains_key(name) {
        format!("a variable of the inventory is host.vars.{name}")
    } else {
        did_you_mean(name, names).unwrap_or_else(|| format!("it has {}", names.join(", ")))
    };
    let place = state.after_dot(state.call(context), name);
    Err(raise(state, context, state.locate(error.hint(hint), &place)))
}

fn hosts(state: &Evaluating, context: &NativeCallContext, pattern: &str) -> ScriptResult<Array> {
    let found = state.input().inventory.select(pattern);
    let found = found.map_err(|error| {
        let place = state.argument(&state.call(context), FIRST, |it| it.value);
        raise(state, context, state.locate(error, &place))
    })?;
    Ok(found.into_iter().map(|host| Dynamic::from(HostRef::new(host))).collect())
}

/// The name that stands below another one in the text: `os` below `facts` of `host.facts.os.id`.
fn below(state: &Evaluating, place: &Place, name: &str) -> Option<String> {
    let source = state.text(&place.file).ok()?;
    let end = source.word_at(place.line, place.column).start + name.len();
    let below = source.text.get(end..)?.strip_prefix('.')?;
    let end = below.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(below.len());
    Some(below[..end].to_owned())
}

fn probe(state: &Evaluating, context: &NativeCallContext, command: &str) -> ScriptResult<Dynamic> {
    let Some(host) = state.gathered().context.host.clone() else {
        return Err(raise(state, context, no_host("probe")));
    };
    if command.contains('\0') {
        let error = Diagnostic::new("language::probe", "a script cannot hold a NUL byte");
        return Err(raise(state, context, state.locate(error, &state.call(context))));
    }
    let asked = (host.reveal().name.clone(), command.to_owned());
    let answer = state.input().known.probes.get(&asked);
    if answer.is_some() {
        let place = state.call(context);
        let asked = Asked::probe(&asked.0, command);
        state.gathered().asked.entry(asked).or_insert(place);
    }
    match answer {
        Some(Value::Null) => {
            let message = format!("the output of `{command}` on {} is not UTF-8 text", asked.0);
            let error = Diagnostic::new("language::probe", message)
                .hint("encode it, for example with `base64`");
            Err(raise(state, context, state.locate(error, &state.call(context))))
        }
        Some(answer) => {
            tell_failed(state, &state.call(context), &asked, answer);
            Ok(to_dynamic(answer, state))
        }
        None if state.input().known.silent.contains(&asked.0) => Err(silent()),
        None => Err(asks(state, Question::Probe { host: asked.0, command: asked.1 })),
    }
}

/// Tells, once for a call, that a command failed where its script looks at no `code`: what it prints then is mostly nothing. It
/// is no error, since this very run may bring what the command looks for.
fn tell_failed(state: &Evaluating, place: &Place, asked: &(Arc<str>, String), answer: &Value) {
    let Value::Map(parts) = answer else { return };
    let Some(Value::Int(code)) = parts.get("code").filter(|code| **code != Value::Int(0)) else {
        return;
    };
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let looks = |text: &str| text.split(|c| !in_word(c)).any(|word| word == "code");
    if state.text(&place.file).is_ok_and(|source| looks(&source.text)) {
        return;
    }
    let complaint = parts.get("stderr").and_then(Value::as_str).unwrap_or_default();
    let complaint = complaint.trim().lines().last().map(|line| format!(": {line}"));
    let message = format!(
        "{} on {} ended with exit status {code}{}; the script does not check its `code`",
        Asked::probe(&asked.0, &asked.1).name(),
        asked.0,
        complaint.unwrap_or_default()
    );
    let notes = &mut state.gathered().notes;
    if notes.iter().all(|note| !note.warning || note.place.as_ref() != Some(place)) {
        notes.push(Note { warning: true, message, place: Some(place.clone()) });
    }
}

/// Runs the block for each host. When it asks something of one, the others, and what stands after the block, get to
/// ask theirs too. What a silent host would get is left out: it is reported as unreachable.
fn on(
    state: &Evaluating,
    context: &NativeCallContext,
    hosts: &Dynamic,
    block: &FnPtr,
) -> ScriptResult<Handles> {
    let start = Handles::start(state);
    let mut repeater = Repeater::new(state, block);
    let mut hosts = list(state, context, hosts)?.into_iter();
    while let Some(host) = hosts.next() {
        if repeater.repeats(&host) {
            continue;
        }
        let recorder = repeater.recorder(host, hosts.len());
        let given = (recorder.host.clone(),);
        let run = || block.call_within_context::<Dynamic>(context, given);
        match state.within(|context| context.host = Some(recorder.host.clone()), run) {
            Ok(_) => repeater.keep(recorder),
            Err(error) if is_no_error(&error) => repeater.forget(),
            Err(error) => return Err(error),
        }
    }
    Ok(Handles::since(state, &start))
}

/// The hosts in a value that a script gave: one, or a list.
pub(super) fn list(
    state: &Evaluating,
    context: &NativeCallContext,
    hosts: &Dynamic,
) -> ScriptResult<Vec<Arc<Host>>> {
    if let Some(outer) = &state.gathered().context.host {
        // What a block does on hosts that it chose is about these, and not about the one that it is for.
        outer.see_all();
    }
    let wrong = |other: &Dynamic| {
        let name = context.fn_name();
        let message = format!("{name}() takes hosts, not {}", kind_of(other));
        let error = Diagnostic::new("language::not-hosts", message)
            .hint("pass the result of hosts(\"PATTERN\"), or one host of it");
        let place = state.argument(&state.call(context), FIRST, |it| it.value);
        raise(state, context, state.locate(error, &place))
    };
    if let Some(one) = hosts.read_lock::<HostRef>() {
        return Ok(vec![one.reveal().clone()]);
    }
    let Some(many) = hosts.read_lock::<Array>() else { return Err(wrong(hosts)) };
    let host = |item: &Dynamic| {
        item.read_lock::<HostRef>().map(|it| it.reveal().clone()).ok_or_else(|| wrong(item))
    };
    many.iter().map(host).collect()
}
