//! Ctrl-C, SIGTERM, and a terminal that is gone: the first ends the run in order, the second at once.

use std::sync::Arc;

use tokio::{
    signal::unix::{SignalKind, signal},
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

/// Sets the interrupt when a signal arrives; a second one ends the process.
pub(super) fn listen(interrupt: watch::Sender<bool>, events: Arc<dyn Events>) -> Signals {
    Signals(tokio::spawn(async move {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [Ok(mut int), Ok(mut term), Ok(mut hup)] = kinds.map(signal) else {
            // Without handlers a signal ends the process, as it does anywhere else.
            return std::future::pending().await;
        };
        for _ in 0..2 {
            tokio::select! {
                _ = int.recv() => {}
                _ = term.recv() => {}
                _ = hup.recv() => {}
            }
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
