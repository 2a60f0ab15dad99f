//! The long-lived `sh` of a host: it takes one script after the other.

use tokio::{io::AsyncWriteExt, time::sleep_until};

use super::{
    Exit, Output, RemoteError,
    frame::{Scan, frame, frame_kept},
    greeting::Greeting,
    pipe::{End, Piece, Pipe, nonce, one_line},
    traffic::Counters,
};
use crate::script::{Quoted, Script};

/// Where a script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a subshell: nothing of it is left.
    Subshell,
    /// In the shell itself: what it opens stays open.
    Itself,
}

/// A `sh` that reads scripts from its standard input.
pub(super) struct Shell {
    pipe: Pipe,
    /// What comes before the output of the first script.
    greeting: Greeting,
    /// What the shell reads before the first script.
    setup: String,
    nonce: String,
    count: u64,
    /// Set while a script runs. It stays set if the script's end was never seen, be it that the connection was
    /// lost or that nobody waited: what the shell prints then belongs to an unknown script.
    busy: bool,
    /// Whether its end undoes something on the host, such as a lock.
    holds: bool,
}

impl Shell {
    /// A shell that reads as soon as its greeting is over.
    pub(super) fn new(pipe: Pipe, greeting: Greeting, setup: String) -> Result<Self, RemoteError> {
        Ok(Self { pipe, greeting, setup, nonce: nonce()?, count: 0, busy: false, holds: false })
    }

    /// Runs one script to its end.
    pub(super) async fn run(
        &mut self,
        script: &Script,
        place: Place,
        output: &mut dyn Output,
        traffic: &Counters,
    ) -> Result<Exit, RemoteError> {
        if script.as_str().contains('\0') {
            return Err(RemoteError::Refused("a script cannot hold a NUL byte".to_owned()));
        }
        if std::mem::replace(&mut self.busy, true) {
            return Err(RemoteError::Lost("an earlier script was not seen to end".to_owned()));
        }
        self.holds |= place == Place::Itself;
        self.greeting.followed = true;
        self.count += 1;
        let mark = format!("{}.{}", self.nonce, self.count);
        traffic.sent(script.as_str().len());
        let mut text = std::mem::take(&mut self.setup);
        match place {
            Place::Subshell => frame(script, &mark, &mut text),
            Place::Itself => frame_kept(script, &mark, &mut text),
        }
        let exit = self.exchange(&text, &mark, output, traffic).await?;
        self.busy = false;
        Ok(exit)
    }

    /// Writes the text of a frame, and reads until both streams have shown the mark.
    async fn exchange(
        &mut self,
        text: &str,
        mark: &str,
        output: &mut dyn Output,
        traffic: &Counters,
    ) -> Result<Exit, RemoteError> {
        let Pipe { stdin, pieces } = &mut self.pipe;
        let mut write = std::pin::pin!(async {
            stdin.write_all(text.as_bytes()).await?;
            stdin.flush().await
        });
        let mut written = false;
        let (mut stdout, mut stderr) = (Scan::new(mark), Scan::new(mark));
        let (mut status, mut quiet) = (None, false);
        let mut last_words = LastWords::default();
        loop {
            if let (Some(status), true) = (&status, quiet) {
                return Ok(Exit(*status));
            }
            let piece = tokio::select! {
                result = &mut write, if !written => {
                    // A failed write is told better by how the shell ended.
                    written = true;
                    let _ = result;
                    continue;
                }
                () = sleep_until(self.greeting.deadline), if !self.greeting.is_over() => {
                    return Err(self.greeting.silent());
                }
                piece = pieces.recv() => piece.unwrap_or(Piece::Ended(End::Gone(String::new()))),
            };
            match self.greeting.hear(piece)? {
                Piece::Stdout(bytes) => {
                    let line = stdout.push(&bytes, |bytes| {
                        traffic.received(bytes.len());
                        output.stdout(bytes);
                    });
                    if let Some(line) = line {
                        let number = line.parse().map_err(|_| {
                            RemoteError::Lost(format!("the exit status is no number: {line:?}"))
                        });
                        status = Some(number?);
                    }
                }
                Piece::Stderr(bytes) => {
                    let line = stderr.push(&bytes, |bytes| {
                        traffic.received(bytes.len());
                        last_words.hear(bytes);
                        output.stderr(bytes);
                    });
                    quiet |= line.is_some();
                }
                Piece::Ended(end) => return Err(last_words.lost(&end)),
            }
        }
    }

    /// Makes the shell remove `folder` when it ends, in whichever way: also when the connection breaks,
    /// and then not before a script that still runs has ended.
    pub(super) async fn remove_at_end(&mut self, folder: &str) -> Result<(), RemoteError> {
        let remove = format!("rm -rf -- {}", Quoted(folder));
        let trap =
            format!("AT_END=\"${{AT_END:-:}}; \"{}; trap 'eval \"$AT_END\"' 0\n", Quoted(&remove));
        self.holds = true;
        let stdin = &mut self.pipe.stdin;
        let result = async {
            stdin.write_all(trap.as_bytes()).await?;
            stdin.flush().await
        };
        result.await.map_err(|error| RemoteError::Lost(error.to_string()))
    }

    /// Lets a shell whose end undoes something read to its end, and waits for that if it is idle. Any other ends with the
    /// connection.
    pub(super) async fn end(&mut self) {
        if !self.holds {
            return;
        }
        let mut stdin = std::mem::replace(&mut self.pipe.stdin, Box::new(tokio::io::sink()));
        let _ = stdin.shutdown().await;
        drop(stdin);
        while !self.busy {
            if let Piece::Ended(_) = self.pipe.next().await {
                self.busy = true;
            }
        }
    }
}

/// The end of the standard error, for the message when a shell dies.
#[derive(Default)]
struct LastWords(Vec<u8>);

impl LastWords {
    fn hear(&mut self, bytes: &[u8]) {
        const KEPT: usize = 300;
        self.0.extend_from_slice(bytes);
        let surplus = self.0.len().saturating_sub(KEPT);
        self.0.drain(..surplus);
    }

    fn lost(&self, end: &End) -> RemoteError {
        let how = match end {
            End::Gone(_) => end.to_string(),
            End::Exit(_) | End::Signal(_) => format!("the shell did not outlive a script: {end}"),
        };
        let words = one_line(&self.0);
        let said =
            if words.is_empty() { String::new() } else { format!("; last it said: {words}") };
        RemoteError::Lost(format!("{how}{said}"))
    }
}
