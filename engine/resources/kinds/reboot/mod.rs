//! The `reboot` kind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::check_name;
use crate::{
    base::script::{Library, Script},
    resources::{
        before::Before,
        change::{Change, Effect, Field},
        entry,
        footprint::Footprint,
        resource::{ArgumentError, Files, Looked, Reaction, Resource, Step, Unknown, Unreadable},
    },
    sh,
};

/// A restart of the host, which the run waits for: once one of the resources that `on` names has changed, or where the host
/// asks for it.
///
/// The run goes on when the host answers again from another start of its system. What comes after it in order waits for that, on
/// other hosts too. If the run is cut off meanwhile, the next one knows whether the host was restarted already.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reboot {
    /// What it is for, in words.
    name: String,
    /// Whether it is restarted only where the host asks for it: where `/run/reboot-required` is there, where
    /// `needs-restarting` says so, or where a newer kernel is installed than the one that runs.
    #[serde(default)]
    if_required: bool,
    /// Seconds until it must be back; 600 if not given.
    #[serde(default = "patience")]
    timeout: u32,
}

fn patience() -> u32 {
    600
}

/// What a probe learned.
#[derive(Debug, Serialize)]
pub struct ObservedReboot {
    /// Why the host asks for a restart, if it does.
    asks: Option<String>,
}

/// How its step ends when the host is about to go down.
const GOING: i32 = 75;

impl Resource for Reboot {
    type Arguments = Self;
    type Observed = ObservedReboot;
    type Difference = Change;
    const KIND: &'static str = "reboot";
    const FIRST: &'static str = "name";
    const REACTS: &'static [Reaction] = &[Reaction::Run];
    const OPAQUE: bool = true;
    const TIMES_ITSELF: bool = true;
    const GOES_DOWN: Option<i32> = Some(GOING);

    fn key(&self) -> String {
        self.name.clone()
    }

    fn footprint(&self) -> Footprint<'_> {
        Footprint { sees_all: self.if_required, ..Footprint::default() }
    }

    fn resolve(arguments: Self, _: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check()?;
        Ok(arguments)
    }

    fn seconds(&self) -> Option<u32> {
        Some(self.timeout)
    }

    /// Which start of the host it was when the step began is kept until the host is back.
    fn proves_afterwards(&self) -> bool {
        true
    }

    /// A line for all of them: `asks` and why, or `fine`, or `unknown` and why.
    fn probe(batch: &[&Self]) -> Script {
        match batch.iter().any(|reboot| reboot.if_required) {
            true => ASKS.script().then(sh!("asks; say \"$asked\"")),
            false => Script::default(),
        }
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Looked<ObservedReboot>>, Unreadable> {
        let said = entry::lines(output).next().unwrap_or_default();
        let asks = match said.split_once(' ') {
            _ if said == "fine" => Ok(None),
            Some(("asks", why)) => Ok(Some(why.to_owned())),
            Some(("unknown", why)) => Err(Unknown::new(why)),
            _ => Err(Unknown::new("the host did not report whether it needs a reboot")),
        };
        let observe = |reboot: &&Self| match reboot.if_required {
            true => asks.clone().map(|asks| ObservedReboot { asks }),
            false => Ok(ObservedReboot { asks: None }),
        };
        Ok(batch.iter().map(observe).collect())
    }

    fn before(&self, _: &ObservedReboot) -> Vec<Before> {
        Vec::new()
    }

    fn can_be_put_back(&self) -> bool {
        false
    }

    fn plan(&self, observed: &ObservedReboot) -> Option<Change> {
        let why = observed.asks.as_deref()?;
        Some(Change::new(Effect::Run, vec![Field::new("host", why, "restarted")]))
    }

    fn apply(&self, _: Option<&()>) -> Step {
        self.step()
    }

    fn react(&self, _reaction: Reaction) -> Step {
        self.step()
    }
}

impl Reboot {
    /// Checks what the types alone cannot.
    fn check(&self) -> Result<(), ArgumentError> {
        check_name(&self.name)?;
        if self.timeout == 0 {
            return Err(ArgumentError::new("timeout", "must be at least 1 second"));
        }
        Ok(())
    }

    /// Both its own change and a reaction may stand in one shell: that is one restart.
    fn step(&self) -> Step {
        let step = match self.if_required {
            true => sh!(
                "{}
was_begun || asks
case ${{asked-}} in
fine) say 'the host does not ask for a restart' ;;
'unknown '*) die \"${{asked#unknown }}\" ;;
*) go_down {} ;;
esac",
                ASKS.script(),
                self.name
            ),
            false => sh!("go_down {}", self.name),
        };
        REBOOT.script().then(step).into()
    }
}

static ASKS: Library = Library::new("asks", &[include_str!("asks.sh")]);

static REBOOT: Library = Library::new("reboot", &[include_str!("reboot.sh")]);
