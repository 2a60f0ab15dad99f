//! `converge why`: where a host's variable gets its value.

use super::setup::Setup;
use crate::{
    diagnostic::{Diagnostic, Result, did_you_mean},
    exit_status::ExitStatus,
    value::Value,
};

pub(super) fn run(setup: &Setup, host: &str, name: &str) -> Result<ExitStatus> {
    let project = setup.project(None)?;
    let hosts = project.inventory.select(host)?;
    let mut text = String::new();
    for host in hosts {
        let Some(variable) = host.vars.get(name) else {
            let mistake = format!("{} has no variable `{name}`", host.name);
            let near = did_you_mean(name, host.vars.keys().map(String::as_str));
            let hint = near.unwrap_or_else(|| "roles have defaults of their own".to_owned());
            return Err(Diagnostic::new("inventory::unknown-variable", mistake).hint(hint));
        };
        text.push_str(&format!("{} {name} = {}\n", host.name, shown(&variable.value)));
        for (index, origin) in variable.chain.iter().enumerate() {
            let wins = if index + 1 == variable.chain.len() { "->" } else { "  " };
            let place = origin.place.as_ref().map(|place| format!("  {place}"));
            let place = place.unwrap_or_default();
            text.push_str(&format!("  {wins} {}: {}{place}\n", origin.level, shown(&origin.value)));
        }
    }
    setup.report.print(&text);
    Ok(ExitStatus::Converged)
}

fn shown(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| value.type_name().to_owned())
}
