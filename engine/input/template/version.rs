//! Versions, compared as Ansible's `version` test does.

use std::cmp::Ordering;

/// A part of a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum VersionToken {
    Number(u64),
    Word(String),
}

/// Whether `one operator other` holds.
///
/// # Errors
/// What cannot be compared.
pub(super) fn compare(one: &str, operator: &str, other: &str, kind: &str) -> Result<bool, String> {
    if one.is_empty() || other.is_empty() {
        return Err("an empty text is not a version".to_owned());
    }
    let order = match kind {
        "loose" => loose(one, other)?,
        "strict" => of(strict, one, other)?,
        "semver" | "semantic" => of(semantic, one, other)?,
        "pep440" => of(pep440, one, other)?,
        _ => {
            return Err(format!(
                "there is no version_type `{kind}`: loose, strict, semver, pep440"
            ));
        }
    };
    Ok(match operator {
        "==" | "=" | "eq" => order == Ordering::Equal,
        "!=" | "<>" | "ne" => order != Ordering::Equal,
        "<" | "lt" => order == Ordering::Less,
        "<=" | "le" => order != Ordering::Greater,
        ">" | "gt" => order == Ordering::Greater,
        ">=" | "ge" => order != Ordering::Less,
        _ => {
            return Err(format!(
                "there is no operator `{operator}`: ==, !=, <, <=, >, >=, eq, ne, lt, le, gt, ge"
            ));
        }
    })
}

fn of<T: Ord>(read: fn(&str) -> Option<T>, one: &str, other: &str) -> Result<Ordering, String> {
    let read =
        |text: &str| read(text).ok_or_else(|| format!("`{text}` is not a version of this type"));
    Ok(read(one)?.cmp(&read(other)?))
}

/// Numbers and words in turn, as Python's `LooseVersion`; dots only divide.
fn loose(one: &str, other: &str) -> Result<Ordering, String> {
    let parts = |text: &str| {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            // A number, small letters, a dot, or what lies between those.
            let class = |c: char| match c {
                '0'..='9' => 0,
                'a'..='z' => 1,
                '.' => 2,
                _ => 3,
            };
            let end = match first {
                '.' => 1,
                _ => rest.find(|c| class(c) != class(first)).unwrap_or(rest.len()),
            };
            match first {
                '.' => {}
                '0'..='9' => parts.push(rest[..end].parse().map_or_else(
                    |_| VersionToken::Word(rest[..end].to_owned()),
                    VersionToken::Number,
                )),
                _ => parts.push(VersionToken::Word(rest[..end].to_owned())),
            }
            rest = &rest[end..];
        }
        parts
    };
    let (ones, others) = (parts(one), parts(other));
    for pair in ones.iter().zip(&others) {
        match pair {
            (one, other) if one == other => {}
            (VersionToken::Number(_), VersionToken::Word(_))
            | (VersionToken::Word(_), VersionToken::Number(_)) => {
                return Err(format!(
                    "`{one}` and `{other}` have a word and a number at one place, which have no order"
                ));
            }
            (one, other) => return Ok(one.cmp(other)),
        }
    }
    Ok(ones.len().cmp(&others.len()))
}

fn numbers(text: &str) -> Option<Vec<u64>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

type Strict = (Vec<u64>, bool, Option<(char, u64)>);

/// `1.2`, `1.2.3`, `1.2a3`, `1.2.3b4`.
fn strict(text: &str) -> Option<Strict> {
    let (digits, before) = match text.find(['a', 'b']) {
        Some(at) => (&text[..at], Some((text[at..].chars().next()?, text[at + 1..].parse().ok()?))),
        None => (text, None),
    };
    let mut digits = numbers(digits)?;
    if !(2..=3).contains(&digits.len()) {
        return None;
    }
    digits.resize(3, 0);
    Some((digits, before.is_none(), before))
}

type Semantic = (Vec<u64>, bool, Vec<(bool, u64, String)>);

/// `1.2.3-rc.1+build`; what stands behind `+` counts for nothing.
fn semantic(text: &str) -> Option<Semantic> {
    let text = text.split('+').next()?;
    let (digits, before) =
        text.split_once('-').map_or((text, None), |(digits, before)| (digits, Some(before)));
    let digits = numbers(digits).filter(|it| it.len() == 3)?;
    let part = |part: &str| match part.parse() {
        Ok(number) => (false, number, String::new()),
        Err(_) => (true, 0, part.to_owned()),
    };
    let parts = before.map(|it| it.split('.').map(part).collect()).unwrap_or_default();
    Some((digits, before.is_none(), parts))
}

type Pep440 = (u64, Vec<u64>, (i8, u64), (i8, u64), (i8, u64));

/// `1!2.3rc4.post5.dev6`, as Python's packages are numbered.
fn pep440(text: &str) -> Option<Pep440> {
    let pattern = regex::Regex::new(
        r"(?i)^\s*v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+[a-z0-9.]+)?\s*$",
    );
    let found = pattern.ok()?.captures(text)?;
    let number = |at: usize| found.get(at).map_or(0, |it| it.as_str().parse().unwrap_or_default());
    let mut digits = numbers(&found[2])?;
    while digits.len() > 1 && digits.last() == Some(&0) {
        digits.pop();
    }
    let (has_post, has_dev) = (found.get(5).or(found.get(6)).is_some(), found.get(8).is_some());
    let before = match found.get(3).map(|it| it.as_str().to_lowercase()) {
        Some(word) => match word.as_str() {
            "a" | "alpha" => (0, number(4)),
            "b" | "beta" => (1, number(4)),
            _ => (2, number(4)),
        },
        None if has_dev && !has_post => (-1, 0),
        None => (3, 0),
    };
    let post = if has_post { (1, number(5) + number(7)) } else { (0, 0) };
    let dev = if has_dev { (0, number(9)) } else { (1, 0) };
    Some((number(1), digits, before, post, dev))
}
