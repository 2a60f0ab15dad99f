//! Changes that may keep everybody out: the host puts back what was there, unless somebody logs in anew. Pure.

use serde::Serialize;

use crate::{
    base::script::{Library, Script},
    resources::prelude,
    sh,
};

/// What guards a segment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Guard {
    /// Seconds from the end of the segment within which somebody has to log in.
    pub seconds: u32,
    /// What puts back what was there, last change first.
    pub states: Script,
    /// What reacts to that.
    pub reactions: Script,
}

impl Guard {
    /// The same, which puts back what another one guarded too, that was confirmed before: what was done with it may only show now.
    pub(super) fn with(mut self, earlier: &Self) -> Self {
        self.states.push(earlier.states.clone());
        self.reactions.push(earlier.reactions.clone());
        self
    }

    /// Arms it, before the segment `id` changes anything. What waits is nobody's child, and where there is systemd it belongs to no
    /// login: it stays whatever becomes of the segment, and of sshd.
    pub(super) fn arming(&self, id: &str) -> Script {
        let functions = prelude::reading().then(prelude::segment()).then(prelude::recovery());
        let waits = functions.then(GUARD.script()).then(sh!("guards \"$1\" \"$2\""));
        let script = prelude::changing().then(prelude::segment()).then(sh!(
            "failed=0\n{}\n{}\nexit $failed",
            self.states,
            self.reactions
        ));
        sh!(
            "guard=$STATE/guard
{{ [ -d \"$guard\" ] || mkdir -p -m 700 \"$guard\"; }} && rm -f \"$guard/done\" \"$guard/fired\" &&
printf '%s\\n' {} >\"$guard/script\" && say {} >\"$guard/armed\" &&
{{ sync -- \"$guard\" \"$guard/script\" \"$guard/armed\" 2>/dev/null || sync; }} || exit
waits() {{ CONVERGE_STATE=$STATE exec \"$@\" sh -c {} converge-guard {} {} </dev/null >/dev/null 2>&1; }}
({{ [ -d /run/systemd/system ] && [ -w /run ] && (waits systemd-run --quiet --collect --setenv=CONVERGE_STATE=\"$STATE\"); }} ||
if has setsid; then waits setsid & else waits env & fi) 8>&- 9>&-",
            script.whole(),
            id,
            waits.whole(),
            id,
            self.seconds.to_string()
        )
    }
}

static GUARD: Library = Library::new("guard", &[include_str!("guard.sh")]);

/// Confirms the segment `id`, over another connection than its own. Prints [`CONFIRMED`], [`REVERTED`] and how that ended, or [`REVERTING`].
pub(super) fn confirming(id: &str) -> Script {
    prelude::reading().then(prelude::segment()).then(sh!(
        "id= how=
{{ read -r id <\"$STATE/guard/armed\"; }} 2>/dev/null
if [ \"$id\" = {} ] && mv -f \"$STATE/guard/armed\" \"$STATE/guard/confirmed\" 2>/dev/null; then
  rm -f \"$STATE/guard/confirmed\" \"$STATE/guard/script\"
  say {}
elif {{ read -r how <\"$STATE/guard/done\"; }} 2>/dev/null; then
  say {} \"$how\"
  tail -n 20 \"$STATE/guard/log\" 2>/dev/null
else say {}; fi",
        id,
        CONFIRMED,
        REVERTED,
        REVERTING
    ))
}

/// What was changed stays.
pub(super) const CONFIRMED: &str = "confirmed";

/// What was there is there again; the exit status of what put it back follows, and what that printed.
pub(super) const REVERTED: &str = "reverted";

/// It is being put back.
pub(super) const REVERTING: &str = "reverting";
