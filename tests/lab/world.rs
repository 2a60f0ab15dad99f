//! The lab as tests see it: the program under test, the hosts, and the site that stands on them.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const HOSTS: [&str; 5] = ["api-1", "api-2", "balancer-1", "web-1", "monitor-1"];

/// The addresses in `inventory/lab.toml`.
pub(crate) const WEB: &str = "10.77.0.31";
pub(crate) const BALANCER: &str = "10.77.0.21";
pub(crate) const MONITOR: &str = "10.77.0.41";

/// The hosts are shared: one test at a time holds them.
pub(crate) struct Lab {
    _alone: MutexGuard<'static, ()>,
}

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

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
        if wish().is_empty() {
            eprintln!(
                "skipped: there is no lab (CONVERGE_LAB is not set; see tests/lab/README.md)"
            );
            return None;
        }
        Some(Self { _alone: ALONE.lock().unwrap_or_else(PoisonError::into_inner) })
    }

    /// The lab with the whole site on it, converged once: from empty hosts, unless those that are there are to be kept.
    pub(crate) fn with_site() -> Option<Self> {
        let lab = Self::get()?;
        let mut made = SITE.lock().unwrap_or_else(PoisonError::into_inner);
        if !*made {
            if wish() != "keep" {
                lab.reset(&HOSTS);
            }
            let ran = lab.converge(&["playbooks/site.rhai"]);
            assert_eq!(ran.status, 0, "{ran:#?}");
            *made = true;
        }
        Some(lab)
    }

    /// Runs converge in the project's folder.
    pub(crate) fn converge(&self, arguments: &[&str]) -> Ran {
        self.converge_with(arguments, &[])
    }

    /// The same, with variables of the environment.
    pub(crate) fn converge_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_converge"));
        command.args(arguments).env("NO_COLOR", "1").envs(variables.iter().copied());
        ran(command.current_dir(project()))
    }

    /// Runs converge with `--format json`, and gives the events.
    pub(crate) fn events(&self, arguments: &[&str]) -> (i32, Vec<Value>) {
        let mut arguments = arguments.to_vec();
        arguments.extend(["--format", "json"]);
        let ran = self.converge(&arguments);
        let event = |line: &str| serde_json::from_str(line).unwrap();
        (ran.status, ran.stdout.lines().map(event).collect())
    }

    /// Applies a playbook that is no part of the project, then finds nothing to do.
    pub(crate) fn converges(&self, playbook: &str) {
        let written = Written::new(playbook);
        let ran = self.converge(&written.arguments());
        assert_eq!(ran.status, 0, "{ran:#?}");
        let mut plan = vec!["plan", "--exit-code"];
        plan.extend(written.arguments());
        let (status, events) = self.events(&plan);
        assert_eq!((status, acted_on(&events)), (0, Vec::new()));
    }

    /// Applies a playbook that is no part of the project, which must not converge, and gives what was said.
    pub(crate) fn fails(&self, playbook: &str) -> String {
        let ran = self.converge(&Written::new(playbook).arguments());
        assert!(ran.status > 0, "{ran:#?}");
        ran.stdout
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
        let ran = self.lab("reset", hosts);
        assert_eq!(ran.status, 0, "{ran:#?}");
    }

    /// Makes sure that these hosts are there.
    pub(crate) fn up(&self, hosts: &[&str]) {
        let ran = self.lab("up", hosts);
        assert_eq!(ran.status, 0, "{ran:#?}");
    }

    /// Removes hosts that are made only when named.
    pub(crate) fn without(&self, hosts: &[&str]) {
        for host in hosts {
            self.machine("kill", host);
            let ran = self.machine("rm", host);
            assert_eq!(ran.status, 0, "{ran:#?}");
        }
    }

    /// Asks the lab for something that may fail.
    pub(crate) fn lab(&self, verb: &str, hosts: &[&str]) -> Ran {
        ran(Command::new(project().join("tests/lab/lab")).arg(verb).args(hosts))
    }

    /// Does something to a host as a machine, such as `pause`, `unpause` or `kill`: Docker's word for it.
    pub(crate) fn machine(&self, verb: &str, host: &str) -> Ran {
        ran(Command::new("docker").args([verb, &format!("converge-lab-{host}")]))
    }

    /// What the balancer says of an API node: `UP`, `DOWN`, `DRAIN` and others.
    pub(crate) fn rotation(&self, node: &str) -> String {
        let table = self.page(&format!("http://{BALANCER}:8404/;csv"), &[]);
        let row = table.lines().find_map(|row| row.strip_prefix(&format!("api,{node},")));
        let status = row.and_then(|row| row.split(',').nth(15));
        status.unwrap_or_else(|| panic!("no {node} in {table}")).to_owned()
    }

    /// The body of a page, or what curl says.
    pub(crate) fn page(&self, url: &str, more: &[&str]) -> String {
        let arguments = ["--silent", "--show-error", "--fail", "--max-time", "5", url];
        let ran = ran(Command::new("curl").args(arguments).args(more));
        assert_eq!(ran.status, 0, "{url}: {ran:#?}");
        ran.stdout
    }
}

/// Starts a host that went down; one that runs goes on.
pub(crate) fn start(host: &str) {
    ran(Command::new("docker").args(["start", &format!("converge-lab-{host}")]));
}

/// The HTTP status of the answer that a page gives to everybody; `000`: there is none.
pub(crate) fn status(url: &str) -> String {
    let arguments = ["--silent", "--output", "/dev/null", "--write-out", "%{http_code}", url];
    String::from_utf8(Command::new("curl").args(arguments).output().unwrap().stdout).unwrap()
}

/// A playbook that is no part of the project, and the inventory of all hosts of the lab.
pub(crate) struct Written {
    _folder: TempDir,
    playbook: String,
    inventory: String,
}

impl Written {
    pub(crate) fn new(playbook: &str) -> Self {
        Self::for_hosts(playbook, &inventory())
    }

    /// The same, with an inventory of its own.
    pub(crate) fn for_hosts(playbook: &str, inventory: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        write("converge.toml", "[secrets]\nproviders = [{ environment = \"CONVERGE_SECRET_\" }]\n");
        let (playbook, inventory) =
            (write("playbook.rhai", playbook), write("inventory.toml", inventory));
        Self { _folder: folder, playbook, inventory }
    }

    pub(crate) fn arguments(&self) -> Vec<&str> {
        vec![self.playbook.as_str(), "-i", &self.inventory]
    }
}

/// Looks again and again, until it is so.
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    until_nothing(|| if holds() { vec![] } else { vec![what] });
}

/// Looks again and again, until nothing is missing.
pub(crate) fn until_nothing<T: std::fmt::Debug>(mut missing: impl FnMut() -> Vec<T>) {
    let began = Instant::now();
    loop {
        let missing = missing();
        if missing.is_empty() {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "missing after {PATIENCE:?}: {missing:#?}");
        thread::sleep(Duration::from_millis(200));
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

/// The inventory of all hosts of the lab, to be read from anywhere.
pub(crate) fn inventory() -> String {
    let state = project().join(".lab");
    let inventory = fs::read_to_string(state.join("inventory.toml")).unwrap();
    let whole = |text: String, name: &str| {
        text.replace(&format!("{name:?}"), &format!("{:?}", state.join(name)))
    };
    ["key", "known_hosts"].into_iter().fold(inventory, whole)
}

/// The folder of the project.
pub(crate) fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What the environment says of the lab; empty: there is none.
fn wish() -> String {
    std::env::var("CONVERGE_LAB").unwrap_or_default()
}

fn ran(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { status: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
}
