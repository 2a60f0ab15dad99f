//! How the lock of a run is broken that is gone.

use super::{detached, lock::HELD_BY};
use crate::{base::script::Script, resources::prelude, sh};

/// Breaks the lock of a run of which nothing was heard for a minute, which its watch did not do: what it has still to do is ended. Says
/// [`FREE`], [`BROKEN`] and who had it, or [`HELD`] and who has it.
pub(crate) fn breaking() -> Script {
    let functions = prelude::reading().then(prelude::segment()).then(prelude::signal());
    functions.then(sh!(
        "free() {{
  if has flock && [ -e \"$STATE/lock\" ]; then (exec 9<\"$STATE/lock\" && flock -n 9) || return; fi
  [ ! -d \"$STATE/lock.held\" ]
}}
if free; then say {}; exit; fi
pid= holder=; {{ read -r pid holder <\"$STATE/holder\"; }} 2>/dev/null
shell=${{pid:-x}}
{}
set -- \"$STATE/holder\"
[ ! -e \"$STATE/heard\" ] || set -- \"$@\" \"$STATE/heard\"
# Who cannot be asked when somebody was heard may have been just now.
lately=$(find \"$@\" -prune -mmin -1) || lately=unknown
if [ -n \"$lately\" ]; then say {} \"$holder\"; exit; fi
segment=$STATE/segment id=; {{ read -r _ id _ <\"$segment/pid\"; }} 2>/dev/null
{}
if held; then kill -KILL \"$shell\"; fi
pid=; {{ read -r pid _ <\"$STATE/lock.held/by\"; }} 2>/dev/null
if [ \"$pid\" = \"$shell\" ]; then rm -rf \"$STATE/lock.held\"; fi
for try in 1 2 3; do
  now=; {{ read -r _ now <\"$STATE/holder\"; }} 2>/dev/null
  if [ \"$now\" != \"$holder\" ]; then say {} \"$holder\"; exit; fi
  if free; then emptied \"$STATE/segment/log\"; say {} \"$holder\"; exit; fi
  sleep 1
done
say {} \"$holder\"",
        FREE,
        Script::trusted(HELD_BY),
        HELD,
        Script::trusted(detached::END),
        BROKEN,
        BROKEN,
        STUCK
    ))
}

/// Nobody has the lock.
pub(crate) const FREE: &str = "free";

/// A run has it that was heard a moment ago.
pub(crate) const HELD: &str = "held";

/// Something has it that could not be ended.
pub(crate) const STUCK: &str = "stuck";

/// It was broken.
pub(crate) const BROKEN: &str = "broken";
