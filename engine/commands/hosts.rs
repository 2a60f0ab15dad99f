//! `converge hosts`: which hosts a pattern means.

use serde::Serialize;

use super::setup::Setup;
use crate::{base::diagnostic::Result, commands::cli::OutputFormat, plan::exit_status::ExitStatus};

#[derive(Serialize)]
struct HostLine<'a> {
    name: &'a str,
    address: &'a str,
    groups: Vec<&'a str>,
}

pub(super) fn run(setup: &Setup, pattern: &str) -> Result<ExitStatus> {
    let project = setup.project(None)?;
    let hosts = project.select(pattern)?;
    let lines: Vec<HostLine> = hosts
        .iter()
        .map(|host| HostLine {
            name: &host.name,
            address: &host.address,
            groups: host.groups.iter().map(|group| &**group).collect(),
        })
        .collect();
    let text: Vec<String> = if setup.global.format == Some(OutputFormat::Json) {
        let json = |line| serde_json::to_string(line).expect("texts can be written as JSON");
        lines.iter().map(json).collect()
    } else {
        let width = |text: fn(&HostLine) -> usize| lines.iter().map(text).max().unwrap_or_default();
        let (name, address) = (width(|line| line.name.len()), width(|line| line.address.len()));
        let row = |line: &HostLine| {
            format!("{:name$}  {:address$}  {}", line.name, line.address, line.groups.join(" "))
        };
        lines.iter().map(row).collect()
    };
    setup.report.print(&text.join("\n"));
    Ok(ExitStatus::Converged)
}
