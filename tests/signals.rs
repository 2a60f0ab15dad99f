//! What a signal does to a run.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A run of two steps, of which the first waits for [`Long::goes_on`].
struct Long {
    root: TempDir,
    run: Child,
}

impl Long {
    /// Starts it, with a few words of shell before it, and waits until its first step runs.
    fn begins(before: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir(at("playbooks")).unwrap();
        fs::write(at("converge.toml"), "inventory = [\"here.toml\"]\n").unwrap();
        fs::write(at("here.toml"), "[hosts]\nhere = { transport = \"local\" }\n").unwrap();
        let steps = format!(
            "let at = \"{}\"; on(hosts(\"here\"), |host| {{
                command(\"one\", #{{ run: `cd ${{at}}; touch began; until [ -e go ]; do sleep 0.02; done` }});
                command(\"two\", #{{ run: `touch ${{at}}/done` }});
            }});",
            root.path().display()
        );
        fs::write(at("playbooks/long.rhai"), steps).unwrap();
        // Whatever runs the tests may ignore some.
        let converge = format!(
            "env --default-signal=HUP,INT,TERM sh -c \"{before} exec {} playbooks/long.rhai\"",
            env!("CARGO_BIN_EXE_converge")
        );
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec {converge}")]).current_dir(root.path());
        shell.env("HOME", root.path()).env("CONVERGE_STATE", at("state"));
        let run = shell.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let long = Self { root, run };
        // What is told is on the disk before anything else is.
        long.waits_until(|| long.has("began") && long.journal().contains("\"started\""));
        long
    }

    fn journal(&self) -> String {
        let runs = fs::read_dir(self.root.path().join(".converge/runs")).into_iter().flatten();
        let texts = runs.flatten().map(|run| fs::read_to_string(run.path().join("events.jsonl")));
        texts.flatten().collect()
    }

    fn waits_until(&self, is_so: impl Fn() -> bool) {
        while !is_so() {
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn has(&self, name: &str) -> bool {
        self.root.path().join(name).exists()
    }

    fn gets(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.run), signal).unwrap();
    }

    /// The host is told of an interrupt once the run has seen it.
    fn waits_for_the_host(&self) {
        let stop = self.root.path().join("state/segment/stop");
        self.waits_until(|| fs::metadata(&stop).is_ok_and(|stop| stop.len() > 0));
    }

    fn goes_on(&self) {
        fs::write(self.root.path().join("go"), "").unwrap();
    }

    /// What another command of the same project says, and its exit status.
    fn says(&self, arguments: &[&str]) -> (String, Option<i32>) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_converge"));
        command.args(arguments).current_dir(self.root.path());
        command.env("HOME", self.root.path()).env("CONVERGE_STATE", self.root.path().join("state"));
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (String::from_utf8(said).unwrap(), output.status.code())
    }

    fn ends(&mut self) -> Option<i32> {
        self.run.wait().unwrap().code()
    }
}

#[test]
fn a_run_ends_after_the_step_that_runs_whatever_signal_says_so() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut long = Long::begins("");
        long.gets(signal);
        long.waits_for_the_host();
        long.goes_on();
        assert_eq!((long.ends(), long.has("done")), (Some(130), false), "{signal:?}");
    }
}

/// `nohup` lets nobody see that a terminal is gone.
#[test]
fn what_was_ignored_before_a_run_stays_so() {
    let mut long = Long::begins("trap '' HUP;");
    long.gets(Signal::HUP);
    long.goes_on();
    assert_eq!((long.ends(), long.has("done")), (Some(0), true));
}

#[test]
fn a_second_interrupt_says_by_name_what_is_unknown() {
    let mut long = Long::begins("");
    let mut said = BufReader::new(long.run.stderr.take().unwrap()).lines().map(Result::unwrap);
    long.gets(Signal::INT);
    assert!(said.by_ref().any(|line| line.contains("interrupt again to stop at once")));
    long.gets(Signal::INT);
    let last = said.find(|line| line.contains("stopped")).unwrap();
    assert!(last.ends_with("the outcome of these is unknown: here/command:one"), "{last}");
    assert_eq!(long.ends(), Some(130));
    long.goes_on();
    assert_eq!(long.says(&["resume"]).1, Some(0));
}

/// What runs goes on, keeps the lock as long as it does, and is found by the next run.
#[test]
fn a_run_that_was_killed_is_resumed() {
    let mut long = Long::begins("");
    long.gets(Signal::KILL);
    long.ends();
    let (said, status) = long.says(&["unlock", "here"]);
    assert_eq!(status, Some(6), "{said}");
    assert!(said.starts_with("here  still locked: run "), "{said}");
    long.goes_on();
    let (said, status) = long.says(&["resume"]);
    assert_eq!((status, long.has("done")), (Some(0), true), "{said}");
    assert!(said.contains("in progress when it ended: here/command:one"), "{said}");
    assert_eq!(fs::read(long.root.path().join("state/segment/log")).unwrap(), b"");
}

#[test]
fn the_lock_of_a_run_that_is_gone_is_broken_with_all_that_it_left_running() {
    let mut long = Long::begins("");
    long.gets(Signal::KILL);
    long.ends();
    let past = std::time::SystemTime::now() - Duration::from_secs(100);
    for name in ["state/holder", "state/heard"] {
        let file = fs::File::options().write(true).open(long.root.path().join(name)).unwrap();
        file.set_modified(past).unwrap();
    }
    let (said, status) = long.says(&["playbooks/long.rhai", "--lock-wait", "0"]);
    assert_eq!(status, Some(6), "{said}");
    let (said, status) = long.says(&["unlock", "here"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.starts_with("here  unlocked: it was held by run "), "{said}");
    assert_eq!(long.says(&["unlock", "here"]), ("here  not locked\n".to_owned(), Some(0)));
    assert!(!long.has("done"));
    long.goes_on();
    assert_eq!(long.says(&["resume"]).1, Some(0));
}
