//! What a host opens towards converge.

use std::{sync::Arc, time::Duration};

use converge::io::remote::Timeouts;
use russh::{
    Channel, ChannelId, ChannelOpenFailure,
    keys::{PrivateKey, ssh_key::private::Ed25519Keypair},
    server::{self, Auth, ChannelOpenHandle, Config, Handle, Msg, Session, VerifiedPublicKey},
};
use tokio::{
    net::TcpListener,
    sync::mpsc::{UnboundedSender, unbounded_channel},
};

use super::sshd::{host, keygen, user};
use converge::{input::inventory::Connection, io::remote::Connector as _};

/// A host that opens every sort of channel as soon as somebody opens a session.
struct Opener(UnboundedSender<Vec<String>>);

impl server::Handler for Opener {
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
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        let (handle, told) = (session.handle(), self.0.clone());
        tokio::spawn(async move {
            let _ = told.send(accepted(&handle).await);
        });
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }
}

/// The sorts of channels that were not refused.
async fn accepted(host: &Handle) -> Vec<String> {
    let answers = [
        ("agent", host.channel_open_agent().await),
        ("session", host.channel_open_session().await),
        ("direct-tcpip", host.channel_open_direct_tcpip("127.0.0.1", 22, "127.0.0.1", 1).await),
        ("direct-streamlocal", host.channel_open_direct_streamlocal("/run/x").await),
        ("tcpip", host.channel_open_forwarded_tcpip("127.0.0.1", 22, "127.0.0.1", 1).await),
        ("streamlocal", host.channel_open_forwarded_streamlocal("/run/x").await),
        ("x11", host.channel_open_x11("127.0.0.1", 1).await),
    ];
    let refused = |answer: &Result<Channel<Msg>, russh::Error>| {
        let prohibited = ChannelOpenFailure::AdministrativelyProhibited;
        matches!(answer, Err(russh::Error::ChannelOpenFailure(why)) if *why == prohibited)
    };
    let accepted = answers.iter().filter(|(_, answer)| !refused(answer));
    accepted.map(|(sort, answer)| format!("{sort}: {:?}", answer.as_ref().err())).collect()
}

#[tokio::test]
async fn every_channel_that_a_host_opens_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]));
    let public = key.public_key().to_openssh().unwrap();
    keygen(&folder.path().join("user"), &["-t", "ed25519"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    std::fs::write(folder.path().join("known"), format!("[127.0.0.1]:{port} {public}\n")).unwrap();
    let connection = Connection {
        port: Some(port),
        identity_file: Some(folder.path().join("user")),
        known_hosts: Some(folder.path().join("known")),
        ..Connection::default()
    };
    let (told, mut answers) = unbounded_channel();
    tokio::spawn(async move {
        let config =
            Config { keys: vec![key], auth_rejection_time: Duration::ZERO, ..Config::default() };
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(session) = server::run_stream(Arc::new(config), stream, Opener(told)).await {
            let _ = session.await;
        }
    });
    let nobody = (Arc::new(|_: &str| None), Arc::new(|_: &str| Err(String::new())));
    let connector = converge::io::remote::SshConnector::new(
        user(folder.path()),
        nobody.0,
        nobody.1,
        Timeouts::default(),
    );
    let host = host("opener", connection);
    let _open = connector.connect(&host).await.unwrap();
    assert_eq!(answers.recv().await.unwrap(), Vec::<String>::new());
}
