//! Events to text for people. Pure: what is to be written where is given back.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use indexmap::IndexMap;

use super::{
    change, ending,
    look::{Look, Symbol, Tone},
    plan::PlanView,
    reported_run::ReportedRun,
    summary,
};
use crate::{
    base::diagnostic::Place,
    plan::{
        event::{Declaration, Event, NodeName, Outcome, Planned, Problem, Turn},
        exit_status::ExitStatus,
    },
};

/// How many of those that were skipped for one reason are named.
const NAMED: usize = 5;

/// What an event makes people read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Drawn {
    /// The result: for standard output.
    pub result: String,
    /// What matters only while the run goes on: for standard error.
    pub progress: String,
}

impl Drawn {
    pub(super) fn result(result: String) -> Self {
        Self { result, progress: String::new() }
    }

    pub(super) fn progress(progress: String) -> Self {
        Self { result: String::new(), progress }
    }
}

/// What has to be remembered from one event to a later one.
#[derive(Debug)]
pub(super) struct Human {
    /// How the result looks.
    pub result: Look,
    /// How what is said meanwhile looks.
    pub progress: Look,
    /// Whether live lines show what is going on, so that it need not be said.
    pub live: bool,
    run: ReportedRun,
    plan: PlanView,
    /// The symbol and the verb of what was planned.
    marks: HashMap<Arc<str>, (Symbol, Option<&'static str>)>,
    widest_host: usize,
    skipped: IndexMap<String, Vec<Arc<str>>>,
    /// The hosts on which nothing more is done.
    lost: HashSet<Arc<str>>,
    /// How many of them did not answer.
    silent: usize,
    /// Whether an empty line is due before what comes next.
    gap: bool,
}

impl Human {
    /// Nothing was told yet.
    pub(super) fn new(result: Look, progress: Look, live: bool) -> Self {
        let (run, plan, marks, skipped, lost) = Default::default();
        let (widest_host, silent, gap) = (0, 0, false);
        Self { result, progress, live, run, plan, marks, widest_host, skipped, lost, silent, gap }
    }

    /// What an event makes people read. Its texts are safe to show.
    pub(super) fn take(&mut self, event: &Event) -> Drawn {
        let look = self.progress;
        match event {
            Event::RunStarted { run, command, playbook, options, approved, output, .. } => {
                self.run = ReportedRun {
                    id: run.clone(),
                    command: command.clone(),
                    playbook: playbook.clone(),
                    options: options.clone(),
                    approved: approved.clone(),
                    output: output.clone(),
                };
                let told = look.dim(match self.run.is_simulation() {
                    true => format!(
                        "{command} {playbook}: no host is contacted, and every resource counts as different"
                    ),
                    false => format!("{command} {playbook}, run {run}"),
                });
                if self.live { Drawn::default() } else { Drawn::progress(told + "\n") }
            }
            Event::Warning { message, place } => {
                let warning = look.paint(Tone::Changed, "warning:");
                Drawn::progress(format!("{warning} {message}{}\n", at(place.as_ref(), look)))
            }
            Event::Error(problem) => Drawn::progress(narrate(problem, look)),
            Event::Printed { message, place } => {
                Drawn::progress(format!("{message}{}\n", at(place.as_ref(), look)))
            }
            Event::Connecting { host } => self.told(host, "connecting"),
            Event::Connected { .. } => Drawn::default(),
            Event::Probing { host } => self.told(host, "reading its state"),
            Event::Verifying { host, round } => {
                self.told(host, &format!("verifying, round {round}"))
            }
            Event::Unreachable { host, message, hint } | Event::Locked { host, message, hint } => {
                if !self.lost.insert(host.clone()) {
                    return Drawn::default();
                }
                let locked = matches!(event, Event::Locked { .. });
                self.silent += usize::from(!locked);
                let what = if locked { "locked:" } else { "unreachable:" };
                Drawn::result(self.lost(host, what, message, hint.as_deref()))
            }
            Event::Unchanged { host, resources } => {
                self.plan.add_unchanged(host, resources, self.result);
                Drawn::default()
            }
            Event::Planned { node, declared, plan, turn, guarded } => {
                self.planned(node, declared, plan, turn.as_ref(), *guarded);
                Drawn::default()
            }
            Event::AnswerMayChange { host, answer, place } => {
                self.plan.add_answer(host, answer, place);
                Drawn::default()
            }
            Event::AnswerChanged { host, answer, place } => {
                self.plan.answer_changed(host, answer, place);
                self.gap = true;
                Drawn::default()
            }
            Event::PlanFinished => self.plan_finished(),
            Event::Started { node } => self.told(&node.host, &format!("{} begins", label(node))),
            Event::Output { node, line } if look.verbose => {
                let edge = look.dim(format!("  {}  {} |", node.host, label(node)));
                Drawn::progress(format!("{edge} {line}\n"))
            }
            Event::Output { .. } => Drawn::default(),
            Event::Finished { node, declared, outcome, duration_ms } => {
                Drawn::result(self.finished(node, declared, outcome, *duration_ms))
            }
            Event::Summary { hosts, exit_status, duration_ms } => {
                // What ended a run before it began was told by an error or a warning.
                let ends = [ExitStatus::Error, ExitStatus::Unwritten, ExitStatus::Interrupted];
                if hosts.is_empty() && ends.iter().any(|end| end.code() == *exit_status) {
                    return Drawn::default();
                }
                let took = Duration::from_millis(*duration_ms);
                let skipped = self.skipped();
                let gap = if self.run.only_plans() { "" } else { "\n" };
                let told = summary::draw(&self.run, hosts, *exit_status, took, self.result);
                Drawn::result(gap.to_owned() + &skipped + &told)
            }
        }
    }

