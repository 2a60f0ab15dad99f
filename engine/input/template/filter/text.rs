//! Filters of texts.

use fancy_regex::Regex;
use minijinja::{Error, State, value::Value};

use super::{
    super::{
        arguments::Arguments,
        container, method,
        order::attribute,
        python::{self, text},
        word::Word,
        wrong,
    },
    printf,
    value::plain,
};
use crate::input::template::parts;

pub(super) const FILTERS: &[Word] = &[
    Word::new(&["upper"], "in upper case", |_, value, args| plain(value, args, str::to_uppercase)),
    Word::new(&["lower"], "in lower case", |_, value, args| plain(value, args, str::to_lowercase)),
    Word::new(
        &["capitalize"],
        "the first letter in upper case, the others in lower case",
        |_, value, args| plain(value, args, method::capitalize),
    ),
    Word::new(
        &["title"],
        "the first letter of each word in upper case, the others in lower case",
        |_, value, args| plain(value, args, title),
    ),
    Word::new(&["trim"], "without spaces, or the given characters, at both ends", trim),
    Word::new(&["replace"], "with one text replaced by another", replace),
    Word::new(&["indent"], "its lines moved to the right", indent),
    Word::new(&["truncate"], "cut to a length", truncate),
    Word::new(&["wordwrap"], "its lines broken at a width", wordwrap),
    Word::new(&["center"], "in the middle of a width", |_, value, mut args| {
        let width = args.int_or("width", 80)?;
        args.end()?;
        Ok(Value::from(method::pad(&text(value), width, ' ', method::Side::Both)))
    }),
    Word::new(&["wordcount"], "how many words it has", |_, value, args| {
        args.end()?;
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        Ok(Value::from(text(value).split(|c| !is_word(c)).filter(|word| !word.is_empty()).count()))
    }),
    Word::new(&["striptags"], "without the tags of HTML", |_, value, args| {
        plain(value, args, striptags)
    }),
    Word::new(
        &["escape", "e", "forceescape"],
        "with the special characters of HTML escaped",
        |_, value, args| plain(value, args, escape),
    ),
    Word::new(&["xmlattr"], "a map as the attributes of an element", xmlattr),
    Word::new(
        &["format"],
        "its placeholders (`%s`, `%05d`) filled with the arguments",
        |_, value, mut args| {
            let named = args.rest_named();
            let filling = match named.is_empty() {
                true => container::tuple(args.rest()),
                false => container::map(
                    named.into_iter().map(|(name, value)| (Value::from(name), value)).collect(),
                ),
            };
            printf::fill(&text(value), &filling).map(Value::from)
        },
    ),
    Word::new(&["split"], "a list of the parts between separators", |state, value, args| {
        method::split(state, value, args)
    }),
    Word::engine(&["lines"], "a list of its lines"),
    Word::new(&["join"], "the items of a list as one text", join),
];

fn title(text: &str) -> String {
    let mut title = String::new();
    let mut first = true;
    for c in text.chars() {
        match first {
            true => title.extend(c.to_uppercase()),
            false => title.extend(c.to_lowercase()),
        }
        first = c.is_whitespace() || matches!(c, '-' | '(' | '{' | '[' | '<');
    }
    title
}

fn trim(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let chars = args.maybe_text("chars");
    args.end()?;
    let text = text(value);
    Ok(Value::from(match chars {
        Some(chars) => text.trim_matches(|c| chars.contains(c)),
        None => text.trim(),
    }))
}

fn replace(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let (old, new) = (args.text("old")?, args.text("new")?);
    let count = args.int_or("count", -1)?;
    args.end()?;
    let text = text(value);
    Ok(Value::from(match usize::try_from(count) {
        Ok(count) => text.replacen(&old, &new, count),
        Err(_) => text.replace(&old, &new),
    }))
}

fn indent(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let width = args.optional("width").unwrap_or_else(|| Value::from(4));
    let (first, blank) = (args.bool_or("first", false)?, args.bool_or("blank", false)?);
    args.end()?;
    let indention = match width.as_usize() {
        Some(width) if width <= 1000 => " ".repeat(width),
        _ if width.as_str().is_some() => text(&width).into_owned(),
        _ => return Err(wrong("`width` of `indent` is a number of spaces, or a text")),
    };
    // So that a text that ends a line keeps that end.
    let text = text(value).into_owned() + "\n";
    let lines = python::lines(&text, false);
    let mut indented = if first { indention.clone() } else { String::new() };
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            indented.push('\n');
            if blank || !line.is_empty() {
                indented += &indention;
            }
        }
        indented += line;
    }
    Ok(Value::from(indented))
}

fn truncate(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let length = usize::try_from(args.int_or("length", 255)?).unwrap_or_default();
    let killwords = args.bool_or("killwords", false)?;
    let end = args.text_or("end", "...")?;
    let leeway = usize::try_from(args.int_or("leeway", 5)?).unwrap_or_default();
    args.end()?;
    let text = text(value);
    let ending = end.chars().count();
    if length < ending {
        return Err(wrong(format!("`length` of `truncate` is at least {ending}")));
    }
    if text.chars().count() <= length + leeway {
        return Ok(Value::from(text.into_owned()));
    }
    let cut: String = text.chars().take(length - ending).collect();
    let cut = match cut.rsplit_once(' ') {
        Some((words, _)) if !killwords => words.to_owned(),
        _ => cut,
    };
    Ok(Value::from(cut + &end))
}

