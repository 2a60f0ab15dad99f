//! Waits for a segment on a host, over the connection that began it or over another one.

use std::{convert::Infallible, time::Duration};

use tokio::{sync::watch, time::timeout};

use super::{
    Run, detached,
    live::{Live, Over},
    segment::Segment,
};
use crate::{
    base::script::Script,
    io::remote::{Exit, Remote, RemoteError},
};

/// What reading on comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    Over(Exit),
    Overdue,
    NotBegun,
    /// This connection was lost too.
    Lost,
    /// The host does not know, or cannot say.
    Unknown,
}

/// How long something may hold the output of a segment that is over.
const HELD: Duration = Duration::from_millis(500);

/// Waits for a segment on a host.
pub(super) struct Attendant<'a> {
    pub(super) run: &'a Run,
    pub(super) remote: &'a dyn Remote,
    pub(super) segment: &'a Segment,
}

impl Attendant<'_> {
    /// Runs the script that begins it, or reads on.
    pub(super) async fn waits(
        &self,
        script: &Script,
        kept: Option<&Script>,
        live: &mut Live<'_>,
        obligation: bool,
    ) -> Result<Exit, RemoteError> {
        let over = live.over();
        let exit = tokio::select! {
            exit = self.remote.work(script, kept, live) => exit,
            never = self.stops_when_interrupted(obligation) => match never {},
            never = self.frees_when_over(over.clone()) => match never {},
        };
        match (exit, over.borrow().status) {
            // A look after it that takes too long is nothing against what it did.
            (Err(RemoteError::Overdue), Some(status)) => {
                live.expects(None);
                Ok(Exit(status))
            }
            (Ok(_), Some(status)) => Ok(Exit(status)),
            // Of one that did not come to its end, there is how its script ended.
            (exit, _) => exit,
        }
    }

    /// Reads on what the segment prints.
    pub(super) async fn reads_on(
        &self,
        live: &mut Live<'_>,
        obligation: bool,
        start: &str,
        who: &str,
    ) -> Read {
        let script = detached::read_on(self.segment, live.read(), start, who);
        let read = self.waits(&script, None, live, obligation).await;
        match (read, live.over().borrow().status) {
            (Ok(_), Some(status)) => Read::Over(Exit(status)),
            // Where something of it was heard, it was begun.
            (Ok(Exit(detached::NOT_FOUND)), None) if live.read() == 0 => Read::NotBegun,
            (Err(RemoteError::Overdue), _) => Read::Overdue,
            (Err(RemoteError::Lost(_)), _) => Read::Lost,
            _ => Read::Unknown,
        }
    }

    /// Lets a segment that is not outstanding end after its step once the run is interrupted.
    async fn stops_when_interrupted(&self, obligation: bool) -> Infallible {
        if !obligation {
            self.run.interrupt.set().await;
            // Where it cannot be said, all of it runs to its end.
            let _ = self.remote.beside(&detached::stopping(self.segment)).await;
        }
        std::future::pending().await
    }

    /// Waits for nothing that a segment left running.
    async fn frees_when_over(&self, mut over: watch::Receiver<Over>) -> Infallible {
        if over.wait_for(|over| over.status.is_some()).await.is_ok() {
            let is_free = over.wait_for(|over| over.is_looked_at);
            if timeout(HELD, is_free).await.is_err() {
                // Where it cannot be said, its deadline ends it.
                let _ = self.remote.beside(&detached::freeing(self.segment)).await;
            }
        }
        std::future::pending().await
    }
}
