//! The end of a run: what became of each host, and what to type next.

use std::{sync::Arc, time::Duration};

use console::{Alignment, measure_text_width, pad_str};
use indexmap::IndexMap;

use super::{
    hosts,
    look::{Look, Tone, count, duration},
    reported_run::ReportedRun,
};
use crate::{
    base::traffic::Traffic,
    plan::{event::HostSummary, exit_status::ExitStatus},
};

/// The widest that names of hosts are written in the table.
const NAMES: usize = 48;

/// How many hosts a command to type may name.
const TYPED: usize = 4;

/// A column of the table: its title, what it counts, its colour, and whether it is there when all is zero.
type Column = (&'static str, fn(&HostSummary) -> usize, Tone, bool);

const COLUMNS: [Column; 9] = [
    ("changed", |host| host.changed, Tone::Changed, true),
    ("unchanged", |host| host.unchanged, Tone::Good, true),
    ("failed", |host| host.failed, Tone::Bad, false),
    ("reverted", |host| host.reverted, Tone::Bad, false),
    ("skipped", |host| host.skipped, Tone::Dim, false),
    ("refused", |host| host.refused, Tone::Bad, false),
    ("unknown", |host| host.unknown, Tone::Unsure, false),
    ("unreachable", |host| usize::from(host.unreachable.is_some()), Tone::Bad, false),
    ("locked", |host| usize::from(host.locked.is_some()), Tone::Bad, false),
];

/// Each host by name.
pub(super) type Hosts = IndexMap<Arc<str>, HostSummary>;

/// The table, the totals and the next command.
pub(super) fn draw(
    run: &ReportedRun,
    hosts: &Hosts,
    status: u8,
    took: Duration,
    look: Look,
) -> String {
    let trouble = COLUMNS[2..].iter().any(|(_, of, ..)| total(hosts, *of) > 0);
    let changed = total(hosts, |host| host.changed);
    let mut drawn = String::new();
    if !run.only_plans() && (changed > 0 || trouble) {
        drawn += &table(hosts, look);
        drawn.push('\n');
    }
    if run.is_simulation() {
        let told = look.paint(Tone::Strong, format!("exit status {status}"));
        return drawn + &format!("The run would end with {told}: {}.\n", counts(hosts, look));
    }
    let interrupted = status == ExitStatus::Interrupted.code();
    drawn += &totals(run, hosts, trouble, interrupted, took, look);
    for (why, command) in next(run, hosts) {
        drawn += &format!("{why} {}\n", look.paint(Tone::Strong, command));
    }
    drawn
}

fn total(hosts: &Hosts, of: fn(&HostSummary) -> usize) -> usize {
    hosts.values().map(of).sum()
}

/// A row for the hosts that fared alike, with their sums.
fn table(hosts: &Hosts, look: Look) -> String {
    let columns: Vec<_> =
        COLUMNS.iter().filter(|(_, of, _, always)| *always || total(hosts, *of) > 0).collect();
    let mut alike: Vec<(HostSummary, Vec<Arc<str>>)> = Vec::new();
    for (name, host) in hosts {
        let host = HostSummary { traffic: Traffic::default(), ..host.clone() };
        match alike.iter_mut().find(|(other, _)| *other == host) {
            Some((_, names)) => names.push(name.clone()),
            None => alike.push((host, vec![name.clone()])),
        }
    }
    let rows: Vec<_> =
        alike.iter().map(|(host, names)| (title(names), host, names.len())).collect();
    let widest = rows.iter().map(|(title, ..)| measure_text_width(title)).max().unwrap_or(0);
    let mut drawn = pad_str("", widest, Alignment::Left, None).into_owned();
    for (name, ..) in &columns {
        drawn += &look.dim(format!("  {name}"));
    }
    drawn.push('\n');
    for (title, host, names) in rows {
        drawn += &pad_str(&title, widest, Alignment::Left, None);
        for (name, of, tone, _) in &columns {
            let number = of(host) * names;
            let told = if number == 0 { "·".to_owned() } else { number.to_string() };
            let told = format!("{told:>width$}", width = name.len() + 2);
            drawn += &look.paint(if number == 0 { Tone::Dim } else { *tone }, told);
        }
        drawn.push('\n');
    }
    drawn
}

fn title(names: &[Arc<str>]) -> String {
    let listed = hosts::compact(names);
    match measure_text_width(&listed) > NAMES {
        true => {
            let number = format!("{}: ", count(names.len(), "host"));
            number.clone() + &console::truncate_str(&listed, NAMES - number.len(), "…")
        }
        false => listed,
    }
}

fn totals(
    run: &ReportedRun,
    hosts: &Hosts,
    trouble: bool,
    interrupted: bool,
    took: Duration,
    look: Look,
) -> String {
    let round_trips: u64 = hosts.values().map(|host| host.traffic.round_trips).sum();
    let round_trips = count(usize::try_from(round_trips).unwrap_or(usize::MAX), "round trip");
    let cost = format!("{}, {round_trips}", duration(took));
    let told = counts(hosts, look);
    let how = match (trouble, run.only_plans()) {
        _ if interrupted => look.paint(Tone::Bad, "Interrupted:"),
        (true, true) => look.paint(Tone::Bad, "Incomplete:"),
        (true, false) => look.paint(Tone::Bad, "Not converged:"),
        (false, true) => return look.dim(format!("Nothing changed ({cost}).")) + "\n",
        (false, false) => look.paint(Tone::Good, "Converged:"),
    };
    format!("{how} {told} {}\n", look.dim(format!("({cost})")))
}

/// `5 changed, 1 failed on 3 hosts`.
fn counts(hosts: &Hosts, look: Look) -> String {
    let told: Vec<_> = COLUMNS
        .iter()
        .map(|(name, of, tone, _)| (total(hosts, *of), name, tone))
        .filter(|(number, ..)| *number > 0)
        .map(|(number, name, tone)| look.paint(*tone, format!("{number} {name}")))
        .collect();
    let told = if told.is_empty() { "nothing declared".to_owned() } else { told.join(", ") };
    format!("{told} on {}", count(hosts.len(), "host"))
}

/// Commands that follow from how the run ended, each with why.
fn next(run: &ReportedRun, hosts: &Hosts) -> Vec<(&'static str, String)> {
    let unreachable: Vec<_> = hosts
        .iter()
        .filter(|(_, host)| host.unreachable.is_some())
        .map(|(name, _)| &**name)
        .collect();
    let any = |of: fn(&HostSummary) -> usize| total(hosts, of) > 0;
    let words = std::iter::once(&run.playbook).chain(&run.options);
    let playbook = words.map(|word| shell_word(word)).collect::<Vec<_>>().join(" ");
    let again = match &run.approved {
        // A plan that was approved is applied again, not gone around.
        Some(file) => format!("converge apply {}", shell_word(file)),
        None => format!("converge {} {playbook}{}", run.command, keeping(run)),
    };
    let mut next = Vec::new();
    if any(|host| host.refused) {
        let file = run.approved.as_deref().unwrap_or("FILE");
        let plan = format!("converge plan {playbook} -o {}", shell_word(file));
        next.push(("The hosts changed since the plan was made. Plan again:", plan));
    } else if any(|host| host.failed + host.unknown) {
        next.push(("Fix the cause, then run again:", again.clone()));
    } else if any(|host| host.reverted) {
        next.push(("The old state is restored. Fix the cause, then run again:", again.clone()));
    } else if any(|host| host.pending) {
        let what = run.output.as_deref().map_or(playbook, shell_word);
        next.push(("To apply it:", format!("converge apply {what}")));
    }
    if hosts.values().any(|host| host.locked.is_some()) {
        next.push(("When the other run has ended:", again.clone()));
    }
    match unreachable.len() {
        0 => {}
        1..=TYPED if run.approved.is_none() && nothing_else_is_left(run, hosts) => {
            let limit = shell_word(&unreachable.join(" | "));
            next.push(("For the unreachable hosts alone:", format!("{again} --limit {limit}")));
        }
        _ => next.push(("When they can be reached:", again)),
    }
    let bad = |host: &HostSummary| host.failed + host.reverted + host.unknown + host.refused;
    if !run.only_plans() && any(bad) {
        next.push(("Full record:", format!("converge show {}", run.id)));
    }
    next
}

/// The option that keeps the plan, if it is kept.
fn keeping(run: &ReportedRun) -> String {
    run.output.as_deref().map(|file| format!(" -o {}", shell_word(file))).unwrap_or_default()
}

/// Whether a run of the unreachable hosts alone loses nothing: nothing else waited for them, and no limit is given yet.
fn nothing_else_is_left(run: &ReportedRun, hosts: &Hosts) -> bool {
    let left = |host: &HostSummary| {
        host.skipped + host.failed + host.reverted + host.unknown > 0 || host.locked.is_some()
    };
    let mut reached = hosts.values().filter(|host| host.unreachable.is_none());
    !reached.any(left) && !run.options.iter().any(|option| option == "-l")
}

/// The text as a shell takes it for one word.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
