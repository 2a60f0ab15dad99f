//! After a change that may keep everybody out: somebody has to log in anew, or the host puts back what was there.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{
    apply::Apply,
    execution::{Batch, Outcomes},
    guard::{CONFIRMED, Guard, REVERTED, confirming},
    live::{Live, SegmentEnd},
    lock,
};
use crate::{
    io::remote::{Captured, Exit, Remote},
    plan::event::{Failure, Outcome},
    sh,
};

/// How long the host may take to put things back, after its time.
const PUTTING_BACK: Duration = Duration::from_secs(120);

/// How long to wait before somebody logs in again, or asks what became of it.
const PAUSE: Duration = Duration::from_secs(1);

/// What became of a change.
enum Confirmed {
    /// It stays.
    Yes,
    /// What was there is there again.
    Reverted(Failure),
    /// Not all that was there could be put back.
    Failed(Failure),
    /// Nobody could log in, nor hear what the host did then.
    Unknown(String),
}

impl Apply<'_> {
    /// The guard of a segment, which puts back also what was guarded before on the host.
    pub(super) fn with_earlier(&self, host: &Arc<str>, guard: Guard) -> Guard {
        let guarded = self.guarded.lock().unwrap_or_else(PoisonError::into_inner);
        match guarded.get(host) {
            Some((_, earlier)) => guard.with(earlier),
            None => guard,
        }
    }

    /// What became of a guarded segment that came to an end.
    pub(super) async fn confirmed(
        &self,
        batch: &Batch,
        id: &str,
        guard: &Guard,
        live: Live<'_>,
        end: SegmentEnd,
    ) -> Outcomes {
        let host = &batch.host;
        if matches!(end, SegmentEnd::Unstarted(_) | SegmentEnd::Refused(_)) {
            return live.end_guarded(end, |outcome| outcome);
        }
        let confirmed = self.confirm(host, id, guard).await;
        let how = |outcome: Outcome| match (&confirmed, outcome) {
            (Confirmed::Reverted(why), Outcome::Changed | Outcome::Unknown { .. }) => {
                Outcome::reverted(why.clone())
            }
            (Confirmed::Failed(why), Outcome::Changed | Outcome::Unknown { .. }) => {
                Outcome::failed(why.clone())
            }
            (Confirmed::Unknown(message), Outcome::Changed) => {
                Outcome::Unknown { message: message.clone() }
            }
            (_, outcome) => outcome,
        };
        let mut outcomes = live.end_guarded(end, how);
        let mut guarded = self.guarded.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = guarded.remove(host);
        if matches!(confirmed, Confirmed::Yes) {
            let nodes = earlier.into_iter().flat_map(|(nodes, _)| nodes);
            let nodes = nodes.chain(batch.runs.iter().copied()).collect();
            guarded.insert(host.clone(), (nodes, guard.clone()));
            return outcomes;
        }
        for id in earlier.into_iter().flat_map(|(nodes, _)| nodes) {
            let outcome = how(Outcome::Changed);
            self.finished(id, outcome.clone(), 0);
            outcomes.push((id, outcome));
        }
        outcomes
    }

    async fn confirm(&self, host: &Arc<str>, id: &str, guard: &Guard) -> Confirmed {
        let until = Instant::now() + Duration::from_secs(guard.seconds.into()) + PUTTING_BACK;
        let mut why = None;
        loop {
            match self.fleet.log_in(host).await {
                Ok(remote) => match ask(&*remote, id).await {
                    Some(said) if said == CONFIRMED => return Confirmed::Yes,
                    Some(said) if said.starts_with(REVERTED) => {
                        self.regain(host).await;
                        return reverted(&said, why.as_deref(), guard);
                    }
                    _ => {}
                },
                Err(error) => why = Some(error.to_string()),
            }
            if Instant::now() >= until {
                break;
            }
            sleep(PAUSE).await;
        }
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        let message = format!("no login succeeded after it, so it may have been reverted{why}");
        Confirmed::Unknown(message)
    }

    /// Makes sure that the host can be worked on: the connection that it was changed over may be lost.
    async fn regain(&self, host: &Arc<str>) {
        if self.fleet.trouble(host).is_some() {
            return;
        }
        let Ok(remote) = self.fleet.remote(host).await else { return };
        let said = remote.run(&sh!(":"), &mut self.fleet.answer(0)).await;
        if said == Ok(Exit(0)) {
            return;
        }
        let who = self.run.holder();
        let again = async {
            let remote = self.fleet.redial(host).await?;
            remote.run(&lock::ousting(&who), &mut self.fleet.answer(0)).await
        };
        match again.await {
            Ok(_) => _ = lock::retake(host, &who, self.fleet).await,
            Err(error) => self.fleet.lose(host, error),
        }
    }
}

/// What the host says of the guard of a segment.
async fn ask(remote: &dyn Remote, id: &str) -> Option<String> {
    let mut said = Captured::default();
    let exit = remote.run(&confirming(id), &mut said).await;
    remote.close().await;
    let said = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    matches!(exit, Ok(Exit(0))).then_some(said)
}

fn reverted(said: &str, why: Option<&str>, guard: &Guard) -> Confirmed {
    let said = said.strip_prefix(REVERTED).unwrap_or_default().trim();
    let (status, log) = said.split_once('\n').unwrap_or((said, ""));
    let seconds = guard.seconds;
    let nobody = match why {
        Some(why) => format!("no login succeeded within {seconds} s after it ({why})"),
        None => format!("no login succeeded within {seconds} s after it"),
    };
    if status != "0" {
        let message = format!("{nobody}, and the old state could not be restored completely");
        return Confirmed::Failed(Failure { output: log.to_owned(), ..Failure::told(message) });
    }
    let hint = "fix what refuses the login; `confirm: false` keeps the change";
    let message = format!("{nobody}: the old state is restored");
    Confirmed::Reverted(Failure {
        output: log.to_owned(),
        hint: Some(hint.to_owned()),
        ..Failure::told(message)
    })
}
