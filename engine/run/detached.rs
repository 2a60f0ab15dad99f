//! A segment that goes on on its host without the connection that began it: what it prints goes to a log there, and the
//! connection only reads along. Pure.

use super::{lock, segment::Segment};
use crate::{base::script::Script, resources::prelude, sh};

/// Begins a segment, and reads along. It holds the lock itself. Whatever a connection does that is gone or stands still, `tee` goes
/// on once `cat` is no more; and no more of its log is kept than anybody reads, in bytes. Then comes a look, if there is one. One
/// that `takes_lock` along with it says how that went; if it was not taken at once and as it was left, nothing runs.
pub(super) fn begin(
    segment: &Segment,
    stage: Option<&str>,
    most: usize,
    look: Option<&Script>,
    takes_lock: bool,
) -> Script {
    // In blocks of 512 bytes: ulimit in POSIX.
    let blocks = most / 512 + 1;
    let locked = |how: &str| {
        sh!("printf '\\n%s locked %s\\n' {} \"$lock_said\"{}", segment.id, Script::trusted(how))
    };
    let mut begins = Script::default();
    let mut says_so = Script::default();
    if takes_lock {
        begins.push(sh!(
            "[ \"${{lock_said%% *}}\" = {} ] || {{ {}; }}",
            lock::TAKEN,
            locked("; exit 1")
        ));
        // It is named by now: its run sees that, or it sees here that it was given up.
        says_so = sh!(
            "if is_void \"$id\"; then printf '\\n%s locked void\\n\\n%s over 1\\n' \"$id\" \"$id\"; exit; fi\n{}",
            locked("")
        );
    }
    let mut starts = segment.place();
    if segment.is_aside {
        starts.push(sh!("booted\nlock_said=\"aside $start\""));
    }
    let begins = begins.then(prelude::changing()).then(prelude::segment()).then(starts).then(sh!(
        "[ -d \"$segment\" ] || mkdir -p -m 700 \"$segment\"
{{ true >\"$segment/log\"; }} 2>/dev/null
ended=; trap ended=yes HUP INT TERM
(named \"$segment/pid\" \"$id ${{lock_said#* }}\"
trap : HUP INT TERM
{}
{}
({}
) 8>&- 9>&-
printf '\\n%s over %s\\n' \"$id\" $?) 2>&1 |
(exec 9>&-
named \"$segment/tee\" \"$id\"
trap '' HUP INT PIPE TERM XFSZ
ulimit -f {}
exec tee \"$segment/log\" 2>/dev/null) |
(exec 9>&-
named \"$segment/cat\" \"$id\"
trap '' HUP INT TERM
exec cat)",
        says_so,
        segment.guard.as_ref().map(|guard| guard.arming(&segment.id)).unwrap_or_default(),
        segment.body(stage),
        blocks
    ));
    match look {
        Some(look) => begins.then(sh!("[ -z \"$ended\" ] || exit\nexec 9>&-\n{}", look)),
        None => begins,
    }
}

/// Reads on what a segment printed, from a byte on, until it is over: over another connection, which takes the place of the first.
/// It ends with [`NOT_FOUND`] where nobody but `who` has had the host since, and the segment was not begun; and with [`GONE`] where
/// another run has had it, or this is not that `start` of the host: nothing can be known then. A segment that took the lock along with
/// it, of which nothing was heard, wrote itself down which start it was; and so did one that is aside.
pub(super) fn read_on(segment: &Segment, from: usize, start: &str, who: &str) -> Script {
    prelude::reading().then(prelude::segment()).then(segment.place()).then(sh!(
        "at={} was={} found= began= holder=
booted
{{ read -r _ found began _ <\"$segment/pid\"; }} 2>/dev/null
if [ -z \"$was\" ]; then
  [ \"$found\" = \"$id\" ] || exit {}
  was=$began
fi
[ \"${{start%:*}}\" != '' ] && [ \"$start\" = \"$was\" ] || exit {}
if [ \"$found\" != \"$id\" ]; then
  {{ read -r _ holder <\"$STATE/holder\"; }} 2>/dev/null
  if [ \"$holder\" = {} ]; then exit {}; else exit {}; fi
fi
if runs \"$segment/cat\" \"$id\"; then kill -KILL \"$pid\"; fi
gone=0
while :; do
  # What was printed last may be on its way to the log.
  if runs \"$segment/pid\" \"$id\"; then gone=0; elif runs \"$segment/tee\" \"$id\"; then gone=$((gone + 1)); else gone=2; fi
  size=$(stat -c %s \"$segment/log\") || exit
  {{ read -r _ found _ <\"$segment/pid\"; }} 2>/dev/null
  [ \"$found\" = \"$id\" ] || exit {}
  if [ \"$size\" -gt \"$at\" ]; then
    tail -c +$((at + 1)) \"$segment/log\" | head -c $((size - at))
    at=$size
  fi
  [ \"$gone\" -lt 2 ] || break
  sleep 1
done
{}",
        from,
        start,
        NOT_FOUND,
        GONE,
        who,
        NOT_FOUND,
        GONE,
        GONE,
        Script::trusted(FREE)
    ))
}

/// How reading on ends where the segment was not begun.
pub(super) const NOT_FOUND: i32 = 3;

/// How it ends where it cannot be known.
const GONE: i32 = 4;

/// Ends the reading along of a segment, which is over, whatever it started and left there: that may have its output still.
const FREE: &str = r#"if runs "$segment/tee" "$id"; then kill -KILL "$pid"; fi"#;

/// [`FREE`] as a script of its own.
pub(super) fn freeing(segment: &Segment) -> Script {
    let functions = prelude::reading().then(prelude::segment());
    functions.then(segment.place()).then(Script::trusted(FREE))
}

/// Ends a segment with all that it started.
pub(super) fn ending(segment: &Segment) -> Script {
    let functions = prelude::reading().then(prelude::segment()).then(prelude::signal());
    functions.then(segment.place()).then(Script::trusted(END))
}

/// Ends the segment `$id` of the folder `$segment` with all that it started, and who reads along: something may have its output that none of this reaches.
pub(super) const END: &str = r#"for signal in TERM KILL; do
  if runs "$segment/pid" "$id"; then signal_below "$pid" $signal; sleep 2; fi
done
for one in pid tee cat; do
  if runs "$segment/$one" "$id"; then kill -KILL "$pid"; fi
done"#;

/// Lets a segment end after the part that runs, be it the last.
pub(super) fn stopping(segment: &Segment) -> Script {
    prelude::reading().then(segment.place()).then(sh!("say \"$id\" >\"$segment/stop\""))
}

/// Gives up a segment that may still be on its way with the lock: what is not named after that never begins. The last few are kept,
/// for as long as any of them could arrive.
pub(super) fn voiding(segment: &Segment) -> Script {
    prelude::reading().then(sh!(
        "[ -d \"$STATE\" ] || mkdir -p -m 700 \"$STATE\"
void=$({{ tail -n 20 \"$STATE/void\"; }} 2>/dev/null) || void=
printf '%s\\n' ${{void:+\"$void\"}} {} >\"$STATE/void.new\"
mv -f \"$STATE/void.new\" \"$STATE/void\"",
        segment.id
    ))
}

/// Leaves nothing of what a segment printed, which is known by now: in the shell that has the lock, without a process.
pub(super) fn forgetting(segment: &Segment) -> Script {
    if segment.is_aside {
        let place = prelude::reading().then(segment.place());
        return sh!("({}rm -rf \"$segment\")", place);
    }
    sh!(
        "{{ [ ! -s \"$lock_state/segment/log\" ] || true >\"$lock_state/segment/log\"; }} 2>/dev/null"
    )
}
