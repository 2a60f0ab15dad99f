//! The long-lived `sh` of a host: it takes one script after the other.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{
    Exit, Output, RemoteError,
    counters::Counters,
    frame::{Scan, frame, frame_kept, frame_work},
    greeting::Greeting,
    identity::Identity,
    piece::{End, Piece},
    pipe::{Commands, Pipe, keep_end, one_line},
};
use crate::{
    base::script::{Library, Quoted, Script},
    input::inventory::Become,
    io::nonce::nonce,
};

/// Where a script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope<'a> {
    /// In a subshell: nothing of it is left.
    Subshell,
    /// In a subshell that holds what the shell holds open, once the shell itself has run another script.
    Work(Option<&'a Script>),
    /// In the shell itself: what it opens stays open.
    Itself,
}

/// What the shell starts with: the same on every host, whoever logs in. HOME stays that of the identity.
const SETUP: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; LC_ALL=C; \
                     export PATH LC_ALL; unset CDPATH; umask 022";

/// How long a host may take to send a signal, and then what runs to end by it.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// Ends what runs in the shell that is this process; when it is over, nothing more can be done.
pub(super) type Ender<'a> =
    dyn Fn(u32, &'static [&'static str]) -> BoxFuture<'a, ()> + Send + Sync + 'a;

/// A `sh` that reads scripts from its standard input.
pub(super) struct Shell {
    pipe: Pipe,
    /// What comes before the output of the first script.
    greeting: Greeting,
    /// What the shell reads before the next script.
    setup: String,
    /// What it learned by then.
    knows: Vec<&'static Library>,
    nonce: String,
    count: u64,
    /// Set while a script runs. It stays set if the script's end was never seen, be it that the connection was
    /// lost or that nobody waited: what the shell prints then belongs to an unknown script.
    busy: bool,
    /// Whether its end undoes something on the host, such as a lock.
    holds: bool,
}

impl Shell {
    /// Starts the shell that runs scripts as `identity`. One that may ask for a password is waited for; to any other, the setup and the first script are
    /// sent as soon as the host takes them, without waiting until the shell is up. (OpenSSH's window is zero until it has
    /// started the command: see `session_open` in its `session.c`.)
    pub(super) async fn open(
        identity: Identity,
        commands: &dyn Commands,
    ) -> Result<Self, RemoteError> {
        let (ready, prompt) = (nonce(), nonce());
        let setup = format!("{SETUP}; echo {ready} $$; echo {ready} >&2");
        let may_ask = identity.password.is_some() || identity.how == Become::Su;
        let (arguments, first) = match may_ask {
            true => (format!(" -c {}", Quoted(&format!("{setup}; exec sh"))), String::new()),
            false => (String::new(), format!("{setup}\n")),
        };
        let command = identity.command(&arguments, &prompt);
        let deadline = Instant::now() + identity.patience;
        let silent = identity.silent();
        let mut greeting = Greeting::new(identity, ready, prompt, deadline);
        let start = async {
            // Nothing has run yet, whatever happened.
            let started = commands.start(&command).await;
            let mut pipe = started.map_err(|error| RemoteError::unreachable(error.to_string()))?;
            while may_ask && !greeting.is_over() {
                greeting.hear(pipe.pieces.next().await)?;
                greeting.answer(&mut pipe).await?;
            }
            Self::new(pipe, greeting, first)
        };
        timeout_at(deadline, start).await.map_err(|_| silent)?
    }

    /// A shell that reads as soon as its greeting is over.
    fn new(pipe: Pipe, greeting: Greeting, setup: String) -> Result<Self, RemoteError> {
        let (knows, nonce, count) = (Vec::new(), nonce(), 0);
        let (busy, holds) = (false, false);
        Ok(Self { pipe, greeting, setup, knows, nonce, count, busy, holds })
    }

