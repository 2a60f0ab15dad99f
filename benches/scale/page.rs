//! The page that the benchmark writes.

use std::{fs, process::Command, time::Duration};

use crate::{
    Measured,
    fleet::{Kind, Trouble},
    measure::Cost,
    serve::SLOW,
};

const TEMPLATE: &str = include_str!("performance.md");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance-scale.md");

pub(crate) fn write(
    all: &[Measured],
    rounds: usize,
    trouble: &Trouble,
    healthy: &(Cost, Duration),
    troubled: &(Cost, Duration),
) {
    let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
    let each = |time: Duration, hosts: usize| {
        format!("{:.2} ms", time.as_secs_f64() * 1000.0 / hosts as f64)
    };
    let mut rows = String::new();
    for Measured { hosts, bare, converge } in all {
        for (name, cost) in [("bare handshakes", bare), ("converge", converge)] {
            rows += &format!(
                "| {hosts} | {name} | {} | {} | {} | {} MiB | {} KiB |\n",
                seconds(cost.wall),
                seconds(cost.cpu),
                each(cost.cpu, *hosts),
                cost.peak >> 20,
                (cost.peak >> 10) / *hosts as u64,
            );
        }
        let ratio = converge.wall.as_secs_f64() / bare.wall.as_secs_f64();
        rows += &format!("| {hosts} | ratio | {ratio:.2} | | | | |\n");
    }
    let page = TEMPLATE
        .replace("{{ versions }}", &versions())
        .replace("{{ rounds }}", &rounds.to_string())
        .replace("{{ rows }}", rows.trim_end())
        .replace("{{ answering }}", &trouble.count(Kind::Answering).to_string())
        .replace("{{ slow }}", &trouble.count(Kind::Slow).to_string())
        .replace("{{ delay }}", &SLOW.as_secs().to_string())
        .replace("{{ silent }}", &trouble.count(Kind::Silent).to_string())
        .replace("{{ refusing }}", &trouble.count(Kind::Refusing).to_string())
        .replace("{{ alone }}", &seconds(healthy.1))
        .replace("{{ alone wall }}", &seconds(healthy.0.wall))
        .replace("{{ among }}", &seconds(troubled.1))
        .replace("{{ among wall }}", &seconds(troubled.0.wall));
    fs::write(PAGE, page).unwrap();
    println!("wrote {PAGE}");
}

fn versions() -> String {
    let said = |command: &mut Command| {
        let output = command.output().map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&output).trim().to_owned()
    };
    let converge = said(Command::new(env!("CARGO_BIN_EXE_converge")).arg("--version"));
    let kernel = said(Command::new("uname").args(["-s", "-r", "-m"]));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{converge}, {kernel}, {cores} cores")
}
