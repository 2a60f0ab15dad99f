//! All works, one after the other; in each, the tools by turns.

use std::{collections::BTreeMap, fs, path::Path, process::Command, thread};

use crate::{
    Options,
    figures::{Figures, Runs},
    hosts::{HOSTS, Hosts},
    measure::{self, Cost, Ran},
    report,
    road::Road,
    tools::Tool,
    works::{Cell, Work, cells},
};

/// The values that nginx keeps connections for, by turns.
const KEEPALIVE: [u32; 2] = [30, 45];

struct Bench {
    hosts: Hosts,
    /// Which of the values the hosts have.
    keepalive: usize,
    /// What each host looks like after a work, by what was looked at, the host and the value.
    states: BTreeMap<(&'static str, String, usize), String>,
}

pub(crate) fn run(options: &Options) {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = project.join("target/bench");
    let mut bench = Bench::new(project, &folder);
    let path = folder.join("figures.json");
    let mut figures = Figures::read(&path);
    for cell in cells().into_iter().filter(|cell| options.wants(*cell)) {
        bench = bench.measure(cell, options, &mut figures);
        figures.write(&path);
    }
    figures.date = jiff::Zoned::now().strftime("%Y-%m-%d").to_string();
    figures.versions = versions(&bench.hosts);
    figures.write(&path);
    report::write(&figures, &project.join("docs/performance.md"));
}

impl Options {
    fn wants(&self, cell: Cell) -> bool {
        (self.works.is_empty() || self.works.contains(&cell.work))
            && (self.hosts.is_empty() || self.hosts.contains(&cell.hosts))
    }

    fn tools(&self) -> impl Iterator<Item = Tool> {
        let wanted = |tool: &Tool| self.tools.is_empty() || self.tools.contains(tool);
        Tool::all().iter().copied().filter(wanted)
    }
}

impl Bench {
    /// With all hosts as they ought to be.
    fn new(project: &Path, folder: &Path) -> Self {
        let work = folder.join("work");
        fs::create_dir_all(&work).unwrap();
        copy(&project.join("benches/peers/work"), &work);
        // The project's own settings do not hold here.
        fs::write(work.join("converge.toml"), "").unwrap();
        let bench = Self { hosts: Hosts::up(folder), keepalive: 0, states: BTreeMap::new() };
        for work in [Work::Many, Work::Site] {
            bench.converge(Cell { work, hosts: HOSTS, slow: false });
        }
        bench
    }

    /// Rounds in which each tool does the work once.
    fn measure(mut self, cell: Cell, options: &Options, figures: &mut Figures) -> Self {
        let _road = cell.slow.then(Road::long);
        let mut costs: BTreeMap<Tool, Vec<Cost>> = BTreeMap::new();
        for _ in 0..options.rounds {
            for tool in options.tools() {
                let sofar = costs.entry(tool).or_default();
                let spent: f64 = sofar.iter().map(|cost| cost.wall).sum();
                if spent + spent / sofar.len().max(1) as f64 > options.patience {
                    continue;
                }
                let cost;
                (self, cost) = self.once(tool, cell);
                eprintln!(
                    "{} {:>3} hosts{} {:<15} {:8.3} s  controller {:7.3} s {:5.0} MiB  hosts {:7.3} s  {:7.0} KiB",
                    cell.work.label(),
                    cell.hosts,
                    if cell.slow { ", slow" } else { "" },
                    tool.label(),
                    cost.wall,
                    cost.cpu,
                    cost.memory / 1048576.0,
                    cost.targets_cpu,
                    cost.bytes / 1024.0,
                );
                costs.entry(tool).or_default().push(cost);
            }
        }
        for (tool, costs) in costs {
            figures.put(Runs { tool, cell, costs });
        }
        self
    }

    /// One run, which did what it should.
    fn once(mut self, tool: Tool, cell: Cell) -> (Self, Cost) {
        match cell.work {
            Work::New => {
                self.hosts = self.hosts.reset(cell.hosts);
                self.keepalive = 0;
            }
            Work::Change => self.keepalive = (self.keepalive + 1) % KEEPALIVE.len(),
            _ => {}
        }
        let before = self.restarts(cell);
        let ran = self.ran(tool, cell);
        let after = self.restarts(cell);
        if cell.work == Work::Change {
            assert!(
                before.iter().all(|(host, at)| after[host] != *at),
                "{tool:?} did not restart nginx"
            );
        }
        self.verify(tool, cell);
        (self, ran.cost)
    }

    fn ran(&self, tool: Tool, cell: Cell) -> Ran {
        let command = tool.command(&self.hosts, cell, KEEPALIVE[self.keepalive]);
        let output = self.hosts.file("output");
        let ran = measure::run(&self.hosts, &command, &output);
        assert!(ran.success, "{tool:?} failed: {}", ran.output);
        if cell.work.changes_nothing() {
            let changes = tool.changes(&ran.output);
            assert!(changes == Some(0), "{tool:?} changed {changes:?}: {}", ran.output);
        }
        ran
    }

    fn converge(&self, cell: Cell) {
        let command = Tool::Converge.command(&self.hosts, cell, KEEPALIVE[self.keepalive]);
        let ran = measure::run(&self.hosts, &command, &self.hosts.file("output"));
        assert!(ran.success, "{}", ran.output);
    }

    /// When nginx was started last, on each host.
    fn restarts(&self, cell: Cell) -> BTreeMap<String, String> {
        if cell.work == Work::Change {
            self.hosts.state(cell.hosts, "nginx")
        } else {
            BTreeMap::new()
        }
    }

    /// The hosts look as they did after any other tool had done this work.
    fn verify(&mut self, tool: Tool, cell: Cell) {
        let Some(what) = cell.work.playbook() else { return };
        for (host, state) in self.hosts.state(cell.hosts, what) {
            let key = (what, host, self.keepalive);
            let known = self.states.entry(key).or_insert_with(|| state.clone());
            assert_eq!(*known, state, "{tool:?} leaves something else behind");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-r").arg(from.join(".")).arg(to).status().unwrap();
    assert!(status.success());
}

/// What took part, as it says of itself.
fn versions(hosts: &Hosts) -> BTreeMap<String, String> {
    let says = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8(text).unwrap().lines().next().unwrap_or_default().to_owned()
    };
    let packages = |folder: &str| {
        fs::read_to_string(hosts.file(folder).join("packages")).unwrap().trim().replace("==", " ")
    };
    let cores = thread::available_parallelism().unwrap();
    BTreeMap::from([
        ("the machine", format!("{cores} processors, {}", says("uname", &["-sr"]))),
        ("converge", says(env!("CARGO_BIN_EXE_converge"), &["--version"])),
        ("F1, F2", says("ssh", &["-V"])),
        ("pyinfra", packages("pyinfra")),
        ("ansible-core-rs", packages("rs")),
        ("Mitogen", packages("mitogen")),
        ("Ansible", packages("ansible")),
    ])
    .into_iter()
    .map(|(name, version)| (name.to_owned(), version))
    .collect()
}