    /// Runs one script to its end. Where that takes longer than `output` says, `end` ends it.
    ///
    /// # Errors
    /// [`RemoteError::Overdue`] when it was ended; the shell goes on then. After any other, nothing more runs in it.
    pub(super) async fn run(
        &mut self,
        script: &Script,
        place: Scope<'_>,
        output: &mut dyn Output,
        traffic: &Counters,
        end: &Ender<'_>,
    ) -> Result<Exit, RemoteError> {
        if script.text().contains('\0') {
            return Err(RemoteError::Refused("a script cannot hold a NUL byte".to_owned()));
        }
        if std::mem::replace(&mut self.busy, true) {
            return Err(RemoteError::Lost(
                "the end of an earlier script was not received".to_owned(),
            ));
        }
        self.holds |= matches!(place, Scope::Work(Some(_)) | Scope::Itself);
        self.greeting.script_sent = true;
        self.count += 1;
        let mark = format!("{}.{}", self.nonce, self.count);
        let before = self.setup.len();
        self.learn(script);
        let kept = if let Scope::Work(kept) = place { kept } else { None };
        kept.iter().for_each(|kept| self.learn(kept));
        let own = script.text().len() + kept.map_or(0, |kept| kept.text().len());
        traffic.sent(own + self.setup.len() - before);
        let mut text = std::mem::take(&mut self.setup);
        match place {
            Scope::Subshell => frame(script, &mark, &mut text),
            Scope::Work(kept) => frame_work(script, kept, &mark, &mut text),
            Scope::Itself => frame_kept(script, &mark, &mut text),
        }
        self.pipe.pieces.reads(true);
        let exit = self.exchange(&text, Reading::new(&mark, output, traffic), end).await;
        self.pipe.pieces.reads(false);
        self.busy = !matches!(exit, Ok(_) | Err(RemoteError::Overdue));
        exit
    }

    /// Writes the text of a frame, and reads until both streams have shown the mark.
    async fn exchange(
        &mut self,
        text: &str,
        mut reading: Reading<'_>,
        end: &Ender<'_>,
    ) -> Result<Exit, RemoteError> {
        let Pipe { stdin, pieces } = &mut self.pipe;
        let mut write = std::pin::pin!(async {
            stdin.write_all(text.as_bytes()).await?;
            stdin.flush().await
        });
        let mut written = false;
        let mut ending: Option<BoxFuture<'_, ()>> = None;
        loop {
            if let Some(exit) = reading.exit() {
                let Some(ending) = ending else { return Ok(exit) };
                drop(ending);
                if let Some(process) = self.greeting.process() {
                    // What the script started may not have ended with it.
                    let _ = timeout(GRACE, end(process, &["KILL"])).await;
                }
                return Err(RemoteError::Overdue);
            }
            let until = reading.output.until().filter(|_| ending.is_none());
            let piece = tokio::select! {
                // What came in time counts.
                biased;
                piece = pieces.next() => piece,
                result = &mut write, if !written => {
                    // A failed write is told better by how the shell ended.
                    written = true;
                    let _ = result;
                    continue;
                }
                () = sleep_until(self.greeting.deadline), if !self.greeting.is_over() => {
                    return Err(self.greeting.silent());
                }
                () = passes(until) => {
                    let Some(process) = self.greeting.process() else { return Err(endless()) };
                    ending = Some(end(process, &["TERM", "KILL"]));
                    continue;
                }
                () = over(&mut ending) => return Err(endless()),
            };
            reading.hear(self.greeting.hear(piece)?)?;
        }
    }

    /// Makes the shell remove `folder` when it ends, in whichever way: also when the connection breaks,
    /// and then not before a script that still runs has ended.
    pub(super) async fn remove_at_end(&mut self, folder: &str) -> Result<(), RemoteError> {
        let remove = format!("rm -rf -- {}", Quoted(folder));
        let trap = format!(
            "AT_END=\"${{AT_END:-:}}; \"{}; trap 'eval \"$AT_END\"' 0; trap 'exit 1' HUP INT PIPE TERM; : >{}/held.$$\n",
            Quoted(&remove),
            Quoted(folder)
        );
        self.holds = true;
        let stdin = &mut self.pipe.stdin;
        let result = async {
            stdin.write_all(trap.as_bytes()).await?;
            stdin.flush().await
        };
        result.await.map_err(|error| RemoteError::Lost(error.to_string()))
    }

    /// Makes the shell know what a script needs.
    fn learn(&mut self, script: &Script) {
        for library in script.needs() {
            if !self.knows.contains(library) {
                library.define(&mut self.setup);
                self.knows.push(library);
            }
        }
    }

    /// Runs a script in the shell itself before the next one, or at the end. Nobody hears of it.
    pub(super) fn later(&mut self, script: &Script) {
        self.learn(script);
        let text = format!("eval {} </dev/null >/dev/null 2>&1\n", Quoted(script.text()));
        self.setup.push_str(&text);
    }

    /// The process that it is, if a script was left alone in it, of which nobody wants to hear any more.
    pub(super) fn abandoned(&self) -> Option<u32> {
        self.pipe.pieces.reads(false);
        self.greeting.process().filter(|_| self.busy)
    }

