//! One SSH connection: its handshake, and commands over it.

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use russh::{
    Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Disconnect,
    client::{self, ChannelOpenHandle, DisconnectReason, GexParams, Handle, Msg, Session},
    keys::{PublicKey, PublicKeyOrCertificate},
};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    RemoteError,
    backlog::{Printed, backlog},
    known_hosts::KeyTrust,
    piece::{End, Piece},
    pipe::{Commands, Pipe, one_line},
    pool::Share,
};
use crate::base::secret::CUT;

/// An open, encrypted connection.
pub(super) struct SshConnection {
    handle: Handle<Client>,
    gone: Gone,
    banner: Banner,
    /// The connection to the jump host that this one goes through lives as long as this one.
    _through: Option<Arc<Share<SshConnection>>>,
}

/// Why the connection ended, once it has.
type Gone = Arc<OnceLock<String>>;

/// What the host says during the login.
type Banner = Arc<Mutex<String>>;

/// Why there was no handshake.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Of the host's key.
    Key(RemoteError),
    /// Of anything else.
    Ssh(russh::Error),
}

impl From<russh::Error> for Refusal {
    fn from(error: russh::Error) -> Self {
        Refusal::Ssh(error)
    }
}

/// What the handshake asks us.
pub(super) struct Client {
    trust: KeyTrust,
    accepted: Option<PublicKey>,
    gone: Gone,
    banner: Banner,
    /// How long all banners were.
    noise: usize,
}

/// How long a host may talk before it lets somebody in, in bytes.
const BANNER_MAX: usize = 256 * 1024;

/// How many messages of a channel wait for the task that drains it. Each is at most 256 KiB long.
const MESSAGES_MAX: usize = 4;

/// What a host opens towards us is refused: nothing that it could reach here was ever offered to it. An answer that is
/// dropped says no.
macro_rules! refused {
    ($($name:ident($($type:ty),*);)*) => {$(
        async fn $name(
            &mut self,
            _: Channel<Msg>,
            $(_: $type,)*
            _: ChannelOpenHandle,
            _: &mut Session,
        ) -> Result<(), Refusal> {
            Ok(())
        }
    )*};
}

impl client::Handler for Client {
    type Error = Refusal;

    refused! {
        server_channel_open_agent_forward();
        server_channel_open_direct_streamlocal(&str);
        server_channel_open_direct_tcpip(&str, u32, &str, u32);
        server_channel_open_forwarded_streamlocal(&str);
        server_channel_open_forwarded_tcpip(&str, u32, &str, u32);
        server_channel_open_session();
        server_channel_open_x11(&str, u32);
    }

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Refusal> {
        let public = key.public_key();
        // The keys are exchanged anew now and then; what was accepted stays so.
        if self.accepted.as_ref().is_none_or(|known| known.key_data() != public.key_data()) {
            self.trust.check(key).map_err(Refusal::Key)?;
            self.accepted = Some(public);
        }
        Ok(true)
    }

    async fn auth_banner(&mut self, text: &str, _: &mut Session) -> Result<(), Refusal> {
        /// A legal notice may be long; what counts stands at the end.
        const KEPT: usize = 2000;
        self.noise += text.len().max(1);
        if self.noise > BANNER_MAX {
            let error = RemoteError::said_more("before the login", BANNER_MAX);
            return Err(Refusal::Key(RemoteError::unreachable(error.to_string())));
        }
        let mut banner = self.banner.lock().unwrap_or_else(PoisonError::into_inner);
        banner.push_str(text);
        let surplus = banner.len().saturating_sub(KEPT);
        if surplus > 0 {
            let cut = banner.ceil_char_boundary(surplus);
            banner.replace_range(..cut, CUT);
        }
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Refusal>) -> Result<(), Refusal> {
        let why = match &reason {
            DisconnectReason::ReceivedDisconnect(info) => one_line(info.message.as_bytes()),
            DisconnectReason::Error(Refusal::Ssh(error)) => error.to_string().to_lowercase(),
            DisconnectReason::Error(Refusal::Key(error)) => error.to_string(),
        };
        let _ = self.gone.set(why);
        match reason {
            DisconnectReason::ReceivedDisconnect(_) => Ok(()),
            DisconnectReason::Error(error) => Err(error),
        }
    }
}

