//! `converge facts`: what scripts can know of hosts.

use std::sync::Arc;

use super::setup::Setup;
use crate::{cli::Format, diagnostic::Result, exit_status::ExitStatus, facts, prelude};

pub(super) async fn run(setup: &Setup, pattern: &str) -> Result<ExitStatus> {
    let project = setup.project(None)?;
    let hosts = setup.select(&project, pattern)?;
    let fleet = Arc::new(setup.fleet(&project));
    fleet.reserve(hosts.iter().map(|host| host.name.clone()))?;
    let script = Arc::new(prelude::reading().then(facts::script()));
    let names = hosts.iter().map(|host| host.name.clone());
    let ask = fleet.ask_each(names, move |fleet, host: Arc<str>| {
        let script = script.clone();
        async move { (host.clone(), fleet.run(&host, &script, 0).await) }
    });
    let answers = ask.await;
    fleet.close().await;
    let mut status = ExitStatus::Converged;
    for (host, answer) in answers {
        // Whoever does not answer was reported when the connection failed.
        let Ok((_, captured)) = answer else {
            status = ExitStatus::Unreachable;
            continue;
        };
        let facts = facts::parse(&String::from_utf8_lossy(&captured.stdout));
        let facts = serde_json::json!({ "host": &*host, "facts": facts });
        let text = match setup.global.format {
            Some(Format::Json) => serde_json::to_string(&facts),
            _ => serde_json::to_string_pretty(&facts),
        };
        setup.report.print(&text.expect("facts can be written as JSON"));
    }
    Ok(status)
}
