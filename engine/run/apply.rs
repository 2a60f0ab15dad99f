//! Runs the batches of an execution, and tells what becomes of each node while it happens.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use futures::{StreamExt as _, future::join_all, stream::FuturesUnordered};

use super::{
    Interrupt,
    execution::{Batch, Execution},
    fleet::Fleet,
    nonce, obligations,
    segment::{Part, Progress, ProgressReader, Segment, unmark_elsewhere},
    tally::Tally,
};
use crate::{
    catalog::{Catalog, NodeId},
    event::{Event, Events, Failure, Outcome},
    plan::Plan,
    remote::{Exit, Output, RemoteError},
    resource::Nature,
};

/// What a run carries out, and who is told.
pub(crate) struct Apply<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) plan: &'a Plan,
    pub(crate) fleet: &'a Fleet,
    pub(crate) events: &'a dyn Events,
    pub(crate) interrupt: &'a Interrupt,
    /// What became of the nodes in earlier rounds.
    pub(crate) earlier: &'a Tally,
    /// The id of the run.
    pub(crate) run: &'a str,
}

type Outcomes = Vec<(NodeId, Outcome)>;

/// Why what was not begun is left alone after an interrupt.
pub(super) const INTERRUPTED: &str = "the run was interrupted";

impl Apply<'_> {
    /// Carries the plan out, until nothing more can be done, and gives what became of each node.
    pub(crate) async fn carry_out(&self, mut execution: Execution<'_>) -> Outcomes {
        let mut all = Outcomes::new();
        let mut running = FuturesUnordered::new();
        let hosts: Vec<_> = execution.hosts().cloned().collect();
        all.extend(self.abandon_lost(&mut execution, &hosts));
        loop {
            if self.interrupt.is_set() {
                all.extend(self.tell(execution.stop(INTERRUPTED)));
            }
            let (settled, batches) = execution.next();
            all.extend(self.tell(settled));
            for batch in batches {
                running.push(self.run_batch(batch));
            }
            let Some((host, outcomes)) = running.next().await else { break };
            all.extend(outcomes.iter().cloned());
            all.extend(self.tell(execution.finish(&host, outcomes)));
            all.extend(self.abandon_lost(&mut execution, &[host]));
        }
        self.unmark_elsewhere(&all).await;
        all
    }

    /// Skips what waits on those of the hosts that are gone.
    fn abandon_lost(&self, execution: &mut Execution<'_>, hosts: &[Arc<str>]) -> Outcomes {
        let lost = |host: &Arc<str>| Some((host.clone(), gone(host, &self.fleet.trouble(host)?)));
        let lost: Vec<_> = hosts.iter().filter_map(lost).collect();
        if lost.is_empty() { Outcomes::new() } else { self.tell(execution.abandon(&lost)) }
    }

    /// A reaction that another host's change caused is owed there until it succeeded here.
    async fn unmark_elsewhere(&self, outcomes: &Outcomes) {
        let paid = outcomes.iter().filter(|(id, it)| obligations::is_paid(self.catalog, *id, it));
        let scripts = unmark_elsewhere(self.catalog, self.plan, paid.map(|(id, _)| *id));
        let unmark = scripts.iter().map(async |(host, script)| {
            let _place = self.fleet.place().await;
            // A host that is lost keeps its marker: the next run reacts once more, which does no harm.
            let _ = self.fleet.run(host, script).await;
        });
        join_all(unmark).await;
    }

    /// Tells of nodes that came to an end without running, unless the plan or an earlier round told it.
    fn tell(&self, outcomes: Outcomes) -> Outcomes {
        for (id, outcome) in &outcomes {
            if !self.earlier.is_told(*id, outcome) {
                self.finished(*id, outcome.clone(), 0);
            }
        }
        outcomes
    }

    fn finished(&self, id: NodeId, outcome: Outcome, duration_ms: u64) {
        let node = self.catalog.node(id);
        let (node, declared) = (node.name.clone(), node.declared.clone());
        self.events.send(Event::Finished { node, declared, outcome, duration_ms });
    }

    async fn run_batch(&self, batch: Batch) -> (Arc<str>, Outcomes) {
        let _place = self.fleet.place().await;
        let segment = Segment::new(self.catalog, self.plan, &batch.runs, nonce(), self.run);
        let mut live = Live::new(self, &segment);
        // It may have waited long for its place.
        let end = match self.interrupt.is_set() && !batch.obligation {
            true => End::Unstarted(INTERRUPTED.to_owned()),
            false => self.run_segment(&batch.host, &segment, &mut live).await,
        };
        (batch.host, live.end(end))
    }

    async fn run_segment(&self, host: &Arc<str>, segment: &Segment, live: &mut Live<'_>) -> End {
        let remote = match self.fleet.remote(host).await {
            Ok(remote) => remote,
            Err(error) => return End::Unstarted(gone(host, &error)),
        };
        let stage = match segment.brings_contents() {
            true => Ok(None),
            false => remote.send(&segment.contents()).await.map(Some),
        };
        let sent = stage.is_ok();
        let ended = match stage {
            Ok(stage) => remote.run(&segment.script(stage.as_deref()), live).await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(exit) => End::Exit(exit),
            Err(RemoteError::Refused(message)) => End::Refused(message),
            Err(error) => {
                let gone = gone(host, &error);
                self.fleet.lose(host, error.clone());
                if sent { End::Lost(error) } else { End::Unstarted(gone) }
            }
        }
    }
}

