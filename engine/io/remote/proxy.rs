//! A command whose standard input and output are the stream to a host: `ProxyCommand`.

use std::{
    collections::BTreeSet,
    io,
    pin::Pin,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
    time::timeout,
};

use super::{
    pipe::{keep_end, one_line},
    ssh_config::shell,
};
use crate::io::program;

/// The commands that run, each a group of processes. They must not outlive converge, which ends without undoing what its
/// tasks hold.
static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Ends all of them.
pub fn end_all() {
    for group in RUNNING.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        end(*group);
    }
}

fn end(group: i32) {
    if let Some(group) = Pid::from_raw(group) {
        // It may have ended by itself.
        let _ = kill_process_group(group, Signal::HUP);
    }
}

/// A command that runs, as long as somebody has it.
struct RunningProxy {
    group: i32,
    _child: Child,
}

impl Drop for RunningProxy {
    fn drop(&mut self) {
        end(self.group);
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.group);
    }
}

/// The stream; the command ends with it.
pub(super) struct Proxy {
    stdin: ChildStdin,
    stdout: ChildStdout,
    _running: Arc<RunningProxy>,
}

/// What the command says on its standard error.
pub(super) struct ProxyWords(JoinHandle<Vec<u8>>, Arc<RunningProxy>);

impl ProxyWords {
    /// The last of it, as one line, once the command has ended.
    pub(super) async fn last(self) -> String {
        /// Something that it started may go on.
        const PATIENCE: Duration = Duration::from_secs(1);
        let Self(words, _running) = self;
        let words = timeout(PATIENCE, words).await;
        one_line(&words.ok().and_then(Result::ok).unwrap_or_default())
    }
}

impl Proxy {
    /// Starts `command` as OpenSSH does, in the shell of the user.
    pub(super) fn start(command: &str) -> io::Result<(Self, ProxyWords)> {
        let mut shell = Command::from(program::command(shell()));
        shell.args(["-c", &format!("exec {command}")]);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: Ctrl-C in the terminal is for converge, which lets running steps finish.
        let mut child = shell.process_group(0).kill_on_drop(true).spawn()?;
        let none = || io::Error::other("it has no standard streams");
        let group = child.id().and_then(|id| i32::try_from(id).ok()).ok_or_else(none)?;
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).insert(group);
        let stdin = child.stdin.take().ok_or_else(none)?;
        let stdout = child.stdout.take().ok_or_else(none)?;
        let mut stderr = child.stderr.take().ok_or_else(none)?;
        let words = tokio::spawn(async move {
            /// The last words count.
            const KEPT: usize = 1000;
            let (mut words, mut buffer) = (Vec::new(), [0; KEPT]);
            while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
                words.extend_from_slice(&buffer[..length]);
                keep_end(&mut words, KEPT);
            }
            words
        });
        let running = Arc::new(RunningProxy { group, _child: child });
        Ok((Self { stdin, stdout, _running: running.clone() }, ProxyWords(words, running)))
    }
}

impl AsyncRead for Proxy {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdout).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Proxy {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stdin).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdin).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdin).poll_shutdown(cx)
    }
}
