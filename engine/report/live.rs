//! What is going on at this moment: a line for each busy host, redrawn in place.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use super::look::{Look, Symbol, Tone, count, duration};
use crate::plan::event::{Event, Outcome};

/// How many hosts have a line of their own; the rest is counted.
const LINES: usize = 10;

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// Who is busy with what, and what came of it so far.
#[derive(Debug)]
pub(super) struct LiveLines {
    began: Instant,
    hosts: BTreeSet<Arc<str>>,
    changed: usize,
    failed: usize,
    reverted: usize,
    unreachable: usize,
    locked: usize,
    busy: BTreeMap<Arc<str>, Busy>,
}

#[derive(Debug)]
struct Busy {
    with: String,
    since: Instant,
    printed: String,
}

impl LiveLines {
    /// Nobody is busy yet.
    pub(super) fn new(now: Instant) -> Self {
        let (hosts, changed, failed, reverted, unreachable, locked) = Default::default();
        let busy = BTreeMap::new();
        Self { began: now, hosts, changed, failed, reverted, unreachable, locked, busy }
    }

    /// Takes what an event says about who is busy.
    pub(super) fn note(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Connecting { host } => self.begin(host, "connecting".to_owned(), now),
            Event::Probing { host } => self.begin(host, "reading its state".to_owned(), now),
            Event::Verifying { host, round } => {
                let again = if *round > 1 { format!(", round {round}") } else { String::new() };
                self.begin(host, format!("verifying{again}"), now);
            }
            Event::Started { node } => {
                self.begin(&node.host, format!("{}:{}", node.kind, node.key), now);
            }
            Event::Output { node, line } => {
                if let Some(busy) = self.busy.get_mut(&node.host) {
                    busy.printed = line.replace('\t', " ");
                }
            }
            Event::Planned { node, .. } => self.end(&node.host),
            Event::Connected { host } | Event::Unchanged { host, .. } => self.end(host),
            Event::Locked { host, .. } => {
                self.locked += 1;
                self.end(host);
            }
            Event::Unreachable { host, .. } => {
                self.unreachable += 1;
                self.end(host);
            }
            Event::Finished { node, outcome, .. } => {
                match outcome {
                    Outcome::Changed => self.changed += 1,
                    Outcome::Failed(_) => self.failed += 1,
                    Outcome::Reverted(_) => self.reverted += 1,
                    _ => {}
                }
                self.end(&node.host);
            }
            Event::PlanFinished | Event::Summary { .. } => self.busy.clear(),
            Event::RunStarted { .. }
            | Event::Warning { .. }
            | Event::Error(_)
            | Event::Printed { .. }
            | Event::AnswerMayChange { .. }
            | Event::AnswerChanged { .. } => {}
        }
    }

    fn begin(&mut self, host: &Arc<str>, with: String, now: Instant) {
        self.hosts.insert(host.clone());
        self.busy.insert(host.clone(), Busy { with, since: now, printed: String::new() });
    }

    fn end(&mut self, host: &Arc<str>) {
        self.busy.remove(host);
    }

    /// The lines, none wider than the terminal.
    pub(super) fn draw(&self, now: Instant, look: Look) -> String {
        let shown = || self.busy.iter().take(LINES);
        let widest = shown().map(|(host, _)| console::measure_text_width(host)).max().unwrap_or(0);
        let mut lines: Vec<_> =
            shown().map(|(host, busy)| busy.draw(host, widest, self.began, now, look)).collect();
        lines.push(self.totals(now, look));
        let width = look.width.max(1);
        let cut = |line: &String| console::truncate_str(line, width, "…").into_owned();
        lines.iter().map(cut).collect::<Vec<_>>().join("\n")
    }

    fn totals(&self, now: Instant, look: Look) -> String {
        let mut told = vec![count(self.hosts.len(), "host")];
        if self.busy.len() > LINES {
            told.push(format!("{} more busy", self.busy.len() - LINES));
        }
        if self.changed > 0 {
            told.push(format!("{} changed", self.changed));
        }
        let bad = [
            (self.failed, "failed"),
            (self.reverted, "reverted"),
            (self.unreachable, "unreachable"),
            (self.locked, "locked"),
        ];
        let bad: Vec<_> = bad.iter().filter(|(number, _)| *number > 0).collect();
        let took = duration_in_seconds(now.saturating_duration_since(self.began));
        let mut line = look.dim(format!("  {took:>6}  {}", told.join(", ")));
        for (number, what) in bad {
            line += &look.dim(", ");
            line += &look.paint(Tone::Bad, format!("{number} {what}"));
        }
        line
    }
}

