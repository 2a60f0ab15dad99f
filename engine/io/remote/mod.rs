//! The only way to a host: run a script, or send content to one.

mod frame;
mod hop;
mod open_files;
mod pattern;
mod piece;
mod backlog;
mod pipe;
mod pool;
mod secrets;
mod identity;
mod greeting;
mod keys;
mod staging;
mod stream;
mod local_user;
mod ssh_config;
mod algorithms;
mod proxy;
mod target;
mod known_hosts;
mod connection;
mod offer;
mod login;
mod dial;
mod counters;
mod shell;
mod ending;
mod session;
mod local;
mod ssh;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

#[cfg(feature = "internals")]
pub use self::ssh::FindHost;
pub(crate) use self::{frame::find, pipe::one_line};
pub use self::{
    local::LocalConnector, local_user::LocalUser, proxy::end_all, secrets::Passwords,
    ssh::SshConnector,
};

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::time::Instant;

use crate::{
    base::{content::Content, diagnostic::Result as Checked, script::Script, traffic::Traffic},
    input::inventory::{Host, Transport},
};

/// An open way to one host, as the identity that the inventory asks for (the login user, or who it becomes).
///
/// Each call is one round trip. Calls on one host follow each other; they do not overlap.
#[async_trait]
pub trait Remote: Send + Sync {
    /// Runs a script in a subshell of the host's long-lived `sh`, with /dev/null as its standard input.
    /// What it prints arrives in `output` while it runs.
    ///
    /// # Errors
    /// [`RemoteError::Lost`] when the connection or the shell ends before the script does: what it did is unknown.
    /// [`RemoteError::Left`] when the host said too much, or nothing in time; [`RemoteError::Overdue`] when the script was
    /// ended because it took too long.
    async fn run(&self, script: &Script, output: &mut dyn Output) -> Result<Exit, RemoteError>;

    /// Runs a script as [`run`](Self::run) does; but it holds what the shell keeps open, such as the lock. What is `kept` before it,
    /// as [`keep`](Self::keep) says, takes no round trip of its own; nobody hears what that prints.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    async fn work(
        &self,
        script: &Script,
        kept: Option<&Script>,
        output: &mut dyn Output,
    ) -> Result<Exit, RemoteError> {
        if let Some(kept) = kept {
            self.keep(kept, &mut Captured::default()).await?;
        }
        self.run(script, output).await
    }

    /// Runs a script before the next one, or at the end, in the shell that goes on, and of which nobody hears anything.
    async fn later(&self, script: &Script) {
        let _ = script;
    }

    /// Runs a script in the long-lived `sh` itself: what it opens as file descriptor 9, such as a lock, and what it
    /// adds to `AT_END`, which runs when the shell ends, last as long as the connection. The script must not `exit`.
    ///
    /// # Errors
    /// [`RemoteError::Lost`] as for [`run`](Self::run).
    async fn keep(&self, script: &Script, output: &mut dyn Output) -> Result<Exit, RemoteError>;

    /// Runs a short script in a shell of its own, also while another one runs.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    async fn beside(&self, script: &Script) -> Result<Exit, RemoteError>;

    /// Puts content into a staging folder that only this run's user can read, each under its name,
    /// and gives the folder's path on the host. What lies there already is not sent again.
    ///
    /// # Errors
    /// [`RemoteError::Lost`] as for [`run`](Self::run); [`RemoteError::Refused`] when the host does not take it.
    async fn send(&self, contents: &[Content]) -> Result<String, RemoteError>;

    /// What went over the wire since the connection was opened.
    fn traffic(&self) -> Traffic;

    /// Waits until the host has undone what is held there, such as the lock and the staging folder. The way itself ends with
    /// who has it, or with the process: a host that holds nothing notices no difference, and nobody waits for it.
    async fn close(&self);
}

/// Takes what a script prints, piece by piece as it arrives.
pub trait Output: Send {
    /// Some bytes of the standard output.
    fn stdout(&mut self, bytes: &[u8]);
    /// Some bytes of the standard error.
    fn stderr(&mut self, bytes: &[u8]);
    /// When the script must have ended, or is ended on the host. It is asked anew whenever something was printed.
    fn until(&self) -> Option<Instant> {
        None
    }
    /// How much may be printed, in bytes, once it was more: the host is left then.
    fn full(&self) -> Option<usize> {
        None
    }
}

/// Keeps all that a script printed, up to a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// All of the standard output.
    pub stdout: Vec<u8>,
    /// All of the standard error.
    pub stderr: Vec<u8>,
    most: usize,
    weight: usize,
    until: Option<Instant>,
}

/// How much of an answer is kept, in bytes, beyond what it was asked to bring along: a host that prints without end must not
/// fill the memory.
pub const ANSWER_MAX: usize = 2 << 20;

impl Default for Captured {
    fn default() -> Self {
        Self::within(ANSWER_MAX, None)
    }
}

