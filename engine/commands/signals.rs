//! Ctrl-C and SIGTERM: the first ends the run in order, the second at once.

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
        let (Ok(mut int), Ok(mut term)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            // Without handlers a signal ends the process, as it does anywhere else.
            return std::future::pending().await;
        };
        for _ in 0..2 {
            tokio::select! {
                _ = int.recv() => {}
                _ = term.recv() => {}
            }
            let again = interrupt.send_replace(true);
            let message = match again {
                false => {
                    "interrupted: what runs is finished, and nothing new is started; once more ends it at once"
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
