//! One run at a time on a host: a lock that its shell holds, and what works there.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use tokio::time::Instant;

use super::{
    fleet::Fleet,
    lease::{self, UNWATCH},
};
use crate::{
    base::script::{Library, Script},
    io::remote::{RemoteError, one_line},
    resources::prelude,
    sh,
};

/// How often a lock that is held is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What the script prints when the lock was taken, before which start of the host this is.
pub(super) const TAKEN: &str = "taken";

/// What it prints instead, when what a run had left there was put in order.
const RECOVERED: &str = "recovered";

/// What it prints last when nobody else has had the lock since we had it.
const AGAIN: &str = "again";

/// What it prints when nobody can take it, before why.
const NOBODY: &str = "nobody can: ";

/// Why the lock was not taken, by what its script `said`.
pub(super) fn untaken(said: String, who: &str) -> RemoteError {
    if let Some(why) = said.strip_prefix(NOBODY) {
        let hint = "the account that runs the scripts keeps its state there".to_owned();
        let message = format!("cannot lock the host: {why}");
        return RemoteError::Unreachable { message, hint: Some(hint) };
    }
    if said == who {
        let message =
            "this run holds its lock already: two names in the inventory are the same host";
        let hint = Some("remove one of the two names".to_owned());
        return RemoteError::Unreachable { message: message.to_owned(), hint };
    }
    RemoteError::Locked(said)
}

/// Takes the lock of each of these hosts, which are in order, and says whether another run had one first, or had left something
/// that was put back. Those that it holds for longer than `wait` are lost to this run.
///
/// All are tried at once. Who has to wait for one gives those back that come after it: so no two runs wait for each other.
pub(super) async fn take(hosts: &[Arc<str>], who: &str, wait: Duration, fleet: &Fleet) -> bool {
    let script = trying(who);
    let tries = Tries { script, who, fleet };
    let began = Instant::now();
    let (mut left, mut anew) = (hosts, false);
    loop {
        let tried = join_all(left.iter().map(|host| tries.take(host))).await;
        anew |= tried.contains(&Tried::Recovered);
        let held = left.iter().zip(&tried).filter_map(|(host, tried)| Some((host, tried.held()?)));
        let Some((first, by)) = held.clone().next() else { return anew };
        if began.elapsed() >= wait {
            held.for_each(|(host, by)| fleet.lose(host, RemoteError::Locked(by.to_owned())));
            return anew;
        }
        anew = true;
        let after = left.iter().position(|host| host == first).map_or(left.len(), |at| at + 1);
        let taken = tried[after..].iter().map(|tried| tried.held().is_none());
        let back = left[after..].iter().zip(taken).filter(|(_, taken)| *taken);
        join_all(back.map(|(host, _)| tries.give_back(host))).await;
        fleet.warn(format!("waiting for {first}, which another run holds: {by}"));
        tries.wait(first, began, wait).await;
        left = &left[after..];
    }
}

