//! The command line, and nothing of what it does.

use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory as _, Parser, Subcommand, ValueEnum, error::ErrorKind};
use clap_complete::Shell;

use crate::{api::Options, base::diagnostic::did_you_mean, plan::exit_status::ExitStatus};

/// Brings many hosts to the declared state over SSH.
///
/// `converge PLAYBOOK` plans, shows the plan, carries it out, and verifies it.
#[derive(Debug, Parser)]
#[command(
    name = "converge",
    version,
    subcommand_negates_reqs = true,
    after_help = ExitStatus::help()
)]
pub struct Cli {
    /// What to do; without a subcommand: apply.
    #[command(subcommand)]
    pub command: Option<CliCommand>,
    /// The playbooks to apply, in this order and as one run; or a plan that was approved.
    #[arg(value_name = "PLAYBOOK", required = true)]
    pub playbooks: Vec<String>,
    /// Show the plan, and carry it out after a yes.
    #[arg(long)]
    pub ask: bool,
    /// What holds for all subcommands.
    #[command(flatten)]
    pub global: Global,
}

impl Cli {
    /// Reads the arguments of this process.
    ///
    /// # Errors
    /// Where they cannot be read; or the text that was asked for, such as the help.
    pub fn read() -> Result<Self, clap::Error> {
        Self::try_parse().map_err(|error| {
            // What is like a subcommand is taken for a playbook, and what follows it is too much then.
            let first = std::env::args().skip(1).find(|word| !word.starts_with('-'));
            let first = first.filter(|word| !word.contains(['.', '/'])).unwrap_or_default();
            match nearest_subcommand(&first) {
                Some(hint) if error.kind() == ErrorKind::UnknownArgument => {
                    let message = format!("there is no subcommand `{first}`: {hint}");
                    Self::command().error(ErrorKind::InvalidSubcommand, message)
                }
                _ => error,
            }
        })
    }
}

/// The subcommand that a word is like, as a hint; none if it is one.
pub fn nearest_subcommand(word: &str) -> Option<String> {
    let command = Cli::command();
    let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    if names.contains(&word) { None } else { did_you_mean(word, names) }
}

/// What holds for all subcommands.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// What holds for everything that is done with a project.
    #[command(flatten)]
    pub options: Options,
    /// Draw changed texts as a diff (the default).
    #[arg(long, global = true, overrides_with = "no_diff")]
    pub diff: bool,
    /// Only say that a text differs.
    #[arg(long, global = true, overrides_with = "diff")]
    pub no_diff: bool,
    /// How output is written [default: human, or dot for `graph`].
    #[arg(long, global = true, value_enum)]
    pub format: Option<OutputFormat>,
    /// Write a JUnit report.
    #[arg(long, global = true, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Also show what does not change, where things are declared, and all that steps print.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// How output is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Text for people.
    Human,
    /// One JSON event a line (docs/events.md).
    Json,
    /// A drawing for Graphviz: only for `graph`.
    Dot,
    /// A drawing for Mermaid: only for `graph`.
    Mermaid,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// Plan, show the plan, carry it out, and verify it
    Apply {
        /// Playbooks, as one run; or a plan that `converge plan -o` wrote and someone approved.
        #[arg(value_name = "PLAYBOOK", required = true)]
        playbooks: Vec<String>,
        /// Show the plan, and carry it out after a yes.
        #[arg(long)]
        ask: bool,
        /// How many must have signed the plan, each another one; `converge.toml` may ask for more.
        #[arg(long, value_name = "N")]
        require_signatures: Option<usize>,
        /// Who may sign plans, and with which key: a file as `ssh-keygen -Y verify` reads it.
        #[arg(long, value_name = "FILE")]
        allowed_signers: Option<PathBuf>,
    },
    /// Sign a plan, as `ssh-keygen -Y sign -n converge-plan` does
    Sign {
        /// What `converge plan -o` wrote.
        #[arg(value_name = "PLAN")]
        plan: String,
        /// The private key.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Where to write the signature [default: PLAN.sig, or PLAN.2.sig and so on].
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Show what would change, and change nothing
    Plan {
        /// The playbooks, each as if it were written after the one before it.
        #[arg(value_name = "PLAYBOOK", required = true)]
        playbooks: Vec<String>,
        /// Keep the plan, for `converge apply FILE`.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// End with 2 when changes are pending.
        #[arg(long)]
        exit_code: bool,
        /// Show how the run would end if this failed, without asking any host.
        #[arg(long, value_name = "HOST|RESOURCE", conflicts_with_all = ["output", "exit_code"])]
        simulate_failure: Option<String>,
    },
    /// Find every error that shows without a host
    Check {
        /// The playbooks, each as if it were written after the one before it.
        #[arg(value_name = "PLAYBOOK", required = true)]
        playbooks: Vec<String>,
    },
    /// List the hosts of the inventory
    Hosts {
        /// Which hosts.
        #[arg(default_value = "all")]
        pattern: String,
    },
    /// Show the facts of hosts
    Facts {
        /// Which hosts.
        pattern: String,
    },
    /// Run a command on hosts, side by side
    Exec {
        /// Which hosts.
        pattern: String,
        /// Run it as root, whatever the inventory says: by sudo if nothing is named; `none` is the login user.
        #[arg(
            short,
            long = "become",
            value_name = "HOW",
            num_args = 0..=1,
            require_equals = true,
            default_missing_value = "sudo",
            value_parser = ["sudo", "doas", "su", "none"]
        )]
        r#become: Option<String>,
        /// The command and its arguments; a single one is a script for sh.
        #[arg(last = true, required = true, value_name = "CMD")]
        command: Vec<String>,
    },
    /// Write a playbook that undoes an earlier run, and show what it would change
    Undo {
        /// The run's id, or the beginning of it; `last` for the last one.
        run: String,
        /// Where to write the playbook [default: .converge/undo/RUN.rhai].
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Show the plan, and carry it out after a yes.
        #[arg(long)]
        ask: bool,
    },
    /// Break the locks of runs that are gone, and end what they left running
    Unlock {
        /// Which hosts.
        pattern: String,
    },
    /// Draw the order of a playbook's resources
    Graph {
        /// The playbooks, each as if it were written after the one before it.
        #[arg(value_name = "PLAYBOOK", required = true)]
        playbooks: Vec<String>,
    },
    /// Show where a host's variable, or a parameter of a role there, gets its value
    Why {
        /// The host.
        host: String,
        /// The variable; or the parameter, as ROLE.NAME.
        name: String,
    },
    /// The manual of kinds, functions, roles and facts
    Doc {
        /// What to look up, such as `file`, `on`, `role nginx`, `os.family`, `apt`; `language` is all of the language.
        name: Vec<String>,
    },
    /// List earlier runs
    History,
    /// Apply once more what an earlier run applied, and say what was under way at its end
    Resume {
        /// The run's id, or the beginning of it [default: the last one that was to change something].
        run: Option<String>,
    },
    /// Show an earlier run
    Show {
        /// The run's id, or the beginning of it; `last` for the last one.
        run: String,
    },
    /// Print the completions for a shell
    Completions {
        /// The shell.
        shell: Shell,
    },
}
