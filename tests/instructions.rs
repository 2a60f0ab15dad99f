//! What it costs to decide and to start, in instructions: callgrind counts them, so that no load of the machine matters.
//!
//! A count must not be far above the one in `tests/instructions.toml`, and must not grow faster than the number of
//! resources. `UPDATE_FIGURES=1 cargo test --test tests instructions` writes the counts down. They are those of a build for
//! tests: a release takes about a fifth.

use std::{collections::BTreeMap, env, fs, path::Path, process::Command};

use converge::{
    evaluate::catalog::NodeId,
    plan::{
        graph::{self, Graph},
        planner::Plan,
        probe::{Probe, Queries},
    },
};

use self::fleet::{Fleet, observe};

#[path = "../benches/evaluation/fleet.rs"]
mod fleet;

/// How much of what is written down a count may be: there may be another compiler, or another C library.
const ROOM: f64 = 1.10;

/// What ten times as many resources may cost: more than ten times as much, since a sorted map takes a step more for each
/// doubling, and a hash table is made anew. What is quadratic takes up to a hundred times as much.
const GROWTH: f64 = 10.0 * 1.25;

/// The fleets that go through all stages, by the names of their makers, with few hosts and with ten times as many.
const FLEETS: [(&str, usize, usize); 3] = [("site", 4, 40), ("mesh", 6, 60), ("release", 52, 502)];

/// What is done with each of them. Only a site is drawn: of the others, a drawing has many more arrows than boxes.
const STAGES: [&str; 5] = ["evaluate", "graph", "probe", "plan", "draw"];

/// Says to the program that is counted what to do.
const SUBJECT: &str = "CONVERGE_COUNTED";

type Counts = BTreeMap<String, u64>;

#[test]
fn deciding_and_starting_take_no_more_instructions_than_they_did() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("skipped: there is no valgrind");
        return;
    }
    let mut counts = start();
    let mut errors = Vec::new();
    for (name, few, many) in FLEETS {
        let [few, many] = [few, many].map(|hosts| decide(name, hosts));
        for ((stage, few), many) in STAGES.iter().zip(&few).zip(&many) {
            let growth = *many as f64 / *few as f64;
            eprintln!("{stage}, {name}: {many}, {growth:.2} times those of a tenth of the hosts");
            if growth > GROWTH {
                errors.push(format!(
                    "{stage}, {name}: {growth:.1} times as many for 10 times as much"
                ));
            }
            counts.insert(format!("{stage}, {name}"), *many);
        }
    }
    if env::var_os("UPDATE_FIGURES").is_some() {
        write(&counts);
    }
    errors.extend(dearer(&counts, &read()));
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

/// What takes more than it may, and by how much.
fn dearer(counts: &Counts, written: &Counts) -> Vec<String> {
    let error = |(name, count): (&String, &u64)| {
        let Some(earlier) = written.get(name) else {
            return Some(format!("{name}: {FILE} does not have it: UPDATE_FIGURES=1 writes it"));
        };
        let ratio = *count as f64 / *earlier as f64;
        let more = (ratio - 1.0) * 100.0;
        (ratio > ROOM)
            .then(|| format!("{name}: {count} instructions, {more:.1} % more than {earlier}"))
    };
    counts.iter().filter_map(error).collect()
}

const FILE: &str = "tests/instructions.toml";

fn read() -> Counts {
    toml::from_str(&fs::read_to_string(root().join(FILE)).unwrap_or_default()).unwrap()
}

