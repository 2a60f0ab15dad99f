//! What is asked about the resources of one kind, and what hosts have in common there.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use crate::{
    kind::{Desired, Difference, Kind},
    resource::Unreadable,
    script::Script,
    sh,
};

/// A question about some resources of one kind.
pub(super) struct Part {
    kind: &'static dyn Kind,
    /// Leaves in `$ended` how the probe ended.
    pub(super) script: Script,
    /// What a host said on which all of them are as they should be.
    as_declared: OnceLock<String>,
}

impl Part {
    fn new(kind: &'static dyn Kind, batch: &[&Desired]) -> Arc<Self> {
        // A function, and no subshell, which would be a process. What it sets for the shell is put back.
        let mut script = sh!("part() {{\n:");
        script.push(kind.probe(batch));
        script.push(sh!("}}\npart\nended=$?; set +f; unset IFS"));
        Arc::new(Self { kind, script, as_declared: OnceLock::new() })
    }

    /// How the resources that it is about differ, by what a host said.
    pub(super) fn assess(
        &self,
        batch: &[&Desired],
        said: &str,
    ) -> Result<Vec<Option<Difference>>, Unreadable> {
        if self.as_declared.get().is_some_and(|known| known == said) {
            return Ok(batch.iter().map(|_| None).collect());
        }
        let differences = self.kind.assess(batch, said)?;
        if differences.iter().all(Option::is_none) {
            // There may be several such answers. The first is the likeliest to come again.
            let _ = self.as_declared.set(said.to_owned());
        }
        Ok(differences)
    }
}

/// The questions that were put so far. Hosts that share resources are asked the same about them, and mostly say the same.
#[derive(Default)]
pub struct Parts(Mutex<HashMap<Vec<usize>, Shared>>);

/// A question that may be put again, and the resources that it is about: as long as they are kept, no others can lie where
/// they do.
struct Shared {
    part: Arc<Part>,
    _resources: Vec<Desired>,
}

impl Parts {
    /// The question about these resources.
    pub(super) fn about(&self, kind: &'static dyn Kind, batch: &[&Desired]) -> Arc<Part> {
        // What only the catalog has is on one host.
        if batch.iter().any(|resource| Arc::strong_count(resource) == 1) {
            return Part::new(kind, batch);
        }
        let places: Vec<usize> =
            batch.iter().map(|resource| Arc::as_ptr(resource).addr()).collect();
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = known().get(&places) {
            return shared.part.clone();
        }
        let part = Part::new(kind, batch);
        let _resources = batch.iter().copied().cloned().collect();
        known().entry(places).or_insert(Shared { part, _resources }).part.clone()
    }
}
