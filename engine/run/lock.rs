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

/// Takes the lock of each host, and says whether another run had one first. Those that it holds for longer than `wait`
/// are lost to this run.
pub(super) async fn take(hosts: &[Arc<str>], who: &str, wait: Duration, fleet: &Fleet) -> bool {
    let script = prelude::reading().then(script(who));
    let take = async |host: &Arc<str>| {
        let _place = fleet.place().await;
        take_one(host, &script, wait, fleet).await
    };
    join_all(hosts.iter().map(take)).await.contains(&true)
}

async fn take_one(host: &Arc<str>, script: &Script, wait: Duration, fleet: &Fleet) -> bool {
    let began = Instant::now();
    let mut waited = false;
    loop {
        let Ok(remote) = fleet.remote(host).await else { return waited };
        let mut said = Captured::default();
        if let Err(error) = remote.keep(script, &mut said).await {
            fleet.lose(host, error);
            return waited;
        }
        let said = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        if said == TAKEN {
            return waited;
        }
        if began.elapsed() >= wait {
            let message = format!("another run holds the host: {said}");
            let hint = "wait for it to end, or let this one wait: --lock-wait SECONDS".to_owned();
            fleet.lose(host, RemoteError::Unreachable { message, hint: Some(hint) });
            return waited;
        }
        if !std::mem::replace(&mut waited, true) {
            fleet.warn(format!("waiting for {host}, which another run holds: {said}"));
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// Takes the lock, or says who holds it. Where there is no `flock`, a folder is the lock: making one is atomic too.
fn script(who: &str) -> Script {
    sh!(
        "who={}
mkdir -p \"$STATE\" || :
if [ -d \"$STATE\" ] && has flock; then
  if [ ! -e \"$STATE/lock\" ]; then (umask 022; : >>\"$STATE/lock\"); fi
  exec 9<\"$STATE/lock\"
  if flock -n 9; then say \"$who\" >\"$STATE/holder\"; say {}
  else exec 9<&-; cat \"$STATE/holder\"; fi
elif mkdir \"$STATE/lock.held\" 2>/dev/null; then
  say \"$who\" >\"$STATE/holder\"
  AT_END=\"${{AT_END:-:}}; rm -rf '$STATE/lock.held'\"; trap 'eval \"$AT_END\"' 0
  say {}
elif [ -d \"$STATE\" ]; then
  say \"$(cat \"$STATE/holder\") (if that run is over, remove $STATE/lock.held)\"
else say \"nobody can: $STATE cannot be made\"; fi",
        who,
        TAKEN,
        TAKEN
    )
}