fn write(counts: &Counts) {
    let head =
        "# Instructions, counted by callgrind: see tests/instructions.rs, which writes this.\n";
    fs::write(root().join(FILE), format!("{head}{}", toml::to_string(counts).unwrap())).unwrap();
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the program takes to start, and to check the site of this repository.
fn start() -> Counts {
    let converge = || Command::new(env!("CARGO_BIN_EXE_converge"));
    let (mut version, mut check) = (converge(), converge());
    version.arg("--version");
    // Without a version the nodes are asked for theirs, and what is made of that cannot be checked.
    check.args(["check", "playbooks/site.rhai", "-e", "api_version=1.0.0"]).current_dir(root());
    // Else there would be as many threads to start as the machine has processors.
    check.env("TOKIO_WORKER_THREADS", "1");
    let total = |command| counted(command, &[]).iter().sum();
    [("start, --version", total(version)), ("start, check of the site", total(check))]
        .map(|(name, count)| (name.to_owned(), count))
        .into()
}

/// What each stage takes for a fleet.
fn decide(fleet: &str, hosts: usize) -> Vec<u64> {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "instructions::subject", "--ignored", "--test-threads=1"]);
    command.env(SUBJECT, format!("{fleet} {hosts}"));
    let function = |option, name| format!("--{option}=*instructions::{name}*");
    let options = [function("toggle-collect", "stage"), function("dump-before", "ended")];
    let counts = counted(command, &options);
    let stages = STAGES.iter().filter(|stage| **stage != "draw" || fleet == "site").count();
    assert_eq!(counts.len(), stages, "{fleet}: not every stage was seen: {counts:?}");
    counts
}

/// Runs a command under callgrind, and gives the counts of its parts that are not empty.
fn counted(command: Command, options: &[String]) -> Vec<u64> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("part");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--quiet"]).args(options);
    valgrind.arg(format!("--callgrind-out-file={}", file.display()));
    valgrind.arg(command.get_program()).args(command.get_args());
    valgrind.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    valgrind.current_dir(command.get_current_dir().unwrap_or(Path::new(".")));
    let output = valgrind.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The parts are part.1, part.2 and so on; what comes after the last one is in the file without a number.
    let number = |path: &Path| path.extension()?.to_str()?.parse::<u32>().ok();
    let mut parts: Vec<_> =
        folder.path().read_dir().unwrap().map(|it| it.unwrap().path()).collect();
    parts.sort_by_key(|path| number(path).unwrap_or(u32::MAX));
    let counts = parts.iter().map(|path| total(&fs::read_to_string(path).unwrap()));
    counts.filter(|count| *count > 0).collect()
}

fn total(part: &str) -> u64 {
    let line = part.lines().find_map(|line| line.strip_prefix("totals: "));
    line.expect("callgrind ends a part with its total").parse().unwrap()
}

#[test]
#[ignore = "it is what is counted"]
fn subject() {
    let Ok(subject) = env::var(SUBJECT) else { return };
    let (name, hosts) = subject.split_once(' ').unwrap();
    let hosts = hosts.parse().unwrap();
    let fleet = match name {
        "site" => Fleet::site(hosts),
        "mesh" => Fleet::mesh(hosts),
        "release" => Fleet::release(hosts),
        _ => panic!("there is no fleet {name}"),
    };
    let catalog = stage(|| fleet.evaluate());
    ended();
    let graph = stage(|| Graph::build(&catalog).unwrap());
    ended();
    let mut nodes: Vec<NodeId> = catalog.nodes().map(|(id, _)| id).collect();
    nodes.sort_by_key(|id| &catalog.node(*id).name.host);
    let hosts = || nodes.chunk_by(|a, b| catalog.node(*a).name.host == catalog.node(*b).name.host);
    let queries = Queries::default();
    let probe = |nodes: &[NodeId]| drop(Probe::new(&catalog, nodes, "boundary", &queries));
    stage(|| hosts().for_each(probe));
    ended();
    let observations = observe(&catalog);
    stage(|| Plan::new(&catalog, &graph, &observations));
    ended();
    if name == "site" {
        stage(|| graph::dot(&catalog, &graph));
    }
}

/// What is counted. Callgrind finds this function, and the next one, by their names.
#[inline(never)]
fn stage<T>(run: impl FnOnce() -> T) -> T {
    std::hint::black_box(run())
}

/// Where one count ends and the next one begins.
#[inline(never)]
fn ended() {
    std::hint::black_box(());
}
