//! `hosts(pattern)`, `on(hosts, |host| ..)`, and what a script can ask of a host.

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, FnPtr, FuncRegistration, Map, NativeCallContext};

use super::{
    Asked, Note, Question,
    convert::{kind_of, to_dynamic},
    declare::Handles,
    error::{Outcome, asks, is_no_mistake, raise, silent},
    recording::{Recorder, Recording, Seen},
    state::State,
    written::FIRST,
};
use crate::{
    base::{
        diagnostic::{Diagnostic, Place, did_you_mean},
        value::Value,
    },
    input::inventory::{Host, Variable},
};

/// A host, as a script holds it.
#[derive(Clone)]
pub(super) struct HostRef {
    host: Arc<Host>,
    /// What a script has seen of it, where somebody wants to know.
    seen: Option<Arc<Seen>>,
}

impl HostRef {
    pub(super) fn new(host: Arc<Host>) -> Self {
        Self { host, seen: None }
    }

    /// The host of a block that is recorded.
    pub(super) fn recorded(host: Arc<Host>) -> Self {
        Self { host, seen: Some(Arc::default()) }
    }

    /// The host, for what can tell a script all of it.
    pub(super) fn host(&self) -> &Arc<Host> {
        self.see_all();
        &self.host
    }

    /// The host that something is declared on, of which no script sees anything by that.
    pub(super) fn subject(&self) -> &Arc<Host> {
        &self.host
    }

    /// What was seen of it, as long as that can be the same for another host.
    pub(super) fn seen(&self) -> Option<&Seen> {
        self.seen.as_deref().filter(|seen| !seen.is_all())
    }

    /// A variable, of which a script sees only this.
    pub(super) fn variable(&self, name: &str) -> Option<&Variable> {
        self.seen.iter().for_each(|seen| seen.see_variable(name));
        self.host.vars.get(name)
    }

    /// Says that what a block does is about this very host.
    pub(super) fn see_all(&self) {
        self.seen.iter().for_each(|seen| seen.see_all());
    }
}

/// Something that a script can read of a host.
pub(super) struct Property {
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    read: fn(&State, &Arc<Host>) -> Outcome<Dynamic>,
    /// Whether two hosts have it in common; none where no two hosts can.
    same: Option<fn(&Host, &Host) -> bool>,
}

impl Property {
    /// Whether two hosts have it in common.
    pub(super) fn is_same(&self, one: &Host, other: &Host) -> bool {
        self.same.is_some_and(|same| same(one, other))
    }
}

pub(super) static PROPERTIES: [Property; 5] = [
    Property {
        name: "name",
        meaning: r#"its name in the inventory"#,
        read: |_, host| Ok(host.name.to_string().into()),
        same: None,
    },
    Property {
        name: "address",
        meaning: r#"where it is reached"#,
        read: |_, host| Ok(host.address.clone().into()),
        same: Some(|one, other| one.address == other.address),
    },
    Property {
        name: "groups",
        meaning: r#"the names of the groups that it is in, from `all` to the innermost: `"api" in host.groups`"#,
        read: |_, host| {
            let name = |group: &Arc<str>| Dynamic::from(group.to_string());
            Ok(host.groups.iter().map(name).collect::<Array>().into())
        },
        same: Some(|one, other| one.groups == other.groups),
    },
    Property {
        name: "vars",
        meaning: r#"its variables, from its groups, itself and the command line: `host.vars.port`, `host.vars.get("port") ?? 80`"#,
        read: |state, host| {
            let var =
                |(name, var): (&String, &Variable)| (name.into(), to_dynamic(&var.value, state));
            Ok(host.vars.iter().map(var).collect::<Map>().into())
        },
        same: Some(|one, other| {
            let value = |(name, var): (_, &Variable)| {
                other.vars.get(name).is_some_and(|it| it.value == var.value)
            };
            one.vars.len() == other.vars.len() && one.vars.iter().all(value)
        }),
    },
    Property {
        name: "facts",
        meaning: r#"what it says of itself, asked for when a script reads it: `host.facts.os.id`"#,
        read: |state, host| facts(state, host).map(|facts| to_dynamic(facts, state)),
        same: None,
    },
];

