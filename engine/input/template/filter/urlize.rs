//! Addresses in a text as links, as Jinja finds them.

use std::sync::LazyLock;

use minijinja::{Error, State, value::Value};
use regex::Regex;

use super::{
    super::{arguments::Arguments, python},
    text::escape,
};

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^(
            (https?://|www\.) (([\w%-]+\.)+)? ([a-z]{2,63} | xn--[\w%]{2,59})
            | ([\w%-]{2,63}\.)+ (com|net|int|edu|gov|org|info|mil)
            | https?:// (\d{1,3}(\.\d{1,3}){3} | \[([\da-f]{0,4}:){2}([\da-f]{0,4}:?){1,6}\])
        ) (:\d{1,5})? ([/?\#]\S*)? $",
    )
    .expect("a pattern of our own")
});
static MAIL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\S+@\w[\w.-]*\.\w+$").expect("a pattern of our own"));
static HEAD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^([(<]|&lt;)+").expect("a pattern of our own"));
static TAIL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"([)>.,\n]|&gt;)+$").expect("a pattern of our own"));

/// What stands around an address in pairs.
const PAIRS: [(&str, &str); 3] = [("(", ")"), ("<", ">"), ("&lt;", "&gt;")];

pub(super) fn urlize(
    _: &mut State<'_, '_>,
    value: &Value,
    mut args: Arguments,
) -> Result<Value, Error> {
    let limit = match args.int_or("trim_url_limit", i64::MAX)? {
        limit @ 0.. => usize::try_from(limit).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let nofollow = args.bool_or("nofollow", false)?;
    let (target, rel) = (args.maybe_text("target"), args.maybe_text("rel"));
    args.end()?;
    let mut words: Vec<&str> = rel.iter().flat_map(|it| it.split_whitespace()).collect();
    words.extend(nofollow.then_some("nofollow"));
    words.push("noopener");
    words.sort_unstable();
    words.dedup();
    let mut attributes = format!(" rel=\"{}\"", escape(&words.join(" ")));
    if let Some(target) = target.filter(|it| !it.is_empty()) {
        attributes += &format!(" target=\"{}\"", escape(&target));
    }
    let text = escape(&python::text(value));
    let mut made = String::new();
    let mut rest = &text[..];
    while !rest.is_empty() {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        made += &word(&rest[..end], limit, &attributes);
        let next = rest[end..].trim_start();
        made += &rest[end..rest.len() - next.len()];
        rest = next;
    }
    Ok(Value::from(made))
}

/// A word, as a link if it is an address. What stands around it stays around it.
fn word(word: &str, limit: usize, attributes: &str) -> String {
    let head = HEAD.find(word).map_or("", |found| found.as_str());
    let inner = &word[head.len()..];
    let mut end = TAIL.find(inner).map_or(inner.len(), |found| found.start());
    for (open, close) in PAIRS {
        let (opened, closed) =
            (inner[..end].matches(open).count(), inner[..end].matches(close).count());
        if opened <= closed {
            continue;
        }
        for _ in 0..opened.min(inner[end..].matches(close).count()) {
            if let Some(at) = inner[end..].find(close) {
                end += at + close.len();
            }
        }
    }
    let (middle, tail) = inner.split_at(end);
    let shown = match middle.char_indices().nth(limit) {
        Some((at, _)) => format!("{}...", &middle[..at]),
        None => middle.to_owned(),
    };
    let middle = if ADDRESS.is_match(middle) {
        let has_scheme = middle.starts_with("https://") || middle.starts_with("http://");
        let scheme = if has_scheme { "" } else { "https://" };
        format!("<a href=\"{scheme}{middle}\"{attributes}>{shown}</a>")
    } else if let Some(mail) = middle.strip_prefix("mailto:").filter(|it| MAIL.is_match(it)) {
        format!("<a href=\"{middle}\">{mail}</a>")
    } else if !middle.starts_with("www.")
        && !middle.starts_with('@')
        && !middle.contains(':')
        && MAIL.is_match(middle)
    {
        format!("<a href=\"mailto:{middle}\">{middle}</a>")
    } else {
        middle.to_owned()
    };
    [head, &middle, tail].concat()
}
