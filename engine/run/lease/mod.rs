//! A run that holds a host says now and then that it is still there. Where nobody is heard for 45 to 60 seconds, the shell that has the
//! lock ends, once what it runs is over.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::AbortHandle,
    time::{sleep, timeout},
};

use crate::{
    base::script::{Library, Script},
    io::{
        nonce::nonce,
        remote::{Captured, Exit, Remote, RemoteError},
    },
    resources::prelude,
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

/// The function `keep_watch`, which ends a shell that nobody uses any more.
static WATCH: Library = Library::new("watch", &[include_str!("watch.sh")]);

/// Begins to watch the shell in which this runs, whose lock is the file `$lock`; leaves the process in $lock_watch. By what it holds
/// open it is told from what the shell runs, all of which may be ended.
pub(super) fn watch() -> Script {
    WATCH.script().then(sh!(
        "(exec 8<\"$STATE/heard\" 9<&-; keep_watch \"$lock\") </dev/null >/dev/null 2>&1 &
lock_watch=$! lock_state=$STATE"
    ))
}

/// Ends the watch. It is waited for: the first process of the host has more to do for one that nobody waits for.
pub(super) const UNWATCH: &str = r#"if [ -n "${lock_watch-}" ] && [ "/proc/$lock_watch/cwd" -ef "$lock_state" ]; then kill "$lock_watch" 2>/dev/null; wait "$lock_watch"; fi; lock_watch="#;
