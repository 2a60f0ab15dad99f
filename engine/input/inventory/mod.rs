//! The text of inventories, TOML or Ansible's, to hosts, groups, and variables that know where they were written.
//!
//! `toml` and `ansible` read a text into what it declares, `declared` puts several of them together,
//! `resolve` decides what each host gets, and `pattern` picks hosts.

mod mark;
mod name;
mod declared;
mod connection;
mod ansible;
pub mod manual;
mod pattern;
mod toml;
mod assignment;
mod resolve;

use std::{path::PathBuf, sync::Arc};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::assignment::Assignment;
use self::declared::DeclaredInventory;
use crate::base::{
    diagnostic::{Diagnostic, Place, Result, Source},
    document::Kinds,
    value::Value,
};

/// All hosts and groups, in the order they were declared.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inventory {
    /// The hosts.
    pub hosts: IndexMap<Arc<str>, Arc<Host>>,
    /// The groups; `all` is the first.
    pub groups: IndexMap<Arc<str>, HostGroup>,
    /// What is worth a word, though it is no error.
    pub warnings: Vec<Diagnostic>,
    /// The variables that the command line sets, for all hosts.
    pub assigned: IndexMap<String, Variable>,
}

/// The text of an inventory.
#[derive(Debug, Clone)]
pub struct Given {
    /// The text.
    pub source: Source,
    /// How it is written.
    pub format: InventoryFormat,
    /// The folder that relative paths start from.
    pub folder: PathBuf,
    /// The home directory: what `~` stands for in paths.
    pub home: PathBuf,
}

/// How the text of an inventory is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InventoryFormat {
    /// An inventory of converge's own format.
    Toml,
    /// An inventory of Ansible in JSON, as its inventory programs print it for `--list`.
    Json,
    /// An inventory of Ansible, in INI.
    Ini,
    /// An inventory of Ansible, in YAML.
    Yaml,
    /// Variables of one host or group, in YAML or JSON.
    Vars(Owner),
}

/// Whose variables a text holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Those of a host.
    Host(String),
    /// Those of a group.
    Group(String),
}

impl InventoryFormat {
    /// The format that a text seems to have, where its name does not tell.
    pub fn guess(text: &str) -> Self {
        if text.parse::<::toml::Table>().is_ok() {
            return Self::Toml;
        }
        let lines = text.lines().map(|line| line.trim_end());
        let mut telling = lines.filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
        let is_ini = |line: &&str| {
            let header = line.strip_prefix('[').and_then(|line| line.split_once(']'));
            let name = header.map(|(name, _)| name);
            name.is_some_and(|name| name.ends_with(":vars") || name.ends_with(":children"))
        };
        match telling.clone().next() {
            None => Self::Toml,
            Some("---") => Self::Yaml,
            Some(line) if line.ends_with(':') && !line.starts_with('[') => Self::Yaml,
            Some(line) if line.contains(" = ") => Self::Toml,
            _ if telling.clone().any(|line| is_ini(&line)) => Self::Ini,
            // A line that sets something with spaces around `=` is TOML with an error in it.
            _ if telling.any(|line| line.contains(" = ") || line.ends_with(['{', '['])) => {
                Self::Toml
            }
            _ => Self::Ini,
        }
    }
}

impl Inventory {
    /// Puts several inventories together; where two set the same on one level, the later counts.
    ///
    /// # Errors
    /// The first error in one of them, or between two of them.
    pub fn parse(given: &[Given], assignments: &[Assignment]) -> Result<Self> {
        let mut declared = DeclaredInventory::default();
        for one in given {
            match one.format {
                InventoryFormat::Toml => toml::read(one, &mut declared)?,
                _ => ansible::read(one, &mut declared)?,
            }
        }
        ansible::gather_ungrouped(&mut declared);
        resolve::resolve(&declared, assignments)
    }

    /// What there is when nobody gives an inventory: this machine itself, as `localhost`.
    pub fn implied(assignments: &[Assignment]) -> Self {
        let text = "[hosts]\nlocalhost = { address = \"127.0.0.1\", transport = \"local\" }\n";
        let source = Source::new("(no inventory)", text);
        let given =
            Given { source, format: InventoryFormat::Toml, folder: "/".into(), home: "/".into() };
        Self::parse(&[given], assignments)
            .expect("the text is right, and an assignment cannot clash with it")
    }

