//! `converge exec`: a command on many hosts, side by side; what it prints is told as it comes.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, stream::FuturesOrdered};
use tokio::time::Instant;

use super::setup::Setup;
use crate::{
    base::{
        diagnostic::Result,
        script::{Script, Words},
    },
    commands::cli::OutputFormat,
    io::remote::{Captured, Exit, Output, RemoteError},
    plan::exit_status::ExitStatus,
    report::Report,
    sh,
};

pub(super) async fn run(
    setup: &Setup,
    pattern: &str,
    r#become: Option<String>,
    command: &[String],
) -> Result<ExitStatus> {
    let mut project = setup.project(None)?;
    if let Some(how) = r#become {
        project.become_by(serde_json::from_value(how.into()).unwrap_or_default());
    }
    let hosts = project.select(pattern)?;
    let fleet = project.fleet(setup.report.clone());
    fleet.reserve(hosts.iter().map(|host| host.name.clone()))?;
    let script = match command {
        [script] => Script::trusted(script.clone()),
        words => sh!("{}", Words(words)),
    };
    let json = setup.global.format == Some(OutputFormat::Json);
    let width = hosts.iter().map(|host| host.name.len()).max().unwrap_or_default();
    let several = hosts.len() > 1;
    let time = setup.global.options.timeout.map(|seconds| Duration::from_secs(seconds.get()));
    let time = time.unwrap_or(project.config().limits.step);
    let ask = async |host: Arc<str>| {
        // A host that cannot be reached holds up none of the others; how many work at once is what people ask for.
        let _ = fleet.at_a_place(|| fleet.remote(&host)).await;
        let _place = fleet.place().await;
        let until = Instant::now().checked_add(time);
        if json {
            let mut captured = Captured::within(fleet.limits().answer, until);
            let exit = fleet.run_to(&host, &script, &mut captured).await;
            return (exit.map(|exit| (exit, captured)), host);
        }
        let name = if several { format!("{host:width$} | ") } else { String::new() };
        let (rest, said, most) = ([Vec::new(), Vec::new()], 0, fleet.limits().output);
        let mut lines = Lines { report: &setup.report, name, rest, said, most, until };
        let exit = fleet.run_to(&host, &script, &mut lines).await;
        lines.finish();
        (exit.map(|exit| (exit, Captured::default())), host)
    };
    let mut answers: FuturesOrdered<_> = hosts.iter().map(|host| ask(host.name.clone())).collect();
    let (mut status, mut ends) = (ExitStatus::Converged, String::new());
    while let Some((answer, host)) = answers.next().await {
        status = worse(status, status_of(&answer));
        match answer {
            // Whoever does not answer was reported when the connection failed.
            Err(_) => ends.push_str(&format!("{host:width$}  unreachable\n")),
            Ok((exit, captured)) if json => tell(setup, &host, exit, &captured),
            Ok((exit, _)) => ends.push_str(&format!("{host:width$}  exit status {}\n", exit.0)),
        }
    }
    drop(answers);
    // One that succeeded has said all.
    if !json && (several || status == ExitStatus::Failed) {
        setup.report.print_beside(&ends);
    }
    fleet.close().await;
    Ok(status)
}

/// Tells what a host prints, line by line: its standard output as a result, its standard error beside it.
struct Lines<'a> {
    report: &'a Report,
    /// What stands before each line.
    name: String,
    /// What is no whole line yet, of both streams.
    rest: [Vec<u8>; 2],
    /// How much was said, in bytes, and may be.
    said: usize,
    most: usize,
    until: Option<Instant>,
}

/// A line that is longer is told in parts.
const LINE_MAX: usize = 64 * 1024;

impl Lines<'_> {
    fn add(&mut self, stream: usize, bytes: &[u8]) {
        self.said = self.said.saturating_add(bytes.len());
        self.rest[stream].extend_from_slice(bytes);
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let whole = whole.map_or(0, |at| self.rest[stream].len() - bytes.len() + at + 1);
        let long = self.rest[stream].len() - whole > LINE_MAX;
        let whole = if long { self.rest[stream].len() } else { whole };
        let whole: Vec<u8> = self.rest[stream].drain(..whole).collect();
        self.tell(stream, &whole);
    }

    fn tell(&self, stream: usize, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let text: String = text.lines().map(|line| format!("{}{line}\n", self.name)).collect();
        match stream {
            _ if text.is_empty() => {}
            0 => self.report.print(&text),
            _ => self.report.print_beside(&text),
        }
    }

    /// The last line of a stream may have no end.
    fn finish(mut self) {
        let rest = std::mem::take(&mut self.rest);
        rest.iter().enumerate().for_each(|(stream, bytes)| self.tell(stream, bytes));
    }
}

impl Output for Lines<'_> {
    fn stdout(&mut self, bytes: &[u8]) {
        self.add(0, bytes);
    }

    fn stderr(&mut self, bytes: &[u8]) {
        self.add(1, bytes);
    }

    fn until(&self) -> Option<Instant> {
        self.until
    }

    fn full(&self) -> Option<usize> {
        (self.said > self.most).then_some(self.most)
    }
}

fn tell(setup: &Setup, host: &str, exit: Exit, captured: &Captured) {
    let [stdout, stderr] = [&captured.stdout, &captured.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let line = serde_json::json!({
        "host": host, "exit_status": exit.0, "stdout": stdout, "stderr": stderr,
    });
    setup.report.print(&line.to_string());
}

fn status_of(answer: &Result<(Exit, Captured), RemoteError>) -> ExitStatus {
    match answer {
        Err(_) => ExitStatus::Unreachable,
        Ok((Exit(0), _)) => ExitStatus::Converged,
        Ok(_) => ExitStatus::Failed,
    }
}

fn worse(one: ExitStatus, other: ExitStatus) -> ExitStatus {
    match (one, other) {
        (ExitStatus::Failed, _) | (_, ExitStatus::Converged) => one,
        _ => other,
    }
}
