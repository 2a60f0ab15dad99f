//! One run at a time on a host: a lock that the connection holds, and that is gone when the connection is.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;

use super::fleet::Fleet;
use crate::{
    prelude,
    remote::{Captured, RemoteError},
    script::Script,
    sh,
};

/// How often a lock that is held is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What the script prints first when the lock was taken.
const TAKEN: &str = "taken";

/// Takes the lock of each host. Those that another run holds for longer than `wait` are lost to this run.
pub(super) async fn take(hosts: &[Arc<str>], who: &str, wait: Duration, fleet: &Fleet) {
    let script = prelude::script().then(script(who));
    let take = async |host: &Arc<str>| {
        let _place = fleet.place().await;
        take_one(host, &script, wait, fleet).await;
    };
    join_all(hosts.iter().map(take)).await;
}

async fn take_one(host: &Arc<str>, script: &Script, wait: Duration, fleet: &Fleet) {
    let began = Instant::now();
    loop {
        let Ok(remote) = fleet.remote(host).await else { return };
        let mut said = Captured::default();
        if let Err(error) = remote.keep(script, &mut said).await {
            fleet.lose(host, error).await;
            return;
        }
        let said = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        if said == TAKEN {
            return;
        }
        if began.elapsed() >= wait {
            let message = format!("another run holds the host: {said}");
            let hint = "wait for it to end, or let this one wait: --lock-wait SECONDS".to_owned();
            fleet.lose(host, RemoteError::Unreachable { message, hint: Some(hint) }).await;
            return;
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// Takes the lock, or says who holds it. Where there is no `flock`, a folder is the lock: making one is atomic too.
fn script(who: &str) -> Script {
    sh!(
        "who={}
mkdir -p \"$STATE\" || say \"nobody: $STATE cannot be made\"
if [ -d \"$STATE\" ] && has flock; then
  if [ ! -e \"$STATE/lock\" ]; then (umask 022; : >>\"$STATE/lock\"); fi
  exec 9<\"$STATE/lock\"
  if flock -n 9; then say \"$who\" >\"$STATE/holder\"; say {}
  else exec 9<&-; cat \"$STATE/holder\"; fi
elif mkdir \"$STATE/lock.held\" 2>/dev/null; then
  say \"$who\" >\"$STATE/holder\"
  AT_END=\"${{AT_END:-:}}; rm -rf '$STATE/lock.held'\"; trap 'eval \"$AT_END\"' 0
  say {}
else cat \"$STATE/holder\"; fi",
        who,
        TAKEN,
        TAKEN
    )
}
