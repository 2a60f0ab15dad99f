//! What holds for everything that is done with a project: where its hosts are, which of them, how they are reached.

use std::{
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
};

use clap::Args;
use serde::{Deserialize, Serialize};

/// What the command line gives to every subcommand, and a program to [`Project::open`](super::Project::open).
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// An inventory: a file in TOML, or in Ansible's INI, YAML or JSON, a program, or a directory of these. Can be given again.
    #[arg(
        short,
        long,
        global = true,
        value_name = "PATH",
        env = "CONVERGE_INVENTORY",
        value_delimiter = ':'
    )]
    pub inventory: Vec<PathBuf>,
    /// Sets a variable for all hosts; @FILE reads a TOML file of them. Can be given again.
    #[arg(short = 'e', long = "var", global = true, value_name = "NAME=VALUE")]
    pub vars: Vec<String>,
    /// Only these hosts, what stands around a change on them, and every check that has to hold before or after one, on
    /// whatever host: a group, a name, a glob, or several with `,` `&` `!`.
    #[arg(short, long, global = true, value_name = "PATTERN")]
    pub limit: Option<String>,
    /// The private key to log in with, whatever the inventory says.
    #[arg(long, global = true, value_name = "FILE", env = "CONVERGE_IDENTITY_FILE")]
    pub identity_file: Option<PathBuf>,
    /// The file of known host keys, whatever the inventory says.
    #[arg(long, global = true, value_name = "FILE", env = "CONVERGE_KNOWN_HOSTS")]
    pub known_hosts: Option<PathBuf>,
    /// How many hosts are worked on at once.
    #[arg(long, global = true, value_name = "N")]
    pub concurrency: Option<NonZeroUsize>,
    /// How long to wait for a host that another run holds: 300 if the configuration says nothing else.
    #[arg(long, global = true, value_name = "SECONDS")]
    pub lock_wait: Option<u64>,
    /// How long the whole run may take: then what runs is ended, and nothing more is begun but what is outstanding. For `exec`, how
    /// long the command may take.
    #[arg(long, global = true, value_name = "SECONDS")]
    pub timeout: Option<NonZeroU64>,
}
