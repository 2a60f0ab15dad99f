//! Comparisons: Rhai's own are silently false between values of unlike types; these say that they make no sense.

use std::{
    any::TypeId,
    cmp::Ordering,
    ops::{Range, RangeInclusive},
};

use rhai::{
    Array, Blob, Dynamic, Engine, FnPtr, FuncRegistration, ImmutableString, Map, NativeCallContext,
    OP_EQUALS,
};

use super::{
    convert::{kind_of, to_value},
    error::{ScriptResult, raise},
    handle::{Handle, Handles},
    host_ref::HostRef,
    state::Evaluating,
    version::Version,
};
use crate::base::{diagnostic::Diagnostic, secret::Secret};

/// The operators with their precedence in Rhai, and when each holds.
const OPERATORS: [Operator; 6] = [
    (OP_EQUALS, 90, Ordering::is_eq),
    ("!=", 90, Ordering::is_ne),
    ("<", 130, Ordering::is_lt),
    ("<=", 130, Ordering::is_le),
    (">", 130, Ordering::is_gt),
    (">=", 130, Ordering::is_ge),
];

type Operator = (&'static str, u8, fn(Ordering) -> bool);

/// Makes them operators of our own: Rhai decides some of its own without asking anybody.
pub(super) fn free_operators(engine: &mut Engine) {
    for (name, precedence, _) in OPERATORS {
        engine.disable_symbol(name);
        engine
            .register_custom_operator(name, precedence)
            .expect("a symbol that is disabled is free");
    }
}

pub(super) fn register(engine: &mut Engine, state: &Evaluating) {
    let anything = [TypeId::of::<Dynamic>(); 2];
    for (name, _, holds) in OPERATORS {
        let state = state.clone();
        engine.register_raw_fn(name, anything, move |context, values| {
            let order = compare(values[0], values[1], name);
            order.map(holds).map_err(|error| raise(&state, &context, error))
        });
    }
    engine.register_type_with_name::<Version>("Version");
    for name in ["to_string", "to_debug"] {
        engine.register_fn(name, |version: &mut Version| version.text().to_owned());
    }
    let its = state.clone();
    let function = FuncRegistration::new("version").with_params_info(["text"]).with_comments([r#"A version, which can be compared with another one, or with a string: `version(host.facts.os.version) >= "11"`. 1.10 is above 1.9, 12 is 12.0, `1.0~rc1`, `1.0-rc1` and `1.0a1` are below 1.0, `1.0-1` and `1.1.1a` are above what they begin with; what stands before a colon counts first, as in versions of Debian's packages."#]);
    function.register_into_engine(engine, move |context: NativeCallContext, of: Dynamic| {
        version(&of).map_err(|error| raise(&its, &context, error))
    });
    register_lists(engine, state);
}

/// What Rhai does with lists by comparing, and without telling when that fails.
fn register_lists(engine: &mut Engine, state: &Evaluating) {
    let its = state.clone();
    engine.register_fn("dedup", move |context: NativeCallContext, list: &mut Array| {
        let mut failed = None;
        list.dedup_by(|one, other| {
            compare(other, one, OP_EQUALS).map_or_else(|it| keep(&mut failed, it), Ordering::is_eq)
        });
        failed.map_or(Ok(()), |error| Err(raise(&its, &context, error)))
    });
    let its = state.clone();
    engine.register_fn("sort", move |context: NativeCallContext, list: &mut Array| {
        let mut failed = None;
        list.sort_by(|one, other| {
            compare(one, other, "<").unwrap_or_else(|error| {
                keep(&mut failed, error);
                Ordering::Equal
            })
        });
        failed.map_or(Ok(()), |error| Err(raise(&its, &context, error)))
    });
    engine.register_fn("sort", |context: NativeCallContext, list: &mut Array, by: FnPtr| {
        sort_by(&context, list, &by)
    });
}

fn keep(failed: &mut Option<Diagnostic>, error: Diagnostic) -> bool {
    failed.get_or_insert(error);
    false
}

/// Sorts by a function that gives a number, or whether the first comes first.
fn sort_by(context: &NativeCallContext, list: &mut Array, by: &FnPtr) -> ScriptResult<()> {
    let mut failed = None;
    let mut sorted = std::mem::take(list);
    let mut less = |one: &Dynamic, other: &Dynamic| -> bool {
        if failed.is_some() {
            return false;
        }
        match by.call_within_context::<Dynamic>(context, (one.clone(), other.clone())) {
            Ok(answer) => {
                answer.as_bool().or_else(|_| answer.as_int().map(|it| it < 0)).unwrap_or(false)
            }
            Err(error) => {
                failed = Some(error);
                false
            }
        }
    };
    // A function that contradicts itself would make the library's own sort panic.
    for end in 1..sorted.len() {
        let at = sorted[..end].partition_point(|it| !less(&sorted[end], it));
        sorted[at..=end].rotate_right(1);
    }
    *list = sorted;
    failed.map_or(Ok(()), Err)
}

fn version(of: &Dynamic) -> Result<Version, Diagnostic> {
    if let Some(version) = of.read_lock::<Version>() {
        return Ok(version.clone());
    }
    let text = match (of.read_lock::<ImmutableString>(), of.as_int()) {
        (Some(text), _) => text.to_string(),
        (None, Ok(number)) => number.to_string(),
        _ => {
            let message = format!("version() takes a string, not {}", shown(of));
            let error = Diagnostic::new("language::type", message);
            return Err(error.hint("write it in quotes: 1.10 as a number would be 1.1"));
        }
    };
    Version::parse(&text).ok_or_else(|| {
        let message = format!("\"{text}\" is not a version: it has no number");
        Diagnostic::new("language::version", message)
            .hint("a system without releases, such as Debian's sid, has no version")
    })
}

/// The order of two values, as far as `operator` asks for it: whether they are the same is all that some types know.
///
/// # Errors
/// The error of comparing values that cannot be the same.
fn compare(one: &Dynamic, other: &Dynamic, operator: &str) -> Result<Ordering, Diagnostic> {
    if let (Ok(one), Ok(other)) = (one.as_int(), other.as_int()) {
        return Ok(one.cmp(&other));
    }
    if let (Some(one), Some(other)) = (text(one), text(other)) {
        return Ok(one.as_str().cmp(other.as_str()));
    }
    let unlike = || Err(error(one, other, operator));
    let is_same = |same: bool| Ok(if same { Ordering::Equal } else { Ordering::Less });
    if !matches!(operator, OP_EQUALS | "!=") {
        return ordered(one, other).map_or_else(unlike, Ok);
    }
    // Whether there is anything at all can be asked of all.
    if one.is_unit() || other.is_unit() {
        return is_same(one.is_unit() && other.is_unit());
    }
    if let (Some(one), Some(other)) = (one.read_lock::<Array>(), other.read_lock::<Array>()) {
        let mut same = one.len() == other.len();
        for (one, other) in one.iter().zip(other.iter()) {
            same = same && compare(one, other, OP_EQUALS)?.is_eq();
        }
        return is_same(same);
    }
    if let (Some(one), Some(other)) = (one.read_lock::<Map>(), other.read_lock::<Map>()) {
        let mut same = one.keys().eq(other.keys());
        for (one, other) in one.values().zip(other.values()) {
            same = same && compare(one, other, OP_EQUALS)?.is_eq();
        }
        return is_same(same);
    }
    if let Some(order) = ordered(one, other) {
        return Ok(order);
    }
    let known = same::<bool>(one, other)
        .or_else(|| same::<Handle>(one, other))
        .or_else(|| same::<Handles>(one, other))
        .or_else(|| same::<Blob>(one, other))
        .or_else(|| same::<Range<i64>>(one, other))
        .or_else(|| same::<RangeInclusive<i64>>(one, other))
        .or_else(|| {
            let hosts = (one.read_lock::<HostRef>()?, other.read_lock::<HostRef>()?);
            Some(hosts.0.reveal().name == hosts.1.reveal().name)
        });
    known.map_or_else(unlike, is_same)
}

fn text(value: &Dynamic) -> Option<ImmutableString> {
    match value.read_lock::<ImmutableString>() {
        Some(text) => Some(text.clone()),
        None => value.as_char().ok().map(|it| it.to_string().into()),
    }
}

/// The order of values that have one, besides whole numbers and texts.
fn ordered(one: &Dynamic, other: &Dynamic) -> Option<Ordering> {
    let number = |it: &Dynamic| match it.as_int() {
        #[expect(clippy::cast_precision_loss, reason = "a number with a fraction is no more exact")]
        Ok(number) => Some(number as f64),
        Err(_) => it.as_float().ok(),
    };
    if let (Some(one), Some(other)) = (number(one), number(other)) {
        return one.partial_cmp(&other);
    }
    if !one.is::<Version>() && !other.is::<Version>() {
        return None;
    }
    // What stands beside a version is one, if it can be.
    let either = |it: &Dynamic| version(it).ok();
    Some(either(one)?.compare(&either(other)?))
}

fn same<T: Clone + PartialEq + Send + Sync + 'static>(
    one: &Dynamic,
    other: &Dynamic,
) -> Option<bool> {
    Some(*one.read_lock::<T>()? == *other.read_lock::<T>()?)
}

fn shown(value: &Dynamic) -> String {
    to_value(value, None).map_or_else(|_| kind_of(value).to_owned(), |value| value.shown())
}

fn error(one: &Dynamic, other: &Dynamic, operator: &str) -> Diagnostic {
    let message =
        format!("`{operator}` cannot compare {} with {}", described(one), described(other));
    let error = Diagnostic::new("language::comparison", message);
    match hint(one, other).or_else(|| hint(other, one)) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// A value in a message; a host is not a map there.
fn described(value: &Dynamic) -> String {
    if value.is::<HostRef>() || value.is::<Secret>() {
        kind_of(value).to_owned()
    } else {
        shown(value)
    }
}

/// What to write instead, where `one` is what is compared with `other`.
fn hint(one: &Dynamic, other: &Dynamic) -> Option<String> {
    let is_number = |it: &Dynamic| it.is_int() || it.is_float();
    if one.is::<Secret>() {
        return Some("a secret can only be compared with `()`".to_owned());
    }
    if one.is::<HostRef>() {
        return Some("compare its name: host.name".to_owned());
    }
    if one.is::<Handle>() || one.is::<Handles>() || one.is_fnptr() {
        return Some(format!("{} equals only itself", kind_of(one)));
    }
    if one.is::<Version>() {
        return Some(
            "a version is compared with another, or with a string: version(a) >= \"1.10\""
                .to_owned(),
        );
    }
    if one.is_unit() {
        return Some(
            "give a default to a value that may be missing: map.get(\"name\") ?? DEFAULT"
                .to_owned(),
        );
    }
    let text = one.read_lock::<ImmutableString>();
    match text.as_deref() {
        Some(text) if is_number(other) => Some(match text.trim().parse::<i64>() {
            Ok(_) => format!(
                "parse_int(\"{text}\") converts it to a number; versions are compared by version(\"{text}\") >= \"{other}\""
            ),
            Err(_) => format!(
                "a number in quotes is a string: \"{other}\"; versions are compared by version(a) >= \"1.10\""
            ),
        }),
        Some(_) if other.is_bool() => Some("write true and false without quotes".to_owned()),
        _ if one.is_array() && !other.is_array() => {
            Some("to look for it in a list: value in list".to_owned())
        }
        _ if one.is_bool() && is_number(other) => Some("a boolean is not a number".to_owned()),
        _ if one.is_map() || one.is_array() => {
            Some("maps and lists have no order; compare their items".to_owned())
        }
        _ => None,
    }
}