/// Exchanges keys over `stream`. Nobody is logged in yet.
pub(super) async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    trust: &KeyTrust,
    keepalive: Duration,
    through: Option<Arc<Share<SshConnection>>>,
) -> Result<SshConnection, Refusal> {
    let (gone, banner) = (Gone::default(), Banner::default());
    let client = Client {
        trust: trust.clone(),
        accepted: None,
        gone: gone.clone(),
        banner: banner.clone(),
        noise: 0,
    };
    let config = Arc::new(config(trust, keepalive));
    let handle = client::connect_stream(config, stream, client).await?;
    Ok(SshConnection { handle, gone, banner, _through: through })
}

fn config(trust: &KeyTrust, keepalive: Duration) -> client::Config {
    client::Config {
        preferred: trust.offered(),
        // A group of 3072 bits is as strong as the curves; the usual 8192 cost half a second of CPU.
        gex: GexParams::new(2048, 3072, 8192).unwrap_or_default(),
        keepalive_interval: Some(keepalive),
        keepalive_max: 3,
        channel_buffer_size: MESSAGES_MAX,
        nodelay: true,
        ..client::Config::default()
    }
}

impl SshConnection {
    /// The handle, for the login.
    pub(super) fn handle(&mut self) -> &mut Handle<Client> {
        &mut self.handle
    }

    /// What the host said during the login.
    pub(super) fn banner(&self) -> String {
        self.banner.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why the connection ended, if it has and somebody said so.
    pub(super) fn gone(&self) -> Option<&str> {
        self.gone.get().map(String::as_str)
    }

    /// Whether nothing can be sent any more.
    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Ends it, whatever the host still says.
    async fn cut(&self) {
        // One that is over needs no end.
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").await;
    }

    /// A stream to another host, made by this one.
    pub(super) async fn tunnel(
        &self,
        host: &str,
        port: u16,
    ) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + use<>, russh::Error> {
        let channel =
            self.handle.channel_open_direct_tcpip(host, port.into(), "127.0.0.1", 0).await?;
        Ok(channel.into_stream())
    }
}

#[async_trait]
impl Commands for Arc<SshConnection> {
    async fn start(&self, command: &str) -> Result<Pipe, RemoteError> {
        let lost = |error: russh::Error| {
            let why = self.gone.get().cloned().unwrap_or_else(|| error.to_string());
            RemoteError::Lost(why)
        };
        let opened = self.handle.channel_open_session().await.map_err(|error| match error {
            russh::Error::ChannelOpenFailure(why) => RemoteError::Refused(format!(
                "the host opens no more channels on its connection ({why:?}); the shell needs one, and large \
                 content another: MaxSessions of its sshd is at least 2"
            )),
            other => lost(other),
        });
        let (read, write) = opened?.split();
        let stdin = Box::new(Box::pin(write.make_writer()));
        write.exec(true, command).await.map_err(lost)?;
        let (printed, pieces) = backlog();
        tokio::spawn(drain(read, write, printed, self.gone.clone()));
        Ok(Pipe { stdin, pieces })
    }

    async fn cut(&self) {
        SshConnection::cut(self).await;
    }
}

/// Reads a channel to its end. Only Close ends it: a status and the end of file come in any order, data between them.
/// A channel that nobody listens to any more is closed, or it would take a slot of the host until the connection ends.
async fn drain(mut read: ChannelReadHalf, write: ChannelWriteHalf<Msg>, to: Printed, gone: Gone) {
    let mut end = None;
    loop {
        let message = tokio::select! {
            message = read.wait() => message,
            () = to.closed() => break,
        };
        match message {
            Some(ChannelMsg::Data { data }) => drop(to.put(Piece::Stdout, data.into()).await),
            Some(ChannelMsg::ExtendedData { data, ext: 1 }) => {
                to.put(Piece::Stderr, data.into()).await;
            }
            Some(ChannelMsg::ExitStatus { exit_status }) => {
                end = Some(End::Exit(i32::try_from(exit_status).unwrap_or(i32::MAX)));
            }
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                end = Some(End::Signal(one_line(format!("{signal_name:?}").as_bytes())));
            }
            Some(ChannelMsg::Failure) => {
                end = Some(End::Gone("the host does not run commands".to_owned()));
                break;
            }
            Some(ChannelMsg::Close) | None => break,
            Some(_) => {}
        }
    }
    let why = || End::Gone(gone.get().cloned().unwrap_or_default());
    to.end(end.unwrap_or_else(why));
    let _ = write.close().await;
}
