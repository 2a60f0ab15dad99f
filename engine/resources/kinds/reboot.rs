//! The `reboot` kind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::check_name;
use crate::{
    base::script::Script,
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

    fn resolve(&mut self, _files: &dyn Files) -> Result<(), ArgumentError> {
        check_name(&self.name)?;
        if self.timeout == 0 {
            return Err(ArgumentError::new("timeout", "must be at least 1 second"));
        }
        Ok(())
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
            true => Script::trusted(ASKS).then(sh!("asks; say \"$asked\"")),
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
                Script::trusted(ASKS),
                self.name
            ),
            false => sh!("go_down {}", self.name),
        };
        Script::trusted(GO_DOWN).then(step).into()
    }
}

/// `asks` leaves in $asked whether the host asks for a restart, and why: `reboot-required` is a file of Debian and Ubuntu,
/// `needs-restarting` a program of Red Hat's systems. A kernel counts where the one that runs lies in /boot too.
const ASKS: &str = r#"asks() {
asked=fine
for asked_at in /run/reboot-required /var/run/reboot-required; do
if [ -e "$asked_at" ]; then
asked_for=
{ read -r asked_for <"$asked_at.pkgs"; } 2>/dev/null || :
asked="asks $asked_at is there${asked_for:+, for $asked_for}"
return
fi
done
if has needs-restarting; then
asked_at=0
asked_for=$(needs-restarting -r 2>&1 </dev/null) || asked_at=$?
case $asked_at in
0) ;;
1) asked='asks needs-restarting says so'; return ;;
*) asked="unknown needs-restarting: ${asked_for##*"$nl"}"; return ;;
esac
fi
asked_for=$(uname -r) || { asked='unknown uname says nothing'; return; }
[ -e "/boot/vmlinuz-$asked_for" ] || return 0
asked_at=$(for asked_at in /boot/vmlinuz-[1-9]*; do say "${asked_at#/boot/vmlinuz-}"; done | sort -V | tail -n 1)
case $asked_at in
"$asked_for") ;;
'') asked='unknown nothing says which kernel is the newest' ;;
*) asked="asks the kernel $asked_at is installed, and $asked_for runs" ;;
esac
}"#;

/// `go_down WHY` restarts the host, unless that was done since the step was begun first: what it pays keeps which start that was.
const GO_DOWN: &str = r#"go_down() {
booted
if was_begun && [ "$begun" != "$start" ]; then say 'the host was restarted'; return 0; fi
if [ "${start%:*}" = '' ]; then die 'nothing on the host says which start of it this is'; return; fi
begun "$start"
durable "$STATE/pending" $(for marker in ${owed-}; do say "$STATE/pending/$marker"; done)
say "the host goes down: $1"
if has systemctl; then systemctl reboot; elif has shutdown; then shutdown -r now "$1"; else reboot; fi
exit 75
}"#;
