//! `comment`: a text as a comment of the file that is made.

use minijinja::{Error, State, value::Value};

use super::{
    super::{arguments::Arguments, python, word::Word},
    value::no_such,
};

pub(super) const FILTERS: &[Word] = &[Word::new(
    &["comment"],
    "a text as a comment: `plain` (`#`), `c` (`//`), `cblock` (`/* */`), `erlang` (`%`), `xml` (`<!-- -->`), or with `decoration`, `beginning`, `end`, `prefix`, `postfix` of your own",
    comment,
)];

/// Each with its beginning, what stands before a line, and its end.
const STYLES: [(&str, &str, &str, &str); 5] = [
    ("plain", "", "# ", ""),
    ("erlang", "", "% ", ""),
    ("c", "", "// ", ""),
    ("cblock", "/*", " * ", " */"),
    ("xml", "<!--", " - ", "-->"),
];

fn comment(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let name = args.text_or("style", "plain")?;
    let names = STYLES.map(|style| style.0);
    let style = STYLES.into_iter().find(|style| style.0 == name);
    let style = style.ok_or_else(|| no_such("style", &name, &names))?;
    let newline = args.text_or("newline", "\n")?;
    let beginning = args.text_or("beginning", style.1)?;
    let decoration = args.text_or("decoration", style.2)?;
    let prefix = args.text_or("prefix", decoration.trim_end())?;
    let prefix_count = args.int_or("prefix_count", 1)?.clamp(0, 1000) as usize;
    let postfix = args.text_or("postfix", decoration.trim_end())?;
    let postfix_count = args.int_or("postfix_count", 1)?.clamp(0, 1000) as usize;
    let end = args.text_or("end", style.3)?;
    args.end()?;

    let mut made = String::new();
    if !beginning.is_empty() {
        made += &(beginning + &newline);
    }
    let before = if prefix == newline { newline.clone() } else { format!("{prefix}{newline}") };
    if !prefix.is_empty() {
        made += &before.repeat(prefix_count);
    }
    let lines = python::text(value).replace(&newline, &format!("{newline}{decoration}"));
    let lines = format!("{decoration}{lines}");
    // A line of nothing but the decoration has no spaces at its end.
    made += &lines
        .replace(&format!("{decoration}{newline}"), &format!("{}{newline}", decoration.trim_end()));
    made += &format!("{newline}{postfix}").repeat(postfix_count);
    if !end.is_empty() {
        made += &format!("{newline}{end}");
    }
    Ok(Value::from(made))
}
