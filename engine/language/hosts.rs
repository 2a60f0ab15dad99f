//! `hosts(pattern)`, `on(hosts, |host| ..)`, and what a script can ask of a host.

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, Map, NativeCallContext};

use super::{
    Question,
    convert::{kind_of, to_dynamic},
    error::{Raised, asks, raise, silent},
    state::State,
};
use crate::{
    diagnostic::{Diagnostic, did_you_mean},
    inventory::Host,
};

/// A host, as a script holds it.
#[derive(Clone)]
pub(super) struct HostRef {
    pub(super) host: Arc<Host>,
}

type Outcome<T> = Result<T, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine, state: &State) {
    engine.register_type_with_name::<HostRef>("Host");
    engine.register_get("name", |it: &mut HostRef| it.host.name.to_string());
    engine.register_get("address", |it: &mut HostRef| it.host.address.clone());
    engine.register_get("groups", |it: &mut HostRef| -> Array {
        it.host.groups.iter().map(|group| Dynamic::from(group.to_string())).collect()
    });
    engine.register_get("vars", |it: &mut HostRef| -> Map {
        let var = |(name, var): (&String, &crate::inventory::Variable)| {
            (name.as_str().into(), to_dynamic(&var.value))
        };
        it.host.vars.iter().map(var).collect()
    });
    engine.register_fn("==", |a: HostRef, b: HostRef| a.host.name == b.host.name);
    engine.register_fn("!=", |a: HostRef, b: HostRef| a.host.name != b.host.name);
    engine.register_fn("to_string", |it: &mut HostRef| it.host.name.to_string());
    engine.register_fn("to_debug", |it: &mut HostRef| it.host.name.to_string());

    let asked = state.clone();
    engine.register_get("facts", move |it: &mut HostRef| facts(&asked, &it.host));
    let asked = state.clone();
    engine.register_fn("hosts", move |context: NativeCallContext, pattern: &str| {
        hosts(&asked, &context, pattern)
    });
    let asked = state.clone();
    engine.register_fn("on", move |context: NativeCallContext, hosts: Dynamic, block: FnPtr| {
        on(&asked, &context, &hosts, &block)
    });
    let asked = state.clone();
    engine.register_fn("probe", move |context: NativeCallContext, command: &str| {
        probe(&asked, &context, command)
    });
}

fn hosts(state: &State, context: &NativeCallContext, pattern: &str) -> Outcome<Array> {
    let found =
        state.input().inventory.select(pattern).map_err(|error| raise(state, context, error))?;
    Ok(found.into_iter().map(|host| Dynamic::from(HostRef { host })).collect())
}

fn facts(state: &State, host: &Arc<Host>) -> Outcome<Dynamic> {
    match state.input().known.facts.get(&host.name) {
        Some(facts) => Ok(to_dynamic(facts)),
        None if state.input().known.silent.contains(&host.name) => Err(silent()),
        None => Err(asks(state, Question::Facts(host.name.clone()))),
    }
}

fn probe(state: &State, context: &NativeCallContext, command: &str) -> Outcome<Dynamic> {
    let Some(host) = state.gathered().context.host.clone() else {
        return Err(raise(state, context, no_host("probe")));
    };
    let asked = (host.name.clone(), command.to_owned());
    match state.input().known.probes.get(&asked) {
        Some(answer) => Ok(to_dynamic(answer)),
        None if state.input().known.silent.contains(&asked.0) => Err(silent()),
        None => {
            let question = Question::Probe { host: asked.0, command: asked.1 };
            Err(asks(state, question))
        }
    }
}

/// Runs the block for each host. When one asks a question, the others get to ask theirs too.
fn on(state: &State, context: &NativeCallContext, hosts: &Dynamic, block: &FnPtr) -> Outcome<()> {
    let mut asking = None;
    for host in list(state, context, hosts)? {
        let run =
            || block.call_within_context::<Dynamic>(context, (HostRef { host: host.clone() },));
        match state.within(|context| context.host = Some(host.clone()), run) {
            Ok(_) => {}
            Err(error) if Raised::is_question(&error) => asking = Some(error),
            // The host is reported as unreachable; the others go on.
            Err(error) if Raised::is_silence(&error) => {}
            Err(error) => return Err(error),
        }
    }
    asking.map_or(Ok(()), Err)
}

/// The hosts in a value that a script gave: one, or a list.
fn list(state: &State, context: &NativeCallContext, hosts: &Dynamic) -> Outcome<Vec<Arc<Host>>> {
    let wrong = |other: &Dynamic| {
        let diagnostic = Diagnostic::new(
            "language::not-hosts",
            format!("on() takes hosts, not {}", kind_of(other)),
        )
        .hint("give it what hosts(\"PATTERN\") returns, or one of them");
        raise(state, context, diagnostic)
    };
    if let Some(one) = hosts.read_lock::<HostRef>() {
        return Ok(vec![one.host.clone()]);
    }
    let Some(many) = hosts.read_lock::<Array>() else { return Err(wrong(hosts)) };
    let host = |item: &Dynamic| {
        item.read_lock::<HostRef>().map(|it| it.host.clone()).ok_or_else(|| wrong(item))
    };
    many.iter().map(host).collect()
}

/// A call that needs a host, where there is none.
pub(super) fn no_host(what: &str) -> Diagnostic {
    Diagnostic::new("language::no-host", format!("{what}() needs a host, and there is none here"))
        .hint("put it in a block: on(hosts(\"all\"), |host| { .. })")
}

/// A hint for a variable that a host does not have.
pub(super) fn nearest_variable(state: &State, name: &str) -> Option<String> {
    let host = state.gathered().context.host.clone()?;
    did_you_mean(name, host.vars.keys().map(String::as_str))
}
