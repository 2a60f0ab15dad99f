//! What a host says in a conversation, and the files of OpenSSH, with any bytes.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    io::{AsyncReadExt as _, DuplexStream, duplex},
    time::Instant,
};

use super::{
    Captured, Exit, Passwords, Remote as _, RemoteError,
    algorithms::Algorithms,
    backlog::{Printed, backlog},
    identity::Identity,
    known_hosts::{KeyTrust, KnownHosts},
    local_user::LocalUser,
    piece::{End, Piece},
    pipe::{Commands, Pipe},
    session::Session,
    ssh_config::{self, Settings, SshConfig},
    target::{HostKeyRules, LoginTarget},
};
use crate::{
    base::{content::Content, secret::Secret},
    input::inventory::{Become, Host, HostKeys, Inventory},
    sh,
};

/// A host that says what it is told to. These bytes, which no text has, stand for what only it can know, and for what it does.
struct Machine {
    /// What it says after one script, or command, and after the next one.
    turns: Arc<Mutex<VecDeque<Vec<u8>>>>,
    /// How much comes in one piece.
    piece: usize,
    /// The words that nobody can guess.
    words: Arc<Mutex<Vec<String>>>,
}

/// Behind it stands how often the byte behind that is said, as a power of two.
const AGAIN: u8 = 0xf7;
/// The word that says that a shell is ready, or names a folder.
const READY: u8 = 0xf8;
/// The mark behind a script.
const MARK: u8 = 0xf9;
/// What follows is said there.
const STDOUT: u8 = 0xfa;
const STDERR: u8 = 0xfb;
/// The end of a turn.
const TURN: u8 = 0xfc;
/// The end of the command, with the status that follows, or without a word.
const EXIT: u8 = 0xfd;
const GONE: u8 = 0xfe;

/// How large a packet can be.
const PACKET: usize = 32 * 1024;

/// How much is kept of an answer here.
const MOST: usize = 64 * 1024;

#[async_trait]
impl Commands for Machine {
    async fn start(&self, command: &str) -> Result<Pipe, RemoteError> {
        let (stdin, heard) = duplex(1 << 20);
        let (printed, pieces) = backlog();
        let talk = Talk {
            turns: self.turns.clone(),
            piece: self.piece,
            words: self.words.clone(),
            heard: command.to_owned(),
            printed,
        };
        tokio::spawn(talk.on(heard));
        Ok(Pipe { stdin: Box::new(stdin), pieces })
    }

    async fn cut(&self) {}
}

/// One command that runs there.
struct Talk {
    turns: Arc<Mutex<VecDeque<Vec<u8>>>>,
    piece: usize,
    words: Arc<Mutex<Vec<String>>>,
    /// What it was told so far.
    heard: String,
    printed: Printed,
}

impl Talk {
    async fn on(mut self, mut stdin: DuplexStream) {
        let mut buffer = vec![0; PACKET];
        // A shell waits for its first script; what asks for a password, or takes content, does not.
        if self.heard.contains("echo ") && self.turn().await {
            return;
        }
        while let Ok(length @ 1..) = stdin.read(&mut buffer).await {
            self.heard += &String::from_utf8_lossy(&buffer[..length]);
            if self.heard.ends_with("\n") && self.turn().await {
                return;
            }
        }
        self.printed.end(End::Exit(0));
    }

    /// The word that was told last behind this text.
    fn word(&self, behind: &str) -> String {
        let told = self.heard.rsplit(behind).next().filter(|it| it.len() < self.heard.len());
        let word = told.unwrap_or_default().trim_start_matches('"').split(' ').next();
        word.unwrap_or_default().to_owned()
    }

    /// Says what comes next, and whether that was its end.
    async fn turn(&mut self) -> bool {
        let next = self.turns.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let (mark, ready) = (self.word("; printf '\\000%s %d\\n' "), self.word("; echo "));
        let words = [ready.clone(), mark.clone()];
        self.words.lock().unwrap_or_else(PoisonError::into_inner).extend(words);
        let (mut said, mut piece) = (Vec::new(), Piece::Stdout as fn(Vec<u8>) -> Piece);
        let mut bytes = next.unwrap_or_default().into_iter();
        let mut end = None;
        while let (Some(byte), None) = (bytes.next(), &end) {
            match byte {
                AGAIN => {
                    let count = 1 << (bytes.next().unwrap_or_default() % 18);
                    let byte = bytes.next().unwrap_or_default();
                    self.say(piece, std::mem::take(&mut said), self.piece).await;
                    self.say(piece, vec![byte; count], PACKET).await;
                }
                READY => said.extend(ready.bytes()),
                MARK => said.extend([&b"\0"[..], mark.as_bytes()].concat()),
                STDOUT | STDERR => {
                    self.say(piece, std::mem::take(&mut said), self.piece).await;
                    piece = if byte == STDOUT { Piece::Stdout } else { Piece::Stderr };
                }
                EXIT => end = Some(End::Exit(bytes.next().unwrap_or_default().into())),
                GONE => end = Some(End::Gone(String::new())),
                byte => said.push(byte),
            }
        }
        self.say(piece, said, self.piece).await;
        let over = end.is_some();
        end.into_iter().for_each(|end| self.printed.end(end));
        over
    }

