//! Patterns as Python's `re` reads them.

use fancy_regex::{Captures, Regex};
use minijinja::{Error, State, value::Value};

use super::{
    super::{arguments::Arguments, container, python::text, word::Word, wrong},
    value::no_such,
};

pub(super) const FILTERS: &[Word] = &[
    Word::new(
        &["regex_replace"],
        "the matches, replaced; `\\1` and `\\g<name>` are groups",
        replace,
    ),
    Word::new(
        &["regex_search"],
        "the first match, or the groups that are named; nothing without a match",
        search,
    ),
    Word::new(&["regex_findall"], "all matches", find_all),
    Word::new(
        &["regex_escape"],
        "so that a pattern matches just it; `posix_basic` for grep and sed",
        escape,
    ),
];

/// A pattern, in the words of the engine.
pub(in crate::input::template) fn compile(
    pattern: &str,
    ignorecase: bool,
    multiline: bool,
) -> Result<Regex, Error> {
    let flags = match (ignorecase, multiline) {
        (false, false) => "",
        (true, false) => "(?i)",
        (false, true) => "(?m)",
        (true, true) => "(?im)",
    };
    let lines = multiline
        || pattern
            .strip_prefix("(?")
            .and_then(|it| it.split(')').next())
            .is_some_and(|it| it.contains('m') && it.chars().all(|c| c.is_ascii_alphabetic()));
    Regex::new(&(flags.to_owned() + &translated(pattern, lines))).map_err(|error| {
        wrong(format!(
            "`{pattern}` is not a valid pattern: {}",
            error.to_string().lines().last().unwrap_or_default()
        ))
    })
}

/// `$` also stands before the end of the last line, `\Z` at the very end, and a bracket in a class is a bracket.
fn translated(pattern: &str, lines: bool) -> String {
    let mut made = String::new();
    let mut chars = pattern.chars().peekable();
    let mut class = 0_u32;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('Z') => made += "\\z",
                Some(other) => made.extend(['\\', other]),
                None => made.push('\\'),
            },
            '[' if class == 0 => {
                class = 1;
                made.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    made.push('^');
                }
                if chars.next_if_eq(&']').is_some() {
                    made += "\\]";
                }
            }
            ']' if class > 0 => {
                class = 0;
                made.push(']');
            }
            '[' | '&' | '~' if class > 0 => made.extend(['\\', c]),
            '$' if class == 0 && !lines => made += "(?=\\n?\\z)",
            c => made.push(c),
        }
    }
    made
}

/// What stands in a replacement: texts, and groups by their names.
enum PatternPart {
    Text(String),
    Group(String),
}

/// A replacement, whose groups the pattern must have.
fn template(replacement: &str, pattern: &Regex) -> Result<Vec<PatternPart>, Error> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut chars = replacement.chars().peekable();
    let group = |name: String| {
        let known = match name.parse::<usize>() {
            Ok(number) => number < pattern.captures_len(),
            Err(_) => pattern.capture_names().flatten().any(|it| it == name),
        };
        match known {
            true => Ok(PatternPart::Group(name)),
            false => Err(wrong(format!(
                "the pattern has no group `{name}`, which the replacement names"
            ))),
        }
    };
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('g') => {
                let rest: String = chars.clone().collect();
                let name = rest
                    .strip_prefix('<')
                    .and_then(|it| it.split_once('>'))
                    .map(|it| it.0.to_owned());
                let name = name.ok_or_else(|| wrong("a group is named `\\g<name>`"))?;
                chars.nth(name.chars().count() + 1);
                parts.push(PatternPart::Text(std::mem::take(&mut plain)));
                parts.push(group(name)?);
            }
            Some(digit @ '1'..='9') => {
                let mut number = digit.to_string();
                number.extend(chars.next_if(char::is_ascii_digit));
                parts.push(PatternPart::Text(std::mem::take(&mut plain)));
                parts.push(group(number)?);
            }
            Some('0') => plain.push('\0'),
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some('r') => plain.push('\r'),
            Some('f') => plain.push('\u{c}'),
            Some('v') => plain.push('\u{b}'),
            Some('a') => plain.push('\u{7}'),
            Some('b') => plain.push('\u{8}'),
            Some('\\') | None => plain.push('\\'),
            Some(letter) if letter.is_ascii_alphabetic() => {
                return Err(wrong(format!("`\\{letter}` has no meaning in a replacement")));
            }
            Some(other) => plain.extend(['\\', other]),
        }
    }
    parts.push(PatternPart::Text(plain));
    Ok(parts)
}

