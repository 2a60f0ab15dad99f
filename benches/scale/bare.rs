//! The floor: for each host a handshake with the same library, a shell, and one round trip.

use std::{borrow::Cow, sync::Arc};

use russh::{
    ChannelMsg, Disconnect, Preferred, cipher,
    client::{self, Handle},
    keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate},
};
use tokio::{net::TcpStream, sync::Semaphore};

use crate::fleet::{Kind, host_key, user_key};

/// As many as converge has under way at once.
const AT_ONCE: usize = 50;

/// Knows the key of all hosts: to make it anew for each would be no part of a handshake.
struct Client(Arc<PublicKey>);

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        Ok(key.public_key().key_data() == self.0.key_data())
    }
}

/// Opens a connection to each of the hosts that answer, keeps it, and in the end closes all.
pub(crate) fn run(port: u16, hosts: usize) {
    crate::raise_limit();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let (key, known) = (Arc::new(user_key()), Arc::new(host_key().public_key().clone()));
        let one =
            |n| tokio::spawn(one(n, port, places.clone(), key.clone(), Client(known.clone())));
        let handles = futures::future::join_all((0..hosts).map(one)).await;
        for handle in handles {
            handle.unwrap().disconnect(Disconnect::ByApplication, "", "").await.unwrap();
        }
    });
}

async fn one(
    n: usize,
    port: u16,
    places: Arc<Semaphore>,
    key: Arc<PrivateKey>,
    client: Client,
) -> Handle<Client> {
    let _place = places.acquire().await.unwrap();
    let stream = TcpStream::connect((Kind::Answering.address(n), port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut handle = client::connect_stream(Arc::new(config()), stream, client).await.unwrap();
    let key = PrivateKeyWithHashAlg::new(key, None);
    assert!(handle.authenticate_publickey("root", key).await.unwrap().success());
    let mut channel = handle.channel_open_session().await.unwrap();
    channel.exec(true, "cat").await.unwrap();
    channel.data_bytes(&b"there and back\n"[..]).await.unwrap();
    while !matches!(channel.wait().await.unwrap(), ChannelMsg::Data { .. }) {}
    handle
}

/// The same algorithms as converge asks for.
fn config() -> client::Config {
    client::Config {
        preferred: Preferred {
            cipher: Cow::Borrowed(&[cipher::AES_256_GCM]),
            ..Preferred::DEFAULT
        },
        ..client::Config::default()
    }
}
