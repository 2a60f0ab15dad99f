//! Runs the batches of an execution, and tells what becomes of each node while it happens.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use futures::{StreamExt as _, stream::FuturesUnordered};

use super::{
    Interrupt,
    execution::{Batch, Execution},
    fleet::Fleet,
    nonce,
    segment::{Progress, ProgressReader, Segment},
};
use crate::{
    catalog::{Catalog, NodeId},
    event::{Event, Events, Failure, Outcome},
    plan::Plan,
    remote::{Output, RemoteError},
    resource::Nature,
};

/// What a run carries out, and who is told.
pub(crate) struct Apply<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) plan: &'a Plan,
    pub(crate) fleet: &'a Fleet,
    pub(crate) events: &'a dyn Events,
    /// The id of the run.
    pub(crate) run: &'a str,
}

type Outcomes = Vec<(NodeId, Outcome)>;

impl Apply<'_> {
    /// Carries the plan out, until nothing more can be done, and gives what became of each node.
    pub(crate) async fn carry_out(
        &self,
        mut execution: Execution<'_>,
        interrupt: &Interrupt,
    ) -> Outcomes {
        let mut all = Outcomes::new();
        let mut running = FuturesUnordered::new();
        for host in execution.hosts_waiting() {
            if let Some(error) = self.fleet.trouble(&host).await {
                all.extend(self.tell(execution.abandon(&host, &format!("{host}: {error}"))));
            }
        }
        loop {
            if interrupt.is_set() {
                for host in execution.hosts_waiting() {
                    all.extend(self.tell(execution.abandon(&host, "the run was interrupted")));
                }
            }
            let (settled, batches) = execution.next();
            all.extend(self.tell(settled));
            for batch in batches {
                running.push(self.run_batch(batch));
            }
            let Some((batch, outcomes)) = running.next().await else { break };
            all.extend(outcomes.iter().cloned());
            all.extend(self.tell(execution.finish(batch, outcomes)));
        }
        all
    }

    /// Tells of nodes that came to an end without running.
    fn tell(&self, outcomes: Outcomes) -> Outcomes {
        for (id, outcome) in &outcomes {
            self.finished(*id, outcome.clone(), 0);
        }
        outcomes
    }

    fn finished(&self, id: NodeId, outcome: Outcome, duration_ms: u64) {
        let node = self.catalog.node(id);
        let (node, declared) = (node.name.clone(), node.declared.clone());
        self.events.send(Event::Finished { node, declared, outcome, duration_ms });
    }

    async fn run_batch(&self, batch: Batch) -> (Batch, Outcomes) {
        let _place = self.fleet.place().await;
        let segment = Segment::new(self.catalog, self.plan, &batch.runs, nonce(), self.run);
        let mut live = Live::new(self, &segment);
        let end = self.run_segment(&batch.host, &segment, &mut live).await;
        if let Err(error) = &end {
            self.fleet.lose(&batch.host, error.clone()).await;
        }
        let outcomes = live.end(end.err());
        (batch, outcomes)
    }

    async fn run_segment(
        &self,
        host: &Arc<str>,
        segment: &Segment,
        live: &mut Live<'_>,
    ) -> Result<(), RemoteError> {
        let remote = self.fleet.remote(host).await?;
        let contents = segment.contents();
        let stage =
            if contents.is_empty() { String::new() } else { remote.send(&contents).await? };
        remote.run(&segment.script(&stage), live).await?;
        Ok(())
    }
}

/// A segment that runs: reads its output and tells what happens.
struct Live<'a> {
    apply: &'a Apply<'a>,
    segment: &'a Segment,
    reader: ProgressReader,
    began: Option<(usize, Instant)>,
    output: Tail,
    outcomes: Outcomes,
}

impl<'a> Live<'a> {
    fn new(apply: &'a Apply<'a>, segment: &'a Segment) -> Self {
        let reader = ProgressReader::new(&segment.id);
        let (output, outcomes) = (Tail::default(), Outcomes::new());
        Self { apply, segment, reader, began: None, output, outcomes }
    }

    fn progress(&mut self, progress: Progress) {
        match progress {
            Progress::Began(part) => {
                self.began = Some((part, Instant::now()));
                self.output = Tail::default();
                for &id in self.nodes(part) {
                    let node = self.apply.catalog.node(id).name.clone();
                    self.apply.events.send(Event::Started { node });
                }
            }
            Progress::Line(part, line) => {
                if let Some(&id) = self.nodes(part).first() {
                    let node = self.apply.catalog.node(id).name.clone();
                    self.apply.events.send(Event::Output { node, line: line.clone() });
                }
                self.output.push(line);
            }
            Progress::Ended(part, status) => {
                let duration_ms = self.duration_ms();
                self.began = None;
                for &id in self.nodes(part) {
                    self.outcome(id, self.outcome_of(id, part, status), duration_ms);
                }
            }
        }
    }

    fn nodes(&self, part: usize) -> &'a [NodeId] {
        self.segment.parts.get(part).map_or(&[], |part| &part.nodes)
    }

    fn duration_ms(&self) -> u64 {
        let elapsed = self.began.map(|(_, began)| began.elapsed().as_millis());
        elapsed.and_then(|elapsed| u64::try_from(elapsed).ok()).unwrap_or_default()
    }

    fn outcome_of(&self, id: NodeId, part: usize, status: i32) -> Outcome {
        if status == 0 {
            // A check changes nothing: it only waited.
            let check = self.apply.catalog.node(id).kind.nature() == Nature::Check;
            return if check { Outcome::Unchanged } else { Outcome::Changed };
        }
        Outcome::Failed(Failure {
            message: format!("its step ended with exit status {status}"),
            command: self.segment.parts.get(part).map(|part| part.script.to_string()),
            exit_status: Some(status),
            output: self.output.text(),
            hint: None,
        })
    }

    fn outcome(&mut self, id: NodeId, outcome: Outcome, duration_ms: u64) {
        self.apply.finished(id, outcome.clone(), duration_ms);
        self.outcomes.push((id, outcome));
    }

    /// What became of all nodes, once the script ended or was lost.
    fn end(mut self, error: Option<RemoteError>) -> Outcomes {
        let failed =
            self.outcomes.iter().find(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
        let because = match (&error, failed) {
            (Some(error), _) => error.to_string(),
            (None, Some((id, _))) => self.apply.catalog.node(*id).name.node.to_string(),
            (None, None) => "the script ended early".to_owned(),
        };
        let running = self.began.map(|(part, _)| part);
        let duration_ms = self.duration_ms();
        for (index, part) in self.segment.parts.iter().enumerate() {
            for &id in &part.nodes {
                if self.outcomes.iter().any(|(known, _)| *known == id) {
                    continue;
                }
                let outcome = if running == Some(index) {
                    Outcome::Unknown { message: because.clone() }
                } else {
                    Outcome::Skipped { because: because.clone() }
                };
                let duration_ms = if running == Some(index) { duration_ms } else { 0 };
                self.outcome(id, outcome, duration_ms);
            }
        }
        self.outcomes
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
}
