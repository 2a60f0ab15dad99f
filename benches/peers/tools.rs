//! The tools that are compared, and how each is called: as its manual says that it is fastest.

use std::{path::PathBuf, process::Command};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::{
    hosts::{Hosts, named},
    works::Cell,
};

/// A tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tool {
    /// This project.
    Converge,
    /// Plain ssh with a script written by hand, all hosts at once.
    F1,
    /// The same, with a key exchange that costs less.
    F2,
    /// The same, and packets are neither collected nor acknowledged late: what SSH allows.
    L,
    /// pyinfra.
    Pyinfra,
    /// ansible-core-rs.
    Rs,
    /// Ansible with Mitogen.
    Mitogen,
    /// Ansible.
    Ansible,
}

impl Tool {
    /// All of them, in the order of the tables.
    pub(crate) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// What it is called in tables.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Converge => "converge",
            Self::F1 => "F1",
            Self::F2 => "F2",
            Self::L => "L",
            Self::Pyinfra => "pyinfra",
            Self::Rs => "ansible-core-rs",
            Self::Mitogen => "Mitogen",
            Self::Ansible => "Ansible",
        }
    }

    /// The command that does a work. `keepalive` is the value that the hosts get.
    pub(crate) fn command(self, hosts: &Hosts, cell: Cell, keepalive: u32) -> Command {
        let count = cell.hosts;
        let value = format!("keepalive={keepalive}");
        let playbook = |suffix| cell.work.playbook().map(|name| format!("{name}.{suffix}"));
        let mut command = match self {
            Self::Converge => converge(hosts, count, playbook("rhai"), &value),
            Self::F1 | Self::F2 | Self::L => self.floor(hosts, count, playbook("sh"), keepalive),
            Self::Pyinfra => pyinfra(hosts, count, playbook("py"), &value),
            Self::Rs => rs(hosts, count, playbook("rs.yml"), &value),
            Self::Mitogen | Self::Ansible => ansible(self, hosts, count, playbook("yml"), &value),
        };
        command.current_dir(hosts.file("work"));
        command
    }

    /// How many things it says that it changed; none: it does not say so.
    pub(crate) fn changes(self, output: &str) -> Option<u64> {
        let pattern = match self {
            Self::Converge => r"(?m)^Converged: (?:(\d+) changed)?",
            Self::F1 | Self::F2 | Self::L => r"(?m)^changed (\d+)$",
            Self::Pyinfra => r"Grand total +\d+ +(\d+|-)",
            Self::Rs | Self::Mitogen | Self::Ansible => r"changed=(\d+)",
        };
        let numbers = regex::Regex::new(pattern).unwrap();
        // What is not a number stands for none.
        let number = |found: regex::Captures| {
            found.get(1).and_then(|number| number.as_str().parse::<u64>().ok()).unwrap_or_default()
        };
        numbers.captures_iter(output).map(number).reduce(|sum, number| sum + number)
    }

    fn floor(self, hosts: &Hosts, count: usize, script: Option<String>, keepalive: u32) -> Command {
        let names: Vec<String> = named(count).into_iter().map(|host| host.name).collect();
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(root.join("benches/peers/ssh-all"));
        command.arg(names.join(" "));
        match script {
            Some(script) => command.args([script, format!("sh -s {keepalive}")]),
            None => command.args(["-", "true"]),
        };
        command.arg("-F").arg(hosts.file("ssh_config"));
        if self != Self::F1 {
            command.args(["-o", "KexAlgorithms=curve25519-sha256"]);
        }
        if self == Self::L {
            command.env("LD_PRELOAD", hosts.file("quick.so"));
        }
        command
    }
}

fn converge(hosts: &Hosts, count: usize, playbook: Option<String>, value: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_converge"));
    command.arg("--inventory").arg(hosts.file(&format!("{count}.toml")));
    match playbook {
        Some(playbook) => command.args(["--var", value, &playbook]),
        None => command.args(["exec", "all", "--", "true"]),
    };
    command
}

fn pyinfra(hosts: &Hosts, count: usize, deploy: Option<String>, value: &str) -> Command {
    let mut command = Command::new(hosts.file("pyinfra/bin/pyinfra"));
    command.args(["-y", "--parallel", &count.to_string(), "--data", value]);
    command.arg(hosts.file(&format!("hosts_{count}.py")));
    match deploy {
        Some(deploy) => command.arg(deploy),
        None => command.args(["exec", "--", "true"]),
    };
    command
}

fn rs(hosts: &Hosts, count: usize, playbook: Option<String>, value: &str) -> Command {
    let mut command = Command::new(hosts.file("rs/bin/ansible"));
    let forks = count.to_string();
    match playbook {
        Some(playbook) => command.args(["playbook", &playbook, "-e", value, "-f", &forks]),
        None => command.args(["all", "-m", "raw", "-a", "true", "-f", &forks]),
    };
    command.arg("-i").arg(hosts.file(&format!("{count}.ini")));
    environment(&mut command, hosts);
    command
}

fn ansible(
    tool: Tool,
    hosts: &Hosts,
    count: usize,
    playbook: Option<String>,
    value: &str,
) -> Command {
    let home = hosts.file(if tool == Tool::Mitogen { "mitogen" } else { "ansible" });
    let mut command = match playbook {
        Some(playbook) => {
            let mut command = Command::new(home.join("bin/ansible-playbook"));
            command.args([&playbook, "-e", value]);
            command
        }
        None => {
            let mut command = Command::new(home.join("bin/ansible"));
            command.args(["all", "-m", "raw", "-a", "true"]);
            command
        }
    };
    command.args(["--forks", &count.to_string()]);
    command.arg("-i").arg(hosts.file(&format!("{count}.ini")));
    environment(&mut command, hosts);
    if tool == Tool::Mitogen {
        command.env("ANSIBLE_STRATEGY", "mitogen_linear");
        command.env("ANSIBLE_STRATEGY_PLUGINS", home.join("strategy"));
    }
    command
}

fn environment(command: &mut Command, hosts: &Hosts) {
    command.env("ANSIBLE_CONFIG", hosts.file("work/ansible.cfg"));
    command.env("ANSIBLE_HOME", hosts.file("home"));
}
