//! An SSH server in this process, with a simulated host behind it.

use std::{
    collections::HashMap,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use russh::{
    Channel, ChannelId,
    keys::PrivateKey,
    server::{self, Auth, ChannelOpenHandle, Config, Handle, Msg, Session, VerifiedPublicKey},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    process::Command,
    sync::mpsc::{UnboundedSender, unbounded_channel},
};

use super::tape::{Player, Recording, Stream, Tape};

/// A command that the server answers by itself: it gives back what it gets.
const ECHO: &[u8] = b"cat";

/// The command that starts the shell.
const SHELL: &[u8] = b"exec sh";

/// How a host answers.
#[derive(Clone)]
pub(crate) enum Answers {
    /// By a real shell on this machine; what it says is recorded.
    Real(Recorder),
    /// With the recorded answers of each command of a connection, in order.
    Played {
        /// One for each command.
        tapes: Arc<[Arc<Tape>]>,
        /// How long it takes over each answer.
        delay: Duration,
        /// Called when the last answer was given.
        done: Arc<dyn Fn() + Send + Sync>,
    },
}

/// What is recorded of a connection: one conversation for each command.
#[derive(Clone)]
pub(crate) struct Recorder {
    commands: Arc<Mutex<Vec<Arc<Mutex<Recording>>>>>,
    /// Where converge keeps its lock and its markers on this machine.
    state: PathBuf,
}

impl Recorder {
    pub(crate) fn new(state: PathBuf) -> Self {
        Self { commands: Arc::default(), state }
    }

    /// The recorded commands, which must have come to their end.
    pub(crate) fn tapes(self) -> Arc<[Arc<Tape>]> {
        let recordings = std::mem::take(&mut *self.commands.lock().unwrap());
        let tape = |it: Arc<Mutex<Recording>>| std::mem::take(&mut *it.lock().unwrap()).tape();
        recordings.into_iter().map(|recording| Arc::new(tape(recording))).collect()
    }
}

/// A server that lets everybody in.
#[derive(Clone)]
pub(crate) struct Server(Arc<Config>);

impl Server {
    pub(crate) fn new(key: PrivateKey) -> Self {
        let config = Config {
            keys: vec![key],
            auth_rejection_time: Duration::ZERO,
            nodelay: true,
            ..Config::default()
        };
        Self(Arc::new(config))
    }

    /// Serves one connection to its end.
    pub(crate) async fn serve(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        answers: Answers,
    ) {
        let host = Host { answers, commands: HashMap::new(), started: 0 };
        // That a client breaks off is its own affair.
        if let Ok(session) = server::run_stream(self.0.clone(), stream, host).await {
            let _ = session.await;
        }
    }
}

/// A host, for one connection.
struct Host {
    answers: Answers,
    commands: HashMap<ChannelId, Running>,
    started: usize,
}

/// A command that runs.
enum Running {
    Echo,
    Real(Arc<Mutex<Recording>>, UnboundedSender<Vec<u8>>),
    Played(Player),
}

impl server::Handler for Host {
    type Error = russh::Error;

    async fn auth_publickey(
        &mut self,
        _: &str,
        _: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)?;
        let running = match &self.answers {
            _ if command == ECHO => Running::Echo,
            // A shell beside the first says now and then that the run is there, and is not recorded.
            Answers::Played { .. } if command == SHELL && self.started > 0 => {
                Running::Played(Arc::<Tape>::default().play())
            }
            Answers::Real(recorder) => start(command, channel, recorder, session.handle()),
            Answers::Played { tapes, .. } => {
                let tape = tapes.get(self.started).cloned().unwrap_or_default();
                self.started += 1;
                Running::Played(tape.play())
            }
        };
        let is_played = matches!(running, Running::Played(_));
        self.commands.insert(channel, running);
        // The command is the beginning of the question.
        if is_played { self.hear(channel, command, session) } else { Ok(()) }
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.hear(channel, data, session)
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        match self.commands.remove(&channel) {
            // The shell ends by itself, which ends the channel.
            Some(Running::Real(..)) | None => Ok(()),
            Some(Running::Echo | Running::Played(_)) => {
                session.exit_status_request(channel, 0)?;
                session.close(channel)
            }
        }
    }
}

