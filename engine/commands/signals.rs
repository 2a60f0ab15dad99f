//! Ctrl-C, SIGTERM, and a terminal that is gone: the first ends the run in order, the second at once.

use std::{fs, sync::Arc};

use futures::{StreamExt as _, stream};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};

use crate::{
    event::{Event, Events},
    exit_status::ExitStatus,
};

/// Listens until it is dropped.
pub(super) struct Signals(JoinHandle<()>);

impl Drop for Signals {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sets the interrupt when a signal arrives; a second one ends the process. One that whoever started us had ignored, as `nohup`
/// does, stays so.
pub(super) fn listen(interrupt: watch::Sender<bool>, events: Arc<dyn Events>) -> Signals {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let heard = kinds.into_iter().filter(|kind| !is_ignored(*kind));
    // Without a handler a signal ends the process, as it does anywhere else.
    let heard = heard.filter_map(|kind| signal(kind).ok());
    let heard = heard.map(|signal| {
        let next = |mut signal: Signal| async move { signal.recv().await.map(|()| ((), signal)) };
        Box::pin(stream::unfold(signal, next))
    });
    let mut heard = stream::select_all(heard.collect::<Vec<_>>());
    Signals(tokio::spawn(async move {
        while heard.next().await.is_some() {
            let again = interrupt.send_replace(true);
            let message = match again {
                false => {
                    "interrupted: the steps that run are finished, and nothing new is started; once more ends it at once"
                }
                true => "ended at once: how what was running on the hosts ended is unknown",
            };
            events.send(Event::Warning { message: message.to_owned(), place: None });
            if again {
                events.send(Event::nothing_done(ExitStatus::Interrupted.code()));
                std::process::exit(ExitStatus::Interrupted.code().into());
            }
        }
    }))
}

/// Whether this process was started so that it does not see a signal: proc_pid_status(5).
fn is_ignored(kind: SignalKind) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    (mask >> (kind.as_raw_value() - 1)) & 1 == 1
}
