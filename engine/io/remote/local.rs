//! This machine itself: the same `sh`, as a child process.

use std::{process::Stdio, sync::Arc};

use async_trait::async_trait;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
};

use super::{
    Connector, Remote, RemoteError, Timeouts,
    backlog::{Printed, backlog},
    identity::Identity,
    piece::{End, Piece},
    pipe::{Commands, Pipe},
    secrets::Passwords,
    session::Session,
};
use crate::{input::inventory::Host, io::program};

/// Runs scripts on the machine that converge runs on.
pub struct LocalConnector {
    passwords: Arc<dyn Passwords>,
    timeouts: Timeouts,
}

impl LocalConnector {
    /// Asks `passwords` for what `become` needs.
    pub fn new(passwords: Arc<dyn Passwords>, timeouts: Timeouts) -> Self {
        Self { passwords, timeouts }
    }
}

#[async_trait]
impl Connector for LocalConnector {
    async fn connect(&self, host: &Host) -> Result<Arc<dyn Remote>, RemoteError> {
        let identity = Identity::of(host, &*self.passwords, self.timeouts.connect)?;
        Ok(Arc::new(Session::open(Children, identity).await?))
    }
}

/// Commands as children of this process.
pub(super) struct Children;

#[async_trait]
impl Commands for Children {
    async fn start(&self, command: &str) -> Result<Pipe, RemoteError> {
        let mut child = Command::from(program::command("sh"))
            .args(["-c", command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C in the terminal is for converge, which lets running steps finish.
            .process_group(0)
            .spawn()
            .map_err(|error| RemoteError::unreachable(format!("sh cannot be started: {error}")))?;
        let stdin = child.stdin.take().expect("standard input was asked to be a pipe");
        let (printed, pieces) = backlog();
        tokio::spawn(drain(child, printed));
        Ok(Pipe { stdin: Box::new(stdin), pieces })
    }

    /// A child hears of the end by its standard input.
    async fn cut(&self) {}
}

async fn drain(mut child: Child, to: Printed) {
    let stdout = child.stdout.take().expect("standard output was asked to be a pipe");
    let stderr = child.stderr.take().expect("standard error was asked to be a pipe");
    tokio::join!(copy(stdout, &to, Piece::Stdout), copy(stderr, &to, Piece::Stderr));
    let end = match child.wait().await {
        Ok(status) => {
            use std::os::unix::process::ExitStatusExt as _;
            let signal = |number: i32| End::Signal(number.to_string());
            status.code().map(End::Exit).or(status.signal().map(signal))
        }
        Err(error) => Some(End::Gone(error.to_string())),
    };
    to.end(end.unwrap_or(End::Gone(String::new())));
}

/// Reads to the end, also when nobody listens any more: a full pipe would stop the child.
async fn copy(mut from: impl AsyncRead + Unpin, to: &Printed, piece: fn(Vec<u8>) -> Piece) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        to.put(piece, buffer[..length].to_vec()).await;
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt as _, path::Path};

    use indexmap::IndexMap;

    use super::*;
    use crate::{
        base::{content::Content, script::Script},
        input::inventory::{Connection, Transport},
        io::remote::{Captured, Exit},
        sh,
    };

    fn host() -> Host {
        let connection = Connection { transport: Transport::Local, ..Connection::default() };
        Host {
            name: "here".into(),
            address: "here".to_owned(),
            groups: Vec::new(),
            vars: IndexMap::new(),
            connection,
            place: None,
        }
    }

    async fn this_machine() -> Arc<dyn Remote> {
        let connector =
            LocalConnector::new(Arc::new(|_: &str| Err(String::new())), Timeouts::default());
        connector.connect(&host()).await.unwrap()
    }

