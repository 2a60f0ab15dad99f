//! `converge doc`: the manual of each kind, from the kind itself.

use super::setup::Setup;
use crate::{
    diagnostic::{Diagnostic, Result, did_you_mean},
    exit_status::ExitStatus,
    manual,
    resources::{self, KINDS},
};

pub(super) fn run(setup: &Setup, kind: Option<&str>) -> Result<ExitStatus> {
    let text = match kind {
        None => manual::index(),
        Some(name) => {
            let kind = resources::kind(name).ok_or_else(|| {
                let names = KINDS.iter().map(|kind| kind.name());
                let mistake =
                    Diagnostic::new("doc::unknown-kind", format!("there is no kind `{name}`"));
                let hint = did_you_mean(name, names);
                mistake.hint(hint.unwrap_or_else(|| "`converge doc` lists them".to_owned()))
            })?;
            manual::page(kind)
        }
    };
    setup.report.print(&text);
    Ok(ExitStatus::Converged)
}
