//! What a login says before its shell reads: a banner, a prompt, a last word.

use tokio::{io::AsyncWriteExt, time::Instant};

use super::{
    RemoteError,
    frame::{Scan, find},
    identity::Identity,
    piece::{End, Piece},
    pipe::{Pipe, keep_end, one_line},
};
use crate::input::inventory::Become;

/// More noise than this before the shell is ready, and something is wrong.
const MOST_NOISE: usize = 1 << 20;

/// How much of it is kept: what counts stands at the end.
const KEPT: usize = 4096;

/// A login up to the word on both streams that says that the shell is ready.
pub(super) struct Greeting {
    identity: Identity,
    prompt: String,
    /// When the shell must be ready.
    pub(super) deadline: Instant,
    /// Whether a script was sent, which runs as soon as the shell is ready: whether that was heard or not.
    pub(super) script_sent: bool,
    stdout: LoginStream,
    stderr: LoginStream,
    answered: bool,
}

/// What one stream said before the word.
struct LoginStream {
    word: Scan,
    /// The end of what it said.
    said: Vec<u8>,
    /// How much it said.
    noise: usize,
    /// What stands behind the word, once it was said.
    over: Option<String>,
}

impl Greeting {
    pub(super) fn new(
        identity: Identity,
        ready: String,
        prompt: String,
        deadline: Instant,
    ) -> Self {
        let word = || Scan::of(ready.clone().into_bytes());
        let stream = || LoginStream { word: word(), said: Vec::new(), noise: 0, over: None };
        let (stdout, stderr) = (stream(), stream());
        Self { identity, prompt, deadline, script_sent: false, stdout, stderr, answered: false }
    }

    /// Whether the shell reads.
    pub(super) fn is_over(&self) -> bool {
        self.stdout.over.is_some() && self.stderr.over.is_some()
    }

    /// The process that the shell is, once it reads.
    pub(super) fn process(&self) -> Option<u32> {
        self.stdout.over.as_deref()?.parse().ok()
    }

    /// Takes what the login said, and gives back what is none of it, but of the first script.
    ///
    /// # Errors
    /// The login ended without a shell, or talks without end.
    pub(super) fn hear(&mut self, piece: Piece) -> Result<Piece, RemoteError> {
        let piece = match piece {
            Piece::Stdout(bytes) => Piece::Stdout(self.stdout.hear(bytes)?),
            Piece::Stderr(bytes) => Piece::Stderr(self.stderr.hear(bytes)?),
            Piece::Ended(end) if !self.is_over() => return Err(self.failure(&end)),
            Piece::Ended(end) => Piece::Ended(end),
        };
        if self.stdout.noise.max(self.stderr.noise) > MOST_NOISE {
            return Err(RemoteError::said_more("before its shell was ready", MOST_NOISE));
        }
        Ok(piece)
    }

    /// Gives the password, if it was just asked for.
    ///
    /// # Errors
    /// There is none, or it was not the right one.
    pub(super) async fn answer(&mut self, pipe: &mut Pipe) -> Result<(), RemoteError> {
        if self.is_over() || !self.asks_for_password() {
            return Ok(());
        }
        let Some(password) = &self.identity.password else { return Err(self.identity.asks()) };
        if std::mem::replace(&mut self.answered, true) {
            return Err(self.identity.wrong_password());
        }
        self.stdout.said.clear();
        self.stderr.said.clear();
        let line = format!("{}\n", password.expose().trim_end_matches(['\r', '\n']));
        let result = async {
            pipe.stdin.write_all(line.as_bytes()).await?;
            pipe.stdin.flush().await
        };
        result.await.map_err(|error| RemoteError::unreachable(error.to_string()))
    }

    fn asks_for_password(&self) -> bool {
        let (stdout, stderr) = (&self.stdout.said, &self.stderr.said);
        match self.identity.how {
            Become::Sudo => find(stderr, format!("{}:", self.prompt).as_bytes()).is_some(),
            Become::Su => {
                [stdout, stderr].iter().any(|said| said.trim_ascii_end().ends_with(b"assword:"))
            }
            Become::None | Become::Doas => false,
        }
    }

    /// The error when there was no shell in time.
    pub(super) fn silent(&self) -> RemoteError {
        self.lost_if_script_sent(self.identity.silent())
    }

    fn failure(&self, end: &End) -> RemoteError {
        let tail = |stream: &LoginStream| {
            let mut said = stream.said.clone();
            keep_end(&mut said, 1000);
            one_line(&said)
        };
        let mut said = [tail(&self.stderr), tail(&self.stdout)].into_iter();
        let said = said.find(|text| !text.is_empty()).unwrap_or_default();
        let error = self.identity.explain(end, &said);
        match end {
            End::Gone(_) => self.lost_if_script_sent(error),
            // A shell would have said its word before its exit status arrived: no shell began, so no script ran.
            End::Exit(_) | End::Signal(_) => error,
        }
    }

    /// Nobody knows whether a script ran that was sent already.
    fn lost_if_script_sent(&self, error: RemoteError) -> RemoteError {
        if self.script_sent { RemoteError::Lost(error.to_string()) } else { error }
    }
}

impl LoginStream {
    /// What comes behind the word.
    fn hear(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, RemoteError> {
        if self.over.is_some() {
            return Ok(bytes);
        }
        let (said, noise) = (&mut self.said, &mut self.noise);
        self.over = self.word.push(&bytes, |bytes| {
            *noise += bytes.len();
            said.extend_from_slice(bytes);
            let surplus = said.len().saturating_sub(KEPT);
            said.drain(..surplus);
        })?;
        Ok(if self.over.is_some() { self.word.rest() } else { Vec::new() })
    }
}
