//! Users of the service: each asks once, and says what came of it.

use std::{
    collections::VecDeque,
    error::Error,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
    header::HOST,
};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

/// A way to one of the entry points.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) host: &'static str,
    pub(crate) path: &'static str,
    /// What the document must say that it is from.
    pub(crate) endpoint: &'static str,
}

/// What every document of the service says, whichever entry point it is from.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) node: String,
    endpoint: String,
}

/// Connections to one host that are kept between requests; the one that was idle for longest is used first.
pub(crate) struct Connections {
    /// As long as fewer are idle, a request opens one more; with 0, each request has one of its own.
    enough: usize,
    idle: Mutex<VecDeque<Connection>>,
}

struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    /// Our end of it, by which it is found in logs and captures.
    local: SocketAddr,
}

impl Way {
    /// Asks once; the error says why there is no good answer.
    ///
    /// A server may close a connection that is idle: a request that was not yet written to it goes on another one. That is
    /// the only case in which one does.
    pub(crate) async fn ask(&self, connections: &Connections) -> Result<Answer, String> {
        let (mut connection, sent) = loop {
            let kept = connections.take();
            let was_idle = kept.is_some();
            let mut connection = match kept {
                Some(connection) => connection,
                None => Connection::open(self.host).await?,
            };
            match connection.sender.try_send_request(self.request()).await {
                Err(error) if was_idle && error.message().is_some() => {}
                sent => break (connection, sent),
            }
        };
        let answer = match sent {
            Ok(response) => self.read(response).await,
            Err(error) => Err(chain(error.error())),
        };
        if answer.is_ok() && connection.sender.ready().await.is_ok() {
            connections.put(connection);
            return answer;
        }
        answer.map_err(|why| format!("{why} (asked from {})", connection.local))
    }

    fn request(&self) -> Request<Empty<Bytes>> {
        let request = Request::get(self.path).header(HOST, self.host).body(Empty::new());
        request.expect("a path and a host are valid parts of a request")
    }

    /// The document, if it is the one that was asked for.
    async fn read(&self, response: Response<Incoming>) -> Result<Answer, String> {
        let status = response.status();
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| format!("{status}, then {}", chain(&error)))?.to_bytes();
        if status != StatusCode::OK {
            return Err(format!("{status}: {}", String::from_utf8_lossy(&body).trim()));
        }
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&body).trim()))?;
        if answer.endpoint != self.endpoint {
            return Err(format!("the document of {}", answer.endpoint));
        }
        Ok(answer)
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "http://{}{}", self.host, self.path)
    }
}

impl Connections {
    pub(crate) fn new(enough: usize) -> Self {
        Self { enough, idle: Mutex::default() }
    }

    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.enough { None } else { idle.pop_front() }
    }

    fn put(&self, connection: Connection) {
        if self.enough > 0 {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push_back(connection);
        }
    }
}

impl Connection {
    async fn open(host: &str) -> Result<Self, String> {
        let refused = |error: std::io::Error| format!("no connection: {error}");
        let stream = TcpStream::connect((host, 80)).await.map_err(refused)?;
        let local = stream.local_addr().map_err(refused)?;
        let (sender, driver) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| chain(&error))?;
        // It ends when the sender is dropped or the server closes; what went wrong, the request is told.
        tokio::spawn(driver);
        Ok(Self { sender, local })
    }
}

/// An error and what is behind it.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
