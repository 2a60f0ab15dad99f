//! Hosts that are dialled again: because their connection was lost, or because they went down as they were told to.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::SemaphorePermit,
    time::{Instant, sleep},
};

use super::{
    apply::{Apply, gone},
    attendant::{Attendant, Read},
    detached,
    execution::Batch,
    live::{Live, SegmentEnd},
    lock,
    segment::Segment,
};
use crate::io::remote::{Remote, RemoteError, one_line};

impl Apply<'_> {
    /// Dials a host again whose connection was lost, and reads on what the segment prints there: also once the run is interrupted,
    /// which the host is told then.
    pub(super) async fn find_again(
        &self,
        batch: &Batch,
        segment: &Segment,
        live: &mut Live<'_>,
        lost: &RemoteError,
    ) -> FoundSegment {
        let (host, who) = (&batch.host, self.run.holder());
        for _ in 0..DIALLED_MAX {
            let guard = segment.guard.as_ref().map_or(0, |guard| guard.seconds);
            let time = self.fleet.limits().reconnect + Duration::from_secs(guard.into());
            let Some(remote) = self.dial_again(host, time).await else {
                return FoundSegment::Nothing;
            };
            live.catches_up();
            let start = self.fleet.start(host);
            let attendant = Attendant { run: self.run, remote: &*remote, segment };
            // A check needs none.
            let has_lock = segment.is_aside;
            let mut read = attendant.reads_on(live, batch.obligation, &start, &who).await;
            if read == Read::NotBegun && segment.is_aside {
                return FoundSegment::NotBegun;
            }
            if read == Read::NotBegun {
                // Once it is given up, and the shell that could begin it is gone, that stays so.
                let gives_up = detached::voiding(segment).then(lock::ousting(&who));
                read = match remote.run(&gives_up, &mut self.fleet.answer(0)).await {
                    Ok(_) => attendant.reads_on(live, batch.obligation, &start, &who).await,
                    Err(_) => Read::Lost,
                };
                if read == Read::NotBegun && start.is_empty() {
                    // It may have come with the lock meanwhile, which its shell keeps.
                    if lock::came_late(host, &who, self.fleet).await {
                        continue;
                    }
                    return FoundSegment::Ended(SegmentEnd::Unlocked);
                }
                if read == Read::NotBegun {
                    if lock::retake(host, &who, self.fleet).await {
                        return FoundSegment::NotBegun;
                    }
                    let trouble = self.fleet.trouble(host).unwrap_or_else(|| lost.clone());
                    return FoundSegment::Ended(SegmentEnd::Unstarted(gone(host, &trouble)));
                }
            }
            let end = match read {
                Read::Over(exit) => SegmentEnd::Exit(exit),
                Read::Overdue => {
                    // What cannot be ended keeps the lock, which is told then.
                    let ending = detached::ending(segment);
                    if remote.run(&ending, &mut self.fleet.answer(0)).await.is_err() {
                        continue;
                    }
                    SegmentEnd::Overdue
                }
                Read::Lost => continue,
                Read::NotBegun | Read::Unknown => return FoundSegment::Nothing,
            };
            if !has_lock {
                let _ = remote.run(&lock::ousting(&who), &mut self.fleet.answer(0)).await;
            }
            // Where that fails, the host is lost to what comes after the segment.
            if has_lock || lock::retake(host, &who, self.fleet).await {
                remote.later(&detached::forgetting(segment)).await;
                self.fleet.warn(format!("{host}: {lost}; reconnected, and nothing was lost"));
            }
            // It came late, and saw that it was given up.
            let given_up = live.lock().is_some_and(|said| !lock::is_as_left(said));
            return FoundSegment::Ended(if given_up { SegmentEnd::Unlocked } else { end });
        }
        FoundSegment::Nothing
    }

    /// Waits until another start of a host answers, and takes its lock once more.
    pub(super) async fn comes_back(
        &self,
        batch: &Batch,
    ) -> Result<SemaphorePermit<'_>, SegmentEnd> {
        let (host, start) = (&batch.host, self.fleet.start(&batch.host));
        let patience = batch.runs.iter().filter_map(|id| self.catalog.node(*id).timeout).max();
        let patience = Duration::from_secs(patience.unwrap_or_default().into());
        let until = Instant::now() + patience;
        let mut still_up = false;
        let mut pause = FIRST_PAUSE;
        while Instant::now() + pause <= until {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let Ok(remote) = self.fleet.redial(host).await else {
                still_up = false;
                continue;
            };
            let mut said = self.fleet.answer(0);
            if remote.run(&lock::starting(), &mut said).await.is_err() {
                continue;
            }
            let now = one_line(&said.stdout);
            still_up = now == start;
            if still_up || now.is_empty() {
                continue;
            }
            if lock::retake(host, &self.run.holder(), self.fleet).await {
                return Ok(self.fleet.place().await);
            }
            let lost = || RemoteError::Lost("its lock could not be taken again".to_owned());
            return Err(SegmentEnd::Lost(self.fleet.trouble(host).unwrap_or_else(lost)));
        }
        let seconds = patience.as_secs();
        if still_up {
            let message = format!("the host did not go down within {seconds} s");
            // It may do so at any moment.
            self.fleet.lose(host, RemoteError::Left(message.clone()));
            return Err(SegmentEnd::Stayed(message));
        }
        let error = RemoteError::Lost(format!("the host did not come back within {seconds} s"));
        self.fleet.lose(host, error.clone());
        Err(SegmentEnd::Lost(error))
    }

    /// Another way to a host, if there is one within the time for that.
    async fn dial_again(&self, host: &Arc<str>, time: Duration) -> Option<Arc<dyn Remote>> {
        let until = Instant::now() + time;
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

/// How many connections are opened to read on one segment.
const DIALLED_MAX: usize = 20;

/// What is found of a segment whose connection was lost.
pub(super) enum FoundSegment {
    /// How it ended.
    Ended(SegmentEnd),
    /// It did not begin, and will not.
    NotBegun,
    /// The host, or all that it knew, is gone.
    Nothing,
}

/// How long to wait before a host is dialled again: twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
