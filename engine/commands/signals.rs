//! Ctrl-C, SIGTERM, and a terminal that is gone: the first ends the run in order, the second at once.

use std::{
    collections::BTreeSet,
    fs,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{StreamExt as _, stream};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};

use crate::plan::{
    event::{Event, Events},
    exit_status::ExitStatus,
};

/// Hands events on, and knows what runs: how that ended is unknown if it all ends at once.
pub(super) struct Running {
    nodes: Mutex<BTreeSet<Arc<str>>>,
    events: Arc<dyn Events>,
}

impl Running {
    /// Nothing runs yet.
    pub(super) fn new(events: Arc<dyn Events>) -> Self {
        Self { nodes: Mutex::default(), events }
    }

    fn unknown(&self) -> String {
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        match nodes.is_empty() {
            true => "stopped: no step was running".to_owned(),
            false => {
                let names: Vec<&str> = nodes.iter().map(|node| &**node).collect();
                format!("stopped; the outcome of these is unknown: {}", names.join(", "))
            }
        }
    }
}

impl Events for Running {
    fn send(&self, event: Event) {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        match &event {
            Event::Started { node } => _ = nodes.insert(node.node.clone()),
            Event::Finished { node, .. } => _ = nodes.remove(&node.node),
            _ => {}
        }
        drop(nodes);
        self.events.send(event);
    }
}

/// Listens until it is dropped.
pub(super) struct Signals(JoinHandle<()>);

impl Drop for Signals {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sets the interrupt when a signal arrives; a second one ends the process. One that whoever started us had ignored, as `nohup`
/// does, stays so.
pub(super) fn listen(interrupt: watch::Sender<bool>, running: Arc<Running>) -> Signals {
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
                    "interrupted: running steps finish, and no new ones start; interrupt again to stop at once".to_owned()
                }
                true => running.unknown(),
            };
            running.send(Event::Warning { message, place: None });
            if again {
                running.send(Event::nothing_done(ExitStatus::Interrupted.code()));
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
