//! A run that holds a host says now and then that it is still there. Where nobody is heard for 45 to 60 seconds, the shell that has the
//! lock ends, once what it runs is over.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::AbortHandle,
    time::{sleep, timeout},
};

use super::nonce;
use crate::{
    prelude,
    remote::{Captured, Exit, Remote, RemoteError},
    script::Script,
    sh,
};

/// How often the run is heard.
const EVERY: Duration = Duration::from_secs(10);

/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Says it as long as this is kept. It is written in place, which a full disk does not keep it from.
pub(super) struct Lease(AbortHandle);

impl Lease {
    /// Speaks for `who` over this way. Whoever does not hold the host any more is not heard. `warn` is told if that never works.
    pub(super) fn begin(
        remote: Arc<dyn Remote>,
        who: String,
        warn: impl FnOnce(String) + Send + 'static,
    ) -> Self {
        let says = async move {
            let mut warn = Some(warn);
            loop {
                sleep(EVERY).await;
                let heard = prelude::reading().then(sh!(
                    "holder=; {{ read -r _ holder <\"$STATE/holder\"; }} 2>/dev/null
[ \"$holder\" != {} ] || say {} 1<>\"$STATE/heard\"",
                    who,
                    nonce()
                ));
                let why = match timeout(PATIENCE, remote.beside(&heard)).await {
                    Ok(Ok(Exit(0))) => {
                        warn = None;
                        continue;
                    }
                    // Another connection takes its place, if there is one.
                    Ok(Err(RemoteError::Lost(_) | RemoteError::Left(_))) => return,
                    Ok(Err(RemoteError::Unreachable { .. })) => continue,
                    Ok(Err(error)) => {
                        // Nobody can be heard beside the shell: then nobody is missed either.
                        let unwatch = Script::trusted(UNWATCH);
                        let _ = remote.run(&unwatch, &mut Captured::default()).await;
                        error.to_string()
                    }
                    Ok(Ok(Exit(status))) => format!("a script ended with exit status {status}"),
                    Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
                };
                if let Some(warn) = warn.take() {
                    warn(why);
                }
            }
        };
        Self(tokio::spawn(says).abort_handle())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Ends a shell that nobody uses any more. `$1` is the shell, `$2` the folder of the state, `$3` the lock. Whoever reads along, and
/// whoever only has the output of something that is over, ends at once; the shell when nothing works below it any more. It heeds
/// nothing but KILL while it reads: so what it would have done at its end is done here.
const WATCH: &str = r#"cd "$2" || exit
heard= missed=0
{ read -r heard <heard; } 2>/dev/null
while sleep 15 && [ "/proc/$1/fd/9" -ef "$3" ]; do
  last=$heard
  { read -r heard <heard; } 2>/dev/null
  if [ "$heard" != "$last" ]; then missed=0; continue; fi
  missed=$((missed + 1))
  [ "$missed" -ge 3 ] || continue
  if runs segment/cat; then kill -KILL "$pid"; fi
  if runs segment/pid; then kill "$1"; continue; fi
  if runs segment/tee; then kill -KILL "$pid"; fi
  kill -KILL "$1"
  tries=0
  while kill -0 "$1" 2>/dev/null && [ "$tries" -lt 100000 ]; do tries=$((tries + 1)); done
  leftovers
  { read -r pid _ <lock.held/by; } 2>/dev/null
  if [ "${pid-}" = "$1" ]; then rm -rf lock.held; fi
  if ! runs segment/pid; then emptied segment/log; fi
done"#;

/// Begins to watch the shell in which this runs, whose lock is the file `$lock`; leaves the process in $lock_watch. A session of its own
/// keeps it from what is done to all that the shell started.
pub(super) fn watch() -> Script {
    let watch = prelude::leftovers().then(prelude::segment()).then(Script::trusted(WATCH));
    sh!(
        "lock_watch=$(setsid=; if has setsid; then setsid=setsid; fi
$setsid sh -c {} converge-watch $$ \"$STATE\" \"$lock\" </dev/null >/dev/null 2>&1 9<&- & say $!)
lock_state=$STATE",
        watch.as_str()
    )
}

/// Ends the watch.
pub(super) const UNWATCH: &str = r#"if [ -n "${lock_watch-}" ] && [ "/proc/$lock_watch/cwd" -ef "$lock_state" ]; then kill -- "-$lock_watch" 2>/dev/null; fi; lock_watch="#;
