//! TOML to hosts, groups, and variables that know where they were written.

use std::{path::PathBuf, sync::Arc};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{diagnostic::Place, value::Value};

/// A host: its name, how it is reached, and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// The name in the inventory.
    pub name: Arc<str>,
    /// Where it is reached, and what templates are given: an address or a name; by default its name.
    pub address: String,
    /// The groups it is in, from `all` to the innermost.
    pub groups: Vec<Arc<str>>,
    /// Its variables, each with its origin.
    pub vars: IndexMap<String, Variable>,
    /// How it is reached.
    pub connection: Connection,
    /// Where it was declared.
    pub place: Option<Place>,
}

/// A variable of a host, and every value that it could have had.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// What it is.
    pub value: Value,
    /// From the weakest level to the one that won.
    pub chain: Vec<Origin>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// The level: `group all`, `group api`, `host api-1`, `command line`.
    pub level: String,
    /// Where it was written; `None` for the command line.
    pub place: Option<Place>,
    /// The value there.
    pub value: Value,
}

/// How a host is reached. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Connection {
    /// SSH, or this machine itself.
    pub transport: Transport,
    /// The login user; by default what the SSH configuration says, then the local user.
    pub user: Option<String>,
    /// The port; by default what the SSH configuration says, then 22.
    pub port: Option<u16>,
    /// Who scripts run as.
    pub r#become: Become,
    /// The name of the secret that holds the password for `become`.
    pub become_password: Option<String>,
    /// A private key.
    pub identity_file: Option<PathBuf>,
    /// The name of the secret that holds the passphrase of the key.
    pub identity_passphrase: Option<String>,
    /// Files of known host keys, in place of `~/.ssh/known_hosts`.
    pub known_hosts: Option<PathBuf>,
    /// Which host keys are accepted.
    pub host_keys: HostKeys,
    /// An SSH configuration, in place of `~/.ssh/config`.
    pub ssh_config: Option<PathBuf>,
    /// Hosts to go through, first to last: `user@name:port`.
    pub jump: Vec<String>,
}

/// What carries scripts to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// SSH.
    #[default]
    Ssh,
    /// No connection: the machine that converge runs on.
    Local,
}

/// How scripts become root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Become {
    /// They run as the login user.
    #[default]
    None,
    /// By sudo.
    Sudo,
    /// By doas.
    Doas,
    /// By su.
    Su,
}

/// Which host keys are accepted. A changed key never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostKeys {
    /// Only those that are known.
    #[default]
    Strict,
    /// An unknown one is accepted and written down.
    AcceptNew,
}
