//! A real sshd on a loopback port, with keys of its own, for as long as a test runs.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use converge::{
    base::{script::Script, secret::Secret},
    input::inventory::{Connection, Host},
    io::remote::{Captured, FindHost, LocalUser, Remote, RemoteError, SshConnector, Timeouts},
};

const SSHD: &str = "/usr/sbin/sshd";

/// The server, its folder with keys, and what a client needs.
pub(crate) struct Sshd {
    pub(crate) port: u16,
    pub(crate) folder: tempfile::TempDir,
    child: Child,
}

impl Sshd {
    /// Starts a server that knows the key `user`; `None`, with a word about it, where there is no sshd.
    pub(crate) fn start() -> Option<Self> {
        Self::with("ed25519", "")
    }

    /// Starts a server whose own key is of `kind`, with more lines of configuration.
    pub(crate) fn with(kind: &str, more: &str) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            eprintln!("skipped: there is no {SSHD} (package openssh-server)");
            return None;
        }
        // sshd wants this folder when root starts it, and systemd makes it only for its own.
        let _ = std::fs::create_dir("/run/sshd");
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        keygen(&folder.path().join("host"), &["-t", kind]);
        keygen(&folder.path().join("user"), &["-t", "ed25519"]);
        std::fs::copy(path("user.pub"), path("authorized_keys")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let text = format!(
            // The first value of a keyword counts.
            "{}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             UsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin yes\nMaxStartups 50\n",
            more.replace("FOLDER", &folder.path().display().to_string()),
            path("host"),
            path("authorized_keys"),
        );
        std::fs::write(path("sshd_config"), text).unwrap();
        let child = serve(folder.path());
        Some(Self { port, folder, child })
    }

    /// Starts the server anew: it reads its keys when it starts.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.child = serve(self.folder.path());
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The line of known_hosts that is true of this server.
    pub(crate) fn known(&self) -> String {
        let key = std::fs::read_to_string(self.path("host.pub")).unwrap();
        format!("[127.0.0.1]:{} {key}", self.port)
    }

    /// This server as an inventory names it: its key known, the user's key named.
    pub(crate) fn host(&self) -> Host {
        std::fs::write(self.path("known_hosts"), self.known()).unwrap();
        let connection = Connection {
            port: Some(self.port),
            identity_file: Some(self.path("user")),
            known_hosts: Some(self.path("known_hosts")),
            ..Connection::default()
        };
        host("web-1", connection)
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts a server, and waits until it listens.
fn serve(folder: &Path) -> Child {
    let mut server = Command::new(SSHD);
    server.args(["-D", "-e", "-f"]).arg(folder.join("sshd_config")).stdin(Stdio::null());
    let mut child = server.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let listens = log.by_ref().map_while(Result::ok).find(|line| line.contains("Server listening"));
    assert!(listens.is_some(), "sshd does not listen");
    std::thread::spawn(move || log.for_each(drop));
    child
}

/// Makes a key pair without a passphrase, unless `arguments` give one.
pub(crate) fn keygen(file: &Path, arguments: &[&str]) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-a", "1", "-C", "test", "-f"]).arg(file).args(arguments);
    if !arguments.contains(&"-N") {
        command.args(["-N", ""]);
    }
    assert!(command.status().unwrap().success());
}

/// A host on this machine.
pub(crate) fn host(name: &str, connection: Connection) -> Host {
    Host {
        name: name.into(),
        address: "127.0.0.1".to_owned(),
        groups: Vec::new(),
        vars: Default::default(),
        connection,
        place: None,
    }
}

/// The user who runs the tests, with a home of their own and no agent.
pub(crate) fn user(home: &Path) -> LocalUser {
    let name = Command::new("id").arg("-un").output().unwrap().stdout;
    let name = String::from_utf8(name).unwrap().trim().to_owned();
    LocalUser { home: home.to_owned(), name: Some(name), agent: None }
}

/// A connector that knows `hosts`, and the secret `passphrase`.
pub(crate) fn connector(user: LocalUser, hosts: Vec<Host>) -> SshConnector {
    patient(user, hosts, Timeouts::default())
}

/// A connector that waits as long as it is told.
pub(crate) fn patient(user: LocalUser, hosts: Vec<Host>, timeouts: Timeouts) -> SshConnector {
    let inventory: FindHost =
        Arc::new(move |name| hosts.iter().find(|host| &*host.name == name).cloned());
    let secrets = |name: &str| match name {
        "passphrase" => Ok(Secret::new(name, "open sesame")),
        _ => Err(format!("there is no secret `{name}`")),
    };
    SshConnector::new(user, inventory, Arc::new(secrets), timeouts)
}

/// Connects as the tests' own user.
pub(crate) async fn connect(host: &Host) -> Result<Arc<dyn Remote>, RemoteError> {
    use converge::io::remote::Connector as _;
    connector(user(Path::new("/nonexistent")), Vec::new()).connect(host).await
}

/// The message and the hint of the error that there has to be.
pub(crate) fn unreachable(result: Result<Arc<dyn Remote>, RemoteError>) -> (String, String) {
    match result.err().expect("this host is not to be reached") {
        RemoteError::Unreachable { message, hint } => (message, hint.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

/// Runs a script; gives its status and what it printed.
pub(crate) async fn run(remote: &dyn Remote, script: &Script) -> (i32, String, String) {
    let mut output = Captured::within(8 << 20, None);
    let status = remote.run(script, &mut output).await.unwrap().0;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status, text(output.stdout), text(output.stderr))
}
