//! Filters of lists.

use std::cmp::Ordering;

use minijinja::{
    Error, State,
    value::{Value, ValueKind},
};

use super::super::{
    arguments::Arguments,
    container::{self},
    order::{attribute, compare, folded, sort_by},
    parts::items,
    python,
    word::Word,
    wrong,
};
use crate::input::template::{group, parts};

pub(super) const FILTERS: &[Word] = &[
    Word::new(
        &["list"],
        "a list of the items, of the keys of a map, of the characters of a text",
        |_, value, args| {
            args.end()?;
            items(value).map(container::list)
        },
    ),
    Word::new(&["length", "count"], "how many there are", |_, value, args| {
        args.end()?;
        let length = value.len().or_else(|| items(value).ok().map(|it| it.len()));
        length
            .map(Value::from)
            .ok_or_else(|| wrong(format!("{} has no length", python::repr(value))))
    }),
    Word::new(&["first"], "the first item", |_, value, args| {
        args.end()?;
        Ok(items(value)?.into_iter().next().unwrap_or_default())
    }),
    Word::new(&["last"], "the last item", |_, value, args| {
        args.end()?;
        Ok(items(value)?.pop().unwrap_or_default())
    }),
    Word::new(&["min"], "the least item", |_, value, args| extreme(value, args, Ordering::Less)),
    Word::new(&["max"], "the greatest item", |_, value, args| {
        extreme(value, args, Ordering::Greater)
    }),
    Word::new(&["sum"], "the sum of the items, or of an attribute of them", sum),
    Word::new(&["sort"], "in order, or by attributes of the items", sort),
    Word::new(&["reverse"], "in reverse order", |_, value, args| {
        args.end()?;
        if let Some(text) = value.as_str() {
            return Ok(Value::from(text.chars().rev().collect::<String>()));
        }
        let mut items = items(value)?;
        items.reverse();
        Ok(container::list(items))
    }),
    Word::new(&["flatten"], "the items of the lists in it, at any depth or a given one", flatten),
    Word::new(&["map"], "a filter applied to each item, or an attribute of each", map),
    Word::engine(&["select"], "the items for which a test holds"),
    Word::engine(&["reject"], "the items for which a test does not hold"),
    Word::engine(&["selectattr"], "the items for an attribute of which a test holds"),
    Word::engine(&["rejectattr"], "the items for an attribute of which a test does not hold"),
    Word::new(&["groupby"], "the items by the value of an attribute", group_by),
    Word::engine(&["batch"], "lists of a given length"),
    Word::engine(&["slice"], "a given number of lists"),
    Word::engine(&["chain"], "several lists as one"),
    Word::new(&["extract"], "what a list or a map holds at the value", extract),
    Word::new(&["subelements"], "each item with each item of a list in it", subelements),
];

fn extreme(value: &Value, mut args: Arguments, wanted: Ordering) -> Result<Value, Error> {
    let case_sensitive = args.bool_or("case_sensitive", false)?;
    let path = args.optional("attribute");
    args.end()?;
    let key = |item: &Value| {
        folded(
            path.as_ref().map_or_else(|| item.clone(), |path| attribute(item, path)),
            case_sensitive,
        )
    };
    let mut best = Value::UNDEFINED;
    for item in items(value)? {
        if best.is_undefined() || compare(&key(&item), &key(&best))? == wanted {
            best = item;
        }
    }
    Ok(best)
}

fn sum(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let path = args.optional("attribute").filter(|it| !it.is_none());
    let mut total = args.optional("start").unwrap_or_else(|| Value::from(0));
    args.end()?;
    for item in items(value)? {
        let item = path.as_ref().map_or_else(|| item.clone(), |path| attribute(&item, path));
        if item.is_undefined() {
            return Ok(item);
        }
        total = add(&total, &item)?;
    }
    Ok(total)
}

fn add(one: &Value, other: &Value) -> Result<Value, Error> {
    if one.kind() == ValueKind::Seq && other.kind() == ValueKind::Seq {
        let mut all = items(one)?;
        all.extend(items(other)?);
        return Ok(container::list(all));
    }
    let whole = |value: &Value| match value.kind() {
        ValueKind::Bool => Some(i128::from(value.is_true())),
        _ if value.is_integer() => i128::try_from(value.clone()).ok(),
        _ => None,
    };
    if let (Some(one), Some(other)) = (whole(one), whole(other)) {
        return one
            .checked_add(other)
            .map(Value::from)
            .ok_or_else(|| wrong("the sum is too large"));
    }
    match (python::number(one), python::number(other)) {
        (Some(one), Some(other)) => Ok(Value::from(one + other)),
        _ => Err(wrong(format!(
            "{} and {} have no sum",
            python::type_name(one),
            python::type_name(other)
        ))),
    }
}

