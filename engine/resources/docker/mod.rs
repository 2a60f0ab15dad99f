//! What a container of Docker is made of: as a role wants it, as Docker says that it is, and how the two differ.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    base::content::Digest,
    resources::change::{Field, Shown},
};

mod canonical;
mod env;
mod found;
mod said;

pub use self::{
    canonical::{all as all_canonical, full},
    env::Env,
    found::{FORMAT, FoundContainer, IMAGE_CONFIG, ImageConfig},
    said::{DockerOutput, NO_DOCKER},
};

/// What a container is made of, by argument; secrets as digests.
pub type ContainerConfig = BTreeMap<String, Vec<String>>;

/// The label that keeps what Docker itself does not say: which variables are secrets, which were given, and what was given
/// where the daemon adds something of its own or keeps something else than it was told.
pub const CONFIG_LABEL: &str = "converge.config";

/// The label that keeps the digest of all that the container was made of.
pub const HASH_LABEL: &str = "converge.hash";

/// The label that keeps the id of the container whose place it took.
pub const REPLACES_LABEL: &str = "converge.replaces";

/// How a secret is written in a configuration.
const SECRET: &str = "(secret) ";

/// A secret as a value of a configuration.
pub fn secret(container: &str, variable: &str, value: &str) -> String {
    let digest = Digest::of(format!("{container}\n{variable}\n{value}").as_bytes());
    format!("{SECRET}{digest}")
}

/// What of a configuration its label keeps: of a variable only whether it is a secret, since Docker says what it is.
pub fn kept(config: &ContainerConfig) -> ContainerConfig {
    let value = |values: &[String]| match values.first() {
        Some(value) if value.starts_with(SECRET) => vec![SECRET.to_owned()],
        _ => Vec::new(),
    };
    let keep = |(name, values): (&String, &Vec<String>)| match name.starts_with("env.") {
        true => (name.clone(), value(values)),
        false => (name.clone(), values.clone()),
    };
    config.iter().map(keep).collect()
}

/// The arguments in which two configurations differ.
pub fn differing(before: &ContainerConfig, after: &ContainerConfig) -> Vec<Field> {
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let shown = |values: Option<&Vec<String>>| match values {
        None => Shown::Nothing,
        Some(values) if values.iter().any(|value| value.starts_with(SECRET)) => Shown::sensitive(),
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

/// A binding of a port, as Docker keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Binding {
    #[serde(rename = "HostIp", default)]
    address: String,
    #[serde(rename = "HostPort", default)]
    port: String,
}
