//! What is known of hosts, and what is asked where it is not.

use std::sync::Arc;

use super::{
    Asked, Question,
    error::{ScriptResult, asks, silent},
    state::Evaluating,
};
use crate::{
    base::{
        diagnostic::{Diagnostic, Place},
        value::Value,
    },
    input::inventory::Host,
};

/// A host's facts; a question when they are not known yet, and the end of the block when they never will be.
pub(super) fn facts<'a>(state: &'a Evaluating, host: &Arc<Host>) -> ScriptResult<&'a Value> {
    match state.input().known.facts.get(&host.name) {
        Some(facts) => Ok(facts),
        None if state.input().known.silent.contains(&host.name) => Err(silent()),
        None => Err(asks(state, Question::Facts(host.name.clone()))),
    }
}

/// Notes that a fact of a host was read.
pub(super) fn reads_fact(state: &Evaluating, host: &Host, name: &str, place: &Place) {
    let asked = Asked::fact(&host.name, name);
    state.gathered().asked.entry(asked).or_insert_with(|| place.clone());
}

/// What is wrong with facts that are no text, and what to do about it.
pub(super) fn no_text(host: &str) -> [String; 2] {
    [
        format!("the facts of {host} are not UTF-8 text"),
        format!("show them: `converge exec {host} -- cat /etc/os-release`"),
    ]
}

/// A call that needs a host, where there is none.
pub(super) fn no_host(what: &str) -> Diagnostic {
    Diagnostic::new("language::no-host", format!("{what}() needs a host, and there is none here"))
        .hint("put it in a block: on(hosts(\"all\"), |host| { .. })")
}
