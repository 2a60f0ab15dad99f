//! What a container of Docker is made of, and how two of them differ.

use std::collections::BTreeMap;

use crate::{
    change::{Field, Shown},
    content::Digest,
};

/// What a container is made of, by argument; secrets as digests.
pub type Config = BTreeMap<String, Vec<String>>;

/// How a secret is written in the configuration.
const SECRET: &str = "(secret) ";

/// A secret as a value of the configuration.
pub fn secret(digest: &Digest) -> String {
    format!("{SECRET}{digest}")
}

/// The arguments in which two configurations differ.
pub fn differing(before: &Config, after: &Config) -> Vec<Field> {
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let shown = |values: Option<&Vec<String>>| match values {
        None => Shown::Nothing,
        Some(values) if values.iter().any(|value| value.starts_with(SECRET)) => {
            Shown::Hidden("sensitive".into())
        }
        Some(values) => Shown::Text(values.join(" ")),
    };
    names
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| Field::new(name, shown(before.get(name)), shown(after.get(name))))
        .collect()
}

/// The beginning of an image's id, as Docker shows it.
pub fn short(id: &str) -> String {
    id.trim_start_matches("sha256:").chars().take(12).collect()
}
