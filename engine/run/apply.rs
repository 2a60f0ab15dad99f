//! Runs the batches of an execution, and tells what becomes of each node while it happens.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use tokio::{
    sync::{SemaphorePermit, watch},
    time::{Instant, sleep, timeout_at},
};

use super::{
    Run, detached,
    execution::{Batch, Execution},
    fleet::Fleet,
    live::{End, Live},
    lock, nonce, obligations,
    segment::{Segment, unmark_elsewhere},
    tally::Tally,
};
use crate::{
    catalog::{Catalog, NodeId},
    event::{Event, Outcome},
    plan::Plan,
    remote::{Exit, Output as _, Remote, RemoteError},
    script::Script,
};

/// What a run carries out, and who is told.
pub(crate) struct Apply<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) plan: &'a Plan,
    pub(crate) fleet: &'a Fleet,
    /// What became of the nodes in earlier rounds.
    pub(crate) earlier: &'a Tally,
    pub(crate) run: &'a Run,
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
            if self.run.interrupt.is_set() {
                all.extend(self.tell(execution.stop(&self.run.interrupt.because())));
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
        self.run.events.send(Event::Finished { node, declared, outcome, duration_ms });
    }

    async fn run_batch(&self, batch: Batch) -> (Arc<str>, Outcomes) {
        let place = self.fleet.place().await;
        let segment = Segment::new(self.catalog, self.plan, &batch.runs, nonce(), &self.run.id);
        let mut live = Live::new(self, &segment, batch.obligation);
        // It may have waited long for its place.
        let end = match self.run.interrupt.is_set() && !batch.obligation {
            true => End::Unstarted(self.run.interrupt.because()),
            false => self.run_segment(&batch, &segment, &mut live, place).await,
        };
        (batch.host, live.end(end))
    }

    async fn run_segment(
        &self,
        batch: &Batch,
        segment: &Segment,
        live: &mut Live<'_>,
        place: SemaphorePermit<'_>,
    ) -> End {
        let host = &batch.host;
        let mut place = Some(place);
        for begun in 0..BEGUN_MAX {
            if begun > 0 && self.run.interrupt.is_set() && !batch.obligation {
                return End::Unstarted(self.run.interrupt.because());
            }
            let remote = match self.fleet.remote(host).await {
                Ok(remote) => remote,
                Err(error) => return End::Unstarted(gone(host, &error)),
            };
            let staged = self.stage(&*remote, segment, live).await;
            let is_staged = staged.is_ok();
            let attendant = Attendant { run: self.run, remote: &*remote, id: &segment.id };
            let most = self.fleet.limits().output;
            let ended = match staged {
                Ok(stage) => {
                    let script = detached::begin(segment, stage.as_deref(), most);
                    attendant.waits(&script, live, batch.obligation).await
                }
                Err(error) => Err(error),
            };
            if matches!(ended, Ok(_) | Err(RemoteError::Overdue)) {
                remote.later(&detached::forgetting()).await;
            }
            let lost = match ended {
                Ok(exit) => return End::Exit(exit),
                Err(RemoteError::Refused(message)) => return End::Refused(message),
                Err(RemoteError::Overdue) => return End::Overdue,
                Err(error @ RemoteError::Lost(_)) => error,
                Err(error) => {
                    self.fleet.lose(host, error.clone());
                    return match is_staged {
                        true => End::Lost(error),
                        false => End::Unstarted(gone(host, &error)),
                    };
                }
            };
            // Others need not wait for this one.
            drop(place.take());
            match self.find_again(batch, segment, live, &lost).await {
                Found::Ended(end) => return end,
                Found::NotBegun => {}
                Found::Nothing => {
                    self.fleet.lose(host, lost.clone());
                    return match is_staged {
                        true => End::Lost(lost),
                        false => End::Unstarted(gone(host, &lost)),
                    };
                }
            }
        }
        let error = RemoteError::Lost("each connection to it was lost".to_owned());
        self.fleet.lose(host, error.clone());
        End::Unstarted(gone(host, &error))
    }

    /// Sends the contents ahead that no script can bring.
    async fn stage(
        &self,
        remote: &dyn Remote,
        segment: &Segment,
        live: &mut Live<'_>,
    ) -> Result<Option<String>, RemoteError> {
        live.waits();
        if segment.brings_contents() {
            return Ok(None);
        }
        let (contents, until) = (segment.contents(), live.until());
        let until = until.unwrap_or_else(|| Instant::now() + self.fleet.limits().step);
        let sent = timeout_at(until, remote.send(&contents)).await;
        let stage = sent.unwrap_or_else(|_| Err(live.sent_late()));
        live.waits();
        stage.map(Some)
    }

    /// Dials a host again whose connection was lost, and reads on what the segment prints there: also once the run is interrupted,
    /// which the host is told then.
    async fn find_again(
        &self,
        batch: &Batch,
        segment: &Segment,
        live: &mut Live<'_>,
        lost: &RemoteError,
    ) -> Found {
        let (host, start, who) = (&batch.host, self.fleet.start(&batch.host), self.run.holder());
        for _ in 0..DIALLED_MAX {
            let Some(remote) = self.dial_again(host).await else { return Found::Nothing };
            live.catches_up();
            let attendant = Attendant { run: self.run, remote: &*remote, id: &segment.id };
            let mut read = attendant.reads_on(live, batch.obligation, &start, &who).await;
            if read == Read::NotBegun {
                // Once the shell that could begin it still is gone, that is certain.
                read = match remote.run(&lock::ousting(&who), &mut self.fleet.answer(0)).await {
                    Ok(_) => attendant.reads_on(live, batch.obligation, &start, &who).await,
                    Err(_) => Read::Lost,
                };
                if read == Read::NotBegun {
                    if lock::retake(host, &who, self.fleet).await {
                        return Found::NotBegun;
                    }
                    let trouble = self.fleet.trouble(host).unwrap_or_else(|| lost.clone());
                    return Found::Ended(End::Unstarted(gone(host, &trouble)));
                }
            }
            let end = match read {
                Read::Over(exit) => End::Exit(exit),
                Read::Overdue => {
                    // What cannot be ended keeps the lock, which is told then.
                    let ending = detached::ending(&segment.id);
                    if remote.run(&ending, &mut self.fleet.answer(0)).await.is_err() {
                        continue;
                    }
                    End::Overdue
                }
                Read::Lost => continue,
                Read::NotBegun | Read::Unknown => return Found::Nothing,
            };
            let _ = remote.run(&lock::ousting(&who), &mut self.fleet.answer(0)).await;
            // Where that fails, the host is lost to what comes after the segment.
            if lock::retake(host, &who, self.fleet).await {
                remote.later(&detached::forgetting()).await;
                self.fleet.warn(format!("{host}: {lost}; it was dialled again, and all is known"));
            }
            return Found::Ended(end);
        }
        Found::Nothing
    }

    /// Another way to a host, if there is one within the time for that.
    async fn dial_again(&self, host: &Arc<str>) -> Option<Arc<dyn Remote>> {
        let until = Instant::now() + self.fleet.limits().reconnect;
        let mut pause = FIRST_PAUSE;
        while Instant::now() + pause <= until {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            if let Ok(remote) = self.fleet.redial(host).await {
                return Some(remote);
            }
        }
        None
    }
}

