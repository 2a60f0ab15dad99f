//! `converge unlock`: breaks the locks of runs that are gone.

use std::sync::Arc;

use super::setup::Setup;
use crate::{
    cli::Format,
    diagnostic::Result,
    exit_status::ExitStatus,
    remote::one_line,
    run::lock::{BROKEN, FREE, HELD, STUCK, breaking},
};

pub(super) async fn run(setup: &Setup, pattern: &str) -> Result<ExitStatus> {
    let project = setup.project(None)?;
    let hosts = setup.select(&project, pattern)?;
    let fleet = Arc::new(setup.fleet(&project));
    fleet.reserve(hosts.iter().map(|host| host.name.clone()))?;
    let script = Arc::new(breaking());
    let names = hosts.iter().map(|host| host.name.clone());
    let ask = fleet.ask_each(names, move |fleet, host: Arc<str>| {
        let script = script.clone();
        async move { (host.clone(), fleet.run(&host, &script, 0).await) }
    });
    let answers = ask.await;
    fleet.close().await;
    let mut status = ExitStatus::Converged;
    for (name, answer) in answers {
        // Whoever does not answer was reported when the connection failed.
        let Ok((_, said)) = answer else {
            status = ExitStatus::Unreachable;
            continue;
        };
        let said = one_line(&said.stdout);
        let (word, holder) = said.split_once(' ').unwrap_or((&said, ""));
        if ![FREE, BROKEN].contains(&word) && status == ExitStatus::Converged {
            status = ExitStatus::Locked;
        }
        if setup.global.format == Some(Format::Json) {
            let line = serde_json::json!({ "host": &*name, "lock": word, "holder": holder });
            setup.report.print(&line.to_string());
            continue;
        }
        let told = match word {
            FREE => "nobody holds it".to_owned(),
            BROKEN => format!("free again: it was held by {holder}"),
            STUCK => format!("not free: what {holder} left there could not be ended"),
            HELD => format!("not broken: {holder} was heard within the last minute"),
            _ => "it did not say who holds it".to_owned(),
        };
        setup.report.print(&format!("{name}  {told}"));
    }
    Ok(status)
}
