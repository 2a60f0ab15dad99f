//! The lock, in real shells.

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
        let said = self.says(&trying(who).whole());
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
fn a_lock_that_cannot_be_made_is_said_to_be_so() {
    for shell in shells() {
        for tools in ["$PATH", tools_without_flock().path().to_str().unwrap()] {
            // As where the file system is read-only: nobody, not even root, can make a file there.
            let mut first = Shell::start(Path::new("/proc/self"), shell);
            assert_eq!(first.says(&format!("PATH={tools}; echo ready")), "ready");
            let said = first.takes("one");
            assert!(said.starts_with(NOBODY) && said.contains("cannot be made"), "{said}");
            first.end();
        }
    }
}

/// A folder with all that the lock needs where there is no `flock`.
fn tools_without_flock() -> tempfile::TempDir {
    let tools = tempfile::tempdir().unwrap();
    for name in ["cat", "chmod", "find", "mkdir", "mv", "rm", "stat"] {
        let found = ["/bin", "/usr/bin"].map(|at| Path::new(at).join(name));
        let found = found.iter().find(|path| path.exists()).unwrap();
        std::os::unix::fs::symlink(found, tools.path().join(name)).unwrap();
    }
    tools
}

#[test]
fn where_there_is_no_flock_a_folder_is_the_lock_of_a_shell_that_is_there() {
    let tools = tools_without_flock();
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
