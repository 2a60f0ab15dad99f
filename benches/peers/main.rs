//! The same work by converge, by others, and by plain ssh, measured side by side. `make bench` runs all of it.
//!
//! ```sh
//! benches/peers/prerequisites                        # once: the other tools, in target/bench
//! cargo bench --bench peers -- --tools converge,f1,f2 --works site,true --hosts 5 --rounds 3
//! ```
//!
//! The hosts stay up: `benches/peers/lab down` removes them.
//!
//! `works` says what is done, `tools` how each is called, `hosts` on which hosts, `measure` what a run costs;
//! `figures` keeps it, and `report` writes docs/performance.md. `work/` holds the same work for each tool.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a benchmark that cannot go on panics; it has no other user than the one who reads it"
)]

mod works;
mod render;
mod hosts;
mod tools;
mod road;
mod measure;
mod figures;
mod promises;
mod report;
mod bench;

use clap::Parser;

use crate::{tools::Tool, works::Work};

#[derive(Debug, Parser)]
struct Options {
    /// How often each tool does each work.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only these tools.
    #[arg(long, value_enum, value_delimiter = ',')]
    tools: Vec<Tool>,
    /// Only these works.
    #[arg(long, value_enum, value_delimiter = ',')]
    works: Vec<Work>,
    /// Only with so many hosts.
    #[arg(long, value_delimiter = ',')]
    hosts: Vec<usize>,
    /// Only where every packet takes its time, or only where none does.
    #[arg(long)]
    slow: Option<bool>,
    /// Seconds that the rounds of one tool at one work may take: a slow one gets fewer rounds, and at least one.
    #[arg(long, default_value_t = 75.0)]
    patience: f64,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    bench::run(&Options::parse());
}
