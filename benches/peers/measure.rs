//! One run of a command, measured: in control groups of its own, so that what it leaves in the background counts too.

use std::{
    fmt,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::hosts::Hosts;

/// What a run cost.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// Seconds from its start until it ended.
    pub(crate) wall: f64,
    /// Seconds of CPU on the controller, whatever it started included.
    pub(crate) cpu: f64,
    /// The most memory that all its processes together had, in bytes; pages of files that it was the first to read count.
    pub(crate) memory: f64,
    /// Seconds of CPU on all hosts together, until they were quiet again.
    pub(crate) targets_cpu: f64,
    /// Bytes that went over the network, in both directions.
    pub(crate) bytes: f64,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:8.3} s   controller {:7.3} s {:5.0} MiB   hosts {:7.3} s   {:6.0} KiB",
            self.wall,
            self.cpu,
            self.memory / 1048576.0,
            self.targets_cpu,
            self.bytes / 1024.0,
        )
    }
}

/// What a run came to.
pub(crate) struct Ran {
    pub(crate) cost: Cost,
    pub(crate) success: bool,
    pub(crate) output: String,
}

/// The name of the control groups that a run is in.
const GROUP: &str = "converge-bench";

/// Hosts that used less CPU than this within [`PAUSE`] are quiet: systemd itself needs a little.
const QUIET: f64 = 0.002;
const PAUSE: Duration = Duration::from_millis(100);

/// How long hosts may take to become quiet.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a command, and measures it. What it prints goes to `output`.
pub(crate) fn run(hosts: &Hosts, command: &Command, output: &Path) -> Ran {
    let controller = Controller::new();
    quiet(hosts);
    let (cpu, bytes) = (targets_cpu(hosts), hosts.bytes());
    let mut command = controller.around(command);
    let file = File::create(output).unwrap();
    command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
    let began = Instant::now();
    let status = command.status().unwrap();
    let wall = began.elapsed().as_secs_f64();
    controller.end();
    quiet(hosts);
    let cost = Cost {
        wall,
        cpu: controller.cpu(),
        memory: controller.memory(),
        targets_cpu: targets_cpu(hosts) - cpu,
        bytes: (hosts.bytes() - bytes) as f64,
    };
    let output = String::from_utf8_lossy(&fs::read(output).unwrap()).into_owned();
    Ran { cost, success: status.success(), output }
}

/// Waits until the hosts have nothing left to do.
fn quiet(hosts: &Hosts) {
    let began = Instant::now();
    let mut last = targets_cpu(hosts);
    loop {
        thread::sleep(PAUSE);
        let now = targets_cpu(hosts);
        if now - last < QUIET * hosts.groups().len() as f64 / 5.0 || began.elapsed() > PATIENCE {
            return;
        }
        last = now;
    }
}

fn targets_cpu(hosts: &Hosts) -> f64 {
    hosts.groups().iter().map(|group| cpu(&hierarchy("cpuacct").join(group))).sum()
}

/// The control groups that a run is in: two with version 1 of control groups, one with version 2.
struct Controller {
    groups: Vec<PathBuf>,
}

impl Controller {
    fn new() -> Self {
        let mut groups = vec![hierarchy("cpuacct").join(GROUP), hierarchy("memory").join(GROUP)];
        groups.dedup();
        for group in &groups {
            // A run that was cut off leaves its own.
            let _ = fs::remove_dir(group);
            fs::create_dir(group).unwrap_or_else(|error| panic!("{}: {error}", group.display()));
        }
        Self { groups }
    }

    /// The command, from within these groups.
    fn around(&self, inner: &Command) -> Command {
        let enter =
            self.groups.iter().map(|group| format!("echo 0 >{}/cgroup.procs; ", group.display()));
        let script = enter.collect::<String>() + "exec \"$@\"";
        // A tool that hangs has failed, in the end. What watches it is outside of the groups, and costs it nothing.
        let mut outer = Command::new("timeout");
        outer.args(["1200", "sh", "-ec", &script, "sh"]);
        outer.arg(inner.get_program()).args(inner.get_args());
        for (name, value) in inner.get_envs() {
            outer.env(name, value.unwrap_or_default());
        }
        outer.current_dir(inner.get_current_dir().unwrap());
        outer
    }

    /// Ends what was left in the background, such as connections that are kept for a later run.
    fn end(&self) {
        let members = || fs::read_to_string(self.groups[0].join("cgroup.procs")).unwrap();
        while !members().is_empty() {
            let _ = Command::new("kill").args(members().split_whitespace()).output().unwrap();
            thread::sleep(PAUSE / 10);
        }
    }

    fn cpu(&self) -> f64 {
        cpu(&self.groups[0])
    }

    fn memory(&self) -> f64 {
        let names = ["memory.max_usage_in_bytes", "memory.peak"];
        let peak = names.iter().find_map(|name| number(&self.groups.last()?.join(name)));
        peak.unwrap()
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        for group in &self.groups {
            let _ = fs::remove_dir(group);
        }
    }
}

/// Where a controller of control groups is: version 1 has a folder for each.
fn hierarchy(controller: &str) -> PathBuf {
    let root = Path::new("/sys/fs/cgroup");
    let own = root.join(controller);
    if own.is_dir() { own } else { root.to_owned() }
}

/// Seconds of CPU that the members of a control group have used.
fn cpu(group: &Path) -> f64 {
    if let Some(nanoseconds) = number(&group.join("cpuacct.usage")) {
        return nanoseconds / 1e9;
    }
    let stat = fs::read_to_string(group.join("cpu.stat")).unwrap();
    let usage = stat.lines().find_map(|line| line.strip_prefix("usage_usec "));
    usage.unwrap().parse::<f64>().unwrap() / 1e6
}

fn number(file: &Path) -> Option<f64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}