fn gone(host: &str, error: &RemoteError) -> String {
    format!("{host}: {error}")
}

/// How a segment ended.
enum End {
    /// Its script came to an end.
    Exit(Exit),
    /// The host did not take it, and nothing ran.
    Refused(String),
    /// It was not begun.
    Unstarted(String),
    /// The host was lost while it ran.
    Lost(RemoteError),
}

/// A segment that runs: reads its output and tells what happens.
struct Live<'a> {
    apply: &'a Apply<'a>,
    segment: &'a Segment,
    reader: ProgressReader,
    /// How many parts came to an end: they run one after the other.
    ended: usize,
    /// When the next one began, if it did.
    began: Option<Instant>,
    /// The first node of the part that failed.
    failed: Option<NodeId>,
    output: Tail,
    outcomes: Outcomes,
}

impl<'a> Live<'a> {
    fn new(apply: &'a Apply<'a>, segment: &'a Segment) -> Self {
        let reader = ProgressReader::new(&segment.id);
        let (output, outcomes) = (Tail::default(), Outcomes::new());
        let (ended, began, failed) = (0, None, None);
        Self { apply, segment, reader, ended, began, failed, output, outcomes }
    }

    /// A part that is told of out of turn is none of ours.
    fn progress(&mut self, progress: Progress) {
        match progress {
            Progress::Began(part) if part == self.ended => self.begin(),
            Progress::Line(part, line) if part == self.ended => self.line(line),
            Progress::Warned(part, text) if part == self.ended => self.warn(&text),
            Progress::Ended(part, status) if part == self.ended && self.began.is_some() => {
                let outcome = |(at, id): (usize, &NodeId)| (*id, self.outcome_of(at, *id, status));
                let outcomes = self.nodes().iter().enumerate().map(outcome).collect();
                if status != 0 {
                    self.failed = self.nodes().first().copied();
                }
                self.finish(outcomes);
            }
            _ => {}
        }
    }

    fn begin(&mut self) {
        self.began = Some(Instant::now());
        self.output = Tail::default();
        for &id in self.nodes() {
            let node = self.apply.catalog.node(id).name.clone();
            self.apply.events.send(Event::Started { node });
        }
    }

    fn warn(&self, text: &str) {
        let Some(&id) = self.nodes().first() else { return };
        let node = self.apply.catalog.node(id);
        let message = format!("{}: {text}", node.name.node);
        let place = Some(node.declared.place.clone());
        self.apply.events.send(Event::Warning { message, place });
    }

    fn line(&mut self, line: String) {
        if let Some(&id) = self.nodes().first() {
            let node = self.apply.catalog.node(id).name.clone();
            self.apply.events.send(Event::Output { node, line: line.clone() });
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
        let elapsed = self.began.take().map_or(0, |began| began.elapsed().as_millis());
        let duration_ms = u64::try_from(elapsed).unwrap_or(u64::MAX);
        for (id, outcome) in outcomes {
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
            let message = format!("its step ended with exit status {status}");
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

    /// What became of all nodes, once the script ended or was lost.
    fn end(mut self, end: End) -> Outcomes {
        // The part that the end is about, if it is about one.
        let mut about = None;
        // The shell on the host goes on without the connection: whatever stood behind may have run too.
        let lost = matches!(end, End::Lost(_));
        let because = match end {
            End::Exit(Exit(status)) => match self.failed {
                Some(id) => self.apply.catalog.node(id).name.node.to_string(),
                None => {
                    let outcome = self.failure("its script ended early".to_owned(), Some(status));
                    about = Some((self.ended, outcome));
                    self.name_of(self.ended)
                }
            },
            End::Refused(message) => {
                let needs = |part: &Part| !part.contents.is_empty();
                let part = self.segment.parts.iter().position(needs).unwrap_or_default();
                about = Some((part, Outcome::failed(Failure::told(message))));
                self.name_of(part)
            }
            End::Unstarted(reason) => reason,
            End::Lost(error) => {
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
        self.outcomes
    }

    fn name_of(&self, part: usize) -> String {
        let first = self.segment.parts.get(part).and_then(|part| part.nodes.first());
        first.map(|id| self.apply.catalog.node(*id).name.node.to_string()).unwrap_or_default()
    }
}

impl Output for Live<'_> {
    fn stdout(&mut self, bytes: &[u8]) {
        for progress in self.reader.read(bytes) {
            self.progress(progress);
        }
    }

    /// A part's own standard error is part of its output; what is left here is of the shell itself.
    fn stderr(&mut self, bytes: &[u8]) {
        for line in String::from_utf8_lossy(bytes).lines() {
            self.output.push(line.to_owned());
        }
    }
}

/// The last lines of an output.
#[derive(Default)]
struct Tail {
    lines: VecDeque<String>,
}

const TAIL_LINES_MAX: usize = 40;

impl Tail {
    fn push(&mut self, line: String) {
        if self.lines.len() == TAIL_LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    fn text(&self) -> String {
        self.lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// The text without its last line, and that line.
    fn before_last(&self) -> (String, String) {
        let text = self.text();
        let (before, last) = text.rsplit_once('\n').unwrap_or(("", &text));
        (before.to_owned(), last.to_owned())
    }
}
