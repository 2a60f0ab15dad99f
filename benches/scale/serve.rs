//! The process in which the hosts live.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::RwLock,
};

use crate::{
    fleet::{Kind, host_key},
    simulated::{Answers, Recorder, Server, Tape},
};

/// How long a slow host takes over each answer.
pub(crate) const SLOW: Duration = Duration::from_secs(3);

/// The other end: the process of the hosts, as the one that measures sees it.
pub(crate) struct Hosts {
    pub(crate) port: u16,
    process: Child,
    stdin: ChildStdin,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Hosts {
    /// Starts it, and waits until all hosts listen.
    pub(crate) fn start(folder: &Path, hosts: usize, troubled: usize) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("serve").arg(folder).args([hosts, troubled].map(|n| n.to_string()));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = process.stdin.take().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap().parse().unwrap();
        Self { port, process, stdin, lines }
    }

    /// How long after the first connection since the last lap the last of the hosts that answer had answered all.
    pub(crate) fn lap(&mut self) -> Duration {
        writeln!(self.stdin).unwrap();
        Duration::from_micros(self.lines.next().unwrap().unwrap().parse().unwrap())
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The time of the first connection and of the last answer, since the last lap.
type Lap = Arc<Mutex<Option<(Instant, Instant)>>>;

/// What all hosts share.
#[derive(Clone)]
struct Shared {
    server: Server,
    /// Nobody plays while somebody records.
    tapes: Arc<RwLock<Arc<[Arc<Tape>]>>>,
    lap: Lap,
    /// Where the real host keeps what converge leaves there.
    state: PathBuf,
}

/// The process of the hosts: so many that answer, and so many of each kind that does not as it should.
pub(crate) fn run(folder: &Path, hosts: usize, troubled: usize) {
    crate::raise_limit();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let real = TcpListener::bind((Kind::Real.address(0), 0)).await.unwrap();
        let port = real.local_addr().unwrap().port();
        let lap = Lap::default();
        let state = folder.join("state");
        let tapes = Arc::new(RwLock::new(Arc::default()));
        let shared = Shared { server: Server::new(host_key()), tapes, lap: lap.clone(), state };
        tokio::spawn(listen(real, Kind::Real, shared.clone()));
        for (kind, count) in
            [(Kind::Answering, hosts), (Kind::Slow, troubled), (Kind::Silent, troubled)]
        {
            for n in 0..count {
                let listener = TcpListener::bind((kind.address(n), port)).await.unwrap();
                tokio::spawn(listen(listener, kind, shared.clone()));
            }
        }
        println!("{port}");
        tokio::task::spawn_blocking(move || laps(&lap)).await.unwrap();
    });
}

/// Tells the time of each lap when it is asked.
fn laps(lap: &Lap) {
    for _ in std::io::stdin().lines() {
        let (first, last) =
            lap.lock().unwrap().take().unwrap_or_else(|| (Instant::now(), Instant::now()));
        println!("{}", last.duration_since(first).as_micros());
    }
}

async fn listen(listener: TcpListener, kind: Kind, shared: Shared) {
    let mut held = Vec::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        shared.lap.lock().unwrap().get_or_insert_with(|| (Instant::now(), Instant::now()));
        match kind {
            Kind::Silent | Kind::Refusing => held.push(stream),
            Kind::Real => record(stream, &shared).await,
            Kind::Answering => drop(tokio::spawn(play(stream, Duration::ZERO, shared.clone()))),
            Kind::Slow => drop(tokio::spawn(play(stream, SLOW, shared.clone()))),
        }
    }
}

async fn record(stream: TcpStream, shared: &Shared) {
    let mut tapes = shared.tapes.write().await;
    let recorder = Recorder::new(shared.state.clone());
    shared.server.serve(stream, Answers::Real(recorder.clone())).await;
    *tapes = recorder.tapes();
}

async fn play(stream: TcpStream, delay: Duration, shared: Shared) {
    let tapes = shared.tapes.read().await.clone();
    let lap = shared.lap.clone();
    let now = move || {
        if let Some((_, last)) = lap.lock().unwrap().as_mut().filter(|_| delay.is_zero()) {
            *last = Instant::now();
        }
    };
    let _ = stream.set_nodelay(true);
    shared.server.serve(stream, Answers::Played { tapes, delay, done: Arc::new(now) }).await;
}
