//! The `service` kind.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    change::{Change, Field},
    footprint::{Footprint, Lies, Space, Wanted},
    resource::{ArgumentError, Files, Look, Reaction, Resource, Step, Unreadable},
    script::{Script, Words},
    sh,
};

/// A unit of systemd that runs, and starts at boot.
///
/// It is started, never restarted, to converge; `restart_on` and `reload_on` say what restarts it. After a start the
/// unit must stay active; if it does not, its status and last log lines are shown.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The unit, such as `nginx` or `logrotate.timer`; without a suffix a `.service` is meant.
    name: String,
    /// Whether it runs; `()` leaves that alone, as for a unit that runs once and ends.
    #[serde(default = "yes")]
    running: Option<bool>,
    /// Whether it starts at boot; `()` leaves that alone. A unit that cannot be enabled (static, generated) is left alone too.
    #[serde(default = "yes")]
    enabled: Option<bool>,
    /// Whether nothing and nobody can start it; then it does not run either.
    #[serde(default)]
    masked: bool,
}

fn yes() -> Option<bool> {
    Some(true)
}

/// What systemd says of a unit.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Observed {
    /// False where the host has no systemd.
    systemd: bool,
    load: String,
    active: String,
    file: String,
    /// Whether what systemd has loaded is older than what lies on the disk.
    stale: bool,
}

/// The suffixes that a unit can have.
pub(super) const SUFFIXES: [&str; 11] = [
    "service",
    "socket",
    "device",
    "mount",
    "automount",
    "swap",
    "target",
    "path",
    "timer",
    "slice",
    "scope",
];

const FUNCTIONS: &str = include_str!("service.sh");

/// Where units of the host itself lie; a link to /dev/null there masks one.
pub(super) const UNITS: &str = "/etc/systemd/system";

impl Resource for Service {
    type Observed = Observed;
    const KIND: &'static str = "service";
    const FIRST: &'static str = "name";
    const REACTS: &'static [Reaction] = &[Reaction::Reload, Reaction::Restart];

    fn key(&self) -> String {
        self.name.clone()
    }

    fn footprint(&self) -> Footprint<'_> {
        let unit = format!("{UNITS}/{}", self.name);
        let drop_ins = format!("{unit}.d");
        let lies = match (self.masked, self.running, self.enabled) {
            (true, ..) => Lies::Link("/dev/null"),
            (_, Some(true), _) | (.., Some(true)) => Lies::NoLink("/dev/null"),
            _ => Lies::Read,
        };
        Footprint::at(unit, lies).and_at(drop_ins, Lies::Read).and_named(
            Space::Unit,
            &self.name,
            Wanted::There,
        )
    }

    fn resolve(&mut self, _files: &dyn Files) -> Result<(), ArgumentError> {
        if !has_suffix(&self.name) {
            self.name.push_str(".service");
        }
        check_unit(&self.name)?;
        if self.masked {
            (self.running, self.enabled) = (Some(false), None);
        }
        Ok(())
    }

    fn probe(batch: &[&Self]) -> Script {
        let units: Vec<&str> = batch.iter().map(|service| service.name.as_str()).collect();
        sh!(
            "if has systemctl && [ -d /run/systemd/system ]; then
  systemctl show -p Names,LoadState,ActiveState,UnitFileState,NeedDaemonReload -- {}
else
  say 'no systemd'
fi",
            Words(&units)
        )
    }

    /// `systemctl show` prints a paragraph for each unit, in the order they were asked for.
    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Look<Observed>>, Unreadable> {
        if output.trim_end() == "no systemd" {
            return Ok(batch.iter().map(|_| Ok(Observed::default())).collect());
        }
        let unreadable = |message| Unreadable { kind: Self::KIND, message };
        let paragraphs: Vec<&str> = output.trim_end().split("\n\n").collect();
        if paragraphs.len() != batch.len() {
            let message = format!("{} paragraphs for {} units", paragraphs.len(), batch.len());
            return Err(unreadable(message));
        }
        let observe = |(service, paragraph): (&&Self, &str)| {
            let (names, observed) = properties(paragraph);
            if names.split(' ').any(|name| name == service.name) {
                return Ok(Ok(observed));
            }
            Err(unreadable(format!("`{names}` where {} was asked for", service.name)))
        };
        batch.iter().zip(paragraphs).map(observe).collect()
    }

    fn plan(&self, observed: &Observed) -> Option<Change> {
        let masked = observed.is_masked();
        let unmask = masked && (self.running == Some(true) || self.enabled == Some(true));
        let mut fields = Vec::new();
        if self.masked && !masked || !self.masked && unmask {
            fields.push(Field::new("masked", masked.to_string(), self.masked.to_string()));
        }
        if let Some(enabled) = self.enabled
            && !observed.cannot_be_enabled()
        {
            fields.extend(Field::differing("enabled", &observed.is_enabled(), &enabled));
        }
        if let Some(running) = self.running
            && observed.is_running() != running
        {
            fields.push(Field::new("running", observed.shown_running(), running.to_string()));
        }
        if observed.stale {
            fields.push(Field::new("definition", "changed on disk", "loaded"));
        }
        Change::update(fields)
    }

    /// A unit must be known before it is enabled, and unmasked before it is started.
    fn apply(&self, _change: Option<&Change>) -> Step {
        let mut script = self.prepared();
        let stop = sh!("is LoadState not-found || systemctl stop -- \"$unit\"");
        if self.masked {
            return script.then(stop).then(sh!("systemctl mask -- \"$unit\"")).into();
        }
        if self.running == Some(true) || self.enabled == Some(true) {
            script.push(sh!("make_startable"));
        }
        script.push(match self.enabled {
            Some(enabled) => sh!("enable {}", if enabled { "enable" } else { "disable" }),
            None => Script::default(),
        });
        script.push(match self.running {
            Some(true) => sh!("bring_up"),
            Some(false) => stop,
            None => Script::default(),
        });
        script.into()
    }

    /// A unit that is to run is started where it does not; one that is not, is left alone unless it runs. One that
    /// the step before started has read all that changed.
    fn react(&self, reaction: Reaction) -> Step {
        let (verb, careful) = match reaction {
            Reaction::Reload => ("reload-or-restart", "try-reload-or-restart"),
            Reaction::Restart | Reaction::Run | Reaction::Afterwards => ("restart", "try-restart"),
        };
        let script = match self.running {
            Some(true) => sh!("[ -n \"${{brought-}}\" ] || bring {}", verb),
            Some(false) | None => sh!("systemctl {} -- \"$unit\"", careful),
        };
        self.prepared().then(script).into()
    }
}

