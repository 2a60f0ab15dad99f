//! Runs the batches of an execution, and tells what becomes of each node while it happens.

use std::sync::Arc;

use futures::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use tokio::{
    sync::SemaphorePermit,
    time::{Instant, timeout_at},
};

use super::{
    apply::{Apply, gone},
    attendant::Attendant,
    detached,
    execution::{Batch, Execution, Outcomes},
    live::{Live, SegmentEnd},
    lock, obligations, observe,
    redial::FoundSegment,
    segment::{Segment, unmark_elsewhere},
};
use crate::{
    evaluate::catalog::NodeId,
    io::remote::{Output as _, Remote, RemoteError},
    plan::probe::Probe,
};

/// What is begun on a host in one go.
struct SegmentTurn<'a> {
    segment: &'a Segment,
    /// The look after it.
    look: Option<&'a Probe>,
    /// Whether the lock is taken along with it, if the host is not held.
    takes_lock: bool,
}

impl Apply<'_> {
    /// Carries the plan out, until nothing more can be done, and gives what became of each node.
    pub(crate) async fn carry_out(&self, mut execution: Execution<'_>) -> Outcomes {
        let mut all = Outcomes::new();
        let mut running = FuturesUnordered::new();
        let hosts: Vec<_> = execution.hosts().cloned().collect();
        all.extend(self.abandon_lost(&mut execution, &hosts));
        let mut is_stale = false;
        loop {
            if self.run.interrupt.is_set() {
                all.extend(self.tell(execution.stop(&self.run.interrupt.because())));
            }
            if !is_stale {
                let (settled, batches) = execution.next();
                all.extend(self.tell(settled));
                for batch in batches {
                    let look = execution.looks_after(&batch);
                    running.push(self.run_batch(batch, look));
                }
            }
            let Some((host, outcomes)) = running.next().await else { break };
            let Some(outcomes) = outcomes else {
                is_stale = true;
                continue;
            };
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

    /// A reaction that another host's change caused is outstanding there until it succeeded here.
    async fn unmark_elsewhere(&self, outcomes: &Outcomes) {
        let paid = outcomes.iter().filter(|(id, it)| obligations::is_paid(self.catalog, *id, it));
        let scripts = unmark_elsewhere(self.catalog, self.plan, paid.map(|(id, _)| *id));
        let unmark = scripts.iter().map(async |(host, script)| {
            self.looks.forget(host);
            let _place = self.fleet.place().await;
            // A host that is lost keeps its marker: the next run reacts once more, which does no harm.
            let _ = self.fleet.run(host, script, 0).await;
        });
        join_all(unmark).await;
    }

    /// Runs a batch; after it come those nodes that are to be looked at then. None where the host may not be any more as it was seen:
    /// then it is held, or lost.
    async fn run_batch(&self, batch: Batch, look: Vec<NodeId>) -> (Arc<str>, Option<Outcomes>) {
        let host = batch.host.clone();
        let segment = self.segment(&batch);
        let stays = segment.guard.is_none() && !self.goes_down(&batch);
        // A check on another host takes no lock: who waits for one holds none.
        let alone = self.alone.as_ref() == Some(&host);
        let takes_lock = alone && stays && segment.brings_contents();
        let is_held = || self.fleet.is_held(&host);
        if alone && !takes_lock && !is_held() && (self.take_lock(&host).await || !is_held()) {
            return (host, None);
        }
        let place = self.fleet.place().await;
        self.looks.forget(&host);
        let look = (stays && !look.is_empty()).then(|| self.looks.probe(self.catalog, &look));
        let mut live = Live::new(self, &segment, &batch);
        let turn = SegmentTurn { segment: &segment, look: look.as_ref(), takes_lock };
        // It may have waited long for its place.
        let end = match self.run.interrupt.is_set() && !batch.obligation {
            true => SegmentEnd::Unstarted(self.run.interrupt.because()),
            false => self.run_segment(&batch, &turn, &mut live, place).await,
        };
        if matches!(end, SegmentEnd::Unlocked) {
            if !is_held() {
                self.take_lock(&host).await;
            }
            return (host, None);
        }
        let outcomes = self.outcomes(&batch, &segment, look.as_ref(), live, end).await;
        (host, Some(outcomes))
    }

    /// What became of the nodes of a batch whose segment ended, or whose host went down.
    async fn outcomes(
        &self,
        batch: &Batch,
        segment: &Segment,
        look: Option<&Probe>,
        mut live: Live<'_>,
        end: SegmentEnd,
    ) -> Outcomes {
        if let (Some(probe), Some(said)) = (look, live.take_look()) {
            self.looks.keep(&batch.host, observe::read(probe, self.catalog, &said));
        }
        if let Some(guard) = &segment.guard {
            return self.confirmed(batch, &segment.id, guard, live, end).await;
        }
        let is_gone =
            live.goes_down() || matches!(end, SegmentEnd::Lost(_)) && self.goes_down(batch);
        if !is_gone {
            return live.end(end);
        }
        match self.comes_back(batch).await {
            Ok(place) => {
                let segment = self.segment(batch);
                let mut live = live.again(&segment, batch);
                let turn = SegmentTurn { segment: &segment, look: None, takes_lock: false };
                let end = self.run_segment(batch, &turn, &mut live, place).await;
                live.end(end)
            }
            Err(end) => live.end(end),
        }
    }

    async fn run_segment(
        &self,
        batch: &Batch,
        turn: &SegmentTurn<'_>,
        live: &mut Live<'_>,
        place: SemaphorePermit<'_>,
    ) -> SegmentEnd {
        let (host, SegmentTurn { segment, look, takes_lock }) = (&batch.host, turn);
        let mut place = Some(place);
        for begun in 0..BEGUN_MAX {
            if begun > 0 && self.run.interrupt.is_set() && !batch.obligation {
                return SegmentEnd::Unstarted(self.run.interrupt.because());
            }
            let remote = match self.fleet.remote(host).await {
                Ok(remote) => remote,
                Err(error) => return SegmentEnd::Unstarted(gone(host, &error)),
            };
            let staged = self.stage(&*remote, segment, live).await;
            let is_staged = staged.is_ok();
            let attendant = Attendant { run: self.run, remote: &*remote, segment };
            let most = self.fleet.limits().output;
            let ended = match staged {
                Ok(stage) => {
                    let asks = look.map(|look| &look.script);
                    let takes_lock = *takes_lock && !self.fleet.is_held(host);
                    let kept = takes_lock.then(|| lock::taking(&self.run.holder(), &segment.id));
                    let script = detached::begin(segment, stage.as_deref(), most, asks, takes_lock);
                    live.expects(look.map(|look| self.fleet.answer(look.brings)));
                    let exit =
                        attendant.waits(&script, kept.as_ref(), live, batch.obligation).await;
                    match live.lock().is_some_and(|said| !lock::is_as_left(said)) {
                        true => return SegmentEnd::Unlocked,
                        false => exit,
                    }
                }
                Err(error) => Err(error),
            };
            if ended.is_err() {
                live.expects(None);
            }
            if matches!(ended, Ok(_) | Err(RemoteError::Overdue)) {
                remote.later(&detached::forgetting(segment)).await;
            }
            let lost = match ended {
                Ok(exit) => return SegmentEnd::Exit(exit),
                Err(RemoteError::Refused(message)) => return SegmentEnd::Refused(message),
                Err(RemoteError::Overdue) => return SegmentEnd::Overdue,
                // What is waited for then is another start of the host.
                Err(error @ RemoteError::Lost(_)) if self.goes_down(batch) => {
                    return SegmentEnd::Lost(error);
                }
                Err(error @ RemoteError::Lost(_)) => error,
                Err(error) => {
                    self.fleet.lose(host, error.clone());
                    return match is_staged {
                        true => SegmentEnd::Lost(error),
                        false => SegmentEnd::Unstarted(gone(host, &error)),
                    };
                }
            };
            // Others need not wait for this one.
            drop(place.take());
            match self.find_again(batch, segment, live, &lost).await {
                FoundSegment::Ended(end) => return end,
                FoundSegment::NotBegun => {}
                FoundSegment::Nothing => {
                    self.fleet.lose(host, lost.clone());
                    return match is_staged {
                        true => SegmentEnd::Lost(lost),
                        false => SegmentEnd::Unstarted(gone(host, &lost)),
                    };
                }
            }
        }
        let error = RemoteError::Lost("every connection to it was lost".to_owned());
        self.fleet.lose(host, error.clone());
        SegmentEnd::Unstarted(gone(host, &error))
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
}

/// How often a segment is begun of which it is certain that it did not begin.
const BEGUN_MAX: usize = 3;
