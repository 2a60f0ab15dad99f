//! The order of maps. Rhai's own are sorted by their keys; people want what they wrote.
//!
//! The order of a literal is read from the script, and found again by the keys that stand together in it. A map that comes from
//! elsewhere, such as the inventory or `ordered(..)`, carries a tag that says its order.

use std::{
    any::TypeId,
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use indexmap::{IndexMap, IndexSet};
use rhai::{
    Array, Dynamic, Engine, FuncRegistration, ImmutableString, Map, NativeCallContext, Position,
};

use super::{
    convert::{kind_of, to_dynamic, to_value},
    error::{Outcome, raise},
    state::State,
    written::{Argument, Arguments, FIRST},
};
use crate::base::{
    diagnostic::{Diagnostic, Place},
    value::Value,
};

/// The keys of a map, as they were written.
pub(super) type Keys = Arc<[Box<str>]>;

/// What is known of the order of maps.
#[derive(Default)]
pub(super) struct Orders {
    /// By what their keys come to when sorted.
    literals: HashMap<u64, Vec<Literal>>,
    /// By the tag of a map, from 1.
    tagged: IndexSet<Keys>,
}

/// A map as it is written in a script.
struct Literal {
    keys: Keys,
    file: Arc<str>,
    /// Its line and column.
    at: (usize, usize),
}

impl Orders {
    /// Keeps the order of a literal.
    pub(super) fn keep(&mut self, file: &Arc<str>, position: Position, keys: Keys) {
        let mut sorted: Vec<&str> = keys.iter().map(|key| &**key).collect();
        sorted.sort_unstable();
        let at = (position.line().unwrap_or(1), position.position().unwrap_or(1));
        let literal = Literal { keys: keys.clone(), file: file.clone(), at };
        self.literals.entry(hash(sorted.into_iter())).or_default().push(literal);
    }

    /// The tag of maps of this order.
    pub(super) fn tag(&mut self, keys: Keys) -> i32 {
        let (index, _) = self.tagged.insert_full(keys);
        i32::try_from(index + 1).unwrap_or_default()
    }

    /// The keys of a map in their order. `call` is where it is used, and `arguments` are those of the calls there.
    pub(super) fn of<'m>(
        &self,
        tag: i32,
        map: &'m Map,
        call: &Place,
        arguments: &HashMap<Arc<str>, Arguments>,
    ) -> Vec<&'m str> {
        let keys = || map.keys().map(|key| key.as_str());
        if map.len() < 2 {
            return keys().collect();
        }
        let tagged =
            usize::try_from(tag).ok().and_then(|tag| self.tagged.get_index(tag.checked_sub(1)?));
        let Some(order) = tagged.or_else(|| self.written(map, call, arguments)) else {
            return keys().collect();
        };
        let known = order.iter().filter_map(|key| map.get_key_value(&**key));
        let mut all: Vec<&str> = known.map(|(key, _)| key.as_str()).collect();
        if all.len() < map.len() {
            // What was added later comes last.
            let known: HashSet<&str> = all.iter().copied().collect();
            all.extend(keys().filter(|key| !known.contains(key)));
        }
        all
    }

    /// The order of the literal that a map most likely was.
    fn written(
        &self,
        map: &Map,
        call: &Place,
        arguments: &HashMap<Arc<str>, Arguments>,
    ) -> Option<&Keys> {
        let has_all = |literal: &&Literal| literal.keys.iter().all(|key| map.contains_key(&**key));
        let same = self.literals.get(&hash(map.keys().map(|key| key.as_str())));
        let same =
            same.into_iter().flatten().filter(|it| it.keys.len() == map.len() && has_all(it));
        let mut candidates: Vec<&Literal> = same.collect();
        if candidates.is_empty() {
            // To the literal, keys were added; or some were taken from it.
            let all = || self.literals.values().flatten();
            let most = all().filter(has_all).map(|it| it.keys.len()).max();
            candidates = all().filter(|it| Some(it.keys.len()) == most && has_all(it)).collect();
            if candidates.is_empty() {
                let has = |literal: &Literal, key: &str| literal.keys.iter().any(|it| **it == *key);
                candidates = all().filter(|it| map.keys().all(|key| has(it, key))).collect();
            }
        }
        if let [only] = candidates.as_slice() {
            return Some(&only.keys);
        }
        // An argument of the call itself; else what stands nearest before it.
        candidates.sort_by_key(|it| (&it.file, it.at));
        let here = |it: &&&Literal| call.file == it.file;
        let of_call = arguments.get(&call.file).and_then(|all| all.get(&(call.line, call.column)));
        let stands =
            |it: &Argument| (it.value.line().unwrap_or(1), it.value.position().unwrap_or(1));
        let is_argument = |it: &&&Literal| {
            of_call.is_some_and(|all| all.values().any(|argument| stands(argument) == it.at))
        };
        let argument = candidates.iter().filter(here).find(is_argument);
        let before = |it: &&&Literal| it.at < (call.line, call.column);
        let before = || candidates.iter().filter(here).rfind(before);
        let found = argument.or_else(before).or_else(|| candidates.first());
        found.map(|it| &it.keys)
    }
}

fn hash<'a>(keys: impl Iterator<Item = &'a str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    keys.for_each(|key| key.hash(&mut hasher));
    hasher.finish()
}

/// A map out of a value, which keeps the order of its keys.
pub(super) fn tagged(items: &IndexMap<String, Value>, state: &State) -> Dynamic {
    let item = |(name, value): (&String, &Value)| (name.as_str().into(), to_dynamic(value, state));
    let mut map = Dynamic::from(items.iter().map(item).collect::<Map>());
    if items.len() > 1 {
        let keys = items.keys().map(|key| key.as_str().into()).collect();
        map.set_tag(state.gathered().orders.tag(keys));
    }
    map
}

pub(super) fn register(engine: &mut Engine, state: &State) {
    let its = state.clone();
    let function = FuncRegistration::new("ordered").with_params_info(["[[\"key\", value], ..]"]).with_comments([
        "A map whose keys have this order, wherever it goes: `ordered([[\"listen\", \"*\"], [\"port\", 80]])`, or `ordered(#{ .. })`.",
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
        move |context: NativeCallContext, text: &str| -> Outcome<Dynamic> {
            let value = serde_json::from_str::<Value>(text).map_err(|error| {
                let message = format!("this is no JSON: {error}");
                raise(&its, &context, Diagnostic::new("language::json", message))
            })?;
            Ok(to_dynamic(&value, &its))
        },
    );
    register_merges(engine, state);
}

/// Two maps together: those of the first, and what the second adds to it, in the order of both.
fn register_merges(engine: &mut Engine, state: &State) {
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
    state: &State,
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

fn ordered(state: &State, context: &NativeCallContext, items: &Dynamic) -> Outcome<Dynamic> {
    let wrong = |given: &Dynamic| {
        let message = format!("ordered() takes a list of pairs, not {}", kind_of(given));
        let mistake = Diagnostic::new("language::type", message);
        let mistake = mistake.hint("ordered([[\"listen\", \"*\"], [\"port\", 80]])");
        let place = state.argument(&state.call(context), FIRST, |it| it.value);
        raise(state, context, state.locate(mistake, &place))
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
        list.iter().map(pair).collect::<Outcome<_>>()?
    };
    let keys = pairs.keys().map(|key| key.as_str().into()).collect();
    let mut map =
        Dynamic::from(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect::<Map>());
    map.set_tag(state.gathered().orders.tag(keys));
    Ok(map)
}
