//! `converge facts`: what scripts can know of hosts.

use super::setup::Setup;
use crate::{
    base::diagnostic::Result,
    commands::cli::OutputFormat,
    plan::exit_status::ExitStatus,
    resources::{facts, prelude},
};

pub(super) async fn run(setup: &Setup, pattern: &str) -> Result<ExitStatus> {
    let answers = setup.ask(pattern, prelude::reading().then(facts::script())).await?;
    let mut status = ExitStatus::Converged;
    for (host, answer) in answers {
        let Some(captured) = answer else {
            status = ExitStatus::Unreachable;
            continue;
        };
        let facts = facts::parse(&String::from_utf8_lossy(&captured.stdout));
        let facts = serde_json::json!({ "host": &*host, "facts": facts });
        let text = match setup.global.format {
            Some(OutputFormat::Json) => serde_json::to_string(&facts),
            _ => serde_json::to_string_pretty(&facts),
        };
        setup.report.print(&text.expect("facts can be written as JSON"));
    }
    Ok(status)
}