fn group<'a>(found: &'a Captures<'_, str>, name: &str) -> Option<&'a str> {
    let found = match name.parse() {
        Ok(number) => found.get(number),
        Err(_) => found.name(name),
    };
    found.map(|it| it.as_str())
}

fn replace(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let (pattern, to) = (args.text_or("pattern", "")?, args.text_or("replacement", "")?);
    let ignorecase = args.bool_or("ignorecase", false)?;
    let multiline = args.bool_or("multiline", false)?;
    let count = usize::try_from(args.int_or("count", 0)?).unwrap_or_default();
    let mandatory = args.int_or("mandatory_count", 0)?;
    args.end()?;
    let pattern = compile(&pattern, ignorecase, multiline)?;
    let parts = template(&to, &pattern)?;
    let text: &str = &text(value);
    let mut replaced = String::new();
    let (mut done, mut at, mut times) = (0, 0, 0);
    // As in Python, nothing may match right behind something, but not where nothing matched before.
    let mut empty_at = None;
    while at <= text.len() && (count == 0 || times < count) {
        let Some(found) = pattern.captures_from_pos(text, at).map_err(wrong)? else { break };
        let Some(whole) = found.get(0) else { break };
        if whole.start() == whole.end() && empty_at == Some(whole.start()) {
            at = next(text, at);
            empty_at = None;
            continue;
        }
        replaced += &text[done..whole.start()];
        for part in &parts {
            match part {
                PatternPart::Text(text) => replaced += text,
                PatternPart::Group(name) => replaced += group(&found, name).unwrap_or_default(),
            }
        }
        times += 1;
        done = whole.end();
        at = whole.end();
        empty_at = (whole.start() == whole.end()).then_some(at);
    }
    replaced += &text[done..];
    if mandatory > 0 && times as i64 != mandatory {
        return Err(wrong(format!("the pattern matches {times} times, not {mandatory}")));
    }
    Ok(Value::from(replaced))
}

/// The place of the next character.
fn next(text: &str, at: usize) -> usize {
    at + text.get(at..).and_then(|it| it.chars().next()).map_or(1, char::len_utf8)
}

fn search(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let ignorecase = args.named("ignorecase").is_some_and(|it| it.is_true());
    let multiline = args.named("multiline").is_some_and(|it| it.is_true());
    let pattern = compile(&args.text("regex")?, ignorecase, multiline)?;
    let mut names = Vec::new();
    for wanted in args.rest() {
        let wanted = text(&wanted).into_owned();
        let name = wanted
            .strip_prefix("\\g<")
            .and_then(|it| it.strip_suffix('>'))
            .or(wanted.strip_prefix('\\'));
        names.push(
            name.ok_or_else(|| {
                wrong(format!("`{wanted}` names no group: write `\\1` or `\\g<name>`"))
            })?
            .to_owned(),
        );
    }
    args.end()?;
    let text: &str = &text(value);
    let Some(found) = pattern.captures(text).map_err(wrong)? else { return Ok(Value::from(())) };
    if names.is_empty() {
        return Ok(Value::from(group(&found, "0").unwrap_or_default()));
    }
    let mut groups = Vec::new();
    for name in names {
        let number = name.parse::<usize>().is_ok_and(|number| number >= pattern.captures_len());
        if number
            || (name.parse::<usize>().is_err()
                && !pattern.capture_names().flatten().any(|it| it == name))
        {
            return Err(wrong(format!("the pattern has no group `{name}`")));
        }
        groups.push(group(&found, &name).map_or_else(|| Value::from(()), Value::from));
    }
    Ok(container::list(groups))
}

fn find_all(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let pattern = args.text("regex")?;
    let (multiline, ignorecase) =
        (args.bool_or("multiline", false)?, args.bool_or("ignorecase", false)?);
    args.end()?;
    let pattern = compile(&pattern, ignorecase, multiline)?;
    let text: &str = &text(value);
    let mut all = Vec::new();
    for found in pattern.captures_iter(text) {
        let found = found.map_err(wrong)?;
        let text = |at: usize| Value::from(found.get(at).map_or("", |it| it.as_str()));
        all.push(match pattern.captures_len() {
            1 => text(0),
            2 => text(1),
            many => container::tuple((1..many).map(text).collect()),
        });
    }
    Ok(container::list(all))
}

fn escape(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let kind = args.text_or("re_type", "python")?;
    args.end()?;
    let special = match kind.as_str() {
        "python" => "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}",
        "posix_basic" => "].[^$*\\",
        _ => return Err(no_such("type of patterns", &kind, &["python", "posix_basic"])),
    };
    let mut escaped = String::new();
    for c in text(value).chars() {
        if special.contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    Ok(Value::from(escaped))
}
