//! The project that is measured: simulated hosts, and a playbook of 50 resources for each.

use std::{
    fmt::Write as _,
    fs,
    net::Ipv4Addr,
    path::Path,
    process::{Command, Stdio},
};

use crate::measure::{ERRORS, measure};
use russh::keys::{
    PrivateKey,
    ssh_key::{LineEnding, private::Ed25519Keypair},
};

/// What kind of host an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A real shell, from which the others have their answers.
    Real = 9,
    /// Answers at once.
    Answering = 10,
    /// Takes its time over each answer.
    Slow = 11,
    /// Takes connections, and never says a word.
    Silent = 12,
    /// Takes no connection.
    Refusing = 13,
}

impl Kind {
    /// The address of the n-th of its hosts.
    pub(crate) fn address(self, n: usize) -> Ipv4Addr {
        let [.., high, low] = u32::try_from(n).unwrap().to_be_bytes();
        Ipv4Addr::new(127, self as u8, high, low)
    }
}

/// A fleet of which some hosts do not answer as they should: 5 % are slow, 1 % dead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trouble {
    pub(crate) hosts: usize,
}

impl Trouble {
    fn kind(self, n: usize) -> Kind {
        match n % 200 {
            19 => Kind::Silent,
            119 => Kind::Refusing,
            n if n % 20 == 9 => Kind::Slow,
            _ => Kind::Answering,
        }
    }

    /// How many of its hosts are of a kind.
    pub(crate) fn count(self, kind: Kind) -> usize {
        (0..self.hosts).filter(|n| self.kind(*n) == kind).count()
    }
}

/// The playbook: resources that every Debian machine can have, for nothing is installed to record the answers.
const PLAYBOOK: &str = r#"on(hosts("all"), |host| {
    let root = host.vars.root;
    for name in ["base-files", "bash", "coreutils", "dash", "dpkg", "grep", "gzip", "libc6", "sed", "tar"] {
        package(name);
    }
    for n in 0..5 { directory(`${root}/d${n}`, #{ mode: "0750" }); }
    for n in 0..20 { file(`${root}/f${n}`, #{ template: "page.j2", vars: #{ n: n }, mode: "0640" }); }
    for n in 0..5 { link(`${root}/l${n}`, #{ to: `${root}/f${n}` }); }
    file(`${root}/lines`, #{ content: "first = 1\nsecond = 2\nthird = 3\nfourth = 4\n" });
    for name in ["first", "second", "third", "fourth"] {
        line(`${root}/lines-of-${name}`, #{ line: `${name} = 1`, create: true });
    }
    for name in ["root", "daemon"] { user(name); }
    for name in ["root", "daemon", "bin"] { group(name); }
});
"#;

const TEMPLATE: &str = "# {{ host.name }}: page {{ n }}\n\
                        {% for i in range(20) %}setting-{{ i }} = {{ i * n }}\n{% endfor %}";

/// The project, in a folder of its own.
pub(crate) struct Fleet<'a> {
    folder: &'a Path,
    port: u16,
}

/// The key that the hosts show.
pub(crate) fn host_key() -> PrivateKey {
    Ed25519Keypair::from_seed(&[1; 32]).into()
}

/// The key that is shown to the hosts.
pub(crate) fn user_key() -> PrivateKey {
    Ed25519Keypair::from_seed(&[2; 32]).into()
}

impl<'a> Fleet<'a> {
    pub(crate) fn new(folder: &'a Path, port: u16) -> Self {
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        for name in ["root", "templates"] {
            fs::create_dir(folder.join(name)).unwrap();
        }
        write("key", &user_key().to_openssh(LineEnding::LF).unwrap());
        write("site.rhai", PLAYBOOK);
        write("templates/page.j2", TEMPLATE);
        write("converge.toml", "");
        Self { folder, port }
    }

    /// Converge over so many hosts that answer.
    pub(crate) fn converge(&self, answering: usize) -> Command {
        self.command(std::iter::repeat_n(Kind::Answering, answering))
    }

    /// Converge over hosts of which some are in trouble: the n-th is what `trouble` says.
    pub(crate) fn converge_troubled(&self, trouble: &Trouble) -> Command {
        self.command((0..trouble.hosts).map(|n| trouble.kind(n)))
    }

    /// Converge over hosts, each of its kind.
    fn command(&self, hosts: impl Iterator<Item = Kind>) -> Command {
        let key = host_key().public_key().to_openssh().unwrap();
        let (folder, port) = (self.folder.display(), self.port);
        let mut text = format!(
            "[connection]\nuser = \"root\"\nport = {port}\nidentity_file = \"key\"\nknown_hosts = \"known_hosts\"\n\
             [vars]\nroot = \"{folder}/root\"\n[hosts]\n"
        );
        let mut known = String::new();
        for (n, kind) in hosts.enumerate() {
            let address = kind.address(n);
            // Names of one length: the answers of one host fit all.
            writeln!(text, "host-{n:05} = {{ address = \"{address}\" }}").unwrap();
            writeln!(known, "[{address}]:{port} {key}").unwrap();
        }
        fs::write(self.folder.join("inventory.toml"), text).unwrap();
        fs::write(self.folder.join("known_hosts"), known).unwrap();
        let program = std::env::var_os("CONVERGE");
        let mut command =
            Command::new(program.unwrap_or_else(|| env!("CARGO_BIN_EXE_converge").into()));
        command.args(["site.rhai", "--inventory", "inventory.toml"]).current_dir(self.folder);
        command.env_remove("SSH_AUTH_SOCK").env("HOME", self.folder);
        let errors = fs::File::create(self.folder.join(ERRORS)).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
        command
    }

    /// Brings the real host to the declared state, and records what it says then.
    pub(crate) fn record(&self) {
        for _ in 0..2 {
            measure(&mut self.command(std::iter::once(Kind::Real)));
        }
    }

    /// So many handshakes, and one round trip after each.
    pub(crate) fn bare(&self, hosts: usize) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["bare", &self.port.to_string(), &hosts.to_string()]);
        command
    }
}
