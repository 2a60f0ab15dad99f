//! `converge unlock`: breaks the locks of runs that are gone.

use super::setup::Setup;
use crate::{
    base::diagnostic::Result,
    commands::cli::OutputFormat,
    io::remote::one_line,
    plan::exit_status::ExitStatus,
    run::breaking::{BROKEN, FREE, HELD, STUCK, breaking},
};

pub(super) async fn run(setup: &Setup, pattern: &str) -> Result<ExitStatus> {
    let answers = setup.ask(pattern, breaking()).await?;
    let mut status = ExitStatus::Converged;
    for (name, answer) in answers {
        let Some(said) = answer else {
            status = ExitStatus::Unreachable;
            continue;
        };
        let said = one_line(&said.stdout);
        let (word, holder) = said.split_once(' ').unwrap_or((&said, ""));
        if ![FREE, BROKEN].contains(&word) && status == ExitStatus::Converged {
            status = ExitStatus::Locked;
        }
        if setup.global.format == Some(OutputFormat::Json) {
            let line = serde_json::json!({ "host": &*name, "lock": word, "holder": holder });
            setup.report.print(&line.to_string());
            continue;
        }
        let told = match word {
            FREE => "not locked".to_owned(),
            BROKEN => format!("unlocked: it was held by {holder}"),
            STUCK => format!("still locked: processes of {holder} could not be ended"),
            HELD => format!("still locked: {holder} was active within the last minute"),
            _ => "the host did not say who holds it".to_owned(),
        };
        setup.report.print(&format!("{name}  {told}"));
    }
    Ok(status)
}
