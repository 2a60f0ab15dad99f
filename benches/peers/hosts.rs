//! The hosts: a lab of its own, beside the one of the tests.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use minijinja::{context, value::Serde};
use serde::Serialize;

use crate::render::render;

/// How many there are.
pub(crate) const HOSTS: usize = 20;

/// How many names the first of them has besides its own, each with its own address.
pub(crate) const ALIASES: usize = 100;

const NETWORK: &str = "converge-bench";

/// The hosts, and the folder with all that a tool needs to reach them.
pub(crate) struct Hosts {
    folder: PathBuf,
    groups: Vec<PathBuf>,
}

/// A host, as the tools know it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Named {
    pub(crate) name: String,
    address: String,
    /// What the machine calls itself.
    machine: String,
}

/// This many hosts; more than there are: the aliases of the first.
pub(crate) fn named(count: usize) -> Vec<Named> {
    let host = |n| format!("host-{n:02}");
    let named = |n| match count <= HOSTS {
        true => Named { name: host(n), address: format!("10.78.0.{}", 10 + n), machine: host(n) },
        false => Named {
            name: format!("alias-{n:03}"),
            address: format!("10.78.0.{}", 100 + n),
            machine: host(1),
        },
    };
    (1..=count).map(named).collect()
}

impl Hosts {
    /// Makes sure that all of them are there; `folder` is the benchmark's own.
    pub(crate) fn up(folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let hosts = Self { folder: folder.to_owned(), groups: Vec::new() };
        fs::write(hosts.file("hosts.toml"), toml(&named(HOSTS))).unwrap();
        hosts.lab("up", &[]);
        hosts.add_aliases();
        hosts.write_inventories();
        hosts.found()
    }

    /// Empty hosts in place of the first `count`.
    pub(crate) fn reset(self, count: usize) -> Self {
        let names = named(count).into_iter().map(|host| host.name).collect::<Vec<_>>();
        self.lab("reset", &names);
        self.add_aliases();
        self.found()
    }

    /// A file of the benchmark's folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The first process of each of the first `count` hosts.
    pub(crate) fn processes(&self, count: usize) -> Vec<u32> {
        let names = named(count.min(HOSTS)).into_iter().map(|host| container(&host.name));
        let inspect = ["inspect", "--format", "{{.State.Pid}}"];
        let output = Command::new("docker").args(inspect).args(names).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|process| process.parse().unwrap()).collect()
    }

    /// What `work/state` prints on each of the first `count` hosts.
    pub(crate) fn state(&self, count: usize, what: &str) -> BTreeMap<String, String> {
        let script = fs::read_to_string(self.file("work/state")).unwrap();
        let ask = |name: String| {
            let output = Command::new("docker")
                .args(["exec", &container(&name), "sh", "-c", &script, "state", what])
                .output()
                .unwrap();
            (name, String::from_utf8(output.stdout).unwrap())
        };
        thread::scope(|scope| {
            let asked: Vec<_> = named(count.min(HOSTS))
                .into_iter()
                .map(|host| scope.spawn(move || ask(host.name)))
                .collect();
            asked.into_iter().map(|asked| asked.join().unwrap()).collect()
        })
    }

    /// The control groups of the hosts, as folders.
    pub(crate) fn groups(&self) -> &[PathBuf] {
        &self.groups
    }

    /// Bytes that went over the network of the hosts so far.
    pub(crate) fn bytes(&self) -> u64 {
        let counter = |name| {
            let path = format!("/sys/class/net/{NETWORK}/statistics/{name}");
            fs::read_to_string(path).unwrap().trim().parse::<u64>().unwrap()
        };
        counter("rx_bytes") + counter("tx_bytes")
    }

    fn lab(&self, verb: &str, names: &[String]) {
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        let status =
            Command::new(project.join("benches/peers/lab")).arg(verb).args(names).status().unwrap();
        assert!(status.success(), "the hosts did not come up");
    }

    /// The first host's other addresses; it may have them already.
    fn add_aliases(&self) {
        let adds = named(ALIASES).into_iter().fold(String::new(), |mut adds, host| {
            let _ = writeln!(adds, "ip address replace {}/24 dev eth0", host.address);
            adds
        });
        let status = Command::new("docker")
            .args(["exec", &container("host-01"), "sh", "-ec", &adds])
            .status()
            .unwrap();
        assert!(status.success(), "host-01 did not take its other addresses");
    }

    /// With the control groups as they are now.
    fn found(mut self) -> Self {
        self.groups = named(HOSTS).iter().map(|host| group(&container(&host.name))).collect();
        self
    }

    /// What each tool reads to find the hosts.
    fn write_inventories(&self) {
        let everyone: Vec<Named> = [named(HOSTS), named(ALIASES)].concat();
        let known = fs::read_to_string(self.file("lab/known_hosts")).unwrap();
        let first: Vec<&str> =
            known.lines().filter_map(|line| line.strip_prefix("host-01,10.78.0.11 ")).collect();
        let aliases = named(ALIASES).into_iter().flat_map(|alias| {
            first.iter().map(move |key| format!("{},{} {key}\n", alias.name, alias.address))
        });
        fs::write(self.file("known_hosts"), known.clone() + &aliases.collect::<String>()).unwrap();

        self.render("ssh_config", include_str!("inventories/ssh_config.j2"), &everyone);
        for count in [5, HOSTS, ALIASES] {
            let hosts = named(count);
            for (name, template) in [
                (format!("{count}.toml"), include_str!("inventories/converge.toml.j2")),
                (format!("{count}.ini"), include_str!("inventories/ansible.ini.j2")),
                (format!("hosts_{count}.py"), include_str!("inventories/pyinfra.py.j2")),
            ] {
                self.render(&name, template, &hosts);
            }
        }
    }

    fn render(&self, name: &str, template: &str, hosts: &[Named]) {
        let context = context! {
            hosts => Serde(hosts),
            key => self.file("lab/key").display().to_string(),
            known_hosts => self.file("known_hosts").display().to_string(),
            ssh_config => self.file("ssh_config").display().to_string(),
        };
        fs::write(self.file(name), render(template, context)).unwrap();
    }
}

fn container(name: &str) -> String {
    format!("{NETWORK}-{name}")
}

fn toml(hosts: &[Named]) -> String {
    hosts.iter().fold("[hosts]\n".to_owned(), |mut toml, Named { name, address, .. }| {
        let _ = writeln!(toml, "{name} = {{ address = \"{address}\" }}");
        toml
    })
}

/// The control group of a container, below that of Docker; the same path in every hierarchy.
fn group(container: &str) -> PathBuf {
    let output = Command::new("docker")
        .args(["inspect", "--format", "{{.State.Pid}} {{.Id}}", container])
        .output()
        .unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    let (process, id) = answer.trim().split_once(' ').unwrap();
    let groups = fs::read_to_string(format!("/proc/{process}/cgroup")).unwrap();
    let path =
        groups.lines().filter_map(|line| line.splitn(3, ':').nth(2)).find(|it| it.contains(id));
    // systemd moves itself into a group of its own below that of the container.
    let path = path.unwrap_or_else(|| panic!("{container} has no control group: {groups}"));
    let end = path
        .find(id)
        .map_or(path.len(), |at| path[at..].find('/').map_or(path.len(), |slash| at + slash));
    PathBuf::from(&path[1..end])
}
