//! A segment that runs: what its output says of each of its parts, as it comes.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

mod end;

pub(super) use end::SegmentEnd;

use super::{
    apply::Apply,
    execution::{Batch, Outcomes},
    progress::{Progress, ProgressReader},
    segment::{Part, Segment},
    tail::Tail,
};
use crate::{
    evaluate::catalog::NodeId,
    io::remote::{Captured, Output, RemoteError},
    plan::event::{Event, Failure, Outcome},
    resources::resource::Nature,
};

/// A segment that runs: reads its output and tells what happens.
pub(super) struct Live<'a> {
    apply: &'a Apply<'a>,
    segment: &'a Segment,
    host: &'a Arc<str>,
    reader: ProgressReader,
    /// How many parts came to an end: they run one after the other.
    ended: usize,
    /// When the next one began, if it did.
    began: Option<Instant>,
    /// The first node of the part that failed.
    failed: Option<NodeId>,
    /// Whether it ended before a part because it was told to.
    stopped: bool,
    /// Whether the host goes down for the part that ran last.
    goes_down: bool,
    /// When it was begun for the first time, if it is begun again once the host is back.
    since: Option<Instant>,
    output: Tail,
    outcomes: Outcomes,
    /// How nodes ended of which that is told once it is known whether it stays so, and after how many milliseconds.
    withheld: Vec<(NodeId, Outcome, u64)>,
    /// When the part that runs must have ended.
    due: Option<Instant>,
    /// By when what was printed while there was no connection has been read.
    caught_up: Option<Instant>,
    /// Whether it is outstanding: then it may take its time, also when that of the run is up.
    obligation: bool,
    /// How much it printed, in bytes, and how often it warned.
    printed: usize,
    warned: usize,
    /// How much of its log was read, in bytes.
    read: usize,
    /// How far it came.
    over: watch::Sender<Over>,
    /// What the look says that comes after it, if one does.
    look: Option<Captured>,
    /// What came of taking the lock along with it, if it did.
    lock: Option<String>,
}

/// How far a segment came.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Over {
    /// Its exit status, once it is over and came there in time.
    pub(super) status: Option<i32>,
    /// Whether the look after it was begun: nothing has its output any more.
    pub(super) is_looked_at: bool,
}

/// More warnings of one segment are only noise.
const WARNINGS_MAX: usize = 100;

impl<'a> Live<'a> {
    pub(super) fn new(apply: &'a Apply<'a>, segment: &'a Segment, batch: &'a Batch) -> Self {
        let reader = ProgressReader::new(&segment.id);
        let (output, outcomes) = (Tail::default(), Outcomes::new());
        let (ended, began, failed, stopped, due) = (0, None, None, false, None);
        let (goes_down, since) = (false, None);
        let (printed, warned, read, over) = (0, 0, 0, watch::Sender::default());
        Self {
            apply,
            segment,
            host: &batch.host,
            reader,
            ended,
            began,
            failed,
            stopped,
            goes_down,
            since,
            output,
            outcomes,
            withheld: Vec::new(),
            due,
            caught_up: None,
            obligation: batch.obligation,
            printed,
            warned,
            read,
            over,
            look: None,
            lock: None,
        }
    }

    /// The look that comes after it may say so much.
    pub(super) fn expects(&mut self, look: Option<Captured>) {
        self.look = look;
    }

    /// What the look said that came after it, if it came.
    pub(super) fn take_look(&mut self) -> Option<Captured> {
        self.look.take().filter(|_| self.over.borrow().is_looked_at)
    }

    /// What came of taking the lock along with it.
    pub(super) fn lock(&self) -> Option<&str> {
        self.lock.as_deref()
    }

    /// The same, once the host is back that it went down for.
    #[must_use]
    pub(super) fn again(self, segment: &'a Segment, batch: &'a Batch) -> Self {
        let since = self.since.or(self.began);
        Self { since, ..Self::new(self.apply, segment, batch) }
    }

    /// Whether its host goes down for it.
    pub(super) fn goes_down(&self) -> bool {
        self.goes_down
    }

