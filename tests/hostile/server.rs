//! A host that behaves up to a moment, and then no more.

use std::{collections::HashMap, future::pending, sync::Arc, time::Duration};

use russh::{
    Channel, ChannelId, ChannelWriteHalf,
    keys::{PrivateKey, ssh_key::private::Ed25519Keypair},
    server::{self, Auth, ChannelOpenHandle, Config, Msg, Session, VerifiedPublicKey},
};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{faraway::Tapes, simulated::Tape};

/// When a host stops behaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// As soon as it is called.
    Dial,
    /// While it is logged in to.
    Login,
    /// When it is asked for a command.
    Command,
    /// When it answers: which command, and which answer of it.
    Answer(usize, usize),
}

/// What it does then, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Nothing: but the connection stays.
    Silent,
    /// It hangs up.
    HangsUp,
    /// It prints without an end, on its standard output or on its standard error.
    Floods(Option<u32>, &'static [u8]),
    /// It answers, and never ends the line behind the mark.
    FloodsBehindTheMark,
    /// It says that all is over, and nothing else.
    SaysNothing,
    /// It ends with this, in the place of an exit status.
    Ends(&'static str),
    /// It counts otherwise.
    Counts,
    /// It says everything three times.
    Repeats,
    /// It ends a script that is not the one that it was given.
    EndsAnother,
}

/// Serves one connection.
pub(crate) async fn serve(mut stream: TcpStream, tapes: Tapes, stage: Stage, deed: Deed) {
    if stage == Stage::Dial {
        match deed {
            Deed::Floods(_, bytes) => while stream.write_all(&bytes.repeat(100)).await.is_ok() {},
            Deed::HangsUp => {}
            _ => pending().await,
        }
        return;
    }
    let config = Config {
        keys: vec![PrivateKey::from(Ed25519Keypair::from_seed(&[1; 32]))],
        auth_rejection_time: Duration::ZERO,
        nodelay: true,
        ..Config::default()
    };
    let commands = HashMap::new();
    let host = Host { tapes, stage, deed, commands, started: 0 };
    if let Ok(session) = server::run_stream(Arc::new(config), stream, host).await {
        let _ = session.await;
    }
}

struct Host {
    tapes: Tapes,
    stage: Stage,
    deed: Deed,
    commands: HashMap<ChannelId, Command>,
    started: usize,
}

/// Takes more of what is asked, and gives what is said to it: where, and what.
type Player = Box<dyn FnMut(&[u8]) -> Vec<(Option<u32>, Vec<u8>)> + Send>;

fn player(tape: Arc<Tape>) -> Player {
    let mut player = tape.play();
    Box::new(move |bytes| {
        let sayings = player.asked(bytes).into_iter();
        sayings.map(|(stream, said)| (stream.code(), said)).collect()
    })
}

/// A command, and where its channel takes what it prints.
struct Command {
    write: ChannelWriteHalf<Msg>,
    player: Option<Player>,
    number: usize,
    answers: usize,
}

impl server::Handler for Host {
    type Error = russh::Error;

    async fn auth_publickey(
        &mut self,
        _: &str,
        _: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        if self.stage == Stage::Login {
            return match self.deed {
                Deed::HangsUp => Err(russh::Error::Disconnect),
                _ => pending().await,
            };
        }
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        let (id, (_, write)) = (channel.id(), channel.split());
        let command = Command { write, player: None, number: self.started, answers: 0 };
        self.commands.insert(id, command);
        self.started += 1;
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.stage == Stage::Command {
            return match self.deed {
                Deed::HangsUp => Err(russh::Error::Disconnect),
                _ => Ok(()),
            };
        }
        session.channel_success(channel)?;
        if let Some(started) = self.commands.get_mut(&channel) {
            let tape: Arc<Tape> = self.tapes.get(started.number).cloned().unwrap_or_default();
            started.player = Some(player(tape));
        }
        self.hear(channel, command, session)
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
        // Whoever does not behave any more does not end either.
        match self.commands.remove(&channel) {
            Some(Command { player: Some(_), .. }) => {
                session.exit_status_request(channel, 0)?;
                session.close(channel)
            }
            _ => Ok(()),
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
        let Some(command) = self.commands.get_mut(&id) else { return Ok(()) };
        let Some(player) = &mut command.player else { return Ok(()) };
        let mut sayings = player(bytes);
        if sayings.is_empty() {
            return Ok(());
        }
        let is_now = self.stage == Stage::Answer(command.number, command.answers);
        command.answers += 1;
        if is_now {
            match self.deed {
                Deed::Silent => sayings.clear(),
                Deed::HangsUp => return Err(russh::Error::Disconnect),
                Deed::Floods(code, bytes) => {
                    sayings.clear();
                    flood(command.write.make_writer_ext(code), bytes);
                }
                Deed::FloodsBehindTheMark => {
                    flood(command.write.make_writer(), b"7");
                    sayings.iter_mut().for_each(|(_, said)| said.truncate(said.len() - 1));
                }
                deed => sayings.iter_mut().for_each(|(_, said)| *said = lie(said, deed)),
            }
            if matches!(self.deed, Deed::Silent | Deed::Floods(..) | Deed::FloodsBehindTheMark) {
                command.player = None;
            }
        }
        for (code, bytes) in sayings {
            match code {
                None => session.data(id, bytes)?,
                Some(code) => session.extended_data(id, code, bytes)?,
            }
        }
        Ok(())
    }
}

/// Prints as fast as it is read.
fn flood(mut to: impl AsyncWrite + Unpin + Send + 'static, bytes: &'static [u8]) {
    tokio::spawn(async move {
        let bytes = bytes.repeat(32 * 1024 / bytes.len());
        while to.write_all(&bytes).await.is_ok() {}
    });
}

/// What is said in the place of an answer, which ends with a mark.
fn lie(said: &[u8], deed: Deed) -> Vec<u8> {
    let end = said.iter().rposition(|byte| *byte == 0).unwrap_or(said.len());
    let (body, mark) = said.split_at(end);
    let other = |byte: &u8| if byte.is_ascii_digit() { b'9' } else { *byte };
    match deed {
        Deed::SaysNothing => mark.to_vec(),
        Deed::Ends(status) => {
            let text = String::from_utf8_lossy(mark).into_owned();
            let word = text.trim_end().split(' ').next().unwrap_or_default().to_owned();
            [body, word.as_bytes(), b" ", status.as_bytes(), b"\n"].concat()
        }
        Deed::Counts => [&body.iter().map(other).collect::<Vec<u8>>()[..], mark].concat(),
        Deed::Repeats => [body, body, body, mark].concat(),
        Deed::EndsAnother => [body, &mark.iter().map(other).collect::<Vec<u8>>()[..]].concat(),
        _ => said.to_vec(),
    }
}
