//! `converge why`: where a host's variable, or a parameter of a role there, gets its value.

use super::setup::Setup;
use crate::{
    api::Project,
    base::{
        diagnostic::{Diagnostic, Result, did_you_mean},
        value::Value,
    },
    evaluate::language::{self, Known, Parameter},
    input::inventory::Host,
    plan::exit_status::ExitStatus,
};

pub(super) fn run(setup: &Setup, host: &str, name: &str) -> Result<ExitStatus> {
    let project = setup.project(None)?;
    let hosts = project.inventory().select(host)?;
    let parameter = match name.split_once('.') {
        Some((role, name)) => Some((role, find(&project, role, name)?)),
        None => None,
    };
    let variable = name.rsplit('.').next().unwrap_or(name);
    let mut text = String::new();
    for host in hosts {
        let mut origins = Vec::new();
        if let Some((role, parameter)) = &parameter {
            let default = |value| (format!("default of role {role}"), shown(value), String::new());
            origins.extend(parameter.default.as_ref().map(default));
        }
        let is_bound = parameter.as_ref().is_none_or(|(_, it)| it.r#type.is_written());
        let chain = host.vars.get(variable).filter(|_| is_bound).map(|it| &it.chain);
        origins.extend(chain.into_iter().flatten().map(|origin| {
            let place = origin.place.as_ref().map(|place| format!("  {place}"));
            (origin.level.clone(), shown(&origin.value), place.unwrap_or_default())
        }));
        let Some((last, earlier)) = origins.split_last() else {
            return Err(nothing(&host, name, parameter.is_some()));
        };
        text.push_str(&format!("{} {name} = {}\n", host.name, last.1));
        let lines = earlier.iter().map(|it| ("  ", it)).chain([("->", last)]);
        for (wins, (level, value, place)) in lines {
            text.push_str(&format!("  {wins} {level}: {value}{place}\n"));
        }
    }
    if parameter.is_some() {
        text.push_str("A parameter in the call of the role overrides all of these.\n");
    }
    setup.report.print(&text);
    Ok(ExitStatus::Converged)
}

/// A parameter of a role.
fn find(project: &Project, role: &str, name: &str) -> Result<Parameter> {
    let parameters = language::parameters(project.input(&[], Known::default()), role);
    let Some(parameters) = parameters else {
        let message = format!("there is no role `{role}`");
        return Err(Diagnostic::new("role::unknown", message).hint("`converge doc` lists them"));
    };
    let parameters = parameters?;
    parameters.all.get(name).cloned().ok_or_else(|| parameters.unknown(role, name))
}

fn nothing(host: &Host, name: &str, is_parameter: bool) -> Diagnostic {
    if is_parameter {
        let message = format!("{name} has no value on {}", host.name);
        return Diagnostic::new("inventory::unknown-variable", message)
            .hint("the call of the role must give it");
    }
    let message = format!("{} has no variable `{name}`", host.name);
    let near = did_you_mean(name, host.vars.keys().map(String::as_str));
    let hint = near.unwrap_or_else(|| {
        format!(
            "for a parameter of a role, give both names: converge why {} ROLE.{name}",
            host.name
        )
    });
    Diagnostic::new("inventory::unknown-variable", message).hint(hint)
}

fn shown(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| value.type_name().to_owned())
}