    /// How much of its log was read, in bytes.
    pub(super) fn read(&self) -> usize {
        self.read
    }

    /// How far it came.
    pub(super) fn over(&self) -> watch::Receiver<Over> {
        self.over.subscribe()
    }

    /// How long the part that runs may take.
    fn time(&self) -> Duration {
        let own = self.part().and_then(|part| part.timeout);
        own.map_or(self.apply.fleet.limits().step, |own| Duration::from_secs(own.into()))
    }

    /// From now on, the host is waited for.
    pub(super) fn waits(&mut self) {
        self.due = Instant::now().checked_add(self.time());
    }

    /// Over another connection: what was printed meanwhile comes first, and that may be how the part ended in time.
    pub(super) fn catches_up(&mut self) {
        self.caught_up = Instant::now().checked_add(self.apply.fleet.limits().probe);
    }

    fn is_late(&self) -> bool {
        self.until().is_some_and(|until| until <= Instant::now())
    }

    /// Why what took too long was ended.
    fn late(&self) -> String {
        match self.due.is_some_and(|due| due <= Instant::now()) {
            true => format!("it took longer than {} s, and was killed", self.time().as_secs()),
            false => format!("{}: it was killed", self.apply.run.interrupt.because()),
        }
    }

    pub(super) fn sent_late(&self) -> RemoteError {
        RemoteError::Left(format!("while content was sent, {}", self.late()))
    }

    /// A part that is told of out of turn is none of ours.
    fn progress(&mut self, progress: Progress) {
        match progress {
            Progress::Began(part) if part == self.ended => self.begin(),
            Progress::Line(part, line) if part == self.ended => self.line(line),
            Progress::Warned(part, text) if part == self.ended => self.warn(&text),
            Progress::Ended(part, status) if self.is_end_for_now(part, status) => {
                self.goes_down = true;
            }
            Progress::Ended(part, status) if part == self.ended && self.began.is_some() => {
                let outcome = |(at, id): (usize, &NodeId)| (*id, self.outcome_of(at, *id, status));
                let outcomes = self.nodes().iter().enumerate().map(outcome).collect();
                if status != 0 {
                    self.failed = self.nodes().first().copied();
                }
                self.finish(outcomes);
            }
            Progress::Locked(said) => {
                self.apply.hold(self.host, &said);
                self.lock = Some(said);
            }
            Progress::Stopped if self.began.is_none() => self.stopped = true,
            // What was ended says so too.
            Progress::Over(_) if self.is_late() => {}
            Progress::Over(status) => {
                self.over.send_modify(|over| over.status = Some(status));
                // The look after it has a time of its own.
                self.due = Instant::now().checked_add(self.apply.fleet.limits().probe);
            }
            _ => {}
        }
    }

    /// Whether a part ended so that its host goes down, to go on later.
    fn is_end_for_now(&self, part: usize, status: i32) -> bool {
        let kind = |id: &NodeId| self.apply.catalog.node(*id).kind;
        let first = self.nodes().first().filter(|_| part == self.ended && self.began.is_some());
        first.is_some_and(|id| kind(id).goes_down() == Some(status))
    }

    fn begin(&mut self) {
        self.began = Some(Instant::now());
        self.waits();
        self.output = Tail::default();
        for &id in self.nodes() {
            let node = self.apply.catalog.node(id).name.clone();
            self.apply.run.events.send(Event::Started { node });
        }
    }

    fn warn(&mut self, text: &str) {
        self.warned += 1;
        let Some(&id) = self.nodes().first().filter(|_| self.warned <= WARNINGS_MAX) else {
            return;
        };
        let node = self.apply.catalog.node(id);
        let message = format!("{}: {text}", node.name.node);
        let place = Some(node.declared.place.clone());
        self.apply.run.events.send(Event::Warning { message, place });
    }