pub(super) fn register(engine: &mut Engine, state: &State) {
    engine.register_type_with_name::<HostRef>("Host");
    engine.register_fn("to_string", |it: &mut HostRef| it.host().name.to_string());
    engine.register_fn("to_debug", |it: &mut HostRef| it.host().name.to_string());

    // Rhai asks here for every property, since none is registered by name: so an unknown one gets a hint.
    let its = state.clone();
    engine.register_indexer_get(move |context: NativeCallContext, it: &mut HostRef, name: &str| {
        property(&its, &context, it, name)
    });
    let its = state.clone();
    let function = FuncRegistration::new("hosts").with_params_info(["pattern"]).with_comments([r#"The hosts of a group, a name or a glob, in the order of the inventory: a list. `&` is both, `,` or `|` is one of both, `!` is not: `hosts("api & !api-2")`. A pattern that names nothing that is there is a mistake. `localhost` is this machine."#]);
    function.register_into_engine(engine, move |context: NativeCallContext, pattern: &str| {
        hosts(&its, &context, pattern)
    });
    let its = state.clone();
    let function = FuncRegistration::new("on").with_params_info(["hosts", "|host| { .. }"]).with_comments(["Runs the block for each host; what is declared in it belongs to that host. Takes a list of hosts, or one. On a host all happens in the order written; hosts go side by side. Gives back all that was declared in it: for `.after(..)`, `.before(..)`, `restart_on` and the like."]);
    function.register_into_engine(
        engine,
        move |context: NativeCallContext, hosts: Dynamic, block: FnPtr| {
            on(&its, &context, &hosts, &block)
        },
    );
    let its = state.clone();
    let function = FuncRegistration::new("probe").with_params_info(["command"]).with_comments(["What a command that only reads prints on the host, now: `#{ code, stdout, stderr }`. It runs before anything is changed; where the run itself gives it another answer, what is made of that is planned anew in the same run. Look at `code`: a command that fails mostly prints nothing, and a script that never looks gets a warning."]);
    function.register_into_engine(engine, move |context: NativeCallContext, command: &str| {
        probe(&its, &context, command)
    });
}

fn property(
    state: &State,
    context: &NativeCallContext,
    it: &HostRef,
    name: &str,
) -> Outcome<Dynamic> {
    if let Some(at) = PROPERTIES.iter().position(|property| property.name == name) {
        let property = &PROPERTIES[at];
        match (&it.seen, property.same) {
            (Some(seen), Some(_)) => seen.see(at),
            _ => it.see_all(),
        }
        let read = (property.read)(state, &it.host)?;
        if property.name == "facts" {
            let place = state.after_dot(state.call(context), name);
            if read.is_unit() {
                let [message, hint] = no_text(&it.host.name);
                let mistake = Diagnostic::new("language::facts", message).hint(hint);
                return Err(raise(state, context, state.locate(mistake, &place)));
            }
            let fact = below(state, &place, name);
            reads_fact(state, &it.host, fact.as_deref().unwrap_or_default(), &place);
        }
        return Ok(read);
    }
    let names = PROPERTIES.each_ref().map(|property| property.name);
    let message = format!("a host has no `{name}`");
    let mistake = Diagnostic::new("language::unknown-name", message);
    let hint = if it.host().vars.contains_key(name) {
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
    Ok(found.into_iter().map(|host| Dynamic::from(HostRef::new(host))).collect())
}

/// A host's facts; a question when they are not known yet, and the end of the block when they never will be.
pub(super) fn facts<'a>(state: &'a State, host: &Arc<Host>) -> Outcome<&'a Value> {
    match state.input().known.facts.get(&host.name) {
        Some(facts) => Ok(facts),
        None if state.input().known.silent.contains(&host.name) => Err(silent()),
        None => Err(asks(state, Question::Facts(host.name.clone()))),
    }
}

/// The name that stands below another one in the text: `os` below `facts` of `host.facts.os.id`.
fn below(state: &State, place: &Place, name: &str) -> Option<String> {
    let source = state.text(&place.file).ok()?;
    let end = source.word_at(place.line, place.column).start + name.len();
    let below = source.text.get(end..)?.strip_prefix('.')?;
    let end = below.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(below.len());
    Some(below[..end].to_owned())
}

/// Notes that a fact of a host was read.
pub(super) fn reads_fact(state: &State, host: &Host, name: &str, place: &Place) {
    let asked = Asked::fact(&host.name, name);
    state.gathered().asked.entry(asked).or_insert_with(|| place.clone());
}

/// What is wrong with facts that are no text, and what to do about it.
pub(super) fn no_text(host: &str) -> [String; 2] {
    [
        format!("what {host} says of itself is no text: it is not UTF-8"),
        format!("look at it there: `converge exec {host} -- cat /etc/os-release`"),
    ]
}

fn probe(state: &State, context: &NativeCallContext, command: &str) -> Outcome<Dynamic> {
    let Some(host) = state.gathered().context.host.clone() else {
        return Err(raise(state, context, no_host("probe")));
    };
    if command.contains('\0') {
        let mistake = Diagnostic::new("language::probe", "a script cannot hold a NUL byte");
        return Err(raise(state, context, state.locate(mistake, &state.call(context))));
    }
    let asked = (host.host().name.clone(), command.to_owned());
    let answer = state.input().known.probes.get(&asked);
    if answer.is_some() {
        let place = state.call(context);
        let asked = Asked::probe(&asked.0, command);
        state.gathered().asked.entry(asked).or_insert(place);
    }
    match answer {
        Some(Value::Null) => {
            let message =
                format!("what `{command}` prints on {} is no text: it is not UTF-8", asked.0);
            let mistake = Diagnostic::new("language::probe", message)
                .hint("let the command print it as text, such as by `base64`");
            Err(raise(state, context, state.locate(mistake, &state.call(context))))
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
/// is no mistake, since this very run may bring what the command looks for.
fn tell_failed(state: &State, place: &Place, asked: &(Arc<str>, String), answer: &Value) {
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
        "{} on {} ended with exit status {code}{}; the script does not look at its `code`",
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
    state: &State,
    context: &NativeCallContext,
    hosts: &Dynamic,
    block: &FnPtr,
) -> Outcome<Handles> {
    let start = Handles::start(state);
    let (mut last, mut in_vain): (Option<Recording>, u32) = (None, 0);
    let mut hosts = list(state, context, hosts)?.into_iter();
    while let Some(host) = hosts.next() {
        if last.as_ref().is_some_and(|recording| recording.repeat(state, &host)) {
            in_vain = 0;
            continue;
        }
        // A block that tells hosts apart is not recorded for each of them; but alike ones may follow.
        in_vain += 1;
        let record = in_vain.is_power_of_two() && hosts.len() > 0;
        let recorder = Recorder::new(state, block, host, record);
        let given = (recorder.host.clone(),);
        let run = || block.call_within_context::<Dynamic>(context, given);
        last = match state.within(|context| context.host = Some(recorder.host.clone()), run) {
            Ok(_) => recorder.finish(state, block),
            Err(error) if is_no_mistake(&error) => None,
            Err(error) => return Err(error),
        };
    }
    Ok(Handles::since(state, &start))
}

/// The hosts in a value that a script gave: one, or a list.
pub(super) fn list(
    state: &State,
    context: &NativeCallContext,
    hosts: &Dynamic,
) -> Outcome<Vec<Arc<Host>>> {
    if let Some(outer) = &state.gathered().context.host {
        // What a block does on hosts that it chose is about these, and not about the one that it is for.
        outer.see_all();
    }
    let wrong = |other: &Dynamic| {
        let name = context.fn_name();
        let message = format!("{name}() takes hosts, not {}", kind_of(other));
        let mistake = Diagnostic::new("language::not-hosts", message)
            .hint("give it what hosts(\"PATTERN\") returns, or one of them");
        let place = state.argument(&state.call(context), FIRST, |it| it.value);
        raise(state, context, state.locate(mistake, &place))
    };
    if let Some(one) = hosts.read_lock::<HostRef>() {
        return Ok(vec![one.host().clone()]);
    }
    let Some(many) = hosts.read_lock::<Array>() else { return Err(wrong(hosts)) };
    let host = |item: &Dynamic| {
        item.read_lock::<HostRef>().map(|it| it.host().clone()).ok_or_else(|| wrong(item))
    };
    many.iter().map(host).collect()
}

/// A call that needs a host, where there is none.
pub(super) fn no_host(what: &str) -> Diagnostic {
    Diagnostic::new("language::no-host", format!("{what}() needs a host, and there is none here"))
        .hint("put it in a block: on(hosts(\"all\"), |host| { .. })")
}