fn sort(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let reverse = args.bool_or("reverse", false)?;
    let case_sensitive = args.bool_or("case_sensitive", false)?;
    let path = args.optional("attribute").filter(|it| !it.is_none());
    args.end()?;
    let mut sorted = items(value)?;
    let key = |item: &Value| -> Result<Value, Error> {
        let Some(path) = &path else { return Ok(folded(item.clone(), case_sensitive)) };
        let paths = python::text(path).into_owned();
        let part = |path: &str| {
            let found = attribute(item, &Value::from(path));
            match found.is_undefined() {
                true => Err(wrong(format!("an item has no `{path}`"))),
                false => Ok(folded(found, case_sensitive)),
            }
        };
        let parts = paths.split(',').map(part).collect::<Result<Vec<_>, _>>()?;
        Ok(Value::from(parts))
    };
    sort_by(&mut sorted, key, reverse)?;
    Ok(container::list(sorted))
}

fn flatten(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let levels = args.optional("levels").filter(|it| !it.is_none());
    let levels =
        levels.map(|it| it.as_i64().ok_or_else(|| wrong("`levels` is a number"))).transpose()?;
    let skip_nulls = args.bool_or("skip_nulls", true)?;
    args.end()?;
    let mut flat = Vec::new();
    flatten_into(&mut flat, value, levels, skip_nulls)?;
    Ok(container::list(flat))
}

fn flatten_into(
    flat: &mut Vec<Value>,
    value: &Value,
    levels: Option<i64>,
    skip_nulls: bool,
) -> Result<(), Error> {
    for item in items(value)? {
        let is_null = item.is_none() || matches!(item.as_str(), Some("None" | "null"));
        if skip_nulls && is_null {
            continue;
        }
        match item.kind() {
            ValueKind::Seq | ValueKind::Iterable if levels.is_none_or(|it| it >= 1) => {
                flatten_into(flat, &item, levels.map(|it| it - 1), skip_nulls)?;
            }
            _ => flat.push(item),
        }
    }
    Ok(())
}

fn map(state: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let path = args.named("attribute");
    if let Some(path) = path {
        let default = args.named("default");
        args.end()?;
        let found = |item: Value| {
            let found = attribute(&item, &path);
            match (&default, found.is_undefined()) {
                (Some(default), true) => default.clone(),
                _ => found,
            }
        };
        return Ok(container::list(items(value)?.into_iter().map(found).collect()));
    }
    let filter = args.text("filter")?;
    let placed = args.rest();
    let named = args.rest_named();
    let mut made = Vec::new();
    for item in items(value)? {
        let mut all = vec![item];
        all.extend(placed.iter().cloned());
        if !named.is_empty() {
            all.push(Value::from(minijinja::value::Kwargs::from_iter(named.clone())));
        }
        made.push(state.apply_filter(&filter, &all)?);
    }
    Ok(container::list(made))
}

fn group_by(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let path = args.value("attribute")?;
    let default = args.optional("default");
    let case_sensitive = args.bool_or("case_sensitive", false)?;
    args.end()?;
    let key = |item: &Value| {
        let found = attribute(item, &path);
        match (&default, found.is_undefined()) {
            (Some(default), true) => Ok(default.clone()),
            (None, true) => Err(wrong(format!("an item has no `{}`", python::text(&path)))),
            _ => Ok(found),
        }
    };
    let mut sorted = items(value)?;
    sort_by(&mut sorted, |item| Ok(folded(key(item)?, case_sensitive)), false)?;
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for item in sorted {
        let of = key(&item)?;
        match groups.last_mut() {
            Some((last, items))
                if folded(last.clone(), case_sensitive) == folded(of.clone(), case_sensitive) =>
            {
                items.push(item);
            }
            _ => groups.push((of, vec![item])),
        }
    }
    let group = |(grouper, items)| {
        Value::from_object(group::NamedPair { grouper, list: container::list(items) })
    };
    Ok(container::list(groups.into_iter().map(group).collect()))
}

fn extract(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let from = args.value("container")?;
    let more = args.optional("morekeys").filter(|it| !it.is_none());
    args.end()?;
    let more = match more {
        None => Vec::new(),
        Some(more) if more.kind() == ValueKind::Seq => items(&more)?,
        Some(more) => vec![more],
    };
    Ok(more.iter().fold(from.get_item(value).unwrap_or_default(), |found, key| {
        found.get_item(key).unwrap_or_default()
    }))
}

fn subelements(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let paths = args.value("subelements")?;
    let skip_missing = args.bool_or("skip_missing", false)?;
    args.end()?;
    let outer = match value.kind() {
        ValueKind::Map => parts::entries(value)?.into_iter().map(|(_, value)| value).collect(),
        _ => items(value)?,
    };
    let path: Vec<Value> = match paths.as_str() {
        Some(path) => path.split('.').map(Value::from).collect(),
        None => items(&paths)?,
    };
    let mut pairs = Vec::new();
    for item in outer {
        let inner =
            path.iter().fold(item.clone(), |value, key| value.get_item(key).unwrap_or_default());
        if inner.is_undefined() && skip_missing {
            continue;
        }
        if inner.kind() != ValueKind::Seq {
            return Err(wrong(format!("an item has no list `{}`", python::text(&paths))));
        }
        pairs.extend(
            items(&inner)?.into_iter().map(|inner| container::tuple(vec![item.clone(), inner])),
        );
    }
    Ok(container::list(pairs))
}
