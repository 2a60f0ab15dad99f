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

/// What it prints besides, when what a run had left there was put in order.
const RECOVERED: &str = "taken, and something was put back";

/// What it prints when nobody can take it, before why.
const NOBODY: &str = "nobody can: ";

/// Why the lock was not taken, by what its script `said`.
pub(super) fn untaken(said: String, who: &str) -> RemoteError {
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

/// Takes the lock of each host, and says whether another run had one first, or had left something that was put back. Those that it holds for longer than `wait`
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
        if said == TAKEN || said == RECOVERED {
            return waited || said == RECOVERED;
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

/// `private_lock` makes the folder and the lock such that nobody else can open them. One that others could open is made anew: who
/// has opened the old one holds nothing then. Unless a run of this account holds it, which is waited for as any other.
///
/// `take_lock` takes the lock that has the name by then, not one that was made anew meanwhile. `holder` says who holds it, not
/// who did before.
const LOCK: &str = r#"private_lock() {
case $(stat -c %a "$STATE" "$STATE/lock" 2>/dev/null) in
"700
600") return ;;
*"
600") ;;
*"
"*)
for at in /proc/[0-9]*/fd/9; do
if [ "$at" -ef "$STATE/lock" ] && [ -O "${at%/fd/9}" ]; then chmod 600 "$STATE/lock"; return; fi
done
rm -f "$STATE/lock" ;;
esac
chmod 700 "$STATE"
(umask 077; : >>"$STATE/lock")
}
take_lock() {
while exec 9<"$STATE/lock" && flock -n 9; do
if [ ! -e "/proc/$$/fd/9" ] || [ "/proc/$$/fd/9" -ef "$STATE/lock" ]; then locked=yes; return; fi
done
}
holder() {
pid=; { read -r pid holder <"$STATE/holder"; } 2>/dev/null
case $(kill -0 "${pid:-x}" 2>&1) in '') ;; *ermitted*) ;; *) holder='it has not said who it is' ;; esac
say "$holder"
}"#;

/// Takes the lock, or says who holds it. Where there is no `flock`, a folder is the lock: making one is atomic too.
/// The shell keeps what it does; of ours that must be nothing but the lock, or a command of the user would find it.
fn script(who: &str) -> Script {
    let taken = sh!(
        "say \"$$ $who\" >\"$STATE/holder\"; leftovers; recover; if [ -n \"$recovered\" ]; then say {}; else say {}; fi",
        RECOVERED,
        TAKEN
    );
    let functions = prelude::leftovers().then(prelude::recovery()).then(Script::trusted(LOCK));
    functions.then(sh!(
        "who={} holder= locked=
[ -d \"$STATE\" ] || mkdir -p -m 700 \"$STATE\" || :
if [ -d \"$STATE\" ] && [ ! -O \"$STATE\" ]; then say {}\"$STATE belongs to another account\"
elif [ -d \"$STATE\" ] && has flock; then
  private_lock; take_lock
  if [ -n \"$locked\" ]; then {}; else exec 9<&-; holder; fi
elif mkdir \"$STATE/lock.held\" 2>/dev/null; then
  AT_END=\"${{AT_END:-:}}; rm -rf '$STATE/lock.held'\"; trap 'eval \"$AT_END\"' 0; trap 'exit 1' HUP INT PIPE TERM
  {}
elif [ -d \"$STATE\" ]; then say \"$(holder) (if that run is over, remove $STATE/lock.held)\"
else say {}\"$STATE cannot be made\"; fi
unset -f say die has enter way down leads theirs strayed free ends closed
unset -f leftover leftovers recover take_back private_lock take_lock holder
unset who holder locked pid at held left list folder recovered STATE",
        who,
        NOBODY,
        taken,
        taken,
        NOBODY
    ))
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        io::{BufRead as _, BufReader, Write as _},
        os::unix::fs::{MetadataExt as _, PermissionsExt as _},
        path::Path,
        process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    };

    use super::*;

    /// A shell that stays, as that of a connection.
    struct Shell(Child, ChildStdin, BufReader<ChildStdout>);

    impl Shell {
        fn start(state: &Path, program: &[&str]) -> Self {
            let mut command = Command::new(program[0]);
            command.args(&program[1..]).env("CONVERGE_STATE", state).env("LC_ALL", "C");
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
            Self(child, stdin, BufReader::new(stdout))
        }

        fn says(&mut self, script: &str) -> String {
            self.1.write_all(format!("{script}\n").as_bytes()).unwrap();
            let mut line = String::new();
            self.2.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        }

        fn takes(&mut self, who: &str) -> String {
            self.says(prelude::reading().then(script(who)).as_str())
        }

        fn end(mut self) {
            drop(self.1);
            self.0.wait().unwrap();
        }
    }

    const SHELLS: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

    fn shells() -> impl Iterator<Item = &'static [&'static str]> {
        let there = |shell: &&[&str]| {
            let run = Command::new(shell[0]).args(&shell[1..]).args(["-c", ":"]).status();
            run.is_ok_and(|status| status.success())
        };
        SHELLS.into_iter().filter(there)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn one_run_at_a_time_has_a_lock_that_nobody_else_can_open() {
        for shell in shells() {
            let folder = tempfile::tempdir().unwrap();
            let state = folder.path().join("state");
            let mut first = Shell::start(&state, shell);
            let mut second = Shell::start(&state, shell);
            assert_eq!(first.takes("one"), TAKEN, "{shell:?}");
            assert_eq!((mode(&state), mode(&state.join("lock"))), (0o700, 0o600), "{shell:?}");
            assert_eq!(second.takes("two"), "one", "{shell:?}");
            first.end();
            assert_eq!(second.takes("two"), TAKEN, "{shell:?}");
            second.end();
        }
    }

    #[test]
    fn a_lock_that_others_could_open_is_made_anew_unless_a_run_holds_it() {
        for shell in shells() {
            let folder = tempfile::tempdir().unwrap();
            let state = folder.path().join("state");
            let mut first = Shell::start(&state, shell);
            assert_eq!(first.takes("one"), TAKEN);
            let lock = state.join("lock");
            fs::set_permissions(&state, Permissions::from_mode(0o755)).unwrap();
            fs::set_permissions(&lock, Permissions::from_mode(0o644)).unwrap();
            let mut second = Shell::start(&state, shell);
            assert_eq!(second.takes("two"), "one", "{shell:?}");
            first.end();
            let old = fs::metadata(&lock).unwrap().ino();
            fs::set_permissions(&lock, Permissions::from_mode(0o644)).unwrap();
            // Whoever has opened it takes it, under another number than a run does.
            let mut other = Shell::start(&state, &["flock", lock.to_str().unwrap(), "cat"]);
            assert_eq!(other.says("held"), "held");
            assert_eq!(second.takes("two"), TAKEN, "{shell:?}");
            assert_ne!(fs::metadata(&lock).unwrap().ino(), old);
            assert_eq!((mode(&state), mode(&lock)), (0o700, 0o600));
            other.end();
            second.end();
        }
    }

    #[test]
    fn a_run_that_is_over_is_not_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = Shell::start(folder.path(), &["sh"]);
        assert_eq!(first.takes("one"), TAKEN);
        first.end();
        let lock = folder.path().join("lock");
        let mut other = Shell::start(folder.path(), &["flock", lock.to_str().unwrap(), "cat"]);
        assert_eq!(other.says("held"), "held");
        let mut second = Shell::start(folder.path(), &["sh"]);
        assert_eq!(second.takes("two"), "it has not said who it is");
        other.end();
        second.end();
    }
}
