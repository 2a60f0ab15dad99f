//! The order of maps. Rhai's own are sorted by their keys; people want what they wrote.
//!
//! The order of a literal is read from the script, and found again by the keys that stand together in it. A map that comes from
//! elsewhere, such as the inventory or `ordered(..)`, carries a tag that says its order.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use indexmap::IndexSet;
use rhai::{Map, Position};

use super::written::{Argument, ArgumentPlaces, Keys};
use crate::base::diagnostic::Place;

/// What is known of the order of maps.
#[derive(Default)]
pub(super) struct Orders {
    /// By what their keys come to when sorted.
    literals: HashMap<u64, Vec<MapLiteral>>,
    /// By the tag of a map, from 1.
    tagged: IndexSet<Keys>,
}

/// A map as it is written in a script.
struct MapLiteral {
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
        let literal = MapLiteral { keys: keys.clone(), file: file.clone(), at };
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
        arguments: &HashMap<Arc<str>, ArgumentPlaces>,
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
        arguments: &HashMap<Arc<str>, ArgumentPlaces>,
    ) -> Option<&Keys> {
        let has_all =
            |literal: &&MapLiteral| literal.keys.iter().all(|key| map.contains_key(&**key));
        let same = self.literals.get(&hash(map.keys().map(|key| key.as_str())));
        let same =
            same.into_iter().flatten().filter(|it| it.keys.len() == map.len() && has_all(it));
        let mut candidates: Vec<&MapLiteral> = same.collect();
        if candidates.is_empty() {
            // To the literal, keys were added; or some were taken from it.
            let all = || self.literals.values().flatten();
            let most = all().filter(has_all).map(|it| it.keys.len()).max();
            candidates = all().filter(|it| Some(it.keys.len()) == most && has_all(it)).collect();
            if candidates.is_empty() {
                let has =
                    |literal: &MapLiteral, key: &str| literal.keys.iter().any(|it| **it == *key);
                candidates = all().filter(|it| map.keys().all(|key| has(it, key))).collect();
            }
        }
        if let [only] = candidates.as_slice() {
            return Some(&only.keys);
        }
        // An argument of the call itself; else what stands nearest before it.
        candidates.sort_by_key(|it| (&it.file, it.at));
        let here = |it: &&&MapLiteral| call.file == it.file;
        let of_call = arguments.get(&call.file).and_then(|all| all.get(&(call.line, call.column)));
        let stands =
            |it: &Argument| (it.value.line().unwrap_or(1), it.value.position().unwrap_or(1));
        let is_argument = |it: &&&MapLiteral| {
            of_call.is_some_and(|all| all.values().any(|argument| stands(argument) == it.at))
        };
        let argument = candidates.iter().filter(here).find(is_argument);
        let before = |it: &&&MapLiteral| it.at < (call.line, call.column);
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
