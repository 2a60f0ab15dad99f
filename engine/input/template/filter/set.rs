//! Lists as sets, and all ways to put their items together.

use std::collections::HashSet;

use minijinja::{
    Error,
    value::{Value, ValueKind},
};

use super::super::{
    arguments::Arguments,
    container::{self, tuple},
    order::{attribute, folded},
    parts::items,
    word::Word,
    wrong,
};

pub(super) const FILTERS: &[Word] = &[
    Word::new(&["unique"], "each item once", |_, value, mut args| {
        let case_sensitive = args.optional("case_sensitive").is_some_and(|it| it.is_true());
        let path = args.optional("attribute").filter(|it| !it.is_none());
        args.end()?;
        let key = |item: &Value| {
            folded(
                path.as_ref().map_or_else(|| item.clone(), |path| attribute(item, path)),
                case_sensitive,
            )
        };
        Ok(container::list(once(items(value)?, key)))
    }),
    Word::new(&["union"], "the items of both lists", |_, value, args| {
        two(value, args, |one, other| one.into_iter().chain(other).collect())
    }),
    Word::new(&["intersect"], "the items that are in both lists", |_, value, args| {
        two(value, args, |one, other| one.into_iter().filter(|item| other.contains(item)).collect())
    }),
    Word::new(&["difference"], "the items that are not in the other list", |_, value, args| {
        two(value, args, |one, other| {
            one.into_iter().filter(|item| !other.contains(item)).collect()
        })
    }),
    Word::new(
        &["symmetric_difference"],
        "the items that are in one list only",
        |_, value, args| {
            two(value, args, |one, other| {
                let all = one.iter().chain(&other);
                all.filter(|item| !(one.contains(item) && other.contains(item))).cloned().collect()
            })
        },
    ),
    Word::new(&["zip"], "lists side by side, as long as the shortest", |_, value, args| {
        let lists = lists(value, args)?;
        let length = lists.iter().map(Vec::len).min().unwrap_or_default();
        Ok(side_by_side(&lists, length, &Value::UNDEFINED))
    }),
    Word::new(
        &["zip_longest"],
        "lists side by side, as long as the longest",
        |_, value, mut args| {
            let filling = args.named("fillvalue").unwrap_or_else(|| Value::from(()));
            let lists = lists(value, args)?;
            let length = lists.iter().map(Vec::len).max().unwrap_or_default();
            Ok(side_by_side(&lists, length, &filling))
        },
    ),
    Word::new(&["product"], "each item with each of the other lists", |_, value, mut args| {
        let repeat = args.named("repeat").map_or(Some(1), |it| it.as_usize());
        let repeat = repeat.ok_or_else(|| wrong("`repeat` is a number"))?;
        let lists = lists(value, args)?;
        let mut made = vec![Vec::new()];
        for list in lists.iter().cycle().take(lists.len() * repeat) {
            bound(made.len() * list.len().max(1))?;
            made = made
                .into_iter()
                .flat_map(|start: Vec<Value>| {
                    list.iter().map(move |item| [start.clone(), vec![item.clone()]].concat())
                })
                .collect();
        }
        Ok(container::list(made.into_iter().map(tuple).collect()))
    }),
    Word::new(&["permutations"], "all orders of so many items", |_, value, mut args| {
        let items = items(value)?;
        let length = args.int_or("length", items.len() as i64)?;
        args.end()?;
        chosen(&items, length, false)
    }),
    Word::new(&["combinations"], "all choices of so many items", |_, value, mut args| {
        let length = args.int("length")?;
        args.end()?;
        chosen(&items(value)?, length, true)
    }),
];

/// Each item once, by a key.
fn once(items: Vec<Value>, key: impl Fn(&Value) -> Value) -> Vec<Value> {
    let mut seen = HashSet::new();
    let mut listed: Vec<Value> = Vec::new();
    items
        .into_iter()
        .filter(|item| {
            let key = key(item);
            // Lists and maps are compared one by one: not all that are equal have the same digest.
            match key.kind() {
                ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => {
                    let is_new = !listed.contains(&key);
                    listed.push(key);
                    is_new
                }
                _ => seen.insert(key),
            }
        })
        .collect()
}

fn two(
    value: &Value,
    mut args: Arguments,
    make: impl Fn(Vec<Value>, Vec<Value>) -> Vec<Value>,
) -> Result<Value, Error> {
    let other = items(&args.value("b")?)?;
    args.end()?;
    Ok(container::list(once(make(items(value)?, other), Value::clone)))
}

/// The value and the arguments, all of them lists.
fn lists(value: &Value, mut args: Arguments) -> Result<Vec<Vec<Value>>, Error> {
    let all = [vec![value.clone()], args.rest()].concat();
    args.end()?;
    all.iter().map(items).collect()
}

fn side_by_side(lists: &[Vec<Value>], length: usize, filling: &Value) -> Value {
    let row =
        |at| tuple(lists.iter().map(|list| list.get(at).unwrap_or(filling).clone()).collect());
    container::list((0..length).map(row).collect())
}

/// So that a template cannot ask for all memory.
fn bound(count: usize) -> Result<(), Error> {
    match count > 1_000_000 {
        true => Err(wrong("that are more than a million")),
        false => Ok(()),
    }
}

/// All ways to choose so many of the items, in each order or in theirs.
fn chosen(items: &[Value], length: i64, in_order: bool) -> Result<Value, Error> {
    let length = usize::try_from(length).map_err(|_| wrong("a length is not below 0"))?;
    let mut made: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..length {
        bound(made.len() * items.len().max(1))?;
        made = made
            .into_iter()
            .flat_map(|start| {
                let next = (0..items.len()).filter({
                    let start = start.clone();
                    move |at| match in_order {
                        true => start.last().is_none_or(|last| at > last),
                        false => !start.contains(at),
                    }
                });
                next.map(move |at| [start.clone(), vec![at]].concat()).collect::<Vec<_>>()
            })
            .collect();
    }
    let row = |places: Vec<usize>| tuple(places.into_iter().map(|at| items[at].clone()).collect());
    Ok(container::list(made.into_iter().map(row).collect()))
}
