//! `converge PLAYBOOK`, `converge apply`, `converge plan`.

use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::task::spawn_blocking;

use super::{approved, setup::Setup, signals, unwritable};
use crate::{
    api::current,
    base::diagnostic::{Diagnostic, Result},
    commands::cli::nearest_subcommand,
    input::config::{self, Plans},
    io::nonce::nonce,
    plan::{
        event::{Event, Events as _, Problem, VERSION},
        exit_status::ExitStatus,
    },
    run::{Asks, Ended, Interrupt, Purpose, Run},
};

/// Applies playbooks, or a plan that was approved.
/// `asked` is who must have signed that.
pub(super) async fn apply(
    setup: &Setup,
    paths: &[String],
    asked: Option<Plans>,
    ask: bool,
) -> Result<ExitStatus> {
    match (paths, paths.iter().find(|path| !path.ends_with(".rhai"))) {
        (_, Some(_)) if ask && paths.len() == 1 => {
            return Err(Diagnostic::new(
                "cli::ask",
                "--ask does not apply to an approved plan: leave it out",
            ));
        }
        ([plan], Some(_)) => return apply_plan(setup, plan, &asked.unwrap_or_default()).await,
        (_, Some(other)) => return Err(no_playbook(other)),
        (_, None) if asked.is_some() => {
            let message = "only a plan can be signed, not a playbook";
            return Err(Diagnostic::new("cli::signatures", message)
                .hint("create one, and have it signed: converge plan PLAYBOOK -o FILE"));
        }
        (_, None) => {}
    }
    let more = if ask { vec!["--ask".to_owned()] } else { Vec::new() };
    let name = RunTitle { command: "apply", playbooks: paths, approved: None, output: None, more };
    let purpose = if ask { Purpose::Ask(asks()?) } else { Purpose::Apply { approved: None } };
    run(setup, &name, purpose, |ended| Ok(ended.status)).await
}

/// Asks who sits at the terminal.
fn asks() -> Result<Asks> {
    if !io::stdin().is_terminal() {
        return Err(Diagnostic::new("cli::ask", "--ask needs a terminal")
            .hint("`converge plan PLAYBOOK -o FILE` saves a plan for approval"));
    }
    let line = || {
        let mut answer = String::new();
        let _ = write!(io::stderr(), "Apply these changes? [y/N] ");
        // Whatever cannot be read is no yes.
        let _ = io::stdin().read_line(&mut answer);
        matches!(answer.trim(), "y" | "Y" | "yes")
    };
    Ok(Box::new(move || Box::pin(async move { spawn_blocking(line).await.unwrap_or(false) })))
}

/// The error of a word among playbooks that is none.
fn no_playbook(word: &str) -> Diagnostic {
    let is_word = !word.contains(['.', '/']);
    let (what, hint) = match nearest_subcommand(word).filter(|_| is_word) {
        Some(hint) => ("subcommand", hint),
        None => {
            ("playbook", "a playbook ends in .rhai; an approved plan is applied alone".to_owned())
        }
    };
    Diagnostic::new("cli::playbook", format!("there is no {what} `{word}`")).hint(hint)
}

/// Shows what playbooks would change.
pub(super) async fn plan(
    setup: &Setup,
    playbooks: &[String],
    output: Option<&Path>,
    exit_code: bool,
) -> Result<ExitStatus> {
    let more = Vec::new();
    let name = RunTitle { command: "plan", playbooks, approved: None, output, more };
    let asked = output.map(|_| approved::asked(setup, playbooks)).transpose()?;
    let mut file = output.map(open).transpose()?;
    let keep = |ended: &Ended| {
        // An interrupted run has not seen everything: there is nothing to approve.
        if let Some(file) = file.as_mut().filter(|_| ended.status != ExitStatus::Interrupted) {
            file.write(&approved::text(setup, asked.unwrap_or_default(), &ended.plan)?)?;
        }
        Ok(match ended.status {
            ExitStatus::Pending if !exit_code => ExitStatus::Converged,
            status => status,
        })
    };
    run(setup, &name, Purpose::Plan, keep).await
}

/// The plan says how it was made: the same inventory, variables and hosts hold when it is applied.
async fn apply_plan(setup: &Setup, file: &str, signed: &Plans) -> Result<ExitStatus> {
    let (approved, signers) = approved::read(file, signed)?;
    let asked = approved::from_here(approved.asked)?;
    let mut global = setup.global.clone();
    let here = |paths: &[PathBuf]| paths.iter().map(|it| current().join(it)).collect::<Vec<_>>();
    let inventory: Vec<PathBuf> = asked.inventory.iter().map(PathBuf::from).collect();
    // An inventory that the environment names is there when the plan is made, and when it is applied.
    let other_inventory =
        !global.options.inventory.is_empty() && here(&global.options.inventory) != here(&inventory);
    if !global.options.vars.is_empty() || global.options.limit.is_some() || other_inventory {
        let message = "an approved plan is applied unchanged";
        return Err(Diagnostic::new("plan::options", message)
            .hint("leave out --inventory, --var and --limit, or create a new plan with them"));
    }
    global.options.vars = asked.vars;
    global.options.limit = asked.limit;
    global.options.inventory = inventory;
    let (report, late_secrets) = (setup.report.clone(), setup.late_secrets.clone());
    let setup = Setup { global, report, late_secrets, disk: setup.disk.clone() };
    let purpose = Purpose::Apply { approved: Some(approved.plan) };
    let plan = Some(AppliedPlan { file, signers: signers.len() });
    let more = protections(signed);
    let playbooks = &asked.playbooks;
    let name = RunTitle { command: "apply", playbooks, approved: plan, output: None, more };
    run(&setup, &name, purpose, |ended| Ok(ended.status)).await
}

