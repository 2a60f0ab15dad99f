//! What each subcommand does: one file each. They put the stages together, and hold no logic of their own.

use std::{
    io,
    path::Path,
    sync::{Arc, OnceLock},
};

use crate::{
    base::diagnostic::{Diagnostic, Result},
    commands::cli::{Cli, CliCommand, OutputFormat},
    input::config::Plans,
    io::{disk::Disk, secrets::Secrets},
    plan::{
        event::{Event, Events as _},
        exit_status::ExitStatus,
    },
    report::{self, Report, ReportOptions},
};

pub mod cli;
pub mod plan_file;
mod setup;
mod approved;
mod check;
mod completions;
mod doc;
mod exec;
mod facts;
mod graph;
mod hosts;
mod show;
mod history;
mod resume;
mod sign;
mod signals;
mod playbook;
mod simulate;
mod undo;
mod unlock;
mod why;
mod program;

pub use self::program::main;

/// The secrets of a run, once its configuration is read.
type LateSecrets = Arc<OnceLock<Arc<Secrets>>>;

/// Runs what the command line asks for, and gives the exit status.
async fn run(cli: Cli) -> ExitStatus {
    let secrets = LateSecrets::default();
    let report = Arc::new(open_report(&cli, &secrets));
    let runs = is_run(&cli);
    let status = dispatch(cli, &report, &secrets).await.unwrap_or_else(|errors| {
        report.diagnostics(&errors);
        let unwritable = errors.iter().any(|error| error.kind() == UNWRITABLE);
        let status = if unwritable { ExitStatus::Unwritten } else { ExitStatus::Error };
        if runs {
            report.send(Event::nothing_done(status.code()));
        }
        status
    });
    let written = report.finish().is_ok();
    if written { status } else { status.unwritten() }
}

/// Whether what is told are the events of a run, of which the last one is a summary.
fn is_run(cli: &Cli) -> bool {
    let command = cli.command.as_ref();
    command.is_none_or(|it| {
        matches!(
            it,
            CliCommand::Apply { .. }
                | CliCommand::Plan { .. }
                | CliCommand::Resume { .. }
                | CliCommand::Undo { .. }
        )
    })
}

/// The kind of the error that something cannot be written: nothing is wrong with the input then.
const UNWRITABLE: &str = "report::unwritable";

fn unwritable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::new(UNWRITABLE, format!("cannot write {}: {error}", path.display()))
}

fn open_report(cli: &Cli, secrets: &LateSecrets) -> Report {
    let global = &cli.global;
    let format = match global.format {
        Some(OutputFormat::Json) => report::Format::Json,
        _ => report::Format::Human,
    };
    let mut options = ReportOptions::detect(format, !global.no_diff, global.verbose);
    options.junit = global.junit.is_some();
    Report::new(options, redactors(secrets))
}

/// Redactors for every secret that was looked up so far.
fn redactors(secrets: &LateSecrets) -> report::Redactors {
    let secrets = secrets.clone();
    Box::new(move || secrets.get().map(|secrets| secrets.redactor()).unwrap_or_default())
}

async fn dispatch(
    cli: Cli,
    report: &Arc<Report>,
    secrets: &LateSecrets,
) -> Result<ExitStatus, Vec<Diagnostic>> {
    let Cli { command, playbooks, global, ask } = cli;
    // What a plan is made from is kept with it.
    let disk = match &command {
        Some(CliCommand::Plan { output: Some(_), .. }) => Disk::noting(),
        _ => Disk::default(),
    };
    let (report, late_secrets) = (report.clone(), secrets.clone());
    let setup = setup::Setup { global, report, late_secrets, disk };
    let one = |result: Result<ExitStatus>| result.map_err(|error| vec![error]);
    setup.check_format(command.as_ref()).map_err(|error| vec![error])?;
    match command {
        None => one(playbook::apply(&setup, &playbooks, None, ask).await),
        Some(command)
            if ask && !matches!(command, CliCommand::Apply { .. } | CliCommand::Undo { .. }) =>
        {
            Err(vec![Diagnostic::new("cli::ask", "--ask is only for `converge apply`")])
        }
        Some(CliCommand::Apply { playbooks, ask: asks, require_signatures, allowed_signers }) => {
            let asked = (require_signatures.is_some() || allowed_signers.is_some()).then(|| {
                Plans { signatures: require_signatures.unwrap_or_default(), allowed_signers }
            });
            one(playbook::apply(&setup, &playbooks, asked, ask || asks).await)
        }
        Some(CliCommand::Sign { plan, key, output }) => {
            one(sign::run(&setup, &plan, &key, output.as_deref()))
        }
        Some(CliCommand::Plan { playbooks, simulate_failure: Some(name), .. }) => {
            one(simulate::run(&setup, &playbooks, &name).await)
        }
        Some(CliCommand::Plan { playbooks, output, exit_code, .. }) => {
            one(playbook::plan(&setup, &playbooks, output.as_deref(), exit_code).await)
        }
        Some(CliCommand::Check { playbooks }) => check::run(&setup, &playbooks),
        Some(CliCommand::Hosts { pattern }) => one(hosts::run(&setup, &pattern)),
        Some(CliCommand::Facts { pattern }) => one(facts::run(&setup, &pattern).await),
        Some(CliCommand::Exec { pattern, r#become, command }) => {
            one(exec::run(&setup, &pattern, r#become, &command).await)
        }
        Some(CliCommand::Graph { playbooks }) => one(graph::run(&setup, &playbooks).await),
        Some(CliCommand::Unlock { pattern }) => one(unlock::run(&setup, &pattern).await),
        Some(CliCommand::Undo { run, output, ask: asks }) => {
            let undo = undo::Undo { run: &run, output: output.as_deref(), ask: ask || asks };
            one(undo::run(&setup, undo).await)
        }
        Some(CliCommand::Why { host, name }) => one(why::run(&setup, &host, &name)),
        Some(CliCommand::Doc { name }) => one(doc::run(&setup, &name)),
        Some(CliCommand::History) => one(history::run(&setup)),
        Some(CliCommand::Resume { run }) => {
            let cli = resume::command(&setup, run.as_deref()).map_err(|error| vec![error])?;
            Box::pin(dispatch(cli, &setup.report, &setup.late_secrets)).await
        }
        Some(CliCommand::Show { run }) => one(show::run(&setup, &run)),
        Some(CliCommand::Completions { shell }) => Ok(completions::run(&setup, shell)),
    }
}
