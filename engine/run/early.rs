//! The look at what a run did on a host, in the same round trip as the last that it does there.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    evaluate::{
        catalog::{Catalog, NodeId},
        language::Question,
    },
    io::nonce::nonce,
    plan::probe::{Observations, Probe, ProbeOutput, Queries},
};

/// What hosts said right after the last that was done there, and that nobody has heard so far.
#[derive(Default)]
pub(crate) struct EarlyLooks {
    queries: Queries,
    said: Mutex<HashMap<Arc<str>, ProbeOutput>>,
}

impl EarlyLooks {
    /// What asks for these nodes, which are all of one host.
    pub(super) fn probe(&self, catalog: &Catalog, nodes: &[NodeId]) -> Probe {
        Probe::new(catalog, nodes, &nonce(), &self.queries)
    }

    /// Keeps what a host said.
    pub(super) fn keep(&self, host: &Arc<str>, said: ProbeOutput) {
        self.lock().insert(host.clone(), said);
    }

    /// Something is done on a host: what it said is not true any more.
    pub(super) fn forget(&self, host: &str) {
        self.lock().remove(host);
    }

    /// Takes what was said of some nodes; gives those of which nothing is known. Whoever has a question to a host has to go there
    /// anyhow. `tells` hears of each host that need not be asked.
    pub(super) fn take(
        &self,
        catalog: &Catalog,
        nodes: &[NodeId],
        questions: &BTreeSet<Question>,
        tells: impl Fn(Arc<str>),
    ) -> (Observations, Vec<NodeId>) {
        let mut said = std::mem::take(&mut *self.lock());
        questions.iter().filter_map(Question::host).for_each(|host| drop(said.remove(host)));
        if said.is_empty() {
            return (Observations::default(), nodes.to_vec());
        }
        let (mut known, mut unknown) = (Observations::default(), Vec::new());
        for (host, nodes) in catalog.by_host(nodes.iter().copied()) {
            let Some(mut said) = said.remove(&host) else {
                unknown.extend(nodes);
                continue;
            };
            let wanted: HashSet<NodeId> = nodes.iter().copied().collect();
            said.nodes.retain(|(id, _)| wanted.contains(id));
            if said.nodes.len() < wanted.len() {
                unknown.extend(nodes);
                continue;
            }
            tells(host);
            known.extend([said]);
        }
        (known, unknown)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, ProbeOutput>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