impl Service {
    /// The functions, and what they know of the unit, once for all of a step.
    fn prepared(&self) -> Script {
        let look = sh!("if [ -z \"${{seen-}}\" ]; then unit={}; refresh_unit; fi", self.name);
        Script::trusted(FUNCTIONS).then(look)
    }
}

impl Observed {
    fn is_masked(&self) -> bool {
        self.load == "masked"
    }

    fn is_enabled(&self) -> bool {
        self.file == "enabled"
    }

    /// Such a unit has no install section: enabling it does nothing.
    fn cannot_be_enabled(&self) -> bool {
        ["static", "generated", "transient", "indirect", "alias"].contains(&self.file.as_str())
    }

    fn is_running(&self) -> bool {
        ["active", "reloading", "refreshing"].contains(&self.active.as_str())
    }

    /// A unit that does not run can have failed, or be about to start or stop.
    fn shown_running(&self) -> String {
        match self.active.as_str() {
            "active" | "reloading" | "refreshing" => "true".to_owned(),
            "inactive" => "false".to_owned(),
            "" => "false (no systemd)".to_owned(),
            other => format!("false ({other})"),
        }
    }
}

/// The names of the unit, and what is said of it.
fn properties(paragraph: &str) -> (&str, Observed) {
    let found: BTreeMap<&str, &str> =
        paragraph.lines().filter_map(|line| line.split_once('=')).collect();
    let get = |name| found.get(name).copied().unwrap_or_default();
    let observed = Observed {
        systemd: true,
        load: get("LoadState").to_owned(),
        active: get("ActiveState").to_owned(),
        file: get("UnitFileState").to_owned(),
        stale: get("NeedDaemonReload") == "yes",
    };
    (get("Names"), observed)
}

fn has_suffix(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, suffix)| SUFFIXES.contains(&suffix))
}

/// Checks that a name is the whole name of one unit: no pattern, no template without its instance.
pub(super) fn check_unit(name: &str) -> Result<(), ArgumentError> {
    let error = |message: String| ArgumentError::new("name", message);
    let allowed = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    let stem = name.rsplit_once('.').map_or("", |(stem, _)| stem);
    if stem.is_empty()
        || stem.ends_with('@')
        || stem.starts_with('-')
        || !name.chars().all(allowed)
        || name.len() > 255
    {
        return Err(error(format!("`{name}` is not the name of a unit")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn service(name: &str) -> Service {
        Service { name: name.into(), running: yes(), enabled: yes(), masked: false }
    }

    #[test]
    fn a_unit_is_known_by_any_of_its_names_and_by_no_other() {
        let output = "Names=ssh.service sshd.service\nLoadState=loaded\nActiveState=active\n\
            UnitFileState=enabled\nNeedDaemonReload=no\n\nNames=x.service\nLoadState=not-found\n";
        let [alias, missing] = [service("sshd.service"), service("x.service")];
        let observed = Service::observe(&[&alias, &missing], output).unwrap();
        assert_eq!(alias.plan(observed[0].as_ref().unwrap()), None);
        let change = missing.plan(observed[1].as_ref().unwrap()).unwrap();
        assert!(change.has("running") && change.has("enabled"), "{change:?}");
        assert!(Service::observe(&[&missing, &alias], output).is_err());
        assert!(Service::observe(&[&alias], output).is_err());
    }

    #[test]
    fn what_is_no_name_of_one_unit_is_refused() {
        for bad in ["foo@.service", "-x.service", "a b.service", "*.service", ".service"] {
            assert!(check_unit(bad).is_err(), "{bad}");
        }
        assert!(check_unit("getty@tty1.service").is_ok() && has_suffix("a.timer"));
        assert!(!has_suffix("php8.2-fpm") && !has_suffix("nginx"));
    }

    proptest! {
        #[test]
        fn any_output_is_read(output in "[A-Za-z=\n .]{0,80}|\\PC*") {
            let _ = Service::observe(&[&service("a.service")], &output);
        }
    }
}