impl Busy {
    fn draw(&self, host: &str, widest: usize, began: Instant, now: Instant, look: Look) -> String {
        let turns = now.saturating_duration_since(began).as_millis() / 100;
        let spinner = SPINNER[usize::try_from(turns).unwrap_or(0) % SPINNER.len()];
        let host = console::pad_str(host, widest, console::Alignment::Left, None);
        let took = duration_in_seconds(now.saturating_duration_since(self.since));
        let spinner = look.paint(Tone::Runs, spinner);
        let printed = look.dim(&self.printed);
        format!("{spinner} {took:>6}  {}  {}  {printed}", look.paint(Tone::Strong, host), self.with)
    }
}

/// Whole seconds: tenths would only flicker.
fn duration_in_seconds(of: Duration) -> String {
    match of.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        _ => duration(of),
    }
}

/// What is said from time to time where lines cannot be redrawn, so that a silent step is seen to be alive.
pub(super) fn still_busy(live: &LiveLines, now: Instant, look: Look) -> Option<String> {
    let told = live.busy.iter().take(LINES).map(|(host, busy)| {
        let took = duration_in_seconds(now.saturating_duration_since(busy.since));
        format!("{host}  {} ({took})", busy.with)
    });
    let told: Vec<_> = told.collect();
    let more = live.busy.len().saturating_sub(LINES);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    (!told.is_empty())
        .then(|| format!("{} still busy: {}{more}\n", look.mark(Symbol::Same), told.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::event::Failure,
        report::samples::{event, look},
    };

    fn after(events: &[Event]) -> LiveLines {
        let now = Instant::now();
        let mut live = LiveLines::new(now);
        events.iter().for_each(|event| live.note(event, now));
        live
    }

    #[test]
    fn a_busy_host_has_a_line_with_what_it_printed_last() {
        let mut live =
            after(&[event::run_started("apply", 2), event::started("web-1", "package", "nginx")]);
        let began = live.began;
        live.note(&event::output("web-1", "package", "nginx", "Unpacking\tnginx"), began);
        let drawn = live.draw(began + Duration::from_secs(75), look());
        assert_eq!(drawn, "⠋  1m15s  web-1  package:nginx  Unpacking nginx\n   1m15s  1 host");
        live.note(&event::changed("web-1", "package", "nginx"), began);
        assert_eq!(live.draw(began, look()), "      0s  1 host, 1 changed");
        let reverted = Outcome::reverted(Failure::told("x"));
        live.note(&event::finished("web-1", "container", "api", reverted), began);
        assert_eq!(live.draw(began, look()), "      0s  1 host, 1 changed, 1 reverted");
    }

    #[test]
    fn many_busy_hosts_are_counted_and_no_line_is_too_wide() {
        let started = |n| event::started(&format!("web-{n:02}"), "file", "/a/rather/long/path");
        let live = after(&(1..=14).map(started).collect::<Vec<_>>());
        let narrow = Look { width: 24, ..look() };
        let drawn = live.draw(live.began, narrow);
        assert_eq!(drawn.lines().count(), LINES + 1);
        assert!(drawn.ends_with("14 hosts, 4 m…"), "{drawn}");
        assert!(drawn.lines().all(|line| console::measure_text_width(line) <= 24), "{drawn}");
        let told = still_busy(&live, live.began, look()).expect("hosts are busy");
        assert!(told.ends_with("(0s), and 4 more\n"), "{told}");
    }
}
