//! `rolling(hosts, options, |host| ..)`: host after host. `around(before, body, after)`: a body that changes nothing
//! unless the way is clear, and leaves it clear.

use rhai::{Dynamic, Engine, FnPtr, FuncRegistration, Map, NativeCallContext};

use super::{
    convert::kind_of,
    error::{ScriptResult, is_no_error, raise},
    handle::Handles,
    host_ref::HostRef,
    hosts::list,
    state::Evaluating,
};
use crate::{
    base::diagnostic::{Diagnostic, did_you_mean},
    evaluate::catalog::{BlockPart, Frame, Order},
};

pub(super) fn register(engine: &mut Engine, state: &Evaluating) {
    let its = state.clone();
    let function = FuncRegistration::new("rolling").with_params_info(["hosts", "|host| { .. }"]).with_comments([r#"Runs the block for each host, batch after batch. The hosts of a batch are worked on in parallel, each in the order written. Options: `batch` is a number of hosts, a percentage (`"25%"`) or a list of them (`[1, "50%"]`), by default 1. Once more than `max_failures` hosts failed (a number, or a percentage; by default 0), no other host begins. Returns everything declared in it."#]);
    function.register_into_engine(
        engine,
        move |context: NativeCallContext, hosts: Dynamic, block: FnPtr| {
            rolling(&its, &context, &hosts, &Map::new(), &block)
        },
    );
    let its = state.clone();
    let parameters = ["hosts", "#{ batch: 1, max_failures: 0 }", "|host| { .. }"];
    let function = FuncRegistration::new("rolling").with_params_info(parameters);
    function.register_into_engine(
        engine,
        move |context: NativeCallContext, hosts: Dynamic, options: Map, block: FnPtr| {
            rolling(&its, &context, &hosts, &options, &block)
        },
    );
    let its = state.clone();
    let parameters = ["|| before", "|| body", "|| after"];
    let function = FuncRegistration::new("around").with_params_info(parameters).with_comments(["Applies `before` only if the body will change something, and only once everything that the body waits for is done. Applies `after` in any case once something of `before` began. Returns everything declared in the three."]);
    function.register_into_engine(
        engine,
        move |context: NativeCallContext, before: FnPtr, body: FnPtr, after: FnPtr| {
            around(&its, &context, [&before, &body, &after])
        },
    );
}

/// Runs the block for each host, and orders what it declares: batch after batch, each host's turn a sequence of its
/// own. As with `on`, what a silent host would get is left out; its turn counts as failed.
fn rolling(
    state: &Evaluating,
    context: &NativeCallContext,
    hosts: &Dynamic,
    options: &Map,
    block: &FnPtr,
) -> ScriptResult<Handles> {
    let start = Handles::start(state);
    let hosts = list(state, context, hosts)?;
    let options = RollingOptions::read(options, hosts.len())
        .map_err(|(option, error)| option_error(state, context, option, error))?;
    let max_failures = options.max_failures;
    let whole = state.open_block(Order::Rolling { max_failures });
    let mut rest = hosts.as_slice();
    let mut sizes = options.batches.iter();
    let mut size = 1;
    while !rest.is_empty() {
        // The last size holds for all that is left.
        size = sizes.next().copied().unwrap_or(size);
        let (hosts, later) = rest.split_at(size.min(rest.len()));
        rest = later;
        let batch = state.gathered().catalog.open_block(whole, Order::Batch);
        for host in hosts {
            let silent = state.input().known.silent.contains(&host.name);
            let order = Order::Item { host: host.name.clone(), silent };
            let item = state.gathered().catalog.open_block(batch, order);
            let place = state.call(context);
            let frame = Frame { what: format!("rolling ({})", host.name), place };
            let given = (HostRef::new(host.clone()),);
            let run = || block.call_within_context::<Dynamic>(context, given);
            let change = |context: &mut super::state::ScriptContext| {
                context.host = Some(HostRef::new(host.clone()));
                context.scene.frames = frame.within(&context.scene.frames);
                context.scene.block = item;
            };
            match state.within(change, run) {
                Err(error) if !is_no_error(&error) => return Err(error),
                _ => {}
            }
        }
    }
    Ok(Handles::since(state, &start))
}

/// Runs the three blocks, and keeps apart what each declares.
fn around(
    state: &Evaluating,
    context: &NativeCallContext,
    parts: [&FnPtr; 3],
) -> ScriptResult<Handles> {
    let start = Handles::start(state);
    let whole = state.open_block(Order::Around);
    for (block, part) in parts.into_iter().zip(BlockPart::ALL) {
        let inner = state.gathered().catalog.open_block(whole, Order::Part(part));
        let run = || block.call_within_context::<Dynamic>(context, ()).map(|_| ());
        state.within(|context| context.scene.block = inner, run)?;
    }
    Ok(Handles::since(state, &start))
}

/// How a rolling goes.
struct RollingOptions {
    /// The sizes of the batches; the last one holds for all that follow.
    batches: Vec<usize>,
    max_failures: usize,
}

const OPTIONS: [&str; 2] = ["batch", "max_failures"];

impl RollingOptions {
    /// Reads the options of a rolling over `hosts` hosts.
    ///
    /// # Errors
    /// The option that is wrong, and what is.
    fn read(options: &Map, hosts: usize) -> Result<Self, (&str, Diagnostic)> {
        if let Some(unknown) = options.keys().find(|name| !OPTIONS.contains(&name.as_str())) {
            let message = format!("rolling() has no option `{unknown}`");
            let hint = did_you_mean(unknown, OPTIONS);
            let hint = hint.unwrap_or_else(|| format!("it takes {}", OPTIONS.join(" and ")));
            let error = Diagnostic::new("language::unknown-argument", message).hint(hint);
            return Err((unknown.as_str(), error));
        }
        let [batch, max_failures] = OPTIONS.map(|name| options.get(name));
        let batches = match batch {
            None => vec![1],
            Some(batch) => sizes(batch, hosts).map_err(|wrong| (OPTIONS[0], no_batch(&wrong)))?,
        };
        let max_failures = match max_failures {
            None => 0,
            Some(max) => share(max, hosts).ok_or_else(|| (OPTIONS[1], no_limit(max)))?,
        };
        Ok(Self { batches, max_failures })
    }
}

/// The sizes of batches; or the one that is wrong.
fn sizes(batch: &Dynamic, hosts: usize) -> Result<Vec<usize>, Dynamic> {
    // A part of few hosts is one host at least: something has to go on. But none at all is an error.
    let one = |size: &Dynamic| match (share(size, hosts), share(size, usize::MAX / 100)) {
        (Some(size), Some(1..)) => Ok(size.max(1)),
        _ => Err(size.clone()),
    };
    match batch.read_lock::<rhai::Array>() {
        Some(sizes) if sizes.is_empty() => Err(batch.clone()),
        Some(sizes) => sizes.iter().map(one).collect(),
        None => one(batch).map(|size| vec![size]),
    }
}

/// A number of hosts: itself, or a percentage of them, rounded down.
fn share(number: &Dynamic, hosts: usize) -> Option<usize> {
    if let Ok(number) = number.as_int() {
        return usize::try_from(number).ok();
    }
    let text = number.clone().into_string().ok()?;
    let percent: usize = text.strip_suffix('%')?.trim().parse().ok()?;
    (percent <= 100).then(|| hosts.saturating_mul(percent) / 100)
}

fn no_batch(given: &Dynamic) -> Diagnostic {
    let message = format!("the size of a batch cannot be {}", shown(given));
    Diagnostic::new("language::rolling", message).hint(
        "give a number of hosts, a percentage such as \"25%\", or a list of them such as [1, \"50%\"]",
    )
}

fn no_limit(given: &Dynamic) -> Diagnostic {
    let message = format!("max_failures cannot be {}", shown(given));
    Diagnostic::new("language::rolling", message)
        .hint("give the number of hosts that may fail before no other one begins, or a percentage such as \"10%\"")
}

fn shown(given: &Dynamic) -> String {
    match given.as_int() {
        Ok(number) => number.to_string(),
        Err(_) if given.is_string() => format!("\"{given}\""),
        Err(_) => kind_of(given).to_owned(),
    }
}

fn option_error(
    state: &Evaluating,
    context: &NativeCallContext,
    option: &str,
    error: Diagnostic,
) -> Box<rhai::EvalAltResult> {
    let unknown = error.kind() == "language::unknown-argument";
    let part = |it: &super::written::Argument| if unknown { it.name } else { it.value };
    let place = state.argument(&state.call(context), option, part);
    raise(state, context, state.locate(error, &place))
}
