//! What a run carries out on its hosts, and how that is told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use super::{
    Run,
    early::EarlyLooks,
    execution::{Batch, Outcomes},
    fleet::Fleet,
    guard::Guard,
    lock,
    segment::Segment,
    tally::Tally,
};
use crate::{
    evaluate::catalog::{Catalog, NodeId},
    io::{nonce::nonce, remote::RemoteError},
    plan::{
        event::{Event, Outcome},
        planner::Plan,
    },
};

/// What was guarded on each host, and of which nodes.
pub(crate) type Guarded = Mutex<HashMap<Arc<str>, (Vec<NodeId>, Guard)>>;

/// What a run carries out, and who is told.
pub(crate) struct Apply<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) plan: &'a Plan,
    pub(crate) fleet: &'a Fleet,
    /// What became of the nodes in earlier rounds.
    pub(crate) earlier: &'a Tally,
    pub(crate) run: &'a Run,
    /// What was guarded so far, host by host.
    pub(crate) guarded: Guarded,
    /// What hosts say of themselves once all is done there.
    pub(crate) looks: &'a EarlyLooks,
    /// The one host that is changed, if no host is held: its segments take its lock along with them.
    pub(crate) alone: Option<Arc<str>>,
}

impl Apply<'_> {
    /// Tells of nodes that came to an end without running, unless the plan or an earlier round told it.
    pub(super) fn tell(&self, outcomes: Outcomes) -> Outcomes {
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

    /// Takes the lock of a host, and says whether the host may not be any more as it was seen.
    pub(super) async fn take_lock(&self, host: &Arc<str>) -> bool {
        self.run.lock_hosts(std::slice::from_ref(host), self.fleet).await
    }

    /// Holds a host from now on, if its segment `said` that it took the lock along with it.
    pub(super) fn hold(&self, host: &Arc<str>, said: &str) {
        if let (true, Some(remote)) = (lock::is_taken(said), self.fleet.opened(host)) {
            let start = lock::start_of(said).to_owned();
            self.fleet.hold(host, Some((remote, start, self.run.holder())));
        }
    }

    pub(super) fn segment(&self, batch: &Batch) -> Segment {
        let mut segment = Segment::new(self.catalog, self.plan, &batch.runs, nonce(), &self.run.id);
        segment.guard = segment.guard.map(|guard| self.with_earlier(&batch.host, guard));
        let acts = self.alone.as_ref() == Some(&batch.host) || self.fleet.is_held(&batch.host);
        segment.is_aside = !acts;
        segment
    }

    /// Whether the host of a batch goes down for it.
    pub(super) fn goes_down(&self, batch: &Batch) -> bool {
        batch.runs.iter().any(|id| self.catalog.node(*id).kind.goes_down().is_some())
    }
}

pub(super) fn gone(host: &str, error: &RemoteError) -> String {
    format!("{host}: {error}")
}
