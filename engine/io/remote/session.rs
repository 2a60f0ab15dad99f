//! An open way to a host: its shell, its staging folder, and what was counted.

use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio::{sync::Mutex, time::timeout};

use super::{
    Exit, Output, Remote, RemoteError,
    counters::Counters,
    ending,
    identity::Identity,
    pipe::Commands,
    shell::{Scope, Shell},
    staging::Staging,
};
use crate::base::{content::Content, script::Script, traffic::Traffic};

/// How long a host may take to end its shell before it is left alone.
const PARTING: Duration = Duration::from_secs(3);

/// One host, whatever carries the commands.
pub(super) struct Session<C> {
    commands: C,
    identity: Identity,
    shell: Mutex<Shell>,
    staging: Mutex<Staging>,
    traffic: Counters,
}

impl<C: Commands> Session<C> {
    /// Opens the shell, as `identity`.
    pub(super) async fn open(commands: C, identity: Identity) -> Result<Self, RemoteError> {
        let shell = Mutex::new(Shell::open(identity.clone(), &commands).await?);
        let (staging, traffic) = (Mutex::default(), Counters::default());
        Ok(Self { commands, identity, shell, staging, traffic })
    }

    async fn exchange(
        &self,
        script: &Script,
        place: Scope<'_>,
        output: &mut dyn Output,
    ) -> Result<Exit, RemoteError> {
        let mut shell = self.shell.lock().await;
        self.traffic.round_trip();
        let end = |process, signals: &'static [&'static str]| -> BoxFuture<'_, ()> {
            Box::pin(ending::end(&self.commands, &self.identity, process, signals))
        };
        let exit = shell.run(script, place, output, &self.traffic, &end).await;
        // Of any other host nothing more is heard: it might say more without an end.
        if let Err(RemoteError::Left(_) | RemoteError::Lost(_)) = exit {
            self.commands.cut().await;
        }
        exit
    }
}

#[async_trait]
impl<C: Commands> Remote for Session<C> {
    async fn run(&self, script: &Script, output: &mut dyn Output) -> Result<Exit, RemoteError> {
        self.exchange(script, Scope::Subshell, output).await
    }

    async fn work(
        &self,
        script: &Script,
        kept: Option<&Script>,
        output: &mut dyn Output,
    ) -> Result<Exit, RemoteError> {
        self.exchange(script, Scope::Work(kept), output).await
    }

    async fn later(&self, script: &Script) {
        self.shell.lock().await.later(script);
    }

    async fn keep(&self, script: &Script, output: &mut dyn Output) -> Result<Exit, RemoteError> {
        self.exchange(script, Scope::Itself, output).await
    }

    async fn beside(&self, script: &Script) -> Result<Exit, RemoteError> {
        ending::beside(&self.commands, &self.identity, script).await
    }

    async fn send(&self, contents: &[Content]) -> Result<String, RemoteError> {
        let mut staging = self.staging.lock().await;
        let missing = staging.missing(contents);
        let made = staging.folder.clone();
        if let (Some(folder), true) = (&made, missing.is_empty()) {
            return Ok(folder.clone());
        }
        self.traffic.round_trip();
        self.traffic.sent(missing.iter().map(|content| content.bytes().len()).sum());
        let sent = staging.send(&self.commands, &missing).await;
        if let Err(RemoteError::Left(_) | RemoteError::Lost(_)) = sent {
            self.commands.cut().await;
        }
        let folder = sent?;
        if made.is_none() {
            self.shell.lock().await.remove_at_end(&folder).await?;
        }
        Ok(folder)
    }

    fn traffic(&self) -> Traffic {
        self.traffic.so_far()
    }

    async fn close(&self) {
        let part = async {
            let mut shell = self.shell.lock().await;
            if let Some(process) = shell.abandoned() {
                for signal in ["TERM", "KILL"] {
                    // Where it cannot be sent, what runs there goes on.
                    let _ = ending::send(&self.commands, &self.identity, process, signal).await;
                    if timeout(PARTING / 3, shell.end()).await.is_ok() {
                        return;
                    }
                }
            }
            shell.end().await;
        };
        let _ = timeout(PARTING, part).await;
    }
}
