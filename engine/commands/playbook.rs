//! `converge PLAYBOOK`, `converge apply`, `converge plan`.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{setup::Setup, signals};
use crate::{
    cli::nearest_subcommand,
    diagnostic::{Diagnostic, Result},
    event::{Event, VERSION},
    exit_status::ExitStatus,
    run::{Ended, Interrupt, PlanFile, Purpose},
};

/// What `converge plan -o` writes: the plan, and how it was made.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approved {
    playbook: String,
    inventory: Vec<std::path::PathBuf>,
    vars: Vec<String>,
    limit: Option<String>,
    plan: PlanFile,
}

/// Applies a playbook, or a plan that was approved.
pub(super) async fn apply(setup: &Setup, path: &str) -> Result<ExitStatus> {
    if !path.ends_with(".rhai") {
        return apply_plan(setup, path, read_plan(path)?).await;
    }
    let name = Name { command: "apply", playbook: path, approved: None, output: None };
    Ok(run(setup, &name, Purpose::Apply { approved: None }).await?.status)
}

/// Shows what a playbook would change.
pub(super) async fn plan(
    setup: &Setup,
    playbook: &str,
    output: Option<&Path>,
    exit_code: bool,
) -> Result<ExitStatus> {
    let name = Name { command: "plan", playbook, approved: None, output };
    let ended = run(setup, &name, Purpose::Plan).await?;
    // An interrupted run has not seen everything: there is nothing to approve.
    if let Some(file) = output.filter(|_| ended.status != ExitStatus::Interrupted) {
        let approved = Approved {
            playbook: playbook.to_owned(),
            inventory: setup.global.inventory.clone(),
            vars: setup.global.vars.clone(),
            limit: setup.global.limit.clone(),
            plan: ended.plan,
        };
        write_plan(file, &approved)?;
    }
    Ok(match ended.status {
        ExitStatus::Pending if !exit_code => ExitStatus::Converged,
        status => status,
    })
}

/// The plan says how it was made: the same inventory, variables and hosts hold when it is applied.
async fn apply_plan(setup: &Setup, file: &str, approved: Approved) -> Result<ExitStatus> {
    let mut global = setup.global.clone();
    // An inventory that the environment names is there when the plan is made, and when it is applied.
    let other_inventory = !global.inventory.is_empty() && global.inventory != approved.inventory;
    if !global.vars.is_empty() || global.limit.is_some() || other_inventory {
        let message = "an approved plan is applied as it was made";
        return Err(Diagnostic::new("plan::options", message)
            .hint("leave --inventory, --var and --limit out, or make a new plan with them"));
    }
    global.vars = approved.vars;
    global.limit = approved.limit;
    global.inventory = approved.inventory;
    let (report, late_secrets) = (setup.report.clone(), setup.late_secrets.clone());
    let setup = Setup { global, report, late_secrets };
    let purpose = Purpose::Apply { approved: Some(approved.plan) };
    let playbook = &approved.playbook;
    let name = Name { command: "apply", playbook, approved: Some(file), output: None };
    Ok(run(&setup, &name, purpose).await?.status)
}

/// What a run is told as.
struct Name<'a> {
    command: &'a str,
    playbook: &'a str,
    /// The file of the plan that is applied.
    approved: Option<&'a str>,
    /// The file that the plan is kept in.
    output: Option<&'a Path>,
}

async fn run(setup: &Setup, name: &Name<'_>, purpose: Purpose) -> Result<Ended> {
    let playbook = name.playbook;
    let project = setup.project(Some(playbook))?;
    let (sender, interrupt) = Interrupt::new();
    let id = id();
    let run = setup.run(&project, id.clone(), interrupt)?;
    let _signals = signals::listen(sender, run.events.clone());
    run.events.send(Event::RunStarted {
        version: VERSION,
        run: id,
        command: name.command.to_owned(),
        playbook: playbook.to_owned(),
        options: setup.options(),
        approved: name.approved.map(str::to_owned),
        output: name.output.map(|file| file.display().to_string()),
        hosts: project.inventory.hosts.len(),
    });
    let ended = run.playbook(|known| project.input(playbook, known), purpose).await;
    if let (Some(file), Some(text)) = (&setup.global.junit, setup.report.junit()) {
        fs::write(file, text).map_err(|error| unwritable(file, &error))?;
    }
    let ended = ended?;
    // The process is about to end, and the kernel frees at once what is known of a large fleet.
    std::mem::forget((ended.catalog.clone(), ended.fleet.clone()));
    Ok(ended)
}

/// When the run began, to the millisecond so that ids sort, and something that no other run has.
fn id() -> String {
    let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S.%3f").to_string();
    let unique: String =
        crate::run::nonce().chars().filter(char::is_ascii_alphanumeric).take(4).collect();
    format!("{now}-{}", unique.to_lowercase())
}

/// The plan in a file.
fn read_plan(path: &str) -> Result<Approved> {
    const HINT: &str =
        "a playbook ends in .rhai; a plan is what `converge plan PLAYBOOK -o FILE` writes";
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let message = format!("there is no plan or subcommand `{path}`");
            let playbook = format!("{path}.rhai");
            let near = Path::new(&playbook).exists().then(|| format!("did you mean `{playbook}`?"));
            let hint = near.or_else(|| nearest_subcommand(path)).unwrap_or_else(|| HINT.to_owned());
            Diagnostic::new("plan::unreadable", message).hint(hint)
        }
        _ => Diagnostic::new("plan::unreadable", format!("cannot read {path}: {error}")),
    })?;
    let no_plan = |error| {
        Diagnostic::new("plan::unreadable", format!("{path} is no plan: {error}")).hint(HINT)
    };
    // The version comes first: what else is in the file depends on it.
    let json: serde_json::Value = serde_json::from_str(&text).map_err(no_plan)?;
    let version = json.pointer("/plan/version").and_then(serde_json::Value::as_u64);
    if version.is_some_and(|version| version != u64::from(PlanFile::VERSION)) {
        let message = format!("{path} was written by another version of converge");
        return Err(Diagnostic::new("plan::version", message).hint("make the plan again"));
    }
    serde_json::from_value(json).map_err(no_plan)
}

fn write_plan(file: &Path, approved: &Approved) -> Result<()> {
    let text = serde_json::to_string_pretty(approved)
        .expect("texts and maps by name can always be written as JSON");
    // It names resources and variables of a project: for those who approve it, not for everyone on the machine.
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(file).and_then(|mut file| file.write_all((text + "\n").as_bytes()));
    written.map_err(|error| unwritable(file, &error))
}

fn unwritable(file: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::new("project::unwritable", format!("cannot write {}: {error}", file.display()))
}
