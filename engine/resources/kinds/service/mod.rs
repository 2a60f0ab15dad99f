//! The `service` kind.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

use crate::{
    base::script::{Library, Script, Words},
    resources::{
        before::Before,
        change::{Change, Effect, Field, Reason},
        danger,
        footprint::{Footprint, Lies, Space, Wanted},
        resource::{ArgumentError, Files, Looked, Reaction, Resource, Step, Unknown, Unreadable},
        systemd::{self, AtBoot, SystemdOutput, check_unit, has_suffix},
    },
    sh,
};

/// A unit of systemd that runs, and starts at boot.
///
/// It is started, never restarted, to converge; `restart_on` and `reload_on` say what restarts it. Another role can name the
/// service again, with nothing but what it reacts to: it reacts there too, once for all such calls between which nothing could
/// tell. After a start it must stay active; if it does not, its status and last log lines are shown. A script in `/etc/init.d`
/// that starts a daemon, by `start-stop-daemon` or with a pid file, runs only as long as a process of it is left; of other
/// scripts systemd does not tell that. systemd reads again what lies on the disk of a unit before anything is done with it,
/// drop-ins included.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The unit, such as `nginx` or `logrotate.timer`; without a suffix a `.service` is meant.
    name: String,
    /// Whether it runs; `()` leaves that alone, as for a unit that runs once and ends. With `false` nothing of it runs: one
    /// that is starting, or that systemd is about to start again, is stopped too.
    #[serde(default = "yes")]
    running: Option<bool>,
    /// Whether it starts at boot, by itself; `()` leaves that alone. Not given, it does where that can be: a unit without an
    /// `[Install]` section, or one that is generated, is started by others. `true` fails for such a unit. A script in
    /// `/etc/init.d` can be enabled.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<bool>")]
    enabled: Option<Option<bool>>,
    /// Whether nothing and nobody can start it; then it does not run either.
    #[serde(default)]
    masked: bool,
    /// Seconds that it must stay active after a start, a restart or a reload; the look at the end of a run waits for that, once
    /// for all services. Not given, it is 3 seconds; and only what it takes after a restart or a reload of one that tells systemd
    /// itself when it is ready, by `Type=notify`, `Type=dbus` or a `PIDFile=`.
    stay: Option<u32>,
}

fn yes() -> Option<bool> {
    Some(true)
}

/// An argument that is there, even if it is `()`.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<bool>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Seconds that a service must stay active after a start, where a role does not say: most that die of what they read at
/// their start do so in the first two.
const STAY: u32 = 3;

/// Longer than that a look must not wait.
const STAY_MAX: u32 = 600;

static STEPS: Library = Library::new("service", &[include_str!("service.sh")]);

impl Resource for Service {
    type Arguments = Self;
    type Observed = systemd::UnitState;
    type Difference = Change;
    const KIND: &'static str = "service";
    const FIRST: &'static str = "name";
    const REACTS: &'static [Reaction] = &[Reaction::Reload, Reaction::Restart];

    fn key(&self) -> String {
        self.name.clone()
    }