    /// Lets a shell whose end undoes something, or in which something still runs, read to its end, and waits for that: OpenSSH
    /// throws away what it has not handed on once it is told that the connection ends. Any other ends with the connection.
    pub(super) async fn end(&mut self) {
        if !self.holds && !self.busy {
            return;
        }
        let mut stdin = std::mem::replace(&mut self.pipe.stdin, Box::new(tokio::io::sink()));
        let _ = stdin.write_all(std::mem::take(&mut self.setup).as_bytes()).await;
        let _ = stdin.shutdown().await;
        drop(stdin);
        self.pipe.pieces.reads(true);
        while !matches!(self.pipe.pieces.next().await, Piece::Ended(_)) {}
        self.busy = true;
    }
}

fn endless() -> RemoteError {
    RemoteError::Left(
        "the host did not answer in time, and the running script could not be stopped".to_owned(),
    )
}

async fn passes(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

async fn over(ending: &mut Option<BoxFuture<'_, ()>>) {
    match ending {
        Some(ending) => ending.await,
        None => std::future::pending().await,
    }
}

/// What a shell prints of one script.
struct Reading<'a> {
    stdout: Scan,
    stderr: Scan,
    status: Option<i32>,
    /// Whether the standard error has shown the mark.
    quiet: bool,
    output: &'a mut dyn Output,
    traffic: &'a Counters,
    last_words: LastWords,
}

impl<'a> Reading<'a> {
    fn new(mark: &str, output: &'a mut dyn Output, traffic: &'a Counters) -> Self {
        let (stdout, stderr) = (Scan::new(mark), Scan::new(mark));
        let last_words = LastWords::default();
        Self { stdout, stderr, status: None, quiet: false, output, traffic, last_words }
    }

    /// How the script ended, once both streams have said so.
    fn exit(&self) -> Option<Exit> {
        self.status.filter(|_| self.quiet).map(Exit)
    }

    fn hear(&mut self, piece: Piece) -> Result<(), RemoteError> {
        let Self { output, traffic, .. } = self;
        match piece {
            // What comes behind the mark is nobody's, and the other stream may never show its own.
            Piece::Stdout(_) if self.status.is_some() => {}
            Piece::Stderr(_) if self.quiet => {}
            Piece::Stdout(bytes) => {
                let line = self.stdout.push(&bytes, |bytes| {
                    traffic.received(bytes.len());
                    output.stdout(bytes);
                })?;
                if let Some(line) = line {
                    let status: Result<u8, _> = line.parse();
                    let no_status = |_| {
                        let line = one_line(line.as_bytes());
                        RemoteError::Left(format!(
                            "a script ended with `{line}`, which is not an exit status"
                        ))
                    };
                    self.status = Some(status.map_err(no_status)?.into());
                }
            }
            Piece::Stderr(bytes) => {
                let line = self.stderr.push(&bytes, |bytes| {
                    traffic.received(bytes.len());
                    self.last_words.hear(bytes);
                    output.stderr(bytes);
                })?;
                self.quiet |= line.is_some();
            }
            Piece::Ended(end) => return Err(self.last_words.lost(&end)),
        }
        match self.output.full() {
            Some(most) => Err(RemoteError::said_more("to what ran there", most)),
            None => Ok(()),
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
        keep_end(&mut self.0, KEPT);
    }

    fn lost(&self, end: &End) -> RemoteError {
        let how = match end {
            End::Gone(_) => end.to_string(),
            End::Exit(_) | End::Signal(_) => format!("the shell ended during a script: {end}"),
        };
        let words = one_line(&self.0);
        let said = if words.is_empty() { String::new() } else { format!("; last output: {words}") };
        RemoteError::Lost(format!("{how}{said}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::remote::Captured;

    #[test]
    fn nothing_is_kept_of_what_comes_behind_a_mark_while_the_other_stream_has_not_shown_it() {
        let (mut output, traffic) = (Captured::default(), Counters::default());
        let mut reading = Reading::new("abc.1", &mut output, &traffic);
        for piece in [Piece::Stdout as fn(Vec<u8>) -> Piece, Piece::Stderr] {
            assert_eq!(reading.exit(), None);
            for said in [&b"out\0abc.1 3\n"[..], &[b'x'; 100_000], &[b'x'; 100_000]] {
                reading.hear(piece(said.to_vec())).unwrap();
            }
        }
        assert_eq!(reading.exit(), Some(Exit(3)));
        assert_eq!([reading.stdout.rest(), reading.stderr.rest()], [b"", b""]);
        assert_eq!((output.stdout, output.stderr), (b"out".to_vec(), b"out".to_vec()));
    }
}
