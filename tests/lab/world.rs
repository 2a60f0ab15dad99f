//! The lab as tests see it: the program under test, the hosts, and the site that stands on them.

use std::{
    path::PathBuf,
    process::{Command, Output},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

pub(crate) const HOSTS: [&str; 5] = ["api-1", "api-2", "balancer-1", "web-1", "monitor-1"];

/// The addresses in `inventory/lab.toml`.
pub(crate) const WEB: &str = "10.77.0.31";
pub(crate) const BALANCER: &str = "10.77.0.21";
pub(crate) const MONITOR: &str = "10.77.0.41";

/// The hosts are shared: one test at a time holds them.
pub(crate) struct Lab {
    _alone: MutexGuard<'static, ()>,
}

/// What converge did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Whether the empty hosts were brought to the site in this run of the tests.
static SITE: Mutex<bool> = Mutex::new(false);
static ALONE: Mutex<()> = Mutex::new(());

impl Lab {
    /// The lab, for this test alone; none when there is no lab.
    pub(crate) fn get() -> Option<Self> {
        if std::env::var_os("CONVERGE_LAB").is_none() {
            eprintln!(
                "skipped: there is no lab (CONVERGE_LAB is not set; see tests/lab/README.md)"
            );
            return None;
        }
        Some(Self { _alone: ALONE.lock().unwrap_or_else(PoisonError::into_inner) })
    }

    /// The lab with the whole site on it, converged once from empty hosts.
    pub(crate) fn with_site() -> Option<Self> {
        let lab = Self::get()?;
        let mut made = SITE.lock().unwrap_or_else(PoisonError::into_inner);
        if !*made {
            lab.reset(&HOSTS);
            let ran = lab.converge(&["playbooks/site.rhai"]);
            assert_eq!(ran.status, 0, "{ran:#?}");
            *made = true;
        }
        Some(lab)
    }

    /// Runs converge in the project's folder.
    pub(crate) fn converge(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_converge"));
        ran(command.args(arguments).env("NO_COLOR", "1").current_dir(project()))
    }

    /// Runs converge with `--format json`, and gives the events.
    pub(crate) fn events(&self, arguments: &[&str]) -> (i32, Vec<Value>) {
        let mut arguments = arguments.to_vec();
        arguments.extend(["--format", "json"]);
        let ran = self.converge(&arguments);
        let event = |line: &str| serde_json::from_str(line).unwrap();
        (ran.status, ran.stdout.lines().map(event).collect())
    }

    /// Runs a script as root on a host, past converge.
    pub(crate) fn by_hand(&self, host: &str, script: &str) -> String {
        let name = format!("converge-lab-{host}");
        let ran = ran(Command::new("docker").args(["exec", &name, "sh", "-c", script]));
        assert_eq!(ran.status, 0, "{host}: {script}: {ran:#?}");
        ran.stdout
    }

    /// Empty hosts in place of these.
    pub(crate) fn reset(&self, hosts: &[&str]) {
        self.lab("reset", hosts);
    }

    /// Makes sure that these hosts are there.
    pub(crate) fn up(&self, hosts: &[&str]) {
        self.lab("up", hosts);
    }

    fn lab(&self, verb: &str, hosts: &[&str]) {
        let ran = ran(Command::new(project().join("tests/lab/lab")).arg(verb).args(hosts));
        assert_eq!(ran.status, 0, "lab {verb}: {ran:#?}");
    }

    /// The body of a page, or what curl says.
    pub(crate) fn page(&self, url: &str, more: &[&str]) -> String {
        let arguments = ["--silent", "--show-error", "--fail", "--max-time", "5", url];
        let ran = ran(Command::new("curl").args(arguments).args(more));
        assert_eq!(ran.status, 0, "{url}: {ran:#?}");
        ran.stdout
    }
}

/// What a run says of each host in its last event.
pub(crate) fn summary(events: &[Value]) -> &Value {
    let last = events.last().unwrap();
    assert_eq!(last["event"], "summary");
    &last["hosts"]
}

/// The names of the resources that a plan or a run acts on.
pub(crate) fn acted_on(events: &[Value]) -> Vec<String> {
    let acts = |event: &&Value| {
        let planned = event["plan"]["status"].as_str().unwrap_or_default();
        event["event"] == "planned" && matches!(planned, "change" | "react")
    };
    events.iter().filter(acts).map(|event| event["node"].as_str().unwrap().to_owned()).collect()
}

/// The names of the resources with this outcome.
pub(crate) fn ended(events: &[Value], outcome: &str) -> Vec<String> {
    let ended = |event: &&Value| event["outcome"]["outcome"] == outcome;
    events.iter().filter(ended).map(|event| event["node"].as_str().unwrap().to_owned()).collect()
}

/// The folder of the project.
pub(crate) fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn ran(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { status: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
}
