//! Ctrl-C and SIGTERM: the first ends the run in order, the second at once.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};

use crate::exit_status::ExitStatus;

/// Listens until it is dropped.
pub(super) struct Signals(JoinHandle<()>);

impl Drop for Signals {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sets the interrupt when a signal arrives; a second one ends the process.
pub(super) fn listen(interrupt: watch::Sender<bool>) -> Signals {
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
            if interrupt.send_replace(true) {
                std::process::exit(ExitStatus::Interrupted.code().into());
            }
        }
    }))
}
