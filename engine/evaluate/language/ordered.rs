//! What scripts call to order maps: `ordered(..)`, and merges that keep the order.

use std::any::TypeId;

use indexmap::IndexMap;
use rhai::{Array, Dynamic, Engine, FuncRegistration, ImmutableString, Map, NativeCallContext};

use super::{
    convert::{kind_of, to_dynamic, to_value},
    error::{ScriptResult, raise},
    state::Evaluating,
    written::FIRST,
};
use crate::base::{diagnostic::Diagnostic, value::Value};

pub(super) fn register(engine: &mut Engine, state: &Evaluating) {
    let its = state.clone();
    let function = FuncRegistration::new("ordered").with_params_info(["[[\"key\", value], ..]"]).with_comments([
        "A map that keeps this order of keys: `ordered([[\"listen\", \"*\"], [\"port\", 80]])`, or `ordered(#{ .. })`.",
    ]);
    function.register_into_engine(engine, move |context: NativeCallContext, items: Dynamic| {
        ordered(&its, &context, &items)
    });
    let map = [TypeId::of::<Map>()];
    let its = state.clone();
    engine.register_raw_fn("keys", map, move |context, maps| {
        let keys = in_order(&its, &context, maps[0]).into_keys();
        Ok(keys.map(Dynamic::from).collect::<Array>())
    });
    let its = state.clone();
    engine.register_raw_fn("values", map, move |context, maps| {
        Ok(in_order(&its, &context, maps[0]).into_values().collect::<Array>())
    });
    let its = state.clone();
    engine.register_raw_fn("to_json", map, move |context, maps| {
        let value = to_value(maps[0], Some((&its, &its.call(&context))));
        let wrong = |given| {
            let message = format!("to_json() does not take {given}");
            raise(&its, &context, Diagnostic::new("language::type", message))
        };
        let value = value.map_err(wrong)?;
        if value.has_secret() {
            return Err(wrong("a secret"));
        }
        Ok(value.written())
    });
    let its = state.clone();
    engine.register_fn(
        "parse_json",
        move |context: NativeCallContext, text: &str| -> ScriptResult<Dynamic> {
            let value = serde_json::from_str::<Value>(text).map_err(|error| {
                let message = format!("not valid JSON: {error}");
                raise(&its, &context, Diagnostic::new("language::json", message))
            })?;
            Ok(to_dynamic(&value, &its))
        },
    );
    register_merges(engine, state);
}

/// Two maps together: those of the first, and what the second adds to it, in the order of both.
fn register_merges(engine: &mut Engine, state: &Evaluating) {
    let maps = [TypeId::of::<Map>(); 2];
    for (name, wins) in [("+", true), ("+=", true), ("mixin", true), ("fill_with", false)] {
        let its = state.clone();
        engine.register_raw_fn(name, maps, move |context, maps| {
            let mut all = in_order(&its, &context, maps[0]);
            for (key, value) in in_order(&its, &context, maps[1]) {
                if wins || !all.contains_key(&key) {
                    all.insert(key, value);
                }
            }
            let keys = all.keys().map(|key| key.as_str().into()).collect();
            let mut merged = Dynamic::from(
                all.into_iter().map(|(key, value)| (key.into(), value)).collect::<Map>(),
            );
            merged.set_tag(its.gathered().orders.tag(keys));
            if name != "+" {
                *maps[0] = merged;
                return Ok(Dynamic::UNIT);
            }
            Ok(merged)
        });
    }
}

/// The items of a map in their order.
fn in_order(
    state: &Evaluating,
    context: &NativeCallContext,
    map: &Dynamic,
) -> IndexMap<String, Dynamic> {
    let call = state.call(context);
    let tag = if map.is_shared() { map.flatten_clone().tag() } else { map.tag() };
    let Some(map) = map.read_lock::<Map>() else { return IndexMap::new() };
    let keys = state.keys_of(tag, &map, &call).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let item = |key: String| {
        let value = map.get(key.as_str()).cloned().unwrap_or_default();
        (key, value)
    };
    keys.into_iter().map(item).collect()
}

fn ordered(
    state: &Evaluating,
    context: &NativeCallContext,
    items: &Dynamic,
) -> ScriptResult<Dynamic> {
    let wrong = |given: &Dynamic| {
        let message = format!("ordered() takes a list of pairs, not {}", kind_of(given));
        let error = Diagnostic::new("language::type", message);
        let error = error.hint("ordered([[\"listen\", \"*\"], [\"port\", 80]])");
        let place = state.argument(&state.call(context), FIRST, |it| it.value);
        raise(state, context, state.locate(error, &place))
    };
    let pairs: IndexMap<String, Dynamic> = if items.is_map() {
        in_order(state, context, items)
    } else {
        let list = items.read_lock::<Array>().ok_or_else(|| wrong(items))?;
        let pair = |pair: &Dynamic| {
            let both =
                pair.read_lock::<Array>().filter(|it| it.len() == 2).ok_or_else(|| wrong(pair))?;
            let key = both[0].read_lock::<ImmutableString>().ok_or_else(|| wrong(&both[0]))?;
            Ok((key.to_string(), both[1].flatten_clone()))
        };
        list.iter().map(pair).collect::<ScriptResult<_>>()?
    };
    let keys = pairs.keys().map(|key| key.as_str().into()).collect();
    let mut map =
        Dynamic::from(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect::<Map>());
    map.set_tag(state.gathered().orders.tag(keys));
    Ok(map)
}