    /// What live lines would show, for who has none and asks for it.
    fn told(&self, host: &str, what: &str) -> Drawn {
        match self.progress.verbose && !self.live {
            true => Drawn::progress(self.progress.dim(format!("  {host}  {what}")) + "\n"),
            false => Drawn::default(),
        }
    }

    /// An empty line, if one is due.
    fn gap(&mut self) -> String {
        if std::mem::take(&mut self.gap) { "\n".to_owned() } else { String::new() }
    }

    fn planned(
        &mut self,
        node: &NodeName,
        declared: &Declaration,
        plan: &Planned,
        turn: Option<&Turn>,
        guarded: Option<u32>,
    ) {
        self.plan.add(node, declared, plan, turn, guarded, self.result);
        if matches!(plan, Planned::Change { .. } | Planned::React { .. }) {
            self.marks.insert(node.node.clone(), (change::mark(plan), change::verb(plan)));
        }
    }

    fn plan_finished(&mut self) -> Drawn {
        let plan = std::mem::take(&mut self.plan);
        self.widest_host = self.widest_host.max(plan.widest_host());
        let gap = self.gap();
        self.gap = !self.run.only_plans();
        Drawn::result(gap + &plan.draw(self.silent, self.result))
    }

    fn lost(&mut self, host: &str, what: &str, message: &str, hint: Option<&str>) -> String {
        let look = self.result;
        let mark = look.mark(Symbol::Bad);
        let told = look.paint(Tone::Bad, what);
        let drawn = format!("{mark} {host}  {told} {message}\n{}", ending::hint(hint, look));
        self.gap = true;
        drawn
    }

    fn finished(
        &mut self,
        node: &NodeName,
        declared: &Declaration,
        outcome: &Outcome,
        took: u64,
    ) -> String {
        let look = self.result;
        let (mark, verb) = match self.marks.get(&node.node) {
            Some((mark, verb)) => (*mark, verb.unwrap_or_default()),
            None => (Symbol::Update, ""),
        };
        let (mark, what) = match outcome {
            Outcome::Unchanged if !look.verbose => return String::new(),
            Outcome::Unchanged => (Symbol::Same, look.dim("unchanged")),
            Outcome::Changed => (mark, look.dim(verb)),
            Outcome::Failed(_) => (Symbol::Bad, look.paint(Tone::Bad, "failed")),
            Outcome::Reverted(_) => (Symbol::Back, look.paint(Tone::Bad, "reverted")),
            Outcome::Refused { .. } => (Symbol::Bad, look.paint(Tone::Bad, "refused")),
            Outcome::Unknown { .. } => (Symbol::May, look.paint(Tone::Unsure, "unknown")),
            Outcome::Skipped { because } => {
                self.skipped.entry(because.clone()).or_default().push(node.node.clone());
                return String::new();
            }
        };
        let what = if console::measure_text_width(&what) == 0 { String::new() } else { what };
        let alignment = console::Alignment::Left;
        let host = console::pad_str(&node.host, self.widest_host, alignment, None);
        let line = ending::line(mark, &host, &label(node), &what, took, look);
        let details = match outcome {
            Outcome::Failed(failure) | Outcome::Reverted(failure) => {
                ending::failure(failure, declared, look)
            }
            Outcome::Refused { reason: message } | Outcome::Unknown { message } => {
                ending::message(message, look) + &ending::origin(declared, look)
            }
            Outcome::Unchanged | Outcome::Changed | Outcome::Skipped { .. } => String::new(),
        };
        let drawn = self.gap() + &line + &details;
        self.gap = !details.is_empty();
        drawn
    }

    /// One line for each reason for which something was not tried.
    fn skipped(&mut self) -> String {
        let look = self.result;
        let line = |(because, nodes): (String, Vec<Arc<str>>)| {
            // To say that there is one more takes as much room as to name it.
            let all = look.verbose || nodes.len() == NAMED + 1;
            let named = if all { nodes.len() } else { NAMED };
            let more = format!("and {} more", nodes.len() - named.min(nodes.len()));
            let mut names: Vec<_> = nodes.iter().take(named).map(|node| &**node).collect();
            if nodes.len() > named {
                names.push(more.as_str());
            }
            let names = look.dim(names.join(", "));
            format!("skipped {} because of {because}: {names}\n", nodes.len())
        };
        let lines: String = std::mem::take(&mut self.skipped).into_iter().map(line).collect();
        if lines.is_empty() { lines } else { lines + "\n" }
    }
}

fn label(node: &NodeName) -> String {
    format!("{}:{}", node.kind, node.key)
}

fn at(place: Option<&Place>, look: Look) -> String {
    place.map(|place| look.dim(format!("  ({place})"))).unwrap_or_default()
}

/// An error without the text that it is in.
fn narrate(problem: &Problem, look: Look) -> String {
    let Problem { message, place, hint, related, .. } = problem;
    let error = look.paint(Tone::Bad, "error:");
    let head = format!("{error} {message}{}\n", at(place.as_ref(), look));
    let others: String = related.iter().map(|other| narrate(other, look)).collect();
    head + &ending::hint(hint.as_deref(), look) + &others
}
