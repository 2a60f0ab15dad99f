//! Shells of this machine in the place of hosts: what a kind does is done for real, in a folder that goes away.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use converge::{
    base::script::{Script, Words},
    resources::{
        entry,
        kind::{Desired, Kind},
        prelude,
        resource::{Step, followed},
    },
    sh,
};
use tempfile::TempDir;

/// What looks at some resources of one kind: at what lies at their paths, and then as their probe does.
pub(crate) fn probe_of(kind: &dyn Kind, batch: &[&Desired]) -> Script {
    let paths = kind.looks_at(batch);
    let mut script = followed(&kind.follows(batch));
    if !paths.is_empty() {
        let paths: Vec<&str> = paths.iter().map(AsRef::as_ref).collect();
        script.push(sh!("set -- {}", Words(&paths)).then(entry::look(kind.wants_nothing())));
    }
    script.then(kind.probe(batch))
}

/// A shell, a folder to work in, and a folder for content.
pub(crate) struct Host {
    shell: String,
    path: String,
    folder: TempDir,
}

/// What a script left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) ok: bool,
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Host {
    /// One for each sort of shell; that of busybox finds nothing but busybox.
    pub(crate) fn all() -> Vec<Self> {
        ["dash", "bash", "busybox"].map(Self::new).into()
    }

    /// One that finds only the programs that the test puts into its folder.
    pub(crate) fn alone(shell: &str) -> Self {
        let mut host = Self::new(shell);
        host.path = host.bin().to_str().unwrap().to_owned();
        if shell == "dash" {
            std::os::unix::fs::symlink("/bin/sh", host.bin().join("sh")).unwrap();
            host.shell = "/usr/bin/dash".to_owned();
        }
        host
    }

    /// Where only root can put something, files are read together; elsewhere with more care. Both are tried.
    fn new(shell: &str) -> Self {
        let closed = Path::new("/var/lib");
        let base = if shell == "dash" && rustix::process::geteuid().is_root() {
            closed.to_owned()
        } else {
            std::env::temp_dir()
        };
        let folder = tempfile::tempdir_in(base).unwrap();
        // As the root of a host: open to everyone.
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        for name in ["converge.stage", "root", "bin", "home"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let bin = folder.path().join("bin");
        let path = bin.to_str().unwrap().to_owned();
        let (shell, path) = if shell == "busybox" {
            let mut install = Command::new("busybox");
            install.args(["--install", "-s"]).arg(&bin);
            assert!(install.status().unwrap().success());
            (format!("{path}/sh"), path)
        } else {
            (shell.to_owned(), path + ":/usr/sbin:/usr/bin:/sbin:/bin")
        };
        Self { shell, path, folder }
    }

    /// Where programs are found before all others.
    pub(crate) fn bin(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    /// The folder that stands for the root of the host.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// A path below the root, as text.
    pub(crate) fn at(&self, path: &str) -> String {
        self.root().join(path).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root().join(path)).unwrap()
    }

    pub(crate) fn mode(&self, path: &str) -> u32 {
        self.root().join(path).symlink_metadata().unwrap().permissions().mode() & 0o7777
    }

    /// All that is below the root, sorted.
    pub(crate) fn list(&self) -> Vec<String> {
        fn walk(folder: &Path, root: &Path, names: &mut Vec<String>) {
            for entry in folder.read_dir().unwrap() {
                let path = entry.unwrap().path();
                names.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
                if path.is_dir() && !path.is_symlink() {
                    walk(&path, root, names);
                }
            }
        }
        let mut names = Vec::new();
        walk(&self.root(), &self.root(), &mut names);
        names.sort();
        names
    }

    /// Runs a probe, as the engine would.
    pub(crate) fn probe(&self, script: &str) -> Outcome {
        self.run_after(&prelude::reading(), &format!("part() {{\n:\n{script}\n}}\npart"))
    }

    /// Runs a step, as the engine would.
    pub(crate) fn step(&self, step: &Step) -> Outcome {
        self.steps(std::slice::from_ref(step))
    }

    /// Runs steps in one script, as the engine would, up to the first that fails.
    pub(crate) fn steps(&self, steps: &[Step]) -> Outcome {
        let mut script = "set -e\ntrap sweep EXIT\n".to_owned();
        for step in steps {
            self.stage(step);
            // Only what needs content has a stage.
            let stage = if step.contents.is_empty() { "unset STAGE; " } else { "" };
            script += &format!("({stage}set -eu\n{}\n)\n", step.script);
        }
        self.run(&script)
    }

    /// Looks and makes a step again and again, whatever comes of it; not for longer than two minutes.
    pub(crate) fn rounds(&self, rounds: usize, probe: &Script, step: &Step) -> Outcome {
        self.stage(step);
        let script = format!(
            "part() {{\n:\n{probe}\n}}
round=0
while [ $round -lt {rounds} ]; do
round=$((round+1))
(part)
rm -f \"$STAGE\"/beside.*
({}set -eu\n{}\n)
done",
            if step.contents.is_empty() { "unset STAGE; " } else { "trap sweep EXIT; " },
            step.script
        );
        self.run_by(&["timeout", "120", &self.shell], &prelude::changing(), &script)
    }

    /// Puts the contents where a step takes them from.
    fn stage(&self, step: &Step) {
        for content in &step.contents {
            let staged = self.folder.path().join("converge.stage").join(content.digest().as_str());
            std::fs::write(staged, content.bytes()).unwrap();
        }
    }

    /// Runs what may make changes.
    pub(crate) fn run(&self, script: &str) -> Outcome {
        self.run_after(&prelude::changing(), script)
    }

    fn run_after(&self, prelude: &Script, script: &str) -> Outcome {
        self.run_by(&[&self.shell], prelude, script)
    }

    fn run_by(&self, program: &[&str], prelude: &Script, script: &str) -> Outcome {
        let script = format!("umask 022\n{prelude}\n{script}\n");
        let file = self.folder.path().join("script");
        std::fs::write(&file, script).unwrap();
        let output = Command::new(program[0])
            .args(&program[1..])
            .arg(&file)
            .env_clear()
            .env("LC_ALL", "C")
            .env("PATH", &self.path)
            .env("HOME", self.folder.path().join("home"))
            .env("STAGE", self.folder.path().join("converge.stage"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Outcome {
            ok: output.status.success(),
            status: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Whether nobody but root can put something below the root.
    pub(crate) fn is_closed(&self) -> bool {
        self.root().starts_with("/var/lib")
    }

    /// The shell, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.shell
    }
}