    /// The same hosts, reached with this key and known by these host keys, whatever they were declared with.
    #[must_use]
    pub fn reached_with(mut self, key: Option<PathBuf>, known_hosts: Option<PathBuf>) -> Self {
        for host in self.hosts.values_mut() {
            let connection = &mut Arc::make_mut(host).connection;
            if key.is_some() {
                connection.identity_file.clone_from(&key);
            }
            if known_hosts.is_some() {
                connection.known_hosts.clone_from(&known_hosts);
            }
        }
        self
    }

    /// The hosts that a pattern means, in the order of the inventory: a group, a name, a glob of names, and
    /// of patterns `a & b`, `a | b` (or `a, b`), `!a` and parentheses. `localhost` alone is always this machine.
    ///
    /// # Errors
    /// When it cannot be read, names what is not there, or means no host. Without a place: the caller knows it.
    pub fn select(&self, pattern: &str) -> Result<Vec<Arc<Host>>> {
        if pattern.trim() == LOCALHOST && !self.hosts.contains_key(LOCALHOST) {
            return Ok(vec![self.this_machine()]);
        }
        Ok(pattern::select(self, pattern)?.into_iter().cloned().collect())
    }

    /// The host of that name; `localhost` is this machine itself, unless it is declared as another.
    pub fn host(&self, name: &str) -> Option<Arc<Host>> {
        let implied = || (name == LOCALHOST).then(|| self.this_machine());
        self.hosts.get(name).cloned().or_else(implied)
    }

    /// The machine that converge runs on, which needs no inventory and is in no group.
    fn this_machine(&self) -> Arc<Host> {
        Arc::new(Host {
            name: LOCALHOST.into(),
            address: "127.0.0.1".to_owned(),
            groups: Vec::new(),
            vars: self.assigned.clone(),
            connection: Connection { transport: Transport::Local, ..Connection::default() },
            place: None,
        })
    }
}

const LOCALHOST: &str = "localhost";

/// What a document of the inventory calls its errors.
const KINDS: Kinds = Kinds {
    syntax: "inventory::syntax",
    unknown_key: "inventory::unknown-key",
    wrong_type: "inventory::wrong-type",
};

/// A group of hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct HostGroup {
    /// Its name.
    pub name: Arc<str>,
    /// The hosts in it and in its children, in the order of the inventory.
    pub hosts: Vec<Arc<str>>,
    /// The groups directly in it.
    pub children: Vec<Arc<str>>,
    /// Where it was declared first; `None` for `all`.
    pub place: Option<Place>,
}

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
    /// Where it was written; `None` for the command line itself.
    pub place: Option<Place>,
    /// The value there.
    pub value: Value,
}

impl Origin {
    /// The strongest level.
    pub const COMMAND_LINE: &str = "command line";
}

/// How a host is reached. Paths are absolute. The names are those of the keys in an inventory, whose manual this is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Connection {
    /// `ssh`, or `local`: no connection, but the machine that converge runs on.
    pub transport: Transport,
    /// The login user; by default what the SSH configuration says, then the local user.
    pub user: Option<String>,
    /// The port; by default what the SSH configuration says, then 22.
    pub port: Option<u16>,
    /// The name of the secret that holds the login password, for hosts that ask for one, alone or after a key.
    pub password: Option<String>,
    /// How scripts become root: `none`, `sudo`, `doas` or `su`.
    pub r#become: Become,
    /// The name of the secret that holds the password for `become`.
    pub become_password: Option<String>,
    /// A private key.
    pub identity_file: Option<PathBuf>,
    /// The name of the secret that opens the private key.
    pub identity_passphrase: Option<String>,
    /// A file of known host keys, in place of `~/.ssh/known_hosts`.
    pub known_hosts: Option<PathBuf>,
    /// Which host keys are accepted: `strict`, only known ones; `accept-new`, an unknown one is written down. A changed one never is.
    pub host_keys: HostKeys,
    /// An SSH configuration, in place of `~/.ssh/config`.
    pub ssh_config: Option<PathBuf>,
    /// Lines of an SSH configuration that come before all files, such as `["ProxyCommand ssh -W %h:%p bastion"]`.
    pub ssh_options: Vec<String>,
    /// Hosts to go through, first to last: `["ops@bastion:22"]`; names of the inventory count.
    pub jump: Vec<String>,
}

/// What carries scripts to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// SSH.
    #[default]
    Ssh,
    /// No connection: the machine that converge runs on.
    Local,
}

/// How scripts become root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HostKeys {
    /// Only those that are known.
    #[default]
    Strict,
    /// An unknown one is accepted and written down.
    AcceptNew,
}

#[cfg(test)]
mod tests;
