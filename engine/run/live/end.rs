//! How a segment ended, and what that says of each of its nodes.

use super::Live;
use crate::{
    io::remote::{Exit, RemoteError},
    plan::event::{Failure, Outcome},
    run::{execution::Outcomes, segment::Part},
};

/// How a segment ended.
pub(in crate::run) enum SegmentEnd {
    /// Its script came to an end.
    Exit(Exit),
    /// The host did not take it, and nothing ran.
    Refused(String),
    /// It was not begun.
    Unstarted(String),
    /// Its script took too long, and was ended.
    Overdue,
    /// The lock was not taken along with it, or what an earlier run left was put in order: nothing ran.
    Unlocked,
    /// The host was lost while it ran.
    Lost(RemoteError),
    /// The host was to go down for it, and did not.
    Stayed(String),
}

impl Live<'_> {
    /// What became of all nodes, once the script ended or was lost, and it is known `how` that stays so.
    pub(in crate::run) fn end_guarded(
        mut self,
        end: SegmentEnd,
        how: impl Fn(Outcome) -> Outcome,
    ) -> Outcomes {
        self.settle(end);
        for (id, outcome, duration_ms) in std::mem::take(&mut self.withheld) {
            let outcome = how(outcome);
            self.apply.finished(id, outcome.clone(), duration_ms);
            self.outcomes.push((id, outcome));
        }
        self.outcomes
    }

    /// What became of all nodes, once the script ended or was lost.
    pub(in crate::run) fn end(mut self, end: SegmentEnd) -> Outcomes {
        self.settle(end);
        self.outcomes
    }

    fn settle(&mut self, end: SegmentEnd) {
        // The part that the end is about, if it is about one.
        let mut about = None;
        // The shell on the host goes on without the connection: whatever stood behind may have run too.
        let lost = matches!(end, SegmentEnd::Lost(_));
        let because = match (end, self.failed) {
            // What is ended may say so first.
            (SegmentEnd::Exit(_) | SegmentEnd::Overdue, Some(id)) => {
                self.apply.catalog.node(id).name.node.to_string()
            }
            (SegmentEnd::Exit(_), None) if self.stopped => self.apply.run.interrupt.because(),
            (SegmentEnd::Exit(Exit(status)), None) => {
                let outcome = self.failure("its script ended early".to_owned(), Some(status));
                about = Some((self.ended, outcome));
                self.name_of(self.ended)
            }
            (SegmentEnd::Refused(message), _) => {
                let needs = |part: &Part| !part.contents.is_empty();
                let part = self.segment.parts.iter().position(needs).unwrap_or_default();
                about = Some((part, Outcome::failed(Failure::told(message))));
                self.name_of(part)
            }
            (SegmentEnd::Unstarted(reason), _) => reason,
            // It is planned anew.
            (SegmentEnd::Unlocked, _) => return,
            (SegmentEnd::Overdue, _) => {
                let outcome = self.failure(self.late(), None);
                about = Some((self.ended, outcome));
                self.name_of(self.ended)
            }
            (SegmentEnd::Stayed(message), _) => {
                about = Some((self.ended, self.failure(message, None)));
                self.name_of(self.ended)
            }
            (SegmentEnd::Lost(error), _) => {
                about = Some((self.ended, Outcome::Unknown { message: error.to_string() }));
                self.name_of(self.ended)
            }
        };
        while let Some(part) = self.part() {
            let outcome = match &about {
                Some((index, outcome)) if lost || *index == self.ended => outcome.clone(),
                _ => Outcome::Skipped { because: because.clone() },
            };
            self.finish(part.nodes.iter().map(|id| (*id, outcome.clone())).collect());
        }
    }
}
