//! Says nothing of a plan that is known already.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::event::{Event, Events};

/// Hands on what comes after the plan.
pub(super) struct Quiet {
    events: Arc<dyn Events>,
    is_planned: AtomicBool,
}

impl Quiet {
    pub(super) fn new(events: Arc<dyn Events>) -> Self {
        Self { events, is_planned: AtomicBool::new(false) }
    }
}

impl Events for Quiet {
    fn send(&self, event: Event) {
        if self.is_planned.load(Ordering::Acquire) {
            self.events.send(event);
        } else if matches!(event, Event::PlanFinished) {
            self.is_planned.store(true, Ordering::Release);
        }
    }
}