/// Ends the shell that has the lock still for `who`, of a connection that was lost: it begins nothing any more then.
pub(super) fn ousting(who: &str) -> Script {
    prelude::reading().then(sh!(
        "pid= holder=; {{ read -r pid holder <\"$STATE/holder\"; }} 2>/dev/null
[ \"$holder\" = {} ] || exit 0
shell=$pid
{}
for signal in TERM KILL KILL KILL; do
  if held; then kill -$signal \"$shell\"; sleep 1; fi
done",
        who,
        Script::trusted(HELD_BY)
    ))
}

/// `held` says whether $shell has the lock.
pub(super) const HELD_BY: &str = r#"held() { [ "/proc/$shell/fd/9" -ef "$STATE/lock" ] || [ "/proc/$shell/fd/9" -ef "$STATE/lock.held/by" ]; }"#;

/// Says which start of the host this is.
pub(super) fn starting() -> Script {
    prelude::reading().then(prelude::segment()).then(sh!("booted; say \"$start\""))
}

/// Takes the lock of a host again over another connection, once the shell of the first is gone. A host that another run has had
/// in between is not as it was: it is lost to this run.
pub(super) async fn retake(host: &Arc<str>, who: &str, fleet: &Fleet) -> bool {
    let tries = Tries { script: trying(who), who, fleet };
    let Some(said) = tries.keep(host, &tries.script).await else { return false };
    let is_ours = is_taken(&said);
    if is_ours && said.ends_with(AGAIN) {
        return true;
    }
    if is_ours {
        tries.give_back(host).await;
    }
    let why = match is_ours {
        true => RemoteError::Locked("another run held it while the connection was lost".to_owned()),
        false if said == who => {
            let message = "processes of the lost connection could not be ended".to_owned();
            RemoteError::Left(message)
        }
        false => untaken(said, who),
    };
    fleet.lose(host, why);
    false
}

/// Takes the lock that a segment was to take along with it, of which nothing was heard; unless it did so meanwhile.
pub(super) async fn came_late(host: &Arc<str>, who: &str, fleet: &Fleet) -> bool {
    let tries = Tries { script: trying(who), who, fleet };
    tries.keep(host, &tries.script).await.is_some_and(|said| said == who)
}

/// What came of trying to take a lock.
#[derive(Debug, PartialEq, Eq)]
enum Tried {
    /// It is ours.
    Taken,
    /// It is ours, and what a run had left there was put in order.
    Recovered,
    /// Another run has it, which says who it is.
    Held(String),
    /// The host is lost to this run.
    Lost,
}

impl Tried {
    fn held(&self) -> Option<&str> {
        match self {
            Tried::Held(by) => Some(by),
            _ => None,
        }
    }
}

/// Takes locks.
struct Tries<'a> {
    script: Script,
    who: &'a str,
    fleet: &'a Fleet,
}

impl Tries<'_> {
    async fn take(&self, host: &Arc<str>) -> Tried {
        let Some(said) = self.keep(host, &self.script).await else { return Tried::Lost };
        match first_word(&said) {
            "" => {
                let message = "the host did not report whether it is locked".to_owned();
                self.fleet.lose(host, RemoteError::Left(message));
                Tried::Lost
            }
            TAKEN => Tried::Taken,
            RECOVERED => Tried::Recovered,
            _ if said == self.who || said.starts_with(NOBODY) => {
                self.fleet.lose(host, untaken(said, self.who));
                Tried::Lost
            }
            _ => Tried::Held(said),
        }
    }

    /// Takes the lock of a host once it is free, if that is soon enough.
    async fn wait(&self, host: &Arc<str>, began: Instant, wait: Duration) {
        loop {
            tokio::time::sleep(AGAIN_AFTER).await;
            match self.take(host).await {
                Tried::Held(by) if began.elapsed() >= wait => {
                    return self.fleet.lose(host, RemoteError::Locked(by));
                }
                Tried::Held(_) => {}
                Tried::Taken | Tried::Recovered | Tried::Lost => return,
            }
        }
    }

    async fn give_back(&self, host: &Arc<str>) {
        self.keep(host, &Script::trusted(format!("{UNWATCH}; {GIVE_BACK}"))).await;
    }

    /// What a script said that the shell of the host keeps.
    async fn keep(&self, host: &Arc<str>, script: &Script) -> Option<String> {
        let _place = self.fleet.place().await;
        let remote = self.fleet.remote(host).await.ok()?;
        let mut said = self.fleet.answer(0);
        match remote.keep(script, &mut said).await {
            Ok(_) => {
                let said = one_line(&said.stdout);
                let start = start_of(&said).to_owned();
                let held = is_taken(&said).then(|| (remote, start, self.who.to_owned()));
                self.fleet.hold(host, held);
                Some(said)
            }
            Err(error) => {
                self.fleet.lose(host, error);
                None
            }
        }
    }
}

pub(super) fn is_taken(said: &str) -> bool {
    [TAKEN, RECOVERED].contains(&first_word(said))
}

/// Whether the lock was taken, and nothing that a run had left there was put in order.
pub(super) fn is_as_left(said: &str) -> bool {
    first_word(said) == TAKEN
}

/// Which start of the host the lock was taken in, by what its script `said`.
pub(super) fn start_of(said: &str) -> &str {
    said.split(' ').nth(1).unwrap_or_default()
}

