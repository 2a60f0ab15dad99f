//! Runs the batches of an execution, and tells what becomes of each node while it happens.

use std::{convert::Infallible, sync::Arc};

use futures::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use tokio::time::{Instant, timeout_at};

use super::{
    Interrupt,
    execution::{Batch, Execution},
    fleet::Fleet,
    live::{End, Live},
    nonce, obligations,
    segment::{Segment, unmark_elsewhere},
    tally::Tally,
};
use crate::{
    catalog::{Catalog, NodeId},
    event::{Event, Events, Outcome},
    plan::Plan,
    remote::{Captured, Output as _, Remote, RemoteError},
};

/// What a run carries out, and who is told.
pub(crate) struct Apply<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) plan: &'a Plan,
    pub(crate) fleet: &'a Fleet,
    pub(crate) events: &'a dyn Events,
    pub(crate) interrupt: &'a Interrupt,
    /// What became of the nodes in earlier rounds.
    pub(crate) earlier: &'a Tally,
    /// The id of the run.
    pub(crate) run: &'a str,
}

pub(super) type Outcomes = Vec<(NodeId, Outcome)>;

impl Apply<'_> {
    /// Carries the plan out, until nothing more can be done, and gives what became of each node.
    pub(crate) async fn carry_out(&self, mut execution: Execution<'_>) -> Outcomes {
        let mut all = Outcomes::new();
        let mut running = FuturesUnordered::new();
        let hosts: Vec<_> = execution.hosts().cloned().collect();
        all.extend(self.abandon_lost(&mut execution, &hosts));
        loop {
            if self.interrupt.is_set() {
                all.extend(self.tell(execution.stop(&self.interrupt.because())));
            }
            let (settled, batches) = execution.next();
            all.extend(self.tell(settled));
            for batch in batches {
                running.push(self.run_batch(batch));
            }
            let Some((host, outcomes)) = running.next().await else { break };
            all.extend(outcomes.iter().cloned());
            all.extend(self.tell(execution.finish(&host, outcomes)));
            all.extend(self.abandon_lost(&mut execution, &[host]));
        }
        self.unmark_elsewhere(&all).await;
        all
    }

    /// Skips what waits on those of the hosts that are gone.
    fn abandon_lost(&self, execution: &mut Execution<'_>, hosts: &[Arc<str>]) -> Outcomes {
        let lost = |host: &Arc<str>| Some((host.clone(), gone(host, &self.fleet.trouble(host)?)));
        let lost: Vec<_> = hosts.iter().filter_map(lost).collect();
        if lost.is_empty() { Outcomes::new() } else { self.tell(execution.abandon(&lost)) }
    }

    /// A reaction that another host's change caused is owed there until it succeeded here.
    async fn unmark_elsewhere(&self, outcomes: &Outcomes) {
        let paid = outcomes.iter().filter(|(id, it)| obligations::is_paid(self.catalog, *id, it));
        let scripts = unmark_elsewhere(self.catalog, self.plan, paid.map(|(id, _)| *id));
        let unmark = scripts.iter().map(async |(host, script)| {
            let _place = self.fleet.place().await;
            // A host that is lost keeps its marker: the next run reacts once more, which does no harm.
            let _ = self.fleet.run(host, script, 0).await;
        });
        join_all(unmark).await;
    }

    /// Tells of nodes that came to an end without running, unless the plan or an earlier round told it.
    fn tell(&self, outcomes: Outcomes) -> Outcomes {
        for (id, outcome) in &outcomes {
            if !self.earlier.is_told(*id, outcome) {
                self.finished(*id, outcome.clone(), 0);
            }
        }
        outcomes
    }

    pub(super) fn finished(&self, id: NodeId, outcome: Outcome, duration_ms: u64) {
        let node = self.catalog.node(id);
        let (node, declared) = (node.name.clone(), node.declared.clone());
        self.events.send(Event::Finished { node, declared, outcome, duration_ms });
    }

    async fn run_batch(&self, batch: Batch) -> (Arc<str>, Outcomes) {
        let _place = self.fleet.place().await;
        let segment = Segment::new(self.catalog, self.plan, &batch.runs, nonce(), self.run);
        let mut live = Live::new(self, &segment, batch.obligation);
        // It may have waited long for its place.
        let end = match self.interrupt.is_set() && !batch.obligation {
            true => End::Unstarted(self.interrupt.because()),
            false => self.run_segment(&batch, &segment, &mut live).await,
        };
        (batch.host, live.end(end))
    }

    async fn run_segment(&self, batch: &Batch, segment: &Segment, live: &mut Live<'_>) -> End {
        let host = &batch.host;
        let remote = match self.fleet.remote(host).await {
            Ok(remote) => remote,
            Err(error) => return End::Unstarted(gone(host, &error)),
        };
        live.waits();
        let stage = match segment.brings_contents() {
            true => Ok(None),
            false => {
                let (contents, until) = (segment.contents(), live.until());
                let until = until.unwrap_or_else(|| Instant::now() + self.fleet.limits().step);
                let sent = timeout_at(until, remote.send(&contents)).await;
                sent.unwrap_or_else(|_| Err(live.sent_late())).map(Some)
            }
        };
        live.waits();
        let sent = stage.is_ok();
        let ended = match stage {
            Ok(stage) => {
                let script = segment.script(stage.as_deref());
                let stop = self.stop_when_interrupted(&*remote, segment, batch.obligation);
                tokio::select! {
                    ended = remote.run(&script, live) => ended,
                    never = stop => match never {},
                }
            }
            Err(error) => Err(error),
        };
        if self.interrupt.is_set() && !batch.obligation && ended.is_ok() {
            let _ = remote.run(&segment.stopped(), &mut Captured::default()).await;
        }
        match ended {
            Ok(exit) => End::Exit(exit),
            Err(RemoteError::Refused(message)) => End::Refused(message),
            Err(RemoteError::Overdue) => End::Overdue,
            Err(error) => {
                let gone = gone(host, &error);
                self.fleet.lose(host, error.clone());
                if sent { End::Lost(error) } else { End::Unstarted(gone) }
            }
        }
    }

    /// Lets a segment that is not owed end after its step once the run is interrupted.
    async fn stop_when_interrupted(
        &self,
        remote: &dyn Remote,
        segment: &Segment,
        obligation: bool,
    ) -> Infallible {
        if !obligation {
            self.interrupt.set().await;
            // Where it cannot be said, all of it runs to its end.
            let _ = remote.beside(&segment.stopping()).await;
        }
        std::future::pending().await
    }
}

fn gone(host: &str, error: &RemoteError) -> String {
    format!("{host}: {error}")
}
