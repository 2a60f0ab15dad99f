//! One run at a time on a host: a lock that the connection holds, and that is gone when the connection is.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use tokio::time::Instant;

use super::fleet::Fleet;
use crate::{
    prelude,
    remote::{RemoteError, one_line},
    script::Script,
    sh,
};

/// How often a lock that is held is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What the script prints first when the lock was taken.
const TAKEN: &str = "taken";

/// What it prints when nobody can take it, before why.
const NOBODY: &str = "nobody can: ";

/// Why the lock was not taken, by what its script `said`.
fn untaken(said: String, who: &str) -> RemoteError {
    if let Some(why) = said.strip_prefix(NOBODY) {
        let hint = "the account that runs the scripts keeps its state there".to_owned();
        let message = format!("no lock can be taken there: {why}");
        return RemoteError::Unreachable { message, hint: Some(hint) };
    }
    if said == who {
        let message = "this run works on it already: two names of the inventory mean one host";
        let hint = Some("take one of the two names out".to_owned());
        return RemoteError::Unreachable { message: message.to_owned(), hint };
    }
    RemoteError::Locked(said)
}

/// Takes the lock of each host, and says whether another run had one first. Those that it holds for longer than `wait`
/// are lost to this run.
pub(super) async fn take(hosts: &[Arc<str>], who: &str, wait: Duration, fleet: &Fleet) -> bool {
    let script = prelude::reading().then(script(who));
    let take = async |host: &Arc<str>| {
        let _place = fleet.place().await;
        take_one(host, &script, who, wait, fleet).await
    };
    join_all(hosts.iter().map(take)).await.contains(&true)
}

async fn take_one(
    host: &Arc<str>,
    script: &Script,
    who: &str,
    wait: Duration,
    fleet: &Fleet,
) -> bool {
    let began = Instant::now();
    let mut waited = false;
    loop {
        let Ok(remote) = fleet.remote(host).await else { return waited };
        let mut said = fleet.answer(0);
        if let Err(error) = remote.keep(script, &mut said).await {
            fleet.lose(host, error);
            return waited;
        }
        let said = one_line(&said.stdout);
        if said == TAKEN {
            return waited;
        }
        let hopeless = said == who || said.starts_with(NOBODY);
        if hopeless || began.elapsed() >= wait {
            fleet.lose(host, untaken(said, who));
            return waited;
        }
        if !std::mem::replace(&mut waited, true) {
            fleet.warn(format!("waiting for {host}, which another run holds: {said}"));
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// Takes the lock, or says who holds it. Where there is no `flock`, a folder is the lock: making one is atomic too.
/// The shell keeps what it does; of ours that must be nothing but the lock, or a command of the user would find it.
fn script(who: &str) -> Script {
    sh!(
        "who={}
[ -d \"$STATE\" ] || mkdir -p \"$STATE\" || :
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
else say {}\"$STATE cannot be made\"; fi
unset -f say die has
unset who STATE",
        who,
        TAKEN,
        TAKEN,
        NOBODY
    )
}