impl Captured {
    /// Keeps so many bytes, of a script that must have ended then.
    pub fn within(most: usize, until: Option<Instant>) -> Self {
        Self { stdout: Vec::new(), stderr: Vec::new(), most, weight: 0, until }
    }

    /// Adds some bytes to a stream, which never has room for more than may be kept.
    fn keep(stream: &mut Vec<u8>, bytes: &[u8], most: usize) {
        if stream.capacity() - stream.len() < bytes.len() {
            let room = (2 * stream.capacity()).min(most).max(stream.len() + bytes.len());
            stream.reserve_exact(room - stream.len());
        }
        stream.extend_from_slice(bytes);
    }

    /// Whether there is room for some bytes more. Those of no text take three each, once they are read as one.
    fn takes(&mut self, bytes: &[u8]) -> bool {
        let plain = bytes.iter().filter(|byte| byte.is_ascii()).count();
        self.weight += plain + 3 * (bytes.len() - plain);
        self.weight <= self.most
    }
}

impl Output for Captured {
    fn stdout(&mut self, bytes: &[u8]) {
        if self.takes(bytes) {
            Self::keep(&mut self.stdout, bytes, self.most);
        }
    }

    fn stderr(&mut self, bytes: &[u8]) {
        if self.takes(bytes) {
            Self::keep(&mut self.stderr, bytes, self.most);
        }
    }

    fn until(&self) -> Option<Instant> {
        self.until
    }

    fn full(&self) -> Option<usize> {
        (self.weight > self.most).then_some(self.most)
    }
}

/// How a script ended: 0 is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(pub i32);

/// Why a host could not be reached, or was lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// No connection came about; nothing ran.
    #[error("{message}")]
    Unreachable {
        /// What happened, in one line.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The connection ended while something ran: whether it finished is unknown.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The host was left: it said too much, or nothing in time. Whether what ran there finished is unknown.
    #[error("{0}")]
    Left(String),
    /// What ran took too long, and was ended. The host goes on.
    #[error("it took too long, and was ended")]
    Overdue,
    /// The host answered, and refused.
    #[error("{0}")]
    Refused(String),
    /// Another run holds the host; nothing ran.
    #[error("another run holds the host: {0}")]
    Locked(String),
}

impl RemoteError {
    fn unreachable(message: impl Into<String>) -> Self {
        Self::Unreachable { message: message.into(), hint: None }
    }

    /// The error of a host that said more than `most` bytes.
    fn said_more(when: &str, most: usize) -> Self {
        let size = match most {
            0..1024 => format!("{most} bytes"),
            1024..0x10_0000 => format!("{} KiB", most >> 10),
            _ => format!("{} MiB", most >> 20),
        };
        Self::Left(format!("the host printed more than {size} {when}"))
    }

    fn with_hint(mut self, text: impl Into<String>) -> Self {
        if let Self::Unreachable { hint, .. } = &mut self {
            *hint = Some(text.into());
        }
        self
    }

    fn at_jump_host(self, address: &str) -> Self {
        match self {
            Self::Unreachable { message, hint } => {
                Self::Unreachable { message: format!("jump host {address}: {message}"), hint }
            }
            other => other,
        }
    }
}

/// Opens ways to hosts; a test gives its own.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Makes sure that ways to all of `hosts` can be open at once.
    ///
    /// # Errors
    /// When this machine does not allow it.
    fn reserve(&self, hosts: &[Arc<Host>]) -> Checked<()> {
        let _ = hosts;
        Ok(())
    }

    /// Opens a way to `host`, logged in and with its identity taken.
    ///
    /// # Errors
    /// [`RemoteError::Unreachable`] with what to do about it.
    async fn connect(&self, host: &Host) -> Result<Arc<dyn Remote>, RemoteError>;
}

/// Opens each host by the transport that its inventory names.
pub struct Connectors {
    /// For hosts over SSH.
    pub ssh: SshConnector,
    /// For this machine.
    pub local: LocalConnector,
}

#[async_trait]
impl Connector for Connectors {
    fn reserve(&self, hosts: &[Arc<Host>]) -> Checked<()> {
        let files = |host: &Arc<Host>| match host.connection.transport {
            Transport::Ssh if host.connection.jump.is_empty() => 1,
            // It shares the connection to its jump host.
            Transport::Ssh => 0,
            // Three pipes, and the child itself.
            Transport::Local => 4,
        };
        open_files::reserve(hosts.iter().map(files).sum())
    }

    async fn connect(&self, host: &Host) -> Result<Arc<dyn Remote>, RemoteError> {
        match host.connection.transport {
            Transport::Ssh => self.ssh.connect(host).await,
            Transport::Local => self.local.connect(host).await,
        }
    }
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For one connection, login included.
    pub connect: Duration,
    /// Between two signs of life of an open connection.
    pub keepalive: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), keepalive: Duration::from_secs(5) }
    }
}
