//! Filters of maps.

use indexmap::IndexMap;
use minijinja::{
    Error, State,
    value::{Value, ValueKind},
};

use super::{
    super::{
        arguments::Arguments,
        container::{self, list, tuple},
        order::{folded, sort_by},
        parts::{entries, items},
        python,
        word::Word,
        wrong,
    },
    value::no_such,
};

pub(super) const FILTERS: &[Word] = &[
    Word::new(&["items"], "a list of pairs", |_, value, args| {
        args.end()?;
        Ok(list(entries(value)?.into_iter().map(|(key, value)| tuple(vec![key, value])).collect()))
    }),
    Word::new(
        &["dictsort"],
        "a list of pairs in the order of the keys, or of the values",
        dictsort,
    ),
    Word::new(&["dict2items"], "a list of maps with `key` and `value`", |_, value, mut args| {
        let names = [args.text_or("key_name", "key")?, args.text_or("value_name", "value")?]
            .map(Value::from);
        args.end()?;
        let item = |(key, value)| {
            container::map([(names[0].clone(), key), (names[1].clone(), value)].into())
        };
        Ok(list(entries(value)?.into_iter().map(item).collect()))
    }),
    Word::new(
        &["items2dict"],
        "a map of a list of maps with `key` and `value`",
        |_, value, mut args| {
            let names = [args.text_or("key_name", "key")?, args.text_or("value_name", "value")?];
            args.end()?;
            let pair = |item: Value| {
                let part = |name: &String| {
                    let part = item.get_attr(name).unwrap_or_default();
                    if part.is_undefined() {
                        Err(wrong(format!("an item has no `{name}`")))
                    } else {
                        Ok(part)
                    }
                };
                Ok((part(&names[0])?, part(&names[1])?))
            };
            items(value)?.into_iter().map(pair).collect::<Result<_, Error>>().map(container::map)
        },
    ),
    Word::new(
        &["combine"],
        "with the entries of other maps; `recursive`, and `list_merge`",
        combine,
    ),
    Word::new(&["rekey_on_member"], "a map of maps, by what each holds at a key", rekey),
];

fn dictsort(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let case_sensitive = args.bool_or("case_sensitive", false)?;
    let by = args.text_or("by", "key")?;
    let reverse = args.bool_or("reverse", false)?;
    args.end()?;
    let place = match by.as_str() {
        "key" => 0,
        "value" => 1,
        _ => return Err(no_such("order", &by, &["key", "value"])),
    };
    let mut pairs =
        entries(value)?.into_iter().map(|(key, value)| tuple(vec![key, value])).collect();
    sort_by(
        &mut pairs,
        |pair| Ok(folded(pair.get_item_by_index(place)?, case_sensitive)),
        reverse,
    )?;
    Ok(list(pairs))
}

fn combine(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let recursive = args.named("recursive").is_some_and(|it| it.is_true());
    let merge =
        args.named("list_merge").map_or("replace".to_owned(), |it| python::text(&it).into_owned());
    let known = ["replace", "keep", "append", "prepend", "append_rp", "prepend_rp"];
    if !known.contains(&merge.as_str()) {
        return Err(no_such("list_merge", &merge, &known));
    }
    let mut maps = Vec::new();
    for value in [vec![value.clone()], args.rest()].concat() {
        match value.kind() {
            ValueKind::Seq => maps.extend(items(&value)?),
            ValueKind::Undefined => return Ok(value),
            _ => maps.push(value),
        }
    }
    args.end()?;
    let mut made = container::map(IndexMap::new());
    for map in maps {
        made = merged(&made, &map, recursive, &merge)?;
    }
    Ok(made)
}

fn merged(one: &Value, other: &Value, recursive: bool, merge: &str) -> Result<Value, Error> {
    let mut made: IndexMap<Value, Value> = entries(one)?.into_iter().collect();
    for (key, value) in entries(other)? {
        let is = |value: &Value, kind| value.kind() == kind;
        let together = match made.get(&key) {
            Some(old) if recursive && is(old, ValueKind::Map) && is(&value, ValueKind::Map) => {
                merged(old, &value, recursive, merge)?
            }
            Some(old) if is(old, ValueKind::Seq) && is(&value, ValueKind::Seq) => {
                list(merged_lists(items(old)?, items(&value)?, merge))
            }
            _ => value,
        };
        made.insert(key, together);
    }
    Ok(container::map(made))
}

fn merged_lists(old: Vec<Value>, new: Vec<Value>, merge: &str) -> Vec<Value> {
    let without = |from: Vec<Value>, what: &[Value]| -> Vec<Value> {
        from.into_iter().filter(|item| !what.contains(item)).collect()
    };
    match merge {
        "keep" => old,
        "append" => [old, new].concat(),
        "prepend" => [new, old].concat(),
        "append_rp" => [without(old, &new), new].concat(),
        "prepend_rp" => {
            let rest = without(old, &new);
            [new, rest].concat()
        }
        _ => new,
    }
}

fn rekey(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let key = args.text("key")?;
    let duplicates = args.text_or("duplicates", "error")?;
    args.end()?;
    let maps = match value.kind() {
        ValueKind::Map => entries(value)?.into_iter().map(|(_, value)| value).collect(),
        _ => items(value)?,
    };
    let mut made = IndexMap::new();
    for map in maps {
        let at = map.get_attr(&key).unwrap_or_default();
        if at.is_undefined() {
            return Err(wrong(format!("an item has no `{key}`")));
        }
        if matches!(at.kind(), ValueKind::Map | ValueKind::Seq) {
            return Err(wrong(format!("`{key}` cannot be a key")));
        }
        if made.insert(at.clone(), map).is_some() && duplicates == "error" {
            return Err(wrong(format!("{} is there twice", python::repr(&at))));
        }
    }
    Ok(container::map(made))
}
