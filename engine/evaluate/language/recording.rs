//! A block does the same for all hosts of which it reads the same. So `on` runs it for one of them, and what it declared is
//! declared once more for the others: only what is made of a template is made anew.

use std::{collections::BTreeSet, sync::Arc};

use rhai::{Dynamic, FnPtr};

use super::{
    convert::to_value,
    files::RoleFiles,
    host_ref::{HostRef, Templated},
    property::PROPERTIES,
    state::{Evaluating, ScriptContext},
};
use crate::{
    base::{reuse::Reuse, value::Value},
    evaluate::catalog::{CatalogMark, Stretch},
    input::inventory::Host,
};

/// What scripts can attach to a value.
type Tag = i32;

/// Runs a block for one host after the other, or repeats for a host what it did for the one before.
pub(super) struct Repeater<'a> {
    state: &'a Evaluating,
    block: &'a FnPtr,
    last: Option<Recording>,
    /// How many hosts in a row it had to be run for.
    runs: u32,
}

impl<'a> Repeater<'a> {
    pub(super) fn new(state: &'a Evaluating, block: &'a FnPtr) -> Self {
        Self { state, block, last: None, runs: 0 }
    }

    /// Does for a host what the block did last. Does nothing, and is `false`, if the block has to be run.
    pub(super) fn repeats(&mut self, host: &Arc<Host>) -> bool {
        let repeated = self.last.as_ref().is_some_and(|it| it.repeat(self.state, host));
        if repeated {
            self.runs = 0;
        }
        repeated
    }

    /// Watches the run of the block for a host, after which come so many others.
    pub(super) fn recorder(&mut self, host: Arc<Host>, others: usize) -> Recorder {
        self.runs += 1;
        // A block that tells hosts apart is not recorded for each of them; but alike ones may follow.
        let is_worth_it = self.runs.is_power_of_two() && others > 0;
        let record = is_worth_it && self.state.input().reuse == Reuse::Shared;
        Recorder::new(self.state, self.block, host, record)
    }

    /// Keeps what the block did, if that can be repeated.
    pub(super) fn keep(&mut self, recorder: Recorder) {
        self.last = recorder.finish(self.state, self.block);
    }

    /// What the block did is not repeated.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }
}

/// Watches a run of a block.
pub(super) struct Recorder {
    pub(super) host: HostRef,
    begin: CatalogMark,
    captured: Option<Vec<(Value, Tag)>>,
}

impl Recorder {
    /// Before the run, which is recorded if somebody wants that and it can be.
    fn new(state: &Evaluating, block: &FnPtr, host: Arc<Host>, record: bool) -> Self {
        let captured = if record { captured(block) } else { None };
        let host = match captured {
            Some(_) => HostRef::recorded(host),
            None => HostRef::new(host),
        };
        Self { host, begin: state.gathered().catalog.mark(), captured }
    }

    /// After the run: what was done, if that can be done again.
    fn finish(self, state: &Evaluating, block: &FnPtr) -> Option<Recording> {
        let (host, seen) = (self.host.host(), self.host.seen()?);
        let gathered = state.gathered();
        // What a script has for good, such as a constant that is a function, may change with each run.
        if gathered.reads_global || self.captured != captured(block) {
            return None;
        }
        let declared = gathered.catalog.since(self.begin, &host.name)?;
        let (seen, variables, templated) = seen.take();
        let host = host.clone();
        Some(Recording { host, seen, variables, declared, templated })
    }
}

/// The values that a block has from outside, and their tags; none if it could change one of them unseen.
fn captured(block: &FnPtr) -> Option<Vec<(Value, Tag)>> {
    let is_plain = |it: &Dynamic| it.is_int() || it.is_string() || it.is_bool() || it.is_unit();
    let plain = |it: &Dynamic| {
        let it = it.flatten_clone();
        is_plain(&it).then(|| Some((to_value(&it, None).ok()?, it.tag()))).flatten()
    };
    block.iter_curry().map(plain).collect()
}

/// What a block did for a host.
struct Recording {
    host: Arc<Host>,
    seen: u8,
    variables: BTreeSet<String>,
    declared: Stretch,
    templated: Vec<Templated>,
}

impl Recording {
    /// Does it for another host. Does nothing, and is `false`, if the block has to be run: if what was seen is not the same
    /// there, or if it would come to an error or a question.
    fn repeat(&self, state: &Evaluating, host: &Arc<Host>) -> bool {
        let mut seen = PROPERTIES.iter().enumerate().filter(|(at, _)| self.seen & (1 << at) != 0);
        let is_same = seen.all(|(_, property)| property.is_same(&self.host, host));
        let [one, other] = [&self.host, host]
            .map(|host| |name: &String| host.vars.get(name).map(|variable| &variable.value));
        let is_same = is_same && self.variables.iter().all(|name| one(name) == other(name));
        if !is_same || !state.gathered().catalog.can_repeat(&self.declared, &host.name) {
            return false;
        }
        let subject = HostRef::new(host.clone());
        let declare = |it: &Templated| {
            let context = ScriptContext { host: Some(subject.clone()), scene: it.scene.clone() };
            let files = RoleFiles::new(state, &it.place.file, &context);
            Some((it.node, it.kind.declare(it.arguments.clone(), &files).ok()?))
        };
        let Some(templated) = self.templated.iter().map(declare).collect() else { return false };
        let repeated = state.gathered().catalog.repeat(&self.declared, &host.name, templated);
        if repeated && !self.declared.is_empty() {
            state.declares_on(&host.name);
        }
        repeated
    }
}
