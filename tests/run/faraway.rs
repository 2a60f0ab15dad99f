//! Hosts behind SSH servers, near or far, that say what a real shell said once.
//!
//! With `pause`, the clock stands still as long as anybody works, and goes on only while all wait for what is under way.
//! So the time that a run takes then is the time that it waits, however fast this machine is.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use converge::{
    input::inventory::{Connection, Host},
    io::remote::{Connector, LocalUser, Remote, RemoteError, SshConnector, Timeouts},
    plan::exit_status::ExitStatus::Converged,
    run::Purpose,
};
use russh::keys::{
    PrivateKey,
    ssh_key::{LineEnding, private::Ed25519Keypair},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, duplex, split},
    net::{TcpListener, TcpStream},
    sync::mpsc::unbounded_channel,
    time::{Instant, sleep_until},
};

use super::fleet::{Fleet, Ran};
use crate::simulated::{Answers, Recorder, Server, Tape};

/// What a real shell said to each command of a connection.
pub(crate) type Tapes = Arc<[Arc<Tape>]>;

/// Which port leads to the host of a name.
type Way = Arc<dyn Fn(&str) -> u16 + Send + Sync>;

/// The ways to hosts on this machine.
pub(crate) struct Faraway {
    ssh: SshConnector,
    folder: TempDir,
    server: Server,
    way: Mutex<Way>,
}

impl Faraway {
    pub(crate) fn new() -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let [host_key, user_key] =
            [1, 2].map(|seed| PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32])));
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let public = host_key.public_key().to_openssh().unwrap();
        write("known_hosts", &format!("[127.0.0.1]:* {public}\n"));
        write("key", &user_key.to_openssh(LineEnding::LF).unwrap());
        let user = LocalUser { home: folder.path().to_owned(), ..LocalUser::default() };
        let (nobody, no_secret) =
            (Arc::new(|_: &str| None), Arc::new(|_: &str| Err(String::new())));
        let ssh = SshConnector::new(user, nobody, no_secret, Timeouts::default());
        let (server, way) = (Server::new(host_key), Mutex::new(Arc::new(|_: &str| 0_u16) as Way));
        Arc::new(Self { ssh, folder, server, way })
    }

    /// From now on, the host of a name is reached at this port.
    pub(crate) fn lead(&self, way: impl Fn(&str) -> u16 + Send + Sync + 'static) {
        *self.way.lock().unwrap() = Arc::new(way);
    }

    /// Opens a port behind which hosts answer, each piece of what is said being so long under way.
    pub(crate) async fn open(&self, answers: Answers, one_way: Duration) -> u16 {
        let (listener, port) = listen().await;
        let server = self.server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(server.clone(), stream, answers.clone(), one_way));
            }
        });
        port
    }

    /// Runs a playbook over one host for real, and gives what it said.
    pub(crate) async fn record(self: &Arc<Self>, fleet: &Fleet, playbook: &str) -> Tapes {
        let recorder = Recorder::new(self.path("state"));
        let port = self.open(Answers::Real(recorder.clone()), Duration::ZERO).await;
        self.lead(move |_| port);
        let ran = self.run(fleet, playbook).await;
        assert_eq!(ran.status, Converged, "{:?}", ran.events);
        recorder.tapes()
    }

    pub(crate) async fn run(self: &Arc<Self>, fleet: &Fleet, playbook: &str) -> Ran {
        let apply = Purpose::Apply { approved: None };
        fleet.run_over(self.clone(), playbook, apply).await.unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[async_trait]
impl Connector for Faraway {
    async fn connect(&self, host: &Host) -> Result<Arc<dyn Remote>, RemoteError> {
        let port = self.way.lock().unwrap()(&host.name);
        let connection = Connection {
            user: Some("root".to_owned()),
            port: Some(port),
            identity_file: Some(self.path("key")),
            known_hosts: Some(self.path("known_hosts")),
            ..Connection::default()
        };
        let address = "127.0.0.1".to_owned();
        self.ssh.connect(&Host { address, connection, ..host.clone() }).await
    }
}

/// A listener on a port of its own.
pub(crate) async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

async fn serve(server: Server, stream: TcpStream, answers: Answers, one_way: Duration) {
    stream.set_nodelay(true).unwrap();
    if one_way.is_zero() {
        return server.serve(stream, answers).await;
    }
    let (near, far) = duplex(1 << 20);
    let ((from_us, to_us), (from_host, to_host)) = (split(stream), split(near));
    tokio::join!(
        delay(from_us, to_host, one_way),
        delay(from_host, to_us, one_way),
        server.serve(far, answers),
    );
}

/// Passes on what comes, each piece after the time that it takes to get there.
async fn delay(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    one_way: Duration,
) {
    let (sender, mut under_way) = unbounded_channel::<(Instant, Vec<u8>)>();
    let leave = async move {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(n @ 1..) = from.read(&mut bytes).await {
            let _ = sender.send((Instant::now() + one_way, bytes[..n].to_vec()));
        }
    };
    let arrive = async move {
        while let Some((at, bytes)) = under_way.recv().await {
            sleep_until(at).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(leave, arrive);
}
