//! An open way to a host: its shell, its staging folder, and what was counted.

use std::time::Duration;

use async_trait::async_trait;
use tokio::{sync::Mutex, time::timeout};

use super::{
    Exit, Output, Remote, RemoteError, Traffic,
    identity::Identity,
    pipe::Commands,
    shell::{Place, Shell},
    staging::Staging,
    traffic::Counters,
};
use crate::{content::Content, script::Script};

/// How long a host may take to end its shell before it is left alone.
const PARTING: Duration = Duration::from_secs(2);

/// One host, whatever carries the commands.
pub(super) struct Session<C> {
    commands: C,
    shell: Mutex<Shell>,
    staging: Mutex<Staging>,
    traffic: Counters,
}

impl<C: Commands> Session<C> {
    /// Opens the shell, as `identity`.
    pub(super) async fn open(commands: C, identity: Identity) -> Result<Self, RemoteError> {
        let shell = Mutex::new(identity.enter(&commands).await?);
        Ok(Self { commands, shell, staging: Mutex::default(), traffic: Counters::default() })
    }
}

#[async_trait]
impl<C: Commands> Remote for Session<C> {
    async fn run(&self, script: &Script, output: &mut dyn Output) -> Result<Exit, RemoteError> {
        let mut shell = self.shell.lock().await;
        self.traffic.round_trip();
        shell.run(script, Place::Subshell, output, &self.traffic).await
    }

    async fn keep(&self, script: &Script, output: &mut dyn Output) -> Result<Exit, RemoteError> {
        let mut shell = self.shell.lock().await;
        self.traffic.round_trip();
        shell.run(script, Place::Itself, output, &self.traffic).await
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
        let folder = staging.send(&self.commands, &missing).await?;
        if made.is_none() {
            self.shell.lock().await.remove_at_end(&folder).await?;
        }
        Ok(folder)
    }

    fn traffic(&self) -> Traffic {
        self.traffic.so_far()
    }

    async fn close(&self) {
        let _ = timeout(PARTING, async { self.shell.lock().await.end().await }).await;
    }
}
