//! A run that holds a host says now and then that it is still there. Where nobody is heard for a minute, the shell that has the lock
//! ends by itself, once what it runs is over.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::AbortHandle,
    time::{sleep, timeout},
};

use super::nonce;
use crate::{
    prelude,
    remote::{Remote, RemoteError},
    script::Script,
    sh,
};

/// How often the run is heard.
const EVERY: Duration = Duration::from_secs(20);

/// Says it as long as this is kept.
pub(super) struct Lease(AbortHandle);

impl Lease {
    pub(super) fn begin(remote: Arc<dyn Remote>) -> Self {
        let says = async move {
            loop {
                sleep(EVERY).await;
                let heard = prelude::reading().then(sh!("say {} >\"$STATE/heard\"", nonce()));
                let said = timeout(EVERY, remote.beside(&heard)).await;
                if let Ok(Err(RemoteError::Lost(_) | RemoteError::Left(_))) = said {
                    return;
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
/// whoever only has the output of something that is over, ends at once; the shell when nothing works below it any more.
const WATCH: &str = r#"cd "$2" || exit
heard= missed=0
{ read -r heard <heard; } 2>/dev/null
while sleep 15 && [ "/proc/$1/fd/9" -ef "$3" ]; do
  last=$heard
  { read -r heard <heard; } 2>/dev/null
  if [ "$heard" != "$last" ]; then missed=0; continue; fi
  missed=$((missed + 1))
  [ "$missed" -ge 3 ] || continue
  works=
  for cat in work/*.cat; do
    if runs "$cat"; then kill -KILL "$pid"; fi
    if runs "${cat%cat}pid"; then works=yes
    elif runs "${cat%cat}tee"; then kill -KILL "$pid"; fi
  done
  # What it prints may stand still too, and then it heeds nothing else.
  if [ -z "$works" ] && [ "$missed" -ge 4 ]; then kill -KILL "$1"; else kill "$1"; fi
done"#;

/// Begins to watch the shell in which this runs, whose lock is the file `$lock`; leaves the process in $lock_watch. A session of its own
/// keeps it from what is done to all that the shell started.
pub(super) fn watch() -> Script {
    let watch = prelude::work().then(Script::trusted(WATCH));
    sh!(
        "lock_watch=$(setsid=; if has setsid; then setsid=setsid; fi
$setsid sh -c {} converge-watch $$ \"$STATE\" \"$lock\" </dev/null >/dev/null 2>&1 9<&- & say $!)
lock_state=$STATE",
        watch.as_str()
    )
}

/// Ends the watch.
pub(super) const UNWATCH: &str = r#"if [ -n "${lock_watch-}" ] && [ "/proc/$lock_watch/cwd" -ef "$lock_state" ]; then kill -- "-$lock_watch" 2>/dev/null; fi; lock_watch="#;