fn first_word(said: &str) -> &str {
    said.split(' ').next().unwrap_or_default()
}

/// What the shell does before a segment that takes the lock along with it: it runs only if `$lock_said` begins with [`TAKEN`].
pub(super) fn taking(who: &str, segment: &str) -> Script {
    prelude::reading().then(script(who, segment))
}

/// Takes the lock, and says whether it did.
fn trying(who: &str) -> Script {
    taking(who, "").then(sh!("printf '%s\\n' \"$lock_said\""))
}

/// Gives the lock back that the shell has.
const GIVE_BACK: &str =
    r#"if [ -n "${lock_folder-}" ]; then rm -rf "$lock_folder"; lock_folder=; fi; exec 9<&-"#;

/// What the shell does about its lock when it ends.
const AT_END: &str = r#"case ${AT_END-} in
*lock_watch*) ;;
*) AT_END="${AT_END:-:}; $at_end; [ -z \"\${lock_folder-}\" ] || rm -rf \"\$lock_folder\"" ;;
esac
trap 'eval "$AT_END"' 0; trap 'exit 1' HUP INT PIPE TERM"#;

/// The functions that take the lock.
static LOCK: Library = Library::new("lock", &[include_str!("lock.sh")]);

/// Takes the lock, and leaves in $lock_said that it did, or who holds it. Where there is no `flock`, a folder is the lock: making one
/// is atomic too. The shell keeps what it does; of ours that must be nothing but the lock and the names of libraries, or a command of
/// the user would find it. A segment that was given up takes no lock.
fn script(who: &str, segment: &str) -> Script {
    let taken = sh!(
        "if was_ours; then again=' '{}; fi
say \"$$ $who\" >\"$STATE/holder\"
[ -s \"$STATE/heard\" ] || say nobody.is.heard.so.far >\"$STATE/heard\"
at_end={}
{}
{}
leftovers; recover; outlived; if [ -n \"$recovered\" ]; then said={}; else said={}; fi
booted
holder=\"$said $start$again\"",
        AGAIN,
        UNWATCH,
        Script::trusted(AT_END),
        lease::watch(),
        RECOVERED,
        TAKEN
    );
    let functions = prelude::leftovers().then(prelude::recovery()).then(prelude::segment());
    let functions = functions.then(LOCK.script());
    functions.then(sh!(
        "who={} holder= locked= again=
[ -d \"$STATE\" ] || mkdir -p -m 700 \"$STATE\" || :
if is_void {}; then holder=void
elif [ -d \"$STATE\" ] && [ ! -O \"$STATE\" ]; then holder={}\"$STATE belongs to another account\"
elif [ -d \"$STATE\" ] && has flock; then
  lock=$STATE/lock
  [ -d \"$STATE/segment\" ] || private_lock
  take_lock || {{ private_lock; take_lock; }} || exec 9<&-
  if [ -n \"$locked\" ]; then {}
  elif [ ! -r \"$STATE/lock\" ]; then holder={}\"$STATE/lock cannot be made or read\"
  else holder; fi
elif [ -d \"$STATE\" ] && lock_folder; then
  lock_folder=$STATE/lock.held lock=$STATE/lock.held/by
  say \"$$ $start\" >\"$lock\"
  exec 9<\"$lock\"
  {}
elif [ -d \"$STATE\" ] && {{ [ -e \"$STATE/lock.held\" ] || guarded; }}; then holder
else holder={}\"$STATE, or the lock in it, cannot be made\"; fi
lock_said=$holder
unset -f say die has enter way down leads theirs strayed free ends closed
unset -f leftover leftovers recover outlived is_armed fired was_ours guarded take_back is_as_doubted private_lock take_lock lock_folder holder
unset -f named runs booted is_void emptied keep_watch nap
unset who holder was said start again locked lock work pid by now whose void at at_end held left list lists folder recovered STATE",
        who,
        segment,
        NOBODY,
        taken,
        NOBODY,
        taken,
        NOBODY
    ))
}

#[cfg(test)]
mod tests;
