//! A command that runs on a host, seen as its streams.

use async_trait::async_trait;
use tokio::io::AsyncWrite;

use super::{RemoteError, backlog::Pieces};
use crate::base::secret::CUT;

/// Starts commands on a host: over a connection, or as children of this process.
#[async_trait]
pub(super) trait Commands: Send + Sync {
    /// Starts `command`, which the login shell reads.
    async fn start(&self, command: &str) -> Result<Pipe, RemoteError>;

    /// Hears nothing more of the host, whatever it says.
    async fn cut(&self);
}

/// A running command. Dropping it closes its streams; whether it then ends is its own affair.
pub(super) struct Pipe {
    /// Its standard input; it ends when it was shut down and dropped.
    pub(super) stdin: Box<dyn AsyncWrite + Send + Sync + Unpin>,
    /// What it prints, drained by a task of its own: a stream that nobody reads would stop the whole connection.
    pub(super) pieces: Pieces,
}

/// Keeps the end of what was said; a mark stands for the rest.
pub(super) fn keep_end(said: &mut Vec<u8>, kept: usize) {
    let surplus = said.len().saturating_sub(kept + CUT.len());
    if surplus > 0 {
        said.splice(..surplus + CUT.len(), CUT.bytes());
    }
}

/// What a host said, as one short line that cannot move the cursor.
pub(crate) fn one_line(bytes: &[u8]) -> String {
    const LONGEST: usize = 300;
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let joined = lines.collect::<Vec<_>>().join("; ");
    let visible = joined.chars().filter(|c| !c.is_control());
    let mut line: String = visible.clone().take(LONGEST).collect();
    if visible.count() > LONGEST {
        line.push_str(CUT);
    }
    line
}