/// Where Python's textwrap breaks a line: behind spaces, and behind the hyphens of words.
const CHUNKS: &str = r#"(?x)
    [\t\n\x0b\x0c\r\ ]+
    | (?<=[\w!"'&.,?]) -{2,} (?=\w)
    | [^\t\n\x0b\x0c\r\ ]+? (?:
        -(?: (?<=[^\d\W][^\d\W]-) | (?<=[^\d\W]-[^\d\W]-) ) (?= [^\d\W] -? [^\d\W] )
        | (?= [\t\n\x0b\x0c\r\ ] | \z )
        | (?<=[\w!"'&.,?]) (?= -{2,}\w )
    )"#;

fn wordwrap(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let width = usize::try_from(args.int_or("width", 79)?).unwrap_or_default().max(1);
    let break_words = args.bool_or("break_long_words", true)?;
    let newline = args.maybe_text("wrapstring").unwrap_or_else(|| "\n".to_owned());
    let break_hyphens = args.bool_or("break_on_hyphens", true)?;
    args.end()?;
    let chunks = Regex::new(if break_hyphens { CHUNKS } else { r"\s+|\S+" }).map_err(wrong)?;
    let text = text(value);
    let mut wrapped = Vec::new();
    for line in python::lines(&text, false) {
        let found = chunks.find_iter(line).map(|it| it.map(|it| it.as_str().to_owned()));
        let found = found.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        wrapped.push(wrap(found, width, break_words).join(&newline));
    }
    Ok(Value::from(wrapped.join(&newline)))
}

fn wrap(chunks: Vec<String>, width: usize, break_words: bool) -> Vec<String> {
    let length = |text: &str| text.chars().count();
    let mut lines = Vec::new();
    let mut chunks: Vec<String> = chunks.into_iter().rev().collect();
    while !chunks.is_empty() {
        let mut line: Vec<String> = Vec::new();
        let mut used = 0;
        if !lines.is_empty() && chunks.last().is_some_and(|it| it.trim().is_empty()) {
            chunks.pop();
        }
        while let Some(chunk) = chunks.pop() {
            if used + length(&chunk) > width {
                chunks.push(chunk);
                break;
            }
            used += length(&chunk);
            line.push(chunk);
        }
        if let Some(long) = chunks.pop_if(|it| length(it) > width) {
            if break_words {
                // Nothing of it may fit; the space before it then stays at the end of the line, as in Python.
                let room = width - used;
                line.push(long.chars().take(room).collect());
                chunks.push(long.chars().skip(room).collect());
            } else if line.is_empty() {
                line.push(long);
            } else {
                chunks.push(long);
            }
        }
        if line.last().is_some_and(|it| it.trim().is_empty()) {
            line.pop();
        }
        if !line.is_empty() {
            lines.push(line.concat());
        }
    }
    lines
}

fn striptags(text: &str) -> String {
    let without = |mut text: String, start: &str, end: &str| {
        let mut from = 0;
        while let Some(open) = text[from..].find(start).map(|it| it + from) {
            match text[open..].find(end) {
                Some(close) => text.replace_range(open..open + close + end.len(), ""),
                None => from = open + start.len(),
            }
        }
        text
    };
    let text = without(without(text.to_owned(), "<!--", "-->"), "<", ">");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let named = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#34;", "\""),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    named.iter().fold(text, |text, (name, meant)| text.replace(name, meant))
}

pub(super) fn escape(text: &str) -> String {
    let named = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('\'', "&#39;"), ('"', "&#34;")];
    named.iter().fold(text.to_owned(), |text, (meant, name)| text.replace(*meant, name))
}

fn xmlattr(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let autospace = args.bool_or("autospace", true)?;
    args.end()?;
    let mut attributes = Vec::new();
    for (name, value) in parts::entries(value)? {
        if value.is_undefined() {
            return Ok(value);
        }
        if value.is_none() {
            continue;
        }
        let name = text(&name).into_owned();
        if name.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '>' | '=')) {
            return Err(wrong(format!("`{name}` is not a name of an attribute")));
        }
        attributes.push(format!("{}=\"{}\"", escape(&name), escape(&text(&value))));
    }
    let attributes = attributes.join(" ");
    let space = if autospace && !attributes.is_empty() { " " } else { "" };
    Ok(Value::from(format!("{space}{attributes}")))
}

fn join(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let separator = args.text_or("d", "")?;
    let path = args.optional("attribute");
    args.end()?;
    let mut joined = String::new();
    for (at, item) in parts::items(value)?.iter().enumerate() {
        if at > 0 {
            joined += &separator;
        }
        let item = path.as_ref().map_or_else(|| item.clone(), |path| attribute(item, path));
        if item.is_undefined() {
            return Ok(item);
        }
        joined += &text(&item);
    }
    Ok(Value::from(joined))
}
