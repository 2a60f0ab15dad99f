//! The query about the resources of one kind, which hosts that share them share.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use super::look::PathList;
use crate::{
    base::script::Script,
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
pub struct Queries(Mutex<HashMap<QueryKey, Shared>>);

/// Where the resources lie; and the nature, as what only reacts has its resource in common with what is looked at.
type QueryKey = (Nature, Vec<usize>);

/// A query that may be made again, and the resources that it is about: as long as they are kept, no others can lie where
/// they do.
struct Shared {
    query: Arc<Query>,
    _resources: Vec<Desired>,
}

impl Queries {
    /// The query about these resources.
    pub(super) fn about(&self, kind: &'static dyn Kind, batch: &[&Desired]) -> Arc<Query> {
        // What only the catalog has is on one host.
        if batch.iter().any(|resource| Arc::strong_count(resource) == 1) {
            return Query::new(kind, batch);
        }
        let places = batch.iter().map(|resource| Arc::as_ptr(resource).addr());
        let key = (kind.nature(), places.collect());
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = known().get(&key) {
            return shared.query.clone();
        }
        let query = Query::new(kind, batch);
        let _resources = batch.iter().copied().cloned().collect();
        known().entry(key).or_insert(Shared { query, _resources }).query.clone()
    }
}
