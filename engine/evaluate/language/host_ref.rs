//! A host as a script holds it, and what the script has seen of it.

use std::{
    collections::BTreeSet,
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use super::scene::Scene;
use crate::{
    base::{diagnostic::Place, value::Value},
    evaluate::catalog::NodeId,
    input::inventory::{Host, Variable},
    resources::kind::Kind,
};

/// A host, as a script holds it.
#[derive(Clone)]
pub(super) struct HostRef {
    host: Arc<Host>,
    /// What the script read of it; `None` outside of a recorded block.
    seen: Option<Arc<SeenOfHost>>,
}

impl HostRef {
    /// A host whose reads are not recorded.
    pub(super) fn new(host: Arc<Host>) -> Self {
        Self { host, seen: None }
    }

    /// The host of a block that is recorded.
    pub(super) fn recorded(host: Arc<Host>) -> Self {
        Self { host, seen: Some(Arc::default()) }
    }

    /// The host, to somebody who can see all of it by that.
    pub(super) fn reveal(&self) -> &Arc<Host> {
        self.see_all();
        &self.host
    }

    /// The host that something is declared on, of which no script sees anything by that.
    pub(super) fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// What was seen of it, as long as that can be the same for another host.
    pub(super) fn seen(&self) -> Option<&SeenOfHost> {
        self.seen.as_deref().filter(|seen| !seen.is_all())
    }

    /// A variable, of which a script sees only this.
    pub(super) fn variable(&self, name: &str) -> Option<&Variable> {
        self.seen.iter().for_each(|seen| seen.see_variable(name));
        self.host.vars.get(name)
    }

    /// Says that a script saw one of its properties, which other hosts may have as well.
    pub(super) fn see(&self, property: usize) {
        self.seen.iter().for_each(|seen| seen.see(property));
    }

    /// Says that what a block does is about this very host.
    pub(super) fn see_all(&self) {
        self.seen.iter().for_each(|seen| seen.see_all());
    }
}

/// What a run of a block has seen of its host, and did for it.
#[derive(Default)]
pub(super) struct SeenOfHost {
    /// A bit for each of the properties of a host.
    properties: AtomicU8,
    /// The variables that were looked up by their names.
    variables: Mutex<BTreeSet<String>>,
    templated: Mutex<Vec<Templated>>,
}

/// The host itself, which is no other one.
const ALL: u8 = u8::MAX;

impl SeenOfHost {
    pub(super) fn see(&self, property: usize) {
        self.properties.fetch_or(1 << property, Ordering::Relaxed);
    }

    pub(super) fn see_all(&self) {
        self.properties.store(ALL, Ordering::Relaxed);
    }

    fn properties(&self) -> u8 {
        self.properties.load(Ordering::Relaxed)
    }

    pub(super) fn is_all(&self) -> bool {
        self.properties() == ALL
    }

    pub(super) fn see_variable(&self, name: &str) {
        let mut variables = self.variables.lock().unwrap_or_else(PoisonError::into_inner);
        if !variables.contains(name) {
            variables.insert(name.to_owned());
        }
    }

    /// A bit for each property, the variables, and what was made of a template; of the last two it is left without any.
    pub(super) fn take(&self) -> (u8, BTreeSet<String>, Vec<Templated>) {
        (self.properties(), taken(&self.variables), taken(&self.templated))
    }

    pub(super) fn keep(&self, templated: Templated) {
        self.templated.lock().unwrap_or_else(PoisonError::into_inner).push(templated);
    }
}

/// What is in it, which is left empty.
fn taken<T: Default>(of: &Mutex<T>) -> T {
    mem::take(&mut *of.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A declaration that is made of a template, which sees the host.
pub(super) struct Templated {
    pub(super) node: NodeId,
    pub(super) kind: &'static dyn Kind,
    pub(super) arguments: Value,
    pub(super) place: Place,
    pub(super) scene: Scene,
}