    async fn run(remote: &dyn Remote, script: &Script) -> (i32, String, String) {
        let mut output = Captured::within(8 << 20, None);
        let Exit(status) = remote.run(script, &mut output).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status, text(output.stdout), text(output.stderr))
    }

    fn seen(status: i32, stdout: &str, stderr: &str) -> (i32, String, String) {
        (status, stdout.to_owned(), stderr.to_owned())
    }

    #[tokio::test]
    async fn scripts_follow_each_other_and_share_nothing() {
        let remote = this_machine().await;
        let first = sh!("x=1; cd /; umask 077; set -e; echo out; echo err >&2; exit 7");
        assert_eq!(run(&*remote, &first).await, seen(7, "out\n", "err\n"));
        let second = sh!("printf '%s' \"$x\"; umask; cat; echo {}", "it's");
        assert_eq!(run(&*remote, &second).await, seen(0, "0022\nit's\n", ""));
        let traffic = remote.traffic();
        assert_eq!((traffic.connections, traffic.round_trips), (1, 2));
        assert_eq!(traffic.bytes_received, "out\nerr\n0022\nit's\n".len() as u64);
        assert_eq!(traffic.bytes_sent, (first.text().len() + second.text().len()) as u64);
    }

    #[tokio::test]
    async fn a_syntax_error_ends_only_its_script() {
        let remote = this_machine().await;
        assert_eq!(run(&*remote, &sh!("if")).await.0, 2);
        assert_eq!(run(&*remote, &sh!("echo on")).await, seen(0, "on\n", ""));
    }

    #[tokio::test]
    async fn the_environment_is_fixed() {
        let remote = this_machine().await;
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let script = sh!("sh -c 'echo $PATH $LC_ALL'");
        assert_eq!(run(&*remote, &script).await, seen(0, &format!("{path} C\n"), ""));
    }

    #[tokio::test]
    async fn a_large_script_and_large_output_go_through() {
        let remote = this_machine().await;
        let text = "it's a line\n".repeat(200_000);
        let (status, stdout, _) = run(&*remote, &sh!("printf %s {}", text)).await;
        assert_eq!((status, stdout == text), (0, true));
    }

    #[tokio::test]
    async fn a_shell_that_is_killed_is_lost_with_its_last_words() {
        let remote = this_machine().await;
        let script = sh!("echo dying >&2; kill -9 $$");
        let error = remote.run(&script, &mut Captured::default()).await.unwrap_err();
        let RemoteError::Lost(message) = error else { panic!("{error:?}") };
        assert!(message.contains("signal 9") && message.contains("dying"), "{message}");
        let again = remote.run(&sh!("true"), &mut Captured::default()).await;
        assert!(matches!(again, Err(RemoteError::Lost(_))), "{again:?}");
    }

    #[tokio::test]
    async fn nobody_takes_the_output_of_an_abandoned_script_for_that_of_the_next() {
        let remote = this_machine().await;
        let folder = tempfile::tempdir().unwrap();
        let gate = folder.path().join("gate").display().to_string();
        assert_eq!(run(&*remote, &sh!("mkfifo {}", gate)).await.0, 0);
        let (script, mut output) = (sh!("read x <{}; echo late", gate), Captured::default());
        tokio::select! {
            biased;
            _ = remote.run(&script, &mut output) => panic!("the script ended"),
            () = tokio::task::yield_now() => {}
        }
        let next = remote.run(&sh!("echo next"), &mut Captured::default()).await;
        assert!(matches!(next, Err(RemoteError::Lost(_))), "{next:?}");
        std::fs::write(gate, "go\n").unwrap();
    }

    #[tokio::test]
    async fn content_is_gone_however_the_shell_dies() {
        let content = [Content::new(*b"a secret, perhaps")];
        for signal in ["HUP", "INT", "PIPE", "TERM"] {
            // A shell cannot trap what was ignored when it began, as under `nohup`.
            let kills = format!("kill -{signal} $$; exit 7");
            if Command::new("sh").args(["-c", &kills]).status().await.unwrap().code() == Some(7) {
                continue;
            }
            let remote = this_machine().await;
            let folder = remote.send(&content).await.unwrap();
            let kill = sh!("kill -{} $$", Script::trusted(signal));
            let died = remote.run(&kill, &mut Captured::default()).await;
            assert!(matches!(died, Err(RemoteError::Lost(_))), "{signal}");
            assert!(!Path::new(&folder).exists(), "{signal}");
        }
        let (remote, other) = (this_machine().await, this_machine().await);
        let left = remote.send(&content).await.unwrap();
        let held = other.send(&content).await.unwrap();
        let died = remote.run(&sh!("kill -9 $$"), &mut Captured::default()).await;
        assert!(died.is_err() && Path::new(&left).exists());
        // Who comes next removes what is left over, and nothing else.
        let next = this_machine().await;
        next.send(&content).await.unwrap();
        assert!(!Path::new(&left).exists() && Path::new(&held).exists());
        other.close().await;
        next.close().await;
    }

    #[tokio::test]
    async fn content_is_sent_once_kept_private_and_removed_at_the_end() {
        let remote = this_machine().await;
        let contents =
            (0..50_u32).map(|n| Content::new(n.to_string().repeat(n as usize).into_bytes()));
        let contents = contents.collect::<Vec<_>>();
        let folder = remote.send(&contents).await.unwrap();
        assert_eq!(remote.send(&contents[3..]).await.unwrap(), folder);
        assert_eq!(remote.traffic().round_trips, 1);
        for content in &contents {
            let path = Path::new(&folder).join(content.digest().as_str());
            assert_eq!(std::fs::read(&path).unwrap(), content.bytes());
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o7777, 0o600);
        }
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o7777, 0o700);
        let more = Content::new(*b"more");
        assert_eq!(remote.send(std::slice::from_ref(&more)).await.unwrap(), folder);
        assert_eq!(remote.traffic().round_trips, 2);
        remote.close().await;
        assert!(!Path::new(&folder).exists());
    }
}
