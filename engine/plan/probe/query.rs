//! The query about the resources of one kind, which hosts that share them share.

use std::{
    any::Any,
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use super::look::PathList;
use crate::{
    base::{
        reuse::{Reuse, Same},
        script::Script,
    },
    resources::{
        kind::{Assessed, Desired, Kind},
        resource::{Nature, Unreadable},
    },
};

/// What is asked about some resources of one kind, and what hosts answer.
pub(super) struct Query {
    kind: &'static dyn Kind,
    /// The paths of which the probe has to know what lies there.
    pub(super) lists: Vec<PathList>,
    /// The directories to which any link may lead.
    pub(super) followed: Vec<String>,
    pub(super) script: Script,
    /// What a host said on which all of them are as they should be.
    as_declared: OnceLock<String>,
}

impl Query {
    fn new(kind: &'static dyn Kind, batch: &[&Desired]) -> Arc<Self> {
        let lists = PathList::all(&kind.looks_at(batch), kind.wants_nothing());
        let followed = kind.follows(batch).into_iter().map(Cow::into_owned).collect();
        let script = kind.probe(batch);
        Arc::new(Self { kind, lists, followed, script, as_declared: OnceLock::new() })
    }

    /// How the resources that it is about differ, by what a host said.
    pub(super) fn assess(
        &self,
        batch: &[&Desired],
        said: &str,
    ) -> Result<Vec<Assessed>, Unreadable> {
        if self.as_declared.get().is_some_and(|known| known == said) {
            return Ok(batch.iter().map(|_| Ok(None)).collect());
        }
        let differences = self.kind.assess(batch, said)?;
        if differences.iter().all(|it| *it == Ok(None)) {
            // There may be several such answers. The first is the likeliest to come again.
            let _ = self.as_declared.set(said.to_owned());
        }
        Ok(differences)
    }
}

/// The queries that were made so far. Hosts that share resources are asked the same about them, and mostly say the same.
#[derive(Default)]
pub struct Queries {
    reuse: Reuse,
    known: Mutex<HashMap<QueryKey, Arc<Query>>>,
}

/// The resources; and the nature, as what only reacts has its resource in common with what is looked at.
type QueryKey = (Nature, Vec<Same<dyn Any + Send + Sync>>);

impl Queries {
    /// Queries that are shared, or not.
    #[cfg(feature = "internals")]
    pub fn new(reuse: Reuse) -> Self {
        Self { reuse, ..Self::default() }
    }

    /// The query about these resources.
    pub(super) fn about(&self, kind: &'static dyn Kind, batch: &[&Desired]) -> Arc<Query> {
        // What only the catalog has is on one host.
        if self.reuse == Reuse::Each
            || batch.iter().any(|resource| Arc::strong_count(resource) == 1)
        {
            return Query::new(kind, batch);
        }
        let key = (kind.nature(), batch.iter().copied().cloned().map(Same).collect());
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(query) = known().get(&key) {
            return query.clone();
        }
        let query = Query::new(kind, batch);
        known().entry(key).or_insert(query).clone()
    }
}