    fn footprint(&self) -> Footprint<'_> {
        let unit = format!("{}/{}", systemd::FOLDER, self.name);
        let drop_ins = format!("{unit}.d");
        let needed = self.running == Some(true) || self.enabled() == Some(true);
        let lies = match (self.masked, needed) {
            (true, _) => Lies::Link("/dev/null"),
            (_, true) => Lies::NoLink("/dev/null"),
            _ => Lies::Read,
        };
        let files = Footprint::at(unit, lies).and_at(drop_ins, Lies::Read);
        // What neither runs nor starts at boot may as well be gone.
        if needed { files.and_named(Space::Unit, &self.name, Wanted::There) } else { files }
    }

    fn resolve(arguments: Self, _: &dyn Files) -> Result<Self, ArgumentError> {
        let suffix = if has_suffix(&arguments.name) { "" } else { ".service" };
        let name = format!("{}{suffix}", arguments.name);
        let (running, enabled) = match arguments.masked {
            true => (Some(false), Some(None)),
            false => (arguments.running, arguments.enabled),
        };
        let service = Self { name, running, enabled, ..arguments };
        service.check()?;
        Ok(service)
    }

    fn probe(batch: &[&Self]) -> Script {
        let mut script = systemd::units();
        script.push(sh!("units_stay() {{\ncase $1 in"));
        let waits = |service: &&&Self| service.running == Some(true);
        for service in batch.iter().filter(|it| !waits(it) || it.stay.is_some()) {
            let stay = service.stay.unwrap_or_default();
            script.push(sh!(
                "{}) units_stays={} ;;",
                service.name,
                Script::trusted(stay.to_string())
            ));
        }
        script.push(sh!(
            "*) units_stays=$(({} * !$2)) ;;\nesac\n}}",
            Script::trusted(STAY.to_string())
        ));
        let longest = batch.iter().filter(waits).map(|service| service.stay()).max();
        let units: Vec<&str> = batch.iter().map(|service| service.name.as_str()).collect();
        script.then(sh!("units_probe {} {}", longest.unwrap_or_default(), Words(&units)))
    }

    /// `systemctl show` prints a paragraph for each unit.
    fn observe(
        batch: &[&Self],
        output: &str,
    ) -> Result<Vec<Looked<systemd::UnitState>>, Unreadable> {
        let said = SystemdOutput::read(output);
        let observe =
            |service: &&Self| said.of(&service.name, service.stay()).map_err(Unknown::new);
        Ok(batch.iter().map(observe).collect())
    }

    fn before(&self, observed: &systemd::UnitState) -> Vec<Before> {
        let name = ("name", self.name.as_str().into());
        if observed.is_masked() {
            return vec![Before::declared(Self::KIND, [name, ("masked", true.into())])];
        }
        let enabled = match observed.at_boot() {
            AtBoot::Yes => true.into(),
            AtBoot::No => false.into(),
            AtBoot::UntilNext | AtBoot::ByOthers | AtBoot::Generated => Json::Null,
        };
        let running = observed.is_running().into();
        vec![Before::declared(Self::KIND, [name, ("running", running), ("enabled", enabled)])]
    }

    fn declared(&self) -> Option<Before> {
        let name = ("name", self.name.as_str().into());
        let as_it_is = [name, ("running", Json::Null), ("enabled", Json::Null)];
        Some(Before::declared(Self::KIND, as_it_is))
    }

    fn is_risky(&self, _action: Option<Effect>) -> bool {
        danger::is_risky_unit(&self.name)
    }

    fn plan(&self, observed: &systemd::UnitState) -> Option<Change> {
        let masked = observed.is_masked();
        let unmask = masked && (self.running == Some(true) || self.enabled() == Some(true));
        let mut fields = Vec::new();
        if self.masked && observed.file != "masked" || !self.masked && unmask {
            fields.push(Field::new("masked", observed.shown_masked(), self.masked.to_string()));
        }
        fields.extend(self.differs_at_boot(observed));
        if let Some(running) = self.running
            && (running && !observed.is_running() || !running && !observed.is_stopped())
        {
            fields.push(Field::new("running", observed.shown_running(), running.to_string()));
        }
        let stays = self.running != Some(true) || !observed.ended_early;
        if !stays {
            let stay = format!("{} seconds", self.stay());
            fields.push(Field::new("stay", observed.shown_end(), stay));
        }
        let broken =
            observed.is_broken() && (self.running == Some(true) || self.enabled() == Some(true));
        if observed.stale || broken {
            let before = if broken { observed.load.as_str() } else { "changed on disk" };
            fields.push(Field::new("definition", before, "loaded"));
        }
        let change = Change::update(fields)?;
        Some(if stays { change } else { change.because(Reason::NotStaying) })
    }

    fn tell_end(&self) -> Step {
        self.prepared().then(sh!("did_not_stay {}", self.stay())).into()
    }

    /// A unit must be known before it is enabled, and unmasked before it is started.
    fn apply(&self, _: Option<&()>) -> Step {
        let mut script = self.prepared();
        if self.masked {
            return script.then(sh!("bring_down\nsystemctl mask -- \"$unit\"")).into();
        }
        if self.running == Some(true) || self.enabled() == Some(true) {
            script.push(sh!("make_startable"));
        }
        let asked = if self.enabled.is_some() { "asked" } else { "" };
        script.push(match self.enabled() {
            Some(enabled) => sh!("enable {} {}", if enabled { "enable" } else { "disable" }, asked),
            None => Script::default(),
        });
        script.push(match self.running {
            Some(true) => sh!("bring_up"),
            Some(false) => sh!("bring_down"),
            None => Script::default(),
        });
        script.into()
    }

    /// A unit that is to run is started where it does not; one that is not, is left alone unless it runs. One that
    /// the step before started has read all that changed.
    fn react(&self, reaction: Reaction) -> Step {
        let (bring, careful) = match reaction {
            Reaction::Reload => ("bring reload-or-restart", "try-reload-or-restart"),
            Reaction::Restart | Reaction::Run | Reaction::Finish | Reaction::Afterwards => {
                ("restart_outstanding", "try-restart")
            }
        };
        let bring = Script::trusted(bring);
        let script = match self.running {
            Some(true) => sh!("[ -n \"${{brought-}}\" ] || {}", bring),
            Some(false) | None => sh!("systemctl {} -- \"$unit\"", careful),
        };
        self.prepared().then(script).into()
    }
}