impl Host {
    fn hear(
        &mut self,
        id: ChannelId,
        bytes: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        match (self.commands.get_mut(&id), &self.answers) {
            (Some(Running::Echo), _) => session.data(id, bytes.to_vec()),
            (Some(Running::Real(recording, stdin)), _) => {
                recording.lock().unwrap().asked(bytes);
                // A shell that is gone says so itself.
                let _ = stdin.send(bytes.to_vec());
                Ok(())
            }
            (Some(Running::Played(player)), Answers::Played { delay, done, .. }) => {
                let sayings = player.asked(bytes);
                if sayings.is_empty() {
                    return Ok(());
                }
                let done = player.is_over().then(|| done.clone());
                if !delay.is_zero() {
                    tokio::spawn(say_late(*delay, session.handle(), id, sayings, done));
                    return Ok(());
                }
                for (stream, bytes) in sayings {
                    match stream.code() {
                        None => session.data(id, bytes)?,
                        Some(code) => session.extended_data(id, code, bytes)?,
                    }
                }
                if let Some(done) = done {
                    done();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

async fn say(handle: &Handle, id: ChannelId, stream: Stream, bytes: Vec<u8>) {
    // Whoever hung up hears nothing.
    let _ = match stream.code() {
        None => handle.data(id, bytes).await,
        Some(code) => handle.extended_data(id, code, bytes).await,
    };
}

async fn say_late(
    delay: Duration,
    handle: Handle,
    id: ChannelId,
    sayings: Vec<(Stream, Vec<u8>)>,
    done: Option<Arc<dyn Fn() + Send + Sync>>,
) {
    tokio::time::sleep(delay).await;
    for (stream, bytes) in sayings {
        say(&handle, id, stream, bytes).await;
    }
    if let Some(done) = done {
        done();
    }
}

/// Runs a command in a real shell, and records what is said.
fn start(command: &[u8], id: ChannelId, recorder: &Recorder, handle: Handle) -> Running {
    let recording = Arc::new(Mutex::new(Recording::default()));
    recording.lock().unwrap().asked(command);
    recorder.commands.lock().unwrap().push(recording.clone());
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(String::from_utf8_lossy(command).into_owned());
    // Whatever others left on this machine is none of its business.
    for variable in ["CONVERGE_STATE", "TMPDIR", "XDG_RUNTIME_DIR"] {
        shell.env(variable, &recorder.state);
    }
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut shell = shell.spawn().expect("every machine has a shell");
    let mut stdin = shell.stdin.take().expect("it is piped");
    let out = shell.stdout.take().expect("it is piped");
    let err = shell.stderr.take().expect("it is piped");
    let (sender, mut input) = unbounded_channel::<Vec<u8>>();
    tokio::spawn(async move {
        while let Some(bytes) = input.recv().await {
            if stdin.write_all(&bytes).await.is_err() {
                break;
            }
        }
    });
    let running = Running::Real(recording.clone(), sender);
    tokio::spawn(async move {
        tokio::join!(
            pass_on(out, Stream::Out, &recording, &handle, id),
            pass_on(err, Stream::Err, &recording, &handle, id),
        );
        let status = shell.wait().await.ok().and_then(|status| status.code()).unwrap_or(1);
        let _ = handle.exit_status_request(id, status.unsigned_abs()).await;
        let _ = handle.close(id).await;
    });
    running
}

async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    stream: Stream,
    recording: &Mutex<Recording>,
    handle: &Handle,
    id: ChannelId,
) {
    let mut bytes = vec![0; 32 * 1024];
    while let Ok(n @ 1..) = from.read(&mut bytes).await {
        recording.lock().unwrap().said(stream, &bytes[..n]);
        say(handle, id, stream, bytes[..n].to_vec()).await;
    }
}