    fn line(&mut self, line: String) {
        // What is printed before a part is only told if it does not begin.
        if let Some(&id) = self.nodes().first().filter(|_| self.began.is_some()) {
            let node = self.apply.catalog.node(id).name.clone();
            self.apply.run.events.send(Event::Output { node, line: line.clone() });
        }
        self.output.push(line);
    }

    fn part(&self) -> Option<&'a Part> {
        self.segment.parts.get(self.ended)
    }

    /// The nodes of the part that runs.
    fn nodes(&self) -> &'a [NodeId] {
        self.part().map_or(&[], |part| &part.nodes)
    }

    /// Goes on to the next part.
    fn finish(&mut self, outcomes: Outcomes) {
        let began = self.began.take();
        let began = self.since.take().or(began);
        let elapsed = began.map_or(0, |began| began.elapsed().as_millis());
        let duration_ms = u64::try_from(elapsed).unwrap_or(u64::MAX);
        for (id, outcome) in outcomes {
            if self.segment.guard.is_some() {
                self.withheld.push((id, outcome, duration_ms));
                continue;
            }
            self.apply.finished(id, outcome.clone(), duration_ms);
            self.outcomes.push((id, outcome));
        }
        self.ended += 1;
    }

    /// What became of a node of the part. Of several that failed together only the first shows how.
    fn outcome_of(&self, at: usize, id: NodeId, status: i32) -> Outcome {
        let kind = self.apply.catalog.node(id).kind;
        if kind.reverted() == Some(status) {
            let (output, why) = self.output.before_last();
            return Outcome::reverted(Failure { output, ..Failure::told(why) });
        }
        if status != 0 && at > 0 {
            let message = format!("it is one step with {}, which failed", self.name_of(self.ended));
            return Outcome::failed(Failure::told(message));
        }
        if status != 0 {
            // What is ended says how it ended, at times before all of it is over.
            let message = match self.is_late() {
                true => self.late(),
                false => format!("its step ended with exit status {status}"),
            };
            return self.failure(message, Some(status));
        }
        // A check changes nothing: it only waited.
        if kind.nature() == Nature::Check { Outcome::Unchanged } else { Outcome::Changed }
    }

    fn failure(&self, message: String, exit_status: Option<i32>) -> Outcome {
        let first = self.nodes().first().map(|id| self.apply.catalog.node(*id));
        let command = first.and_then(|node| node.kind.script(&node.desired));
        let output = self.output.text();
        Outcome::failed(Failure { command, exit_status, output, ..Failure::told(message) })
    }

    fn name_of(&self, part: usize) -> String {
        let first = self.segment.parts.get(part).and_then(|part| part.nodes.first());
        first.map(|id| self.apply.catalog.node(*id).name.node.to_string()).unwrap_or_default()
    }
}

impl Output for Live<'_> {
    fn stdout(&mut self, bytes: &[u8]) {
        let (progress, behind) = self.reader.read(bytes);
        let read = bytes.len() - behind.len();
        self.printed = self.printed.saturating_add(read);
        self.read = self.read.saturating_add(read);
        progress.into_iter().for_each(|progress| self.progress(progress));
        if let (Some(look), false) = (&mut self.look, behind.is_empty()) {
            self.over.send_if_modified(|over| !std::mem::replace(&mut over.is_looked_at, true));
            look.stdout(behind);
        }
    }

    /// A part's own standard error is part of its output; what is left here is of the shell itself.
    fn stderr(&mut self, bytes: &[u8]) {
        if let Some(look) = &mut self.look {
            look.stderr(bytes);
        }
        self.printed = self.printed.saturating_add(bytes.len());
        for line in String::from_utf8_lossy(bytes).lines() {
            self.output.push(line.to_owned());
        }
    }

    fn until(&self) -> Option<Instant> {
        let run = self.apply.run.interrupt.until().filter(|_| !self.obligation);
        self.due.into_iter().chain(run).min().max(self.caught_up)
    }

    fn full(&self) -> Option<usize> {
        let most = self.apply.fleet.limits().output;
        (self.printed > most).then_some(most).or_else(|| self.look.as_ref().and_then(Output::full))
    }
}
