//! The hosts that a name stands for: `web[01:50:2]`, `db-[a:f]`, `[2001:db8::1]:22`, `web:2222`.

use std::sync::Arc;

use super::super::mark::Mark;
use crate::base::diagnostic::Result;

/// More names than this from one text, of however many ranges, are a slip of the keyboard.
const MOST: usize = 10_000;

/// The names, and the port that stands behind them.
///
/// # Errors
/// When a range is none, or the port is no port.
pub(super) fn hosts(text: &str, mark: &Mark) -> Result<(Vec<Arc<str>>, Option<u16>)> {
    let (name, port) = port(text, mark)?;
    if let Some(address) = bracketed(name) {
        return Ok((vec![address.into()], port));
    }
    Ok((expand(name, mark)?, port))
}

/// An address, without the brackets of IPv6 and the port that may stand behind it.
///
/// # Errors
/// When the port is no port.
pub(in super::super) fn address(text: &str, mark: &Mark) -> Result<(Option<String>, Option<u16>)> {
    let (name, port) = port(text, mark)?;
    Ok((Some(bracketed(name).unwrap_or(name).to_owned()), port))
}

/// An address of IPv6 in brackets.
fn bracketed(name: &str) -> Option<&str> {
    let inner = name.strip_prefix('[')?.strip_suffix(']')?;
    inner.parse::<core::net::Ipv6Addr>().is_ok().then_some(inner)
}

/// A name and the port behind it.
fn port<'a>(text: &'a str, mark: &Mark) -> Result<(&'a str, Option<u16>)> {
    if text.parse::<core::net::Ipv6Addr>().is_ok() {
        return Ok((text, None));
    }
    // A colon in brackets is that of a range or of an address.
    let Some((name, port)) = text.rsplit_once(':').filter(|(_, port)| !port.contains(']')) else {
        return Ok((text, None));
    };
    if name.matches('[').count() != name.matches(']').count()
        || !port.bytes().all(|b| b.is_ascii_digit())
    {
        return Ok((text, None));
    }
    let number = port.parse().map_err(|_| {
        mark.error("inventory::wrong-type", format!("`{}` is not a port", port.escape_debug()))
    });
    Ok((name, Some(number?)))
}

/// The names that a text stands for: itself, or one for each value of the ranges in it. Zeros in front are kept:
/// `[08:10]` is 08, 09, 10.
///
/// # Errors
/// When a range is none.
pub(in super::super) fn expand(text: &str, mark: &Mark) -> Result<Vec<Arc<str>>> {
    let (mut names, mut rest) = (vec![String::new()], text);
    while let Some((before, (range, after))) =
        rest.split_once('[').and_then(|(before, rest)| Some((before, rest.split_once(']')?)))
    {
        let Some(values) = values(range) else {
            return Err(mark
                .error("inventory::range", format!("`[{}]` is not a range", range.escape_debug()))
                .label("expected a range of names")
                .hint(
                    "write it as `db-[01:03]` or `db-[a:f]`, from the first to the last; `[01:50:2]` is every second of them",
                ));
        };
        if names.len() * values.len() > MOST {
            let message = format!("`{}` expands to more than {MOST} names", text.escape_debug());
            return Err(mark.error("inventory::range", message));
        }
        let longer = |name: &String| -> Vec<String> {
            values.iter().map(|value| [name, before, value].concat()).collect()
        };
        names = names.iter().flat_map(longer).collect();
        rest = after;
    }
    Ok(names.into_iter().map(|name| (name + rest).into()).collect())
}

/// The values of a range: numbers of one width, or letters.
fn values(range: &str) -> Option<Vec<String>> {
    let parts: Vec<&str> = range.split(':').collect();
    let (first, last, step) = match parts[..] {
        [first, last] => (first, last, 1),
        [first, last, step] => (first, last, digits(step)?.parse::<usize>().ok()?),
        _ => return None,
    };
    if step == 0 {
        return None;
    }
    // Ansible begins with 0 where nothing stands.
    let first = if first.is_empty() && digits(last).is_some() { "0" } else { first };
    if let (Some(a), Some(b)) = (digits(first), digits(last)) {
        let width = if first.starts_with('0') { first.len() } else { 1 };
        let (a, b) = (a.parse::<usize>().ok()?, b.parse::<usize>().ok()?);
        let fits = a <= b && (b - a) / step < MOST && (width == 1 || first.len() == last.len());
        return fits.then(|| (a..=b).step_by(step).map(|n| format!("{n:0width$}")).collect());
    }
    let letter = |text: &str| -> Option<usize> {
        let [letter] = text.as_bytes() else { return None };
        LETTERS.iter().position(|known| known == letter)
    };
    let (a, b) = (letter(first)?, letter(last)?);
    let letters = || LETTERS[a..=b].iter().step_by(step).map(|&c| char::from(c).to_string());
    (a <= b).then(|| letters().collect())
}

/// The order of letters in a range, as Python has them.
const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::diagnostic::Source;

    fn mark(text: &str) -> Mark {
        let source = Source::new("a.ini", text);
        Mark { place: source.place(0), source, span: 0..text.len() }
    }

    fn names(text: &str) -> String {
        expand(text, &mark(text)).unwrap().join(" ")
    }

    #[test]
    fn a_range_keeps_its_zeros_and_takes_steps() {
        assert_eq!(names("db"), "db");
        assert_eq!(names("db-[08:10].x"), "db-08.x db-09.x db-10.x");
        assert_eq!(names("w[01:50:12]"), "w01 w13 w25 w37 w49");
        assert_eq!(names("[a:f]"), "a b c d e f");
        assert_eq!(names("x[y:B:2]"), "xy xA");
        assert_eq!(names("n[:2]"), "n0 n1 n2");
        assert_eq!(names("[1:2]-[1:2]"), "1-1 1-2 2-1 2-2");
        assert_eq!(names("[8:10]"), "8 9 10");
        assert_eq!(names("a[1:1]b["), "a1b[");
        assert_eq!(names(&"[1:1]".repeat(100_000)), "1".repeat(100_000));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "a[3:1]",
            "a[1]",
            "a[+1:2]",
            "a[:]",
            "a[0:99999999]",
            "a[0:9][0:9][0:9][0:9][0:9]",
            "a[1:9999999999999]",
            "a[1:5:0]",
            "a[f:a]",
            "a[aa:b]",
            "a[01:100]",
            "a[1:b]",
            "a[1:2:3:4]",
        ] {
            assert_eq!(expand(text, &mark(text)).unwrap_err().kind(), "inventory::range", "{text}");
        }
    }

    #[test]
    fn a_port_stands_behind_a_name_and_an_address_in_brackets() {
        let read = |text: &str| {
            let (names, port) = hosts(text, &mark(text)).unwrap();
            (names.join(" "), port)
        };
        assert_eq!(read("web:2222"), ("web".to_owned(), Some(2222)));
        assert_eq!(read("w[1:2]:23"), ("w1 w2".to_owned(), Some(23)));
        assert_eq!(read("w[1:2]"), ("w1 w2".to_owned(), None));
        assert_eq!(read("[2001:db8::1]:22"), ("2001:db8::1".to_owned(), Some(22)));
        assert_eq!(read("[2001:db8::1]"), ("2001:db8::1".to_owned(), None));
        assert_eq!(read("2001:db8::1"), ("2001:db8::1".to_owned(), None));
        assert!(hosts("web:99999", &mark("web:99999")).is_err());
    }
}
