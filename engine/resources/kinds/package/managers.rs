//! The package managers, of which a host says which one it has.

use super::{ObservedPackage, Package, apt::Apt, manager::PackageManager};
use crate::{
    base::script::Script,
    resources::resource::{Looked, Unknown},
    sh,
};

/// Every package manager. The first one counts whose program is there.
static MANAGERS: [&dyn PackageManager; 1] = [&Apt];

/// What begins the line of a probe that names the manager.
const MANAGER: &str = "manager ";

/// The manager of that name.
pub(super) fn named(name: &str) -> &'static dyn PackageManager {
    let manager = MANAGERS.iter().find(|manager| manager.name() == name);
    *manager.expect("a look names a manager of the list")
}

/// The script of the manager that the host has.
pub(super) fn whichever(script: impl Fn(&dyn PackageManager) -> Script) -> Script {
    let mut whole = Script::default();
    for (index, manager) in MANAGERS.iter().enumerate() {
        let case = if index == 0 { "if" } else { "elif" };
        let case = Script::trusted(case.to_owned());
        whole.push(sh!("{} has {}; then\n{}", case, manager.program(), script(*manager)));
    }
    whole.then(sh!("else die {} || exit; fi", nobody()))
}

/// The probe: which manager the host has, and what that says of the batch.
pub(super) fn probing(batch: &[&Package]) -> Script {
    let mut whole = Script::default();
    for (index, manager) in MANAGERS.iter().enumerate() {
        let case = if index == 0 { "if" } else { "elif" };
        let case = Script::trusted(case.to_owned());
        let named = format!("{MANAGER}{}", manager.name());
        whole.push(sh!(
            "{} has {}; then say {}\n{}",
            case,
            manager.program(),
            named,
            manager.probe(batch)
        ));
    }
    whole.then(sh!("else say {}; fi", nobody()))
}

/// What the probe said of each package.
pub(super) fn observed(batch: &[&Package], output: &str) -> Vec<Looked<ObservedPackage>> {
    let (first, rest) = output.split_once('\n').unwrap_or((output, ""));
    let name = first.strip_prefix(MANAGER);
    let Some(manager) = name.and_then(|name| MANAGERS.iter().find(|it| it.name() == name)) else {
        let why = match first.trim() {
            "" => "the host did not say which package manager it has".to_owned(),
            said => said.to_owned(),
        };
        return batch.iter().map(|_| Err(Unknown::new(why.clone()))).collect();
    };
    manager.observe(batch, rest)
}

/// What is said where there is none of them.
fn nobody() -> String {
    let names: Vec<&str> = MANAGERS.iter().map(|manager| manager.name()).collect();
    format!("this host has no package manager that converge supports ({})", names.join(", "))
}
