//! What is left of a segment's content on a host, however its shell comes to its end.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdout, Command, Stdio},
};

use converge::{
    base::script::Quoted,
    resources::{
        change::{Change, Effect, Field},
        prelude,
    },
    run::Segment,
};
use rustix::process::{Pid, Signal, kill_process_group};

use super::segment::{catalog, plan};

/// A shell in whose subshell a segment runs, up to a command that waits to be let go.
struct Host {
    folder: tempfile::TempDir,
    /// Open at both ends, so that nobody waits for the other one.
    gate: File,
    shell: Child,
    said: Option<BufReader<ChildStdout>>,
}

const SECRET: &str = "hunter2 hunter2 hunter2";

impl Host {
    fn start(shell: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let catalog = catalog(&format!(
            "file(\"{}\", #{{ content: \"{SECRET}\", sensitive: true }});\ncommand(\"read x <{}; echo $x\");",
            at("target"),
            at("gate")
        ));
        let change = || Change::new(Effect::Update, vec![Field::added("content", "x")]);
        let changes: Vec<_> = catalog.nodes().map(|(id, _)| (id.index(), change())).collect();
        let plan = plan(&catalog, &changes);
        let nodes: Vec<_> = catalog.nodes().map(|(id, _)| id).collect();
        let segment = Segment::new(&catalog, &plan, &nodes, "mark".to_owned(), "run-1");
        assert!(Command::new("mkfifo").arg(at("gate")).status().unwrap().success());
        let gate = OpenOptions::new().read(true).write(true).open(at("gate")).unwrap();
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).process_group(0).env("XDG_RUNTIME_DIR", folder.path());
        command.env("CONVERGE_STATE", at("state")).env("LC_ALL", "C");
        let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let text = Quoted(&segment.script(None).whole()).to_string();
        let stdin = shell.stdin.as_mut().unwrap();
        stdin.write_all(format!("(eval {text}) </dev/null\n").as_bytes()).unwrap();
        let mut said = BufReader::new(shell.stdout.take().unwrap());
        let mut line = String::new();
        while line != "mark begin 1\n" {
            line.clear();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended before its second part");
        }
        let host = Self { folder, gate, shell, said: Some(said) };
        assert!(host.has_secret(), "the content lies there while it is needed");
        host
    }

    fn has_secret(&self) -> bool {
        let folders = std::fs::read_dir(self.folder.path()).unwrap();
        let names = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("converge.")).count() > 0
    }

    fn group(&self) -> Pid {
        Pid::from_child(&self.shell)
    }

    /// Waits until nobody has the other end of what it prints any more.
    fn is_over(&mut self) {
        drop(self.shell.stdin.take());
        if let Some(mut said) = self.said.take() {
            let _ = said.read_to_end(&mut Vec::new());
        }
        self.shell.wait().unwrap();
    }

    /// What the next run does first.
    fn next_run(&self) {
        let mut shell = Command::new("sh");
        shell.args(["-c", &prelude::leftovers().then(converge::sh!("leftovers")).whole()]);
        shell.env("XDG_RUNTIME_DIR", self.folder.path()).env("LC_ALL", "C");
        assert!(shell.status().unwrap().success());
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

#[test]
fn a_signal_leaves_nothing() {
    for shell in shells() {
        for signal in [Signal::HUP, Signal::INT, Signal::TERM] {
            let mut host = Host::start(shell);
            kill_process_group(host.group(), signal).unwrap();
            // A shell heeds a signal when what it waits for has ended; that may have been started after the signal came.
            host.gate.write_all(b"go\n").unwrap();
            host.is_over();
            assert!(!host.has_secret(), "{shell:?} {signal:?}");
        }
    }
}

#[test]
fn a_controller_that_is_gone_leaves_nothing() {
    for shell in shells() {
        let mut host = Host::start(shell);
        drop(host.said.take());
        host.gate.write_all(b"go\n").unwrap();
        host.is_over();
        assert!(!host.has_secret(), "{shell:?}");
    }
}

#[test]
fn what_a_killed_shell_leaves_is_removed_by_the_next_run() {
    for shell in shells() {
        let mut host = Host::start(shell);
        host.next_run();
        assert!(host.has_secret(), "{shell:?}: a run that goes on keeps its content");
        kill_process_group(host.group(), Signal::KILL).unwrap();
        host.is_over();
        assert!(host.has_secret(), "{shell:?}");
        host.next_run();
        assert!(!host.has_secret(), "{shell:?}");
    }
}
