//! Says a plan once, though it is made again.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use crate::plan::event::{Event, Events};

/// Hands on all that is told of a plan; and when it is made again, only what was not told then.
pub(super) struct Quiet {
    events: Arc<dyn Events>,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    /// What was said in words.
    words: HashSet<String>,
    /// Whether the plan is being made again.
    again: bool,
}

impl Quiet {
    pub(super) fn new(events: Arc<dyn Events>) -> Self {
        Self { events, told: Mutex::default() }
    }

    /// From now on, the plan is made again.
    pub(super) fn again(&self) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).again = true;
    }
}

impl Events for Quiet {
    fn send(&self, event: Event) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = match &event {
            Event::Warning { message, .. } | Event::Printed { message, .. } => {
                let is_new = told.words.insert(message.clone());
                is_new || !told.again
            }
            Event::Probing { .. }
            | Event::Unchanged { .. }
            | Event::Planned { .. }
            | Event::AnswerMayChange { .. } => !told.again,
            // What comes behind it was not told yet.
            Event::PlanFinished => !std::mem::take(&mut told.again),
            _ => true,
        };
        drop(told);
        if is_new {
            self.events.send(event);
        }
    }
}
