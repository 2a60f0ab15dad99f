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

/// Seconds that nothing may take.
const TOO_LONG: f64 = 300.0;

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
            && self.slow.is_none_or(|slow| slow == cell.slow)
    }

    fn tools(&self) -> impl Iterator<Item = Tool> {
        let wanted = |tool: &Tool| self.tools.is_empty() || self.tools.contains(tool);
        Tool::all().iter().copied().filter(wanted)
    }
}

impl Bench {
    fn new(project: &Path, folder: &Path) -> Self {
        let work = folder.join("work");
        fs::create_dir_all(&work).unwrap();
        copy(&project.join("benches/peers/work"), &work);
        // The project's own settings do not hold here.
        fs::write(work.join("converge.toml"), "").unwrap();
        Self { hosts: Hosts::up(folder), keepalive: 0, states: BTreeMap::new() }
    }

    /// Rounds in which each tool does the work once.
    fn measure(mut self, cell: Cell, options: &Options, figures: &mut Figures) -> Self {
        self.prepare(cell);
        let _road = cell.slow.then(|| Road::long(&self.hosts.processes(cell.hosts)));
        let mut costs: BTreeMap<Tool, Vec<Cost>> = BTreeMap::new();
        let tools: Vec<Tool> =
            options.tools().filter(|tool| expected(figures, *tool, cell) < TOO_LONG).collect();
        for round in 0..options.rounds {
            // Nobody always comes after the one that leaves the hosts in the worst mood.
            let first = round % tools.len();
            for tool in tools[first..].iter().chain(&tools[..first]) {
                let sofar = costs.entry(*tool).or_default();
                let spent: f64 = sofar.iter().map(|cost| cost.wall).sum();
                if spent + spent / sofar.len().max(1) as f64 > options.patience {
                    continue;
                }
                let ran;
                (self, ran) = self.once(*tool, cell);
                match ran {
                    Ok(cost) => {
                        eprintln!("{cell:<26} {:<16} {cost}", tool.label());
                        sofar.push(cost);
                    }
                    Err(problem) => {
                        assert!(*tool != Tool::Converge, "{problem}");
                        eprintln!(
                            "{cell:<26} {:<16} failed, and is left out: {problem}",
                            tool.label()
                        );
                        self.prepare(cell);
                    }
                }
            }
        }
        for (tool, costs) in costs.into_iter().filter(|(_, costs)| !costs.is_empty()) {
            figures.put(Runs { tool, cell, costs });
        }
        self
    }

    /// Brings the hosts to where the work begins, whatever was there.
    fn prepare(&self, cell: Cell) {
        if cell.work.playbook().is_none() || cell.work == Work::New {
            return;
        }
        // Names of one machine would wait for each other's changes.
        let cell = Cell { hosts: cell.hosts.min(HOSTS), ..cell };
        let command = Tool::Converge.command(&self.hosts, cell, KEEPALIVE[self.keepalive]);
        let ran = measure::run(&self.hosts, &command, &self.hosts.file("output"));
        assert!(ran.success, "{}", ran.output);
    }

    /// One run; or in which way it did not do what it should.
    fn once(mut self, tool: Tool, cell: Cell) -> (Self, Result<Cost, String>) {
        match cell.work {
            Work::New => {
                self.hosts = self.hosts.reset(cell.hosts);
                self.keepalive = 0;
            }
            Work::Change => self.keepalive = (self.keepalive + 1) % KEEPALIVE.len(),
            _ => {}
        }
        let before = self.restarts(cell);
        let command = tool.command(&self.hosts, cell, KEEPALIVE[self.keepalive]);
        let ran = measure::run(&self.hosts, &command, &self.hosts.file("output"));
        let after = self.restarts(cell);
        let verified = self.verify(tool, cell, &ran).and_then(|()| {
            let restarted = before.iter().all(|(host, at)| after[host] != *at);
            if restarted { Ok(ran.cost) } else { Err("it did not restart nginx".to_owned()) }
        });
        (self, verified)
    }

    /// When nginx was started last, on each host; nothing where that does not matter.
    fn restarts(&self, cell: Cell) -> BTreeMap<String, String> {
        if cell.work == Work::Change {
            self.hosts.state(cell.hosts, "nginx")
        } else {
            BTreeMap::new()
        }
    }

    /// It succeeded, changed nothing that was well, and the hosts look as they do after any other tool.
    fn verify(&mut self, tool: Tool, cell: Cell, ran: &Ran) -> Result<(), String> {
        if !ran.success {
            return Err(format!("it ended with an error: {}", ran.output));
        }
        if cell.work.changes_nothing() && tool.changes(&ran.output) != Some(0) {
            return Err(format!("it changed something: {}", ran.output));
        }
        let Some(what) = cell.work.playbook() else { return Ok(()) };
        for (host, state) in self.hosts.state(cell.hosts, what) {
            let key = (what, host, self.keepalive);
            let known = self.states.entry(key).or_insert_with(|| state.clone());
            if *known != state {
                return Err(format!("it leaves something else behind: {state} instead of {known}"));
            }
        }
        Ok(())
    }
}

/// Seconds that a run will take, from how long it took with fewer hosts.
fn expected(figures: &Figures, tool: Tool, cell: Cell) -> f64 {
    let few = Cell { hosts: 5, ..cell };
    let wall = figures.median(tool, few, |cost| cost.wall).unwrap_or_default();
    if cell == few { 0.0 } else { wall * cell.hosts as f64 / few.hosts as f64 }
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
        ("F1, F2, L", says("ssh", &["-V"])),
        ("pyinfra", packages("pyinfra")),
        ("ansible-core-rs", packages("rs")),
        ("Mitogen", packages("mitogen")),
        ("Ansible", packages("ansible")),
    ])
    .into_iter()
    .map(|(name, version)| (name.to_owned(), version))
    .collect()
}