    async fn say(&self, piece: fn(Vec<u8>) -> Piece, said: Vec<u8>, size: usize) {
        for bytes in said.chunks(size) {
            self.printed.put(piece, bytes.to_vec()).await;
        }
    }
}

/// The password that a host may ask for.
struct KnownHostsCase;

impl Passwords for KnownHostsCase {
    fn secret(&self, name: &str) -> Result<Secret, String> {
        Ok(Secret::new(name, "hunter22"))
    }
}

/// What came of the first script.
type CannedAnswer = Result<(Exit, Vec<u8>, Vec<u8>), std::mem::Discriminant<RemoteError>>;

/// The first byte says how scripts become root. What follows is what the host says: in whole packets, and in small pieces,
/// which makes no difference to the first script.
pub(crate) fn conversation(bytes: &[u8]) {
    let Some((&how, said)) = bytes.split_first() else { return };
    let how = [Become::None, Become::Sudo, Become::Doas, Become::Su][usize::from(how) % 4];
    let [whole, pieces] = [PACKET, 7].map(|piece| talked(how, said, piece));
    assert_eq!(whole, pieces);
    // Nothing has ended of which both streams did not say so.
    assert!(!matches!(whole, Some(Ok(_))) || said.iter().filter(|byte| **byte == MARK).count() > 1);
}

fn talked(how: Become, said: &[u8], piece: usize) -> Option<CannedAnswer> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    runtime.expect("a thread of its own can wait").block_on(talk(how, said, piece))
}

async fn talk(how: Become, said: &[u8], piece: usize) -> Option<CannedAnswer> {
    let turns = said.split(|byte| *byte == TURN).map(<[u8]>::to_vec).collect();
    let words = Arc::new(Mutex::new(Vec::new()));
    let machine = Machine { turns: Arc::new(Mutex::new(turns)), piece, words: words.clone() };
    let mut host = Host::clone(&localhost());
    host.connection.r#become = how;
    host.connection.become_password = (how == Become::Sudo).then(|| "root".to_owned());
    let identity = Identity::of(&host, &KnownHostsCase, Duration::from_secs(30)).ok()?;
    let session = Session::open(machine, identity).await.ok()?;
    let output = || Captured::within(MOST, Some(Instant::now() + Duration::from_secs(120)));
    let mut first = output();
    let ended = session.run(&sh!("first"), &mut first).await;
    assert!(first.stdout.len() + first.stderr.len() <= MOST);
    let known = words.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let without = |mut text: Vec<u8>| {
        for word in known.iter().filter(|word| !word.is_empty()) {
            text = String::from_utf8_lossy(&text).replace(word, "@").into_bytes();
        }
        text
    };
    let answer = match ended {
        Ok(exit) => Ok((exit, without(first.stdout), without(first.stderr))),
        Err(error) => Err(std::mem::discriminant(&error)),
    };
    let _ = session.keep(&sh!("lock"), &mut output()).await;
    if let Ok(folder) = session.send(&[Content::new(*b"content")]).await {
        assert!(folder.starts_with('/'), "{folder:?}");
    }
    let _ = session.run(&sh!("last"), &mut output()).await;
    session.close().await;
    Some(answer)
}

fn localhost() -> Arc<Host> {
    Inventory::implied(&[]).host("localhost").expect("it is this machine")
}

/// A key that a host shows.
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF3IhSiWTL1rl1PiLv4sIV2BRSkMPuxyoDOWf17t45Fv";

/// The text as a file of known hosts, and as a configuration, with what is said of the host of that name.
pub(crate) fn ssh_files(name: &str, text: &str) {
    known_hosts(name, text);
    // Neither are other files read, nor programs run.
    if text.to_lowercase().contains("include") {
        return;
    }
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let file = SshConfig::of_text(text, Path::new("/h/.ssh/config"), Path::new("/h"));
    let options = SshConfig::of_lines(&lines, "the inventory");
    let local = LocalUser { home: "/h".into(), name: Some("ann".to_owned()), agent: None };
    for config in [file, options].into_iter().flatten() {
        if format!("{config:?}").contains("Exec(") {
            continue;
        }
        let commands = ssh_config::ConfigCommands::default();
        let Ok(settings) = SshConfig::about(&[&config], name, &local, &commands) else { continue };
        if let Ok(target) = LoginTarget::of(&localhost(), &settings, &local) {
            assert!(!target.user.is_empty() || text.to_lowercase().contains("user"));
        }
    }
}

/// A key is only taken where it is written, and no line revokes it.
fn known_hosts(name: &str, text: &str) {
    let known = KnownHosts::parse(Path::new("/h/known_hosts"), text.to_owned());
    let rules = HostKeyRules {
        name: name.to_owned(),
        port: Some(22 + u16::from(name.contains(':'))),
        policy: HostKeys::Strict,
        own: Vec::new(),
        global: Vec::new(),
        not_followed: Vec::new(),
    };
    let Ok(algorithms) = Algorithms::of(&Settings::default()) else { return };
    let trust = KeyTrust::of(rules, algorithms, &[Arc::new(known)]);
    trust.offered();
    let key = russh::keys::PublicKey::from_openssh(KEY).expect("it is a key");
    let shown = russh::keys::PublicKeyOrCertificate::PublicKey { key, hash_alg: None };
    if trust.check(&shown).is_ok() {
        assert!(text.contains(KEY.split_at(12).1), "it is not known");
    }
}
