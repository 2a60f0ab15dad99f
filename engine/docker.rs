//! What a container of Docker is made of, and how two of them differ.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    change::{Field, Shown},
    content::Digest,
};

/// What a container is made of, by argument; secrets as digests.
pub type Config = BTreeMap<String, Vec<String>>;

/// The label that keeps the configuration.
pub const CONFIG_LABEL: &str = "converge.config";

/// The label that keeps its digest.
pub const HASH_LABEL: &str = "converge.hash";

/// How a secret is written in the configuration.
const SECRET: &str = "(secret) ";

/// A secret as a value of the configuration.
pub fn secret(digest: &Digest) -> String {
    format!("{SECRET}{digest}")
}

/// A container as Docker describes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Found {
    /// Its name, with a slash before it.
    pub name: String,
    /// Whether it runs, or what it does instead.
    pub status: String,
    /// The id of the image it was made from.
    pub image: String,
    /// The configuration that its label keeps, if converge made it.
    pub config: Option<String>,
}

/// What to ask `docker container inspect` for.
pub const FORMAT: &str = r#"{"name":{{json .Name}},"status":{{json .State.Status}},"image":{{json .Image}},"config":{{json (index .Config.Labels "converge.config")}}}"#;

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
