//! `hosts(pattern)`, `on(hosts, |host| ..)`, and what a script can ask of a host.

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, FnPtr, FuncRegistration, Map, NativeCallContext};

use super::{
    Question,
    convert::{kind_of, to_dynamic},
    error::{Outcome, asks, is_no_mistake, raise, silent},
    state::State,
    written::FIRST,
};
use crate::{
    diagnostic::{Diagnostic, did_you_mean},
    inventory::Host,
    value::Value,
};

/// A host, as a script holds it.
#[derive(Clone)]
pub(super) struct HostRef {
    pub(super) host: Arc<Host>,
}

/// What a script can read of a host.
type Property = fn(&State, &Arc<Host>) -> Outcome<Dynamic>;

const PROPERTIES: [(&str, Property); 5] = [
    ("name", |_, host| Ok(host.name.to_string().into())),
    ("address", |_, host| Ok(host.address.clone().into())),
    ("groups", |_, host| {
        let name = |group: &Arc<str>| Dynamic::from(group.to_string());
        Ok(host.groups.iter().map(name).collect::<Array>().into())
    }),
    ("vars", |_, host| {
        let vars = host.vars.iter();
        Ok(vars.map(|(name, var)| (name.into(), to_dynamic(&var.value))).collect::<Map>().into())
    }),
    ("facts", |state, host| facts(state, host).map(to_dynamic)),
];

pub(super) fn register(engine: &mut Engine, state: &State) {
    engine.register_type_with_name::<HostRef>("Host");
    engine.register_fn("==", |a: HostRef, b: HostRef| a.host.name == b.host.name);
    engine.register_fn("!=", |a: HostRef, b: HostRef| a.host.name != b.host.name);
    engine.register_fn("to_string", |it: &mut HostRef| it.host.name.to_string());
    engine.register_fn("to_debug", |it: &mut HostRef| it.host.name.to_string());

    // Rhai asks here for every property, since none is registered by name: so an unknown one gets a hint.
    let its = state.clone();
    engine.register_indexer_get(move |context: NativeCallContext, it: &mut HostRef, name: &str| {
        property(&its, &context, &it.host, name)
    });
    let its = state.clone();
    let function = FuncRegistration::new("hosts").with_params_info(["pattern"]);
    function.register_into_engine(engine, move |context: NativeCallContext, pattern: &str| {
        hosts(&its, &context, pattern)
    });
    let its = state.clone();
    let function = FuncRegistration::new("on").with_params_info(["hosts", "|host| { .. }"]);
    function.register_into_engine(
        engine,
        move |context: NativeCallContext, hosts: Dynamic, block: FnPtr| {
            on(&its, &context, &hosts, &block)
        },
    );
    let its = state.clone();
    let function = FuncRegistration::new("probe").with_params_info(["command"]);
    function.register_into_engine(engine, move |context: NativeCallContext, command: &str| {
        probe(&its, &context, command)
    });
}

fn property(
    state: &State,
    context: &NativeCallContext,
    host: &Arc<Host>,
    name: &str,
) -> Outcome<Dynamic> {
    if let Some((_, read)) = PROPERTIES.iter().find(|(known, _)| *known == name) {
        return read(state, host);
    }
    let names = PROPERTIES.map(|(name, _)| name);
    let message = format!("a host has no `{name}`");
    let mistake = Diagnostic::new("language::unknown-name", message);
    let hint = if host.vars.contains_key(name) {
        format!("a variable of the inventory is host.vars.{name}")
    } else {
        did_you_mean(name, names).unwrap_or_else(|| format!("it has {}", names.join(", ")))
    };
    let place = state.after_dot(state.call(context), name);
    Err(raise(state, context, state.locate(mistake.hint(hint), &place)))
}

fn hosts(state: &State, context: &NativeCallContext, pattern: &str) -> Outcome<Array> {
    let found = state.input().inventory.select(pattern);
    let found = found.map_err(|mistake| {
        let place = state.argument(&state.call(context), FIRST, |it| it.value);
        raise(state, context, state.locate(mistake, &place))
    })?;
    Ok(found.into_iter().map(|host| Dynamic::from(HostRef { host })).collect())
}

/// A host's facts; a question when they are not known yet, and the end of the block when they never will be.
pub(super) fn facts<'a>(state: &'a State, host: &Arc<Host>) -> Outcome<&'a Value> {
    match state.input().known.facts.get(&host.name) {
        Some(facts) => Ok(facts),
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
        None => Err(asks(state, Question::Probe { host: asked.0, command: asked.1 })),
    }
}

/// Runs the block for each host. When it asks something of one, the others, and what stands after the block, get to
/// ask theirs too. What a silent host would get is left out: it is reported as unreachable.
fn on(state: &State, context: &NativeCallContext, hosts: &Dynamic, block: &FnPtr) -> Outcome<()> {
    for host in list(state, context, hosts)? {
        let given = (HostRef { host: host.clone() },);
        let run = || block.call_within_context::<Dynamic>(context, given);
        match state.within(|context| context.host = Some(host), run) {
            Err(error) if !is_no_mistake(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The hosts in a value that a script gave: one, or a list.
pub(super) fn list(
    state: &State,
    context: &NativeCallContext,
    hosts: &Dynamic,
) -> Outcome<Vec<Arc<Host>>> {
    let wrong = |other: &Dynamic| {
        let name = context.fn_name();
        let message = format!("{name}() takes hosts, not {}", kind_of(other));
        let mistake = Diagnostic::new("language::not-hosts", message)
            .hint("give it what hosts(\"PATTERN\") returns, or one of them");
        let place = state.argument(&state.call(context), FIRST, |it| it.value);
        raise(state, context, state.locate(mistake, &place))
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
