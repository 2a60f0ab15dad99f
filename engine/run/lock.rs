//! One run at a time on a host: a lock that its shell holds, and what works there.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use tokio::time::Instant;

use super::{
    detached,
    fleet::Fleet,
    lease::{self, UNWATCH},
};
use crate::{
    prelude,
    remote::{RemoteError, one_line},
    script::Script,
    sh,
};

/// How often a lock that is held is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What the script prints when the lock was taken, before which start of the host this is.
const TAKEN: &str = "taken";

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

/// Takes the lock of each of these hosts, which are in order, and says whether another run had one first, or had left something
/// that was put back. Those that it holds for longer than `wait` are lost to this run.
///
/// All are tried at once. Who has to wait for one gives those back that come after it: so no two runs wait for each other.
pub(super) async fn take(hosts: &[Arc<str>], who: &str, wait: Duration, fleet: &Fleet) -> bool {
    let script = prelude::reading().then(script(who));
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
const HELD_BY: &str = r#"held() { [ "/proc/$shell/fd/9" -ef "$STATE/lock" ] || [ "/proc/$shell/fd/9" -ef "$STATE/lock.held/by" ]; }"#;

/// Takes the lock of a host again over another connection, once the shell of the first is gone. A host that another run has had
/// in between is not as it was: it is lost to this run.
pub(super) async fn retake(host: &Arc<str>, who: &str, fleet: &Fleet) -> bool {
    let tries = Tries { script: prelude::reading().then(script(who)), who, fleet };
    let Some(said) = tries.keep(host, &tries.script).await else { return false };
    let is_ours = is_taken(&said);
    if is_ours && said.ends_with(AGAIN) {
        return true;
    }
    if is_ours {
        tries.give_back(host).await;
    }
    let why = match is_ours {
        true => RemoteError::Locked("another one had it while the connection was lost".to_owned()),
        false if said == who => {
            let message = "what the lost connection left there could not be ended".to_owned();
            RemoteError::Left(message)
        }
        false => untaken(said, who),
    };
    fleet.lose(host, why);
    false
}

/// Breaks the lock of a run of which nothing was heard for a minute, which its watch did not do: what it has still to do is ended. Says
/// [`FREE`], [`BROKEN`] and who had it, or [`HELD`] and who has it.
pub(crate) fn breaking() -> Script {
    let functions = prelude::reading().then(prelude::work()).then(prelude::signal());
    functions.then(sh!(
        "free() {{
  if has flock && [ -e \"$STATE/lock\" ]; then (exec 9<\"$STATE/lock\" && flock -n 9) || return; fi
  [ ! -d \"$STATE/lock.held\" ]
}}
if free; then say {}; exit; fi
pid= holder=; {{ read -r pid holder <\"$STATE/holder\"; }} 2>/dev/null
shell=${{pid:-x}}
{}
set -- \"$STATE/holder\"
[ ! -e \"$STATE/heard\" ] || set -- \"$@\" \"$STATE/heard\"
# Who cannot be asked when somebody was heard may have been just now.
lately=$(find \"$@\" -prune -mmin -1) || lately=unknown
if [ -n \"$lately\" ]; then say {} \"$holder\"; exit; fi
id=; {{ read -r _ id <\"$STATE/work/pid\"; }} 2>/dev/null
{}
if held; then kill -KILL \"$shell\"; fi
pid=; {{ read -r pid _ <\"$STATE/lock.held/by\"; }} 2>/dev/null
if [ \"$pid\" = \"$shell\" ]; then rm -rf \"$STATE/lock.held\"; fi
for try in 1 2 3; do
  now=; {{ read -r _ now <\"$STATE/holder\"; }} 2>/dev/null
  if [ \"$now\" != \"$holder\" ]; then say {} \"$holder\"; exit; fi
  if free; then emptied \"$STATE/work/log\"; say {} \"$holder\"; exit; fi
  sleep 1
done
say {} \"$holder\"",
        FREE,
        Script::trusted(HELD_BY),
        HELD,
        Script::trusted(detached::END),
        BROKEN,
        BROKEN,
        STUCK
    ))
}

/// Nobody has the lock.
pub(crate) const FREE: &str = "free";

/// A run has it that was heard a moment ago.
pub(crate) const HELD: &str = "held";

/// Something has it that could not be ended.
pub(crate) const STUCK: &str = "stuck";

/// It was broken.
pub(crate) const BROKEN: &str = "broken";

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
                let message = "it did not say whether its lock was taken".to_owned();
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
                let start = said.split(' ').nth(1).unwrap_or_default();
                let held = is_taken(&said).then(|| (remote, start.to_owned(), self.who.to_owned()));
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

fn is_taken(said: &str) -> bool {
    [TAKEN, RECOVERED].contains(&first_word(said))
}

fn first_word(said: &str) -> &str {
    said.split(' ').next().unwrap_or_default()
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

/// `private_lock` makes the folder and the lock such that nobody else can open them. One that others could open is made anew: who
/// has opened the old one holds nothing then. Unless a run of this account holds it, which is waited for as any other.
///
/// `lock_folder` makes the folder that is the lock where there is no `flock`. One whose shell is gone, or that is older than the
/// last start of the host, is made anew: of several that see so, the one that moves it away.
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
boot() { cat /proc/sys/kernel/random/boot_id 2>/dev/null; }
lock_folder() {
if mkdir "$STATE/lock.held" 2>/dev/null; then return; fi
pid= by=
{ read -r pid by <"$STATE/lock.held/by"; } 2>/dev/null ||
[ -n "$(find "$STATE/lock.held" -prune -mmin +1 2>/dev/null)" ] || return
if [ -n "$pid" ] && [ "$by" = "$(boot)" ] && [ "/proc/$pid/fd/9" -ef "$STATE/lock.held/by" ]; then return 1; fi
if runs "$STATE/work/pid"; then return 1; fi
{ read -r pid by <"$STATE/lock.held/by"; } 2>/dev/null
mv "$STATE/lock.held" "$STATE/lock.dead.$$" 2>/dev/null || return
now=; { read -r now <"$STATE/lock.dead.$$/by"; } 2>/dev/null
if [ "$now" != "$pid${pid:+ $by}" ]; then mv "$STATE/lock.dead.$$" "$STATE/lock.held"; return 1; fi
rm -rf "$STATE/lock.dead.$$" && mkdir "$STATE/lock.held" 2>/dev/null
}
holder() {
pid=; { read -r pid holder <"$STATE/holder"; } 2>/dev/null
case $(kill -0 "${pid:-x}" 2>&1) in '') ;; *ermitted*) ;; *)
if ! runs "$STATE/work/pid"; then holder='it has not said who it is'; fi ;;
esac
say "$holder"
}"#;

/// Takes the lock, or says who holds it. Where there is no `flock`, a folder is the lock: making one is atomic too.
/// The shell keeps what it does; of ours that must be nothing but the lock, or a command of the user would find it.
fn script(who: &str) -> Script {
    let taken = sh!(
        "again=; {{ read -r _ holder <\"$STATE/holder\"; }} 2>/dev/null
if [ \"$holder\" = \"$who\" ]; then again=' '{}; fi
say \"$$ $who\" >\"$STATE/holder\"
[ -s \"$STATE/heard\" ] || say nobody.is.heard.so.far >\"$STATE/heard\"
at_end={}
{}
{}
leftovers; recover; if [ -n \"$recovered\" ]; then said={}; else said={}; fi
start=; {{ read -r start </proc/sys/kernel/random/boot_id; }} 2>/dev/null
say \"$said $start$again\"",
        AGAIN,
        UNWATCH,
        Script::trusted(AT_END),
        lease::watch(),
        RECOVERED,
        TAKEN
    );
    let functions = prelude::leftovers().then(prelude::recovery()).then(prelude::work());
    let functions = functions.then(Script::trusted(LOCK));
    functions.then(sh!(
        "who={} holder= locked=
[ -d \"$STATE\" ] || mkdir -p -m 700 \"$STATE\" || :
if [ -d \"$STATE\" ] && [ ! -O \"$STATE\" ]; then say {}\"$STATE belongs to another account\"
elif [ -d \"$STATE\" ] && has flock; then
  private_lock; take_lock; lock=$STATE/lock
  if [ -n \"$locked\" ]; then {}; else exec 9<&-; holder; fi
elif [ -d \"$STATE\" ] && lock_folder; then
  lock_folder=$STATE/lock.held lock=$STATE/lock.held/by
  say \"$$ $(boot)\" >\"$lock\"
  exec 9<\"$lock\"
  {}
elif [ -d \"$STATE\" ]; then holder
else say {}\"$STATE cannot be made\"; fi
unset -f say die has enter way down leads theirs strayed free ends closed
unset -f leftover leftovers recover take_back is_as_doubted private_lock take_lock lock_folder boot holder
unset -f named runs emptied
unset who holder said start again locked lock work pid by now whose at at_end held left list folder recovered STATE",
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
        fs::{self, OpenOptions, Permissions},
        io::{BufRead as _, BufReader, Write as _},
        os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
        path::Path,
        process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    };

    use rustix::{
        fs::OFlags,
        process::{Pid, Signal, kill_process_group},
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
            let said = self.says(prelude::reading().then(script(who)).as_str());
            if said.starts_with(TAKEN) { first_word(&said).to_owned() } else { said }
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
    fn where_there_is_no_flock_a_folder_is_the_lock_of_a_shell_that_is_there() {
        let tools = tempfile::tempdir().unwrap();
        for name in ["cat", "chmod", "find", "mkdir", "mv", "rm", "stat"] {
            let found = ["/bin", "/usr/bin"].map(|at| Path::new(at).join(name));
            let found = found.iter().find(|path| path.exists()).unwrap();
            std::os::unix::fs::symlink(found, tools.path().join(name)).unwrap();
        }
        // Busybox finds its own `flock` everywhere.
        for shell in shells().filter(|shell| shell[0] != "busybox") {
            let folder = tempfile::tempdir().unwrap();
            let start = || {
                let mut started = Shell::start(folder.path(), shell);
                let path = tools.path().display();
                assert_eq!(started.says(&format!("PATH={path}; echo ready")), "ready");
                started
            };
            let (mut first, mut second, mut third) = (start(), start(), start());
            assert_eq!(first.takes("one"), TAKEN, "{shell:?}");
            assert_eq!(second.takes("two"), "one", "{shell:?}");
            first.0.kill().unwrap();
            first.end();
            assert_eq!(second.takes("two"), TAKEN, "{shell:?}: whose shell is gone holds nothing");
            assert_eq!(third.takes("three"), "two", "{shell:?}");
            // What it gave back it does not take from another at its end.
            assert_eq!(second.says(&format!("{GIVE_BACK}; echo given")), "given");
            assert_eq!(third.takes("three"), TAKEN, "{shell:?}");
            second.end();
            let mut fourth = start();
            assert_eq!(fourth.takes("four"), "three", "{shell:?}");
            // A host that was started anew has no shell of before, whatever number one has.
            let by = folder.path().join("lock.held/by");
            let text = fs::read_to_string(&by).unwrap();
            fs::write(&by, text.replace('-', "+")).unwrap();
            assert_eq!(fourth.takes("four"), TAKEN, "{shell:?}");
            third.end();
            fourth.end();
            assert!(!folder.path().join("lock.dead").exists());
        }
    }

    #[test]
    fn a_shell_that_nobody_is_heard_of_ends_and_gives_the_lock_back() {
        for shell in shells() {
            let folder = tempfile::tempdir().unwrap();
            let (state, ticks) = (folder.path().join("state"), folder.path().join("ticks"));
            assert!(Command::new("mkfifo").arg(&ticks).status().unwrap().success());
            let sleep = folder.path().join("sleep");
            // Until there is a whole tick: a writer that only comes and goes is none.
            let until = format!("#!/bin/sh\nuntil read -r _ <{}; do :; done\n", ticks.display());
            fs::write(&sleep, until).unwrap();
            fs::set_permissions(&sleep, Permissions::from_mode(0o755)).unwrap();
            let mut first = Shell::start(&state, shell);
            let path = format!("PATH={}:$PATH; export PATH; echo ready", folder.path().display());
            assert_eq!(first.says(&path), "ready");
            assert_eq!(first.takes("one"), TAKEN, "{shell:?}");
            // Once somebody sleeps.
            let tick = || {
                let options = i32::from_ne_bytes(OFlags::NONBLOCK.bits().to_ne_bytes());
                let open = OpenOptions::new().write(true).custom_flags(options).open(&ticks);
                open.is_ok_and(|mut ticks| ticks.write_all(b"tick\n").is_ok())
            };
            for beat in 10..30 {
                // In place, as a run does: there is always something in it.
                let heard = OpenOptions::new().write(true).open(state.join("heard"));
                let mut heard = heard.unwrap();
                heard.write_all(format!("{beat}\n").as_bytes()).unwrap();
                while !tick() {}
            }
            assert_eq!(first.says("echo there"), "there", "{shell:?}");
            let watch = Pid::from_raw(first.says("echo $lock_watch").parse().unwrap()).unwrap();
            while first.0.try_wait().unwrap().is_none() {
                tick();
            }
            // It sleeps, in vain.
            let _ = kill_process_group(watch, Signal::KILL);
            let mut second = Shell::start(&state, shell);
            assert_eq!(second.takes("two"), TAKEN, "{shell:?}");
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
