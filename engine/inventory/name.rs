//! Names of hosts and groups, and the ranges that stand for many: `db-[01:03]`.

use std::sync::Arc;

use super::declared::Mark;
use crate::diagnostic::Result;

/// More names than this from one range are a slip of the keyboard.
const MOST: u32 = 10_000;

/// Refuses a name that a pattern, a file name or a terminal could misread.
pub(super) fn check(name: &str, mark: &Mark) -> Result<()> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name == "all" {
        return Err(mark
            .mistake("inventory::reserved-name", "`all` is the group of all hosts")
            .label("choose another name")
            .hint("what holds for all hosts stands in `[vars]` and `[connection]`"));
    }
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if starts_well && name.chars().all(good) {
        return Ok(());
    }
    Err(mark
        .mistake("inventory::odd-name", format!("`{}` cannot be a name", name.escape_debug()))
        .label("not a good name")
        .hint("names are letters, digits, `.`, `_` and `-`, and start with a letter or a digit"))
}

/// The names that a text stands for: itself, or one for each number of the range in it.
/// Zeros in front are kept: `[08:10]` is 08, 09, 10.
pub(super) fn expand(text: &str, mark: &Mark) -> Result<Vec<Arc<str>>> {
    let Some((before, rest)) = text.split_once('[') else { return Ok(vec![text.into()]) };
    let Some((range, after)) = rest.split_once(']') else { return Ok(vec![text.into()]) };
    let parsed = range.split_once(':').and_then(|(first, last)| {
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let numbers = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        (digits(first) && digits(last) && numbers.0 <= numbers.1).then_some((numbers, first.len()))
    });
    let Some(((first, last), width)) = parsed.filter(|((a, b), _)| b - a < MOST) else {
        return Err(mark
            .mistake("inventory::range", format!("`[{}]` is no range", range.escape_debug()))
            .label("a range of names is expected here")
            .hint("write it as `db-[01:03]`, from the first number to the last"));
    };
    let mut names = Vec::new();
    for number in first..=last {
        names.extend(expand(&format!("{before}{number:0width$}{after}"), mark)?);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;

    fn names(text: &str) -> Result<Vec<Arc<str>>> {
        let source = Source::new("a.toml", text);
        expand(text, &Mark { place: source.place(0), source, span: 0..text.len() })
    }

    #[test]
    fn a_range_keeps_its_zeros() {
        assert_eq!(names("db").unwrap(), ["db".into()]);
        assert_eq!(
            names("db-[08:10].x").unwrap(),
            ["db-08.x".into(), "db-09.x".into(), "db-10.x".into()]
        );
        assert_eq!(names("[1:2]-[1:2]").unwrap().len(), 4);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["a[3:1]", "a[1]", "a[+1:2]", "a[:]", "a[0:99999999]", "a[1:9999999999999]"] {
            assert_eq!(names(text).unwrap_err().kind(), "inventory::range", "{text}");
        }
    }
}