/// How often a segment is begun of which it is certain that it did not begin.
const BEGUN_MAX: usize = 3;

/// How many connections are opened to read on one segment.
const DIALLED_MAX: usize = 20;

/// What is found of a segment whose connection was lost.
enum Found {
    /// How it ended.
    Ended(End),
    /// It did not begin, and will not.
    NotBegun,
    /// The host, or all that it knew, is gone.
    Nothing,
}

/// What reading on comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Over(Exit),
    Overdue,
    NotBegun,
    /// This connection was lost too.
    Lost,
    /// The host does not know, or cannot say.
    Unknown,
}

/// How long to wait before a host is dialled again: twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// How long something may hold the output of a segment that is over.
const HELD: Duration = Duration::from_millis(500);

/// Waits for a segment on a host.
struct Attendant<'a> {
    run: &'a Run,
    remote: &'a dyn Remote,
    id: &'a str,
}

impl Attendant<'_> {
    /// Runs the script that begins it, or reads on.
    async fn waits(
        &self,
        script: &Script,
        live: &mut Live<'_>,
        obligation: bool,
    ) -> Result<Exit, RemoteError> {
        let over = live.over();
        let exit = tokio::select! {
            exit = self.remote.work(script, live) => exit,
            never = self.stops_when_interrupted(obligation) => match never {},
            never = self.frees_when_over(over.clone()) => match never {},
        };
        // Of one that did not come to its end, there is how its script ended.
        exit.map(|exit| over.borrow().map_or(exit, Exit))
    }

    /// Reads on what the segment prints.
    async fn reads_on(
        &self,
        live: &mut Live<'_>,
        obligation: bool,
        start: &str,
        who: &str,
    ) -> Read {
        let script = detached::read_on(self.id, live.read(), start, who);
        let read = self.waits(&script, live, obligation).await;
        match (read, *live.over().borrow()) {
            (Ok(_), Some(status)) => Read::Over(Exit(status)),
            // Where something of it was heard, it was begun.
            (Ok(Exit(detached::NOT_FOUND)), None) if live.read() == 0 => Read::NotBegun,
            (Err(RemoteError::Overdue), _) => Read::Overdue,
            (Err(RemoteError::Lost(_)), _) => Read::Lost,
            _ => Read::Unknown,
        }
    }

    /// Lets a segment that is not owed end after its step once the run is interrupted.
    async fn stops_when_interrupted(&self, obligation: bool) -> Infallible {
        if !obligation {
            self.run.interrupt.set().await;
            // Where it cannot be said, all of it runs to its end.
            let _ = self.remote.beside(&detached::stopping(self.id)).await;
        }
        std::future::pending().await
    }

    /// Waits for nothing that a segment left running.
    async fn frees_when_over(&self, mut over: watch::Receiver<Option<i32>>) -> Infallible {
        if over.wait_for(Option::is_some).await.is_ok() {
            sleep(HELD).await;
            // Where it cannot be said, its deadline ends it.
            let _ = self.remote.beside(&detached::freeing(self.id)).await;
        }
        std::future::pending().await
    }
}

fn gone(host: &str, error: &RemoteError) -> String {
    format!("{host}: {error}")
}
