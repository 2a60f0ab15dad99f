//! Many hosts in few words: `web-[1-6,8]`.

use std::{fmt::Write as _, sync::Arc};

use indexmap::IndexMap;

/// A name around its last number. Numbers with leading zeros keep their width, and do not mix with others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct HostFamily<'a> {
    before: &'a str,
    after: &'a str,
    width: usize,
}

/// The hosts, those whose names differ only in the last number as ranges.
pub(super) fn compact(hosts: &[Arc<str>]) -> String {
    let mut families: IndexMap<HostFamily, Vec<u64>> = IndexMap::new();
    for host in hosts {
        let (family, number) = split(host);
        families.entry(family).or_default().extend(number);
    }
    let written: Vec<_> =
        families.into_iter().map(|(family, numbers)| write(&family, numbers)).collect();
    written.join(", ")
}

fn split(name: &str) -> (HostFamily<'_>, Option<u64>) {
    let whole = HostFamily { before: name, after: "", width: 0 };
    let Some(last) = name.rfind(|c: char| c.is_ascii_digit()) else { return (whole, None) };
    let first = name[..last].rfind(|c: char| !c.is_ascii_digit());
    let start = first.map_or(0, |at| at + name[at..].chars().next().map_or(1, char::len_utf8));
    let digits = &name[start..=last];
    let Ok(number) = digits.parse() else { return (whole, None) };
    let width = if digits.starts_with('0') { digits.len() } else { 0 };
    (HostFamily { before: &name[..start], after: &name[last + 1..], width }, Some(number))
}

fn write(family: &HostFamily, mut numbers: Vec<u64>) -> String {
    let HostFamily { before, after, width } = *family;
    numbers.sort_unstable();
    numbers.dedup();
    let ranges = ranges(&numbers);
    let number = |of: u64| format!("{of:0width$}");
    match ranges.as_slice() {
        [] => format!("{before}{after}"),
        [(only, last)] if only == last => format!("{before}{}{after}", number(*only)),
        _ => {
            let mut list = String::new();
            for (first, last) in ranges {
                let comma = if list.is_empty() { "" } else { "," };
                let dash = if last > first + 1 { "-" } else { "," };
                let end =
                    if last > first { dash.to_owned() + &number(last) } else { String::new() };
                write!(list, "{comma}{}{end}", number(first)).expect("a String takes all text");
            }
            format!("{before}[{list}]{after}")
        }
    }
}

/// Runs of numbers that follow each other: first and last.
fn ranges(sorted: &[u64]) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for &number in sorted {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compacted(names: &[&str]) -> String {
        compact(&names.iter().map(|&name| name.into()).collect::<Vec<_>>())
    }

    #[test]
    fn names_that_differ_in_a_number_become_ranges() {
        assert_eq!(compacted(&["web-1", "web-2", "web-3", "db", "web-7"]), "web-[1-3,7], db");
        assert_eq!(compacted(&["web-1", "web-2"]), "web-[1,2]");
        assert_eq!(compacted(&["a-1.eu", "a-2.eu", "a-3.eu"]), "a-[1-3].eu");
        assert_eq!(compacted(&["web-1"]), "web-1");
        assert_eq!(compacted(&["ä1", "99999999999999999999999"]), "ä1, 99999999999999999999999");
    }

    #[test]
    fn leading_zeros_stay() {
        assert_eq!(compacted(&["n08", "n09", "n10", "n07"]), "n[07-09], n10");
        assert_eq!(compacted(&["n1", "n01"]), "n1, n01");
    }
}
