//! Opens connections: directly or through jump hosts, trying again where that can help.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use russh::{
    AlgorithmKind,
    Error::{Disconnect, HUP, IO},
};
use tokio::{
    net::{TcpSocket, TcpStream, lookup_host},
    sync::{Mutex, Semaphore},
    time::{Instant, sleep, timeout_at},
};

use super::{
    RemoteError, Timeouts,
    connection::{Refusal, SshConnection, handshake},
    keys::KeyRing,
    known_hosts::KeyTrust,
    login::login,
    pipe::one_line,
    pool::{Pool, Share},
    proxy::Proxy,
    stream::QuickStream,
    target::{AddressFamily, LoginTarget, Stream},
};

/// A host to log in at, and what is known of its keys.
#[derive(Clone)]
pub(super) struct Stop {
    pub(super) target: LoginTarget,
    pub(super) trust: KeyTrust,
}

/// Opens connections, and keeps those to jump hosts.
pub(super) struct Dialer {
    keys: KeyRing,
    timeouts: Timeouts,
    jumps: Mutex<HashMap<String, Arc<Jump>>>,
}

/// A jump host.
struct Jump {
    connections: Pool<SshConnection>,
    /// A server drops some of its unauthenticated connections above ten, and all jumps look alike to it.
    handshakes: Semaphore,
    /// Why it could not be reached. All hosts behind it are told so; none waits for it again.
    dead: OnceLock<RemoteError>,
    /// Whether it could be reached once.
    reached: AtomicBool,
}

impl Jump {
    const HANDSHAKES: usize = 8;
    /// Each tunnel is an open file of the process that serves the connection, which often may have 1024.
    const TUNNELS: usize = 256;

    fn new() -> Self {
        let connections = Pool::new(Self::TUNNELS);
        let (handshakes, reached) = (Semaphore::new(Self::HANDSHAKES), AtomicBool::new(false));
        Self { connections, handshakes, dead: OnceLock::new(), reached }
    }
}

impl Dialer {
    pub(super) fn new(keys: KeyRing, timeouts: Timeouts) -> Self {
        Self { keys, timeouts, jumps: Mutex::default() }
    }

    /// Goes through all stops and logs in at the last.
    pub(super) async fn dial(&self, stops: &[Stop]) -> Result<SshConnection, RemoteError> {
        let (last, before) = stops.split_last().expect("a host is its own last stop");
        if before.is_empty() {
            return self.connect(&last.target, &last.trust, None).await;
        }
        let jump = self.jump(before).await;
        let through = Arc::new(self.through(&jump, before).await?);
        // A semaphore that is never closed always gives a permit in the end.
        let _permit = jump.handshakes.acquire().await;
        self.connect(&last.target, &last.trust, Some(through)).await
    }

    async fn jump(&self, stops: &[Stop]) -> Arc<Jump> {
        let one = |stop: &Stop| {
            let target = &stop.target;
            format!("{} {}", target.address(), target.way.command.as_deref().unwrap_or_default())
        };
        let way = stops.iter().map(one).collect::<Vec<_>>().join(",");
        self.jumps.lock().await.entry(way).or_insert_with(|| Arc::new(Jump::new())).clone()
    }

    /// A connection to a jump host, opened by whoever needs it first.
    async fn through(
        &self,
        jump: &Jump,
        stops: &[Stop],
    ) -> Result<Share<SshConnection>, RemoteError> {
        let another = async {
            if let Some(error) = jump.dead.get() {
                return Err(error.clone());
            }
            let dialled = Box::pin(self.dial(stops)).await.map_err(|error| {
                let at = stops.last().map(|stop| stop.target.address()).unwrap_or_default();
                let error = error.at_jump_host(&at);
                // One that was there may come back.
                if !jump.reached.load(Ordering::Relaxed) {
                    let _ = jump.dead.set(error.clone());
                }
                error
            });
            jump.reached.fetch_or(dialled.is_ok(), Ordering::Relaxed);
            dialled
        };
        jump.connections.share(|connection| !connection.is_closed(), another).await
    }

