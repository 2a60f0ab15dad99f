//! `allowed_signers`, as `ssh-keygen` reads it: who may sign with which key.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use ssh_key::PublicKey;

use super::NAMESPACE;
use crate::base::{
    diagnostic::{Diagnostic, Result, Source},
    wildcard,
};

/// A line of the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Signer {
    /// Whom the key belongs to: all of them are one person.
    pub(super) principals: Vec<String>,
    pub(super) key: PublicKey,
    /// Whether the key may sign plans at all.
    pub(super) is_for_plans: bool,
    /// From when, and until when.
    pub(super) valid: [Option<Timestamp>; 2],
}

/// The lines of the file.
///
/// # Errors
/// The first line that cannot be read, or says what is not done here: none is passed over.
pub(super) fn read(source: &Source) -> Result<Vec<Signer>> {
    let mut signers = Vec::new();
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        let (at, text) = (start, line.trim());
        start += line.len();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let signer = signer(text).map_err(|why| {
            Diagnostic::new("plan::allowed-signers", why).at(source, at..at + line.trim_end().len())
        })?;
        signers.push(signer);
    }
    Ok(signers)
}

fn signer(line: &str) -> Result<Signer, String> {
    let (principals, rest) = word(line)?;
    let principals: Vec<String> = principals.split(',').map(str::to_owned).collect();
    if let Some(vague) = principals.iter().find(|it| it.is_empty() || it.contains(['*', '?', '!']))
    {
        return Err(format!("`{vague}` does not identify a person: write the owner of the key"));
    }
    // Options stand before the key, if there are any; no type of a key looks like one.
    let (first, after) = word(rest)?;
    let has_options =
        !rest.starts_with("ssh-") && !rest.starts_with("ecdsa-") && !rest.starts_with("sk-");
    let (options, key) = if has_options { (first.as_str(), after) } else { ("", rest) };
    let mut signer = Signer {
        principals,
        key: key.trim().parse().map_err(|error| format!("not a public key: {error}"))?,
        is_for_plans: true,
        valid: [None, None],
    };
    for option in split(options) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = value.trim_matches('"');
        match name.to_ascii_lowercase().as_str() {
            "namespaces" => signer.is_for_plans = matches(value, NAMESPACE),
            "valid-after" => signer.valid[0] = Some(time(value)?),
            "valid-before" => signer.valid[1] = Some(time(value)?),
            "cert-authority" => {
                return Err("certificates are not supported: list each key".to_owned());
            }
            other => return Err(format!("unknown option `{other}`")),
        }
    }
    Ok(signer)
}

/// The first word of a line, in which what is quoted stays together, and what comes after it.
fn word(line: &str) -> Result<(String, &str), String> {
    let line = line.trim_start();
    let mut quoted = false;
    let end = line.find(|c: char| {
        quoted ^= c == '"';
        c.is_whitespace() && !quoted
    });
    if quoted {
        return Err("unclosed quote".to_owned());
    }
    let (word, rest) = line.split_at(end.unwrap_or(line.len()));
    let word = word.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(word);
    Ok((word.to_owned(), rest.trim_start()))
}

/// The options, at the commas that are not quoted.
fn split(options: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let parts = options.split(move |c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    parts.filter(|part| !part.is_empty())
}

/// Whether a name is meant by a list of patterns.
fn matches(list: &str, name: &str) -> bool {
    wildcard::list_matches(list.split(','), name)
}

/// `YYYYMMDD[HHMM[SS]][Z]`; without `Z` by the clock of this machine.
fn time(text: &str) -> Result<Timestamp, String> {
    let (digits, zone) = match text.strip_suffix(['Z', 'z']) {
        Some(digits) => (digits, TimeZone::UTC),
        None => (text, TimeZone::system()),
    };
    let wrong =
        || format!("`{text}` is not a time: write YYYYMMDD or YYYYMMDDHHMM[SS], and Z for UTC");
    if !digits.bytes().all(|it| it.is_ascii_digit()) || !matches!(digits.len(), 8 | 12 | 14) {
        return Err(wrong());
    }
    let part = |from: usize, to: usize| digits.get(from..to).map_or(Ok(0), str::parse);
    let when = || {
        let year = part(0, 4).ok()?;
        let rest = [(4, 6), (6, 8), (8, 10), (10, 12), (12, 14)].map(|(from, to)| part(from, to));
        let [month, day, hour, minute, second] =
            rest.map(|it| it.ok().and_then(|it| i8::try_from(it).ok()));
        DateTime::new(year, month?, day?, hour?, minute?, second?, 0).ok()
    };
    when().and_then(|it| it.to_zoned(zone).ok()).map(|it| it.timestamp()).ok_or_else(wrong)
}
