//! A segment that goes on on its host without the connection that began it: what it prints goes to a log there, and the
//! connection only reads along. Pure.

use super::segment::Segment;
use crate::{prelude, script::Script, sh};

/// A file of a segment, in the words of a shell.
pub(super) fn file(id: &str, what: &str) -> Script {
    sh!("\"$STATE/work/\"{}", format!("{id}.{what}"))
}

/// Begins a segment, and reads along. It holds the lock itself. Whatever a connection does that is gone or stands still, `tee` goes
/// on once `cat` is no more; and no more of its log is kept than anybody reads, in bytes.
pub(super) fn begin(segment: &Segment, stage: Option<&str>, most: usize) -> Script {
    let file = |what| file(&segment.id, what);
    // In blocks of 512 bytes: ulimit in POSIX.
    let blocks = most / 512 + 1;
    prelude::changing().then(prelude::work()).then(sh!(
        "[ -d \"$STATE/work\" ] || mkdir -p -m 700 \"$STATE/work\"
trap : HUP INT TERM
(named {}
trap : HUP INT TERM
({}
) 8>&- 9>&-
printf '\\n%s over %s\\n' {} $?) 2>&1 |
(exec 9>&-
named {}
trap '' HUP INT PIPE TERM XFSZ
ulimit -f {}
exec tee {} 2>/dev/null) |
(exec 9>&-
named {}
trap '' HUP INT TERM
exec cat)",
        file("pid"),
        segment.body(stage),
        segment.id,
        file("tee"),
        blocks,
        file("log"),
        file("cat")
    ))
}

/// Reads on what a segment printed, from a byte on, until it is over: over another connection, which takes the place of the first.
/// It ends with [`NOT_FOUND`] where nothing is known of it, and with [`RESTARTED`] where this is not that `start` of the host.
pub(super) fn read_on(id: &str, from: usize, start: &str) -> Script {
    let file = |what| file(id, what);
    prelude::reading().then(prelude::work()).then(sh!(
        "at={} log={}
{{ read -r start </proc/sys/kernel/random/boot_id; }} 2>/dev/null
[ \"${{start-}}\" = {} ] || exit {}
[ -f \"$log\" ] || exit {}
if runs {}; then kill -KILL \"$pid\"; fi
while :; do
  last=yes
  if runs {}; then last=; elif runs {}; then grep -q '^'{}' over ' \"$log\" || last=; fi
  size=$(stat -c %s \"$log\") || exit
  if [ \"$size\" -gt \"$at\" ]; then
    tail -c +$((at + 1)) \"$log\" | head -c $((size - at))
    at=$size
  fi
  [ -z \"$last\" ] || break
  sleep 1
done
{}",
        from,
        file("log"),
        start,
        RESTARTED,
        NOT_FOUND,
        file("cat"),
        file("pid"),
        file("tee"),
        id,
        free(id)
    ))
}

/// How reading on ends where there is no such segment.
pub(super) const NOT_FOUND: i32 = 3;

/// How it ends where the host was started anew.
const RESTARTED: i32 = 4;

/// Ends a segment with all that it started.
pub(super) fn ending(id: &str) -> Script {
    let pid = file(id, "pid");
    let functions = prelude::reading().then(prelude::work()).then(prelude::signal());
    functions.then(sh!(
        "for signal in TERM KILL; do
  if runs {}; then signal_below \"$pid\" $signal; sleep 2; fi
done
if runs {}; then kill -KILL \"$pid\"; fi",
        pid,
        pid
    ))
}

/// Ends the reading along of a segment that is over, whatever it started and left there: that may have its output still.
fn free(id: &str) -> Script {
    sh!("if runs {}; then kill -KILL \"$pid\"; fi", file(id, "tee"))
}

/// [`free`] as a script of its own.
pub(super) fn freeing(id: &str) -> Script {
    prelude::reading().then(prelude::work()).then(free(id))
}

/// Lets a segment end after the part that runs, be it the last.
pub(super) fn stopping(id: &str) -> Script {
    prelude::reading().then(sh!(": >{}", file(id, "stop")))
}

/// Removes what is left of a segment of which all is known.
pub(super) fn forgetting(id: &str) -> Script {
    prelude::reading().then(sh!("rm -f -- {}.*", sh!("\"$STATE/work/\"{}", id)))
}