    /// Connects and logs in. Only a connection that came to nothing before the login is tried again.
    async fn connect(
        &self,
        target: &LoginTarget,
        trust: &KeyTrust,
        through: Option<Arc<Share<SshConnection>>>,
    ) -> Result<SshConnection, RemoteError> {
        let patience = target.way.patience.unwrap_or_default().max(self.timeouts.connect);
        let deadline = Instant::now() + patience;
        let mut attempt = 0;
        let mut connection = loop {
            attempt += 1;
            match self.attempt(target, trust, through.clone(), deadline).await {
                Ok(connection) => break connection,
                Err(failure) => {
                    let pause = failure.pause(attempt, target.way.attempts);
                    let Some(pause) = pause.filter(|p| Instant::now() + *p < deadline) else {
                        return Err(failure.explain(target, patience));
                    };
                    sleep(pause).await;
                }
            }
        };
        match timeout_at(deadline, login(&mut connection, target, &self.keys)).await {
            Ok(result) => result.map(|()| connection),
            Err(_) => {
                Err(DialFailure::Silent("did not finish the login").explain(target, patience))
            }
        }
    }

    async fn attempt(
        &self,
        target: &LoginTarget,
        trust: &KeyTrust,
        through: Option<Arc<Share<SshConnection>>>,
        deadline: Instant,
    ) -> Result<SshConnection, DialFailure> {
        let keepalive = self.timeouts.keepalive;
        if let Some(jump) = &through {
            let tunnel = timeout_at(deadline, jump.tunnel(&target.host, target.port)).await;
            let tunnel =
                tunnel.map_err(|_| DialFailure::Silent("was not reached by the jump host"))?;
            let stream = tunnel.map_err(DialFailure::Tunnel)?;
            let handshake =
                timeout_at(deadline, handshake(stream, trust, keepalive, through.clone()));
            return handshake.await.map_err(|_| DialFailure::NO_SSH)?.map_err(DialFailure::from);
        }
        if let Some(command) = &target.way.command {
            let (stream, words) = Proxy::start(command).map_err(DialFailure::Tcp)?;
            let handshake = timeout_at(deadline, handshake(stream, trust, keepalive, None)).await;
            return match handshake {
                Ok(Ok(connection)) => Ok(connection),
                Ok(Err(Refusal::Ssh(HUP | Disconnect | IO(_)))) => {
                    Err(DialFailure::Proxy(words.last().await))
                }
                Ok(Err(refusal)) => Err(refusal.into()),
                Err(_) => Err(DialFailure::NO_SSH),
            };
        }
        let stream = timeout_at(deadline, tcp(target)).await;
        let stream =
            stream.map_err(|_| DialFailure::Silent("did not answer"))?.map_err(DialFailure::Tcp)?;
        let stream = QuickStream::buffered(stream).map_err(DialFailure::Tcp)?;
        let handshake = timeout_at(deadline, handshake(stream, trust, keepalive, None));
        handshake.await.map_err(|_| DialFailure::NO_SSH)?.map_err(DialFailure::from)
    }
}

/// Connects to the first address that answers.
async fn tcp(target: &LoginTarget) -> io::Result<TcpStream> {
    let Stream { family, from, .. } = &target.way;
    if family.is_none() && from.is_none() {
        return TcpStream::connect((&*target.host, target.port)).await;
    }
    let is_wanted = |address: &SocketAddr| match family {
        Some(AddressFamily::V4) => address.is_ipv4(),
        Some(AddressFamily::V6) => address.is_ipv6(),
        None => true,
    };
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "no address of that family");
    for address in lookup_host((&*target.host, target.port)).await?.filter(is_wanted) {
        match from_here(address, from.as_deref()).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn from_here(address: SocketAddr, from: Option<&str>) -> io::Result<TcpStream> {
    let v4 = address.is_ipv4();
    let socket = if v4 { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(from) = from {
        let mut own = lookup_host((from, 0)).await?;
        let own = own.find(|own| own.is_ipv4() == v4).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                format!("{from} is not an address of the controller"),
            )
        })?;
        socket.bind(own)?;
    }
    socket.connect(address).await
}

