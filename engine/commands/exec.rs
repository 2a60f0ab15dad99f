//! `converge exec`: a command on many hosts, side by side; the output of each together.

use std::sync::Arc;

use futures::{StreamExt as _, stream::FuturesUnordered};

use super::setup::Setup;
use crate::{
    cli::Format,
    diagnostic::Result,
    exit_status::ExitStatus,
    remote::{Captured, Exit, RemoteError},
    script::{Script, Words},
    sh,
};

pub(super) async fn run(setup: &Setup, pattern: &str, command: &[String]) -> Result<ExitStatus> {
    let project = setup.project(None)?;
    let hosts = setup.select(&project, pattern)?;
    let fleet = setup.fleet(&project);
    fleet.reserve(hosts.iter().map(|host| host.name.clone()))?;
    let script = match command {
        [script] => Script::trusted(script.clone()),
        words => sh!("{}", Words(words)),
    };
    let ask = async |host: Arc<str>| {
        // A host that cannot be reached holds up none of the others; how many work at once is what people ask for.
        let _ = fleet.at_a_place(|| fleet.remote(&host)).await;
        let _place = fleet.place().await;
        let answer = fleet.run(&host, &script).await;
        (host, answer)
    };
    let mut answers: FuturesUnordered<_> =
        hosts.iter().map(|host| ask(host.name.clone())).collect();
    let mut status = ExitStatus::Converged;
    while let Some((host, answer)) = answers.next().await {
        let bad = tell(setup, &host, answer);
        status = worse(status, bad);
    }
    drop(answers);
    fleet.close().await;
    Ok(status)
}

fn tell(setup: &Setup, host: &str, answer: Result<(Exit, Captured), RemoteError>) -> ExitStatus {
    // Whoever does not answer was reported when the connection failed.
    let Ok((exit, captured)) = answer else { return ExitStatus::Unreachable };
    let [stdout, stderr] = [&captured.stdout, &captured.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    if setup.global.format == Some(Format::Json) {
        let line = serde_json::json!({
            "host": host, "exit_status": exit.0, "stdout": stdout, "stderr": stderr,
        });
        setup.report.print(&line.to_string());
    } else {
        let end = if exit.0 == 0 { String::new() } else { format!("  exit status {}", exit.0) };
        let lines = stdout.lines().chain(stderr.lines()).map(|line| format!("  {line}\n"));
        setup.report.print(&format!("{host}{end}\n{}", lines.collect::<String>()));
    }
    if exit.0 == 0 { ExitStatus::Converged } else { ExitStatus::Failed }
}

fn worse(one: ExitStatus, other: ExitStatus) -> ExitStatus {
    match (one, other) {
        (ExitStatus::Failed, _) | (_, ExitStatus::Converged) => one,
        _ => other,
    }
}