/// Who must have signed the plan, as options.
fn protections(signed: &Plans) -> Vec<String> {
    let count = (signed.signatures > 0).then(|| signed.signatures.to_string());
    let count = count.map(|count| ["--require-signatures".to_owned(), count]);
    let file = signed.allowed_signers.as_ref().map(|file| file.display().to_string());
    let file = file.map(|file| ["--allowed-signers".to_owned(), file]);
    count.into_iter().chain(file).flatten().collect()
}

/// The plan that is applied.
struct AppliedPlan<'a> {
    file: &'a str,
    /// How many have signed it.
    signers: usize,
}

/// What a run is told as.
struct RunTitle<'a> {
    command: &'a str,
    playbooks: &'a [String],
    approved: Option<AppliedPlan<'a>>,
    /// The file that the plan is kept in.
    output: Option<&'a Path>,
    /// What else a run that resumes this one is given.
    more: Vec<String>,
}

/// A run, from the first event to the last. `keep` writes what is kept of it, and gives the status that it ends with.
async fn run(
    setup: &Setup,
    name: &RunTitle<'_>,
    purpose: Purpose,
    keep: impl FnOnce(&Ended) -> Result<ExitStatus>,
) -> Result<ExitStatus> {
    let playbooks = name.playbooks;
    let project = setup.project(playbooks.first().map(String::as_str))?;
    let needed = project.config().plans.signatures;
    if let Some(plan) = name.approved.as_ref().filter(|plan| plan.signers < needed) {
        let message = format!("{} must be signed by {needed}, says {}", plan.file, config::FILE);
        return Err(Diagnostic::new("plan::signatures", message)
            .hint(format!("apply it in {}", project.config().folder.display())));
    }
    let mut junit = setup.global.junit.as_deref().map(open).transpose()?;
    let (sender, interrupt) = Interrupt::new();
    let id = id();
    let (run, journal) = setup.run(&project, id.clone(), interrupt)?;
    let running = Arc::new(signals::Running::new(run.events.clone()));
    let run = Run { events: running.clone(), ..run };
    let _signals = signals::listen(sender, running);
    run.events.send(Event::RunStarted {
        version: VERSION,
        run: id,
        command: name.command.to_owned(),
        playbook: playbooks.join(" "),
        options: setup.options(),
        approved: name.approved.as_ref().map(|plan| plan.file.to_owned()),
        output: name.output.map(|file| file.display().to_string()),
        more: name.more.clone(),
        folder: current().display().to_string(),
        hosts: project.inventory().hosts.len(),
    });
    let ended = project.carry_out(&run, playbooks, purpose).await;
    let ended = ended.inspect_err(|error| {
        // The report tells it with the text that it is in.
        journal.send(Event::Error(Problem::from(error)));
        journal.send(Event::nothing_done(ExitStatus::Error.code()));
    })?;
    let kept = keep(&ended);
    let mut status = kept.as_ref().map_or(ended.status, |status| *status);
    let mut unkept: Vec<Diagnostic> = kept.err().into_iter().collect();
    if let Some(file) = &mut junit {
        let text = setup.report.junit(&ended.summary(status)).unwrap_or_default();
        unkept.extend(file.write(&text).err());
    }
    if let Some(error) = journal.failure() {
        unkept.push(unwritable(&project.config().folder.join(".converge"), error));
    }
    if !unkept.is_empty() {
        setup.report.diagnostics(&unkept);
        status = status.unwritten();
    }
    run.events.send(ended.summary(status));
    // The process is about to end, and the kernel frees at once what is known of a large fleet.
    std::mem::forget((ended.catalog.clone(), ended.fleet.clone()));
    Ok(status)
}

/// When the run began, to the millisecond so that ids sort, and something that no other run has.
fn id() -> String {
    let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S.%3f").to_string();
    let unique: String = nonce().chars().filter(char::is_ascii_alphanumeric).take(4).collect();
    format!("{now}-{}", unique.to_lowercase())
}

/// A file that something is written to in the end. It is opened in the beginning: what cannot be written is known before
/// anything is done.
struct OutputFile<'a> {
    path: &'a Path,
    file: fs::File,
    /// It was not there before, and not all is in it.
    is_new: bool,
}

impl Drop for OutputFile<'_> {
    fn drop(&mut self) {
        if self.is_new {
            // What is left then is an empty file, or half of one.
            let _ = fs::remove_file(self.path);
        }
    }
}

/// Opens a file to write to. What is in it stays there until then.
fn open(path: &Path) -> Result<OutputFile<'_>> {
    // It names resources and variables of a project: for those who approve a plan, not for everyone on the machine.
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let is_new = fs::symlink_metadata(path).is_err();
    let file = options.open(path).map_err(|error| unwritable(path, &error))?;
    Ok(OutputFile { path, file, is_new })
}

impl OutputFile<'_> {
    fn write(&mut self, text: &str) -> Result<()> {
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|error| unwritable(self.path, &error))?;
        // A pipe has no length.
        let _ = self.file.set_len(text.len() as u64);
        self.is_new = false;
        Ok(())
    }
}