/// Why a connection came to nothing.
enum DialFailure {
    /// There was no connection.
    Tcp(io::Error),
    /// The jump host made none.
    Tunnel(russh::Error),
    /// The command that was to be the connection ended, with these last words.
    Proxy(String),
    /// There was one, and it broke.
    Broken(russh::Error),
    /// The host's key is not to be trusted.
    Key(RemoteError),
    /// Time is up; this did not happen.
    Silent(&'static str),
}

impl From<Refusal> for DialFailure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Key(error) => DialFailure::Key(error),
            Refusal::Ssh(error) => DialFailure::Broken(error),
        }
    }
}

impl DialFailure {
    const NO_SSH: Self = Self::Silent("accepted the connection, but did not answer with SSH");

    /// How long to wait before another attempt, if it makes sense.
    fn pause(&self, attempt: u32, asked: u32) -> Option<Duration> {
        let most = match self {
            // A host that restarts its server; one that is down says so again at once.
            DialFailure::Tcp(error) if error.kind() == io::ErrorKind::ConnectionRefused => 2,
            DialFailure::Tcp(error) if error.kind() == io::ErrorKind::ConnectionReset => 5,
            // A server with many logins at once drops some before they begin (MaxStartups).
            DialFailure::Broken(HUP | Disconnect | IO(_)) => 5,
            // A key that is not trusted, or algorithms that do not meet, stay so.
            DialFailure::Key(_) | DialFailure::Broken(_) => 1,
            _ => asked,
        };
        let jitter = getrandom::u32().unwrap_or_default() % 250;
        let pause = 150 * u64::from(2_u32.saturating_pow(attempt.min(6))) + u64::from(jitter);
        (attempt < most).then(|| Duration::from_millis(pause))
    }

    fn explain(self, target: &LoginTarget, time: Duration) -> RemoteError {
        let at = format!("{}:{}", target.host, target.port);
        let error = |text: String| RemoteError::unreachable(text);
        match self {
            DialFailure::Key(error) => error,
            DialFailure::Silent(what) => {
                let seconds = time.as_secs_f32();
                error(format!("{at} {what} within {seconds} s"))
                    .with_hint("is the host up, and does a firewall let the controller in?")
            }
            DialFailure::Tcp(io) if io.kind() == io::ErrorKind::ConnectionRefused => {
                error(format!("{at} refuses connections"))
                    .with_hint("is sshd running there, and is this its port?")
            }
            DialFailure::Tcp(io) => {
                let text = io.to_string();
                let text = text.split(" (os error").next().unwrap_or_default().to_lowercase();
                error(format!("no connection to {at}: {text}"))
                    .with_hint("is the host up, and its address right?")
            }
            DialFailure::Tunnel(ssh) => {
                error(format!("the jump host makes no connection to {at}: {ssh}"))
                    .with_hint("is the host up, and does the jump host allow TCP forwarding?")
            }
            DialFailure::Proxy(words) => {
                let said = if words.is_empty() { "it ended without output" } else { &words };
                error(format!("the ProxyCommand for {at} gave no connection: {said}"))
                    .with_hint("does it work in a shell, with the tokens filled in?")
            }
            DialFailure::Broken(russh::Error::NoCommonAlgo { kind, ours, theirs }) => {
                let (what, option) = match kind {
                    AlgorithmKind::Kex => ("way to exchange keys", "KexAlgorithms"),
                    AlgorithmKind::Key => ("kind of host key", "HostKeyAlgorithms"),
                    AlgorithmKind::Cipher => ("cipher", "Ciphers"),
                    AlgorithmKind::Mac => ("MAC", "MACs"),
                    AlgorithmKind::Compression => ("compression", "Compression"),
                };
                let (ours, theirs) = (ours.join(","), one_line(theirs.join(",").as_bytes()));
                error(format!(
                    "{at} and converge have no {what} in common: it has {theirs}; converge has {ours}"
                ))
                .with_hint(format!(
                    "let one of the second list into {option} of its sshd_config; {option} in ssh_config changes what converge has"
                ))
            }
            DialFailure::Broken(ssh) => {
                error(format!("{at} closed the connection before the login: {ssh}")).with_hint(
                    "is it an SSH server, and does it have room for another login (MaxStartups)?",
                )
            }
        }
    }
}