impl Service {
    /// Checks what the types alone cannot.
    fn check(&self) -> Result<(), ArgumentError> {
        check_unit(&self.name)?;
        match self.stay {
            Some(_) if self.running != Some(true) => {
                Err(ArgumentError::new("stay", "`stays` needs `running: true`"))
            }
            Some(STAY_MAX..) => {
                Err(ArgumentError::new("stay", format!("at most {STAY_MAX} seconds")))
            }
            _ => Ok(()),
        }
    }

    /// Whether it is to start at boot; where a role does not say, it is, as far as that can be.
    fn enabled(&self) -> Option<bool> {
        self.enabled.unwrap_or(Some(true))
    }

    fn stay(&self) -> u32 {
        self.stay.unwrap_or(STAY)
    }

    fn differs_at_boot(&self, observed: &systemd::UnitState) -> Option<Field> {
        let wanted = self.enabled()?;
        let asked = self.enabled.is_some();
        let differs = match (observed.at_boot(), wanted) {
            (AtBoot::Yes, wanted) => !wanted,
            (AtBoot::UntilNext, _) => true,
            (AtBoot::No, wanted) => wanted,
            (AtBoot::ByOthers, wanted) => asked && wanted,
            (AtBoot::Generated, _) => asked,
        };
        differs.then(|| Field::new("enabled", observed.shown_enabled(), wanted.to_string()))
    }

    /// The functions, and what they know of the unit, once for all of a step.
    fn prepared(&self) -> Script {
        let look = sh!("if [ -z \"${{seen-}}\" ]; then unit={}; refresh_unit; fi", self.name);
        systemd::daemons().then(STEPS.script()).then(look)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn service(name: &str) -> Service {
        Service { name: name.into(), running: yes(), enabled: None, masked: false, stay: None }
    }

    #[test]
    fn a_unit_is_known_by_any_of_its_names_and_by_no_other() {
        let output = "Names=ssh.service sshd.service\nLoadState=loaded\nActiveState=active\n\
            UnitFileState=enabled\nNeedDaemonReload=no\n\nNames=x.service\nLoadState=not-found\n\
            ActiveState=inactive\nUnitFileState=\nNeedDaemonReload=no\n";
        let [alias, missing] = [service("sshd.service"), service("x.service")];
        let observed = Service::observe(&[&alias, &missing], output).unwrap();
        assert_eq!(alias.plan(observed[0].as_ref().unwrap()), None);
        let change = missing.plan(observed[1].as_ref().unwrap()).unwrap();
        assert!(change.has("running") && change.has("enabled"), "{change:?}");
    }

    proptest! {
        #[test]
        fn any_output_is_read(output in "[A-Za-z=\n .]{0,80}|\\PC*") {
            let _ = Service::observe(&[&service("a.service")], &output);
        }
    }
}
