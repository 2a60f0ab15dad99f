//! How a resource ended, drawn: one line, and for a failure all that helps to mend it.

use std::time::Duration;

use super::look::{Look, Symbol, Tone, count, duration};
use crate::{
    base::diagnostic::Place,
    plan::event::{Declaration, Failure},
};

/// How many lines of a script that failed are shown to who does not ask for more.
const COMMAND: usize = 3;

/// How many of the last lines of its output.
const OUTPUT: usize = 15;

/// What a script is cut to, in columns.
const COLUMNS: usize = 120;

/// Text set in, under the line that it belongs to.
const INSET: &str = "    ";

/// `~ web-1  file:/etc/motd  0.1s`, with `what` in place of nothing said.
pub(super) fn line(
    mark: Symbol,
    host: &str,
    name: &str,
    what: &str,
    took: u64,
    look: Look,
) -> String {
    let what = if what.is_empty() { String::new() } else { format!("  {what}") };
    // What did not run took no time.
    let took = match took {
        0 => String::new(),
        took => format!("  {}", look.dim(duration(Duration::from_millis(took)))),
    };
    format!("{} {host}  {name}{what}{took}\n", look.mark(mark))
}

/// Where it was declared, what ran, what it printed, and what to do.
pub(super) fn failure(failure: &Failure, declared: &Declaration, look: Look) -> String {
    let mut drawn = message(&failure.message, look);
    drawn += &origin(declared, look);
    if let Some(script) = &failure.command {
        let status = match failure.exit_status {
            Some(status) => format!("exit status {status}"),
            None => "no exit status".to_owned(),
        };
        drawn += &format!("{INSET}{} {}\n", look.dim("command"), look.dim(format!("({status})")));
        drawn += &block("$", &end(script, look), look);
    }
    if !failure.output.trim().is_empty() {
        drawn += &format!("{INSET}{}\n", look.dim("output"));
        drawn += &block("|", &tail(&failure.output, look), look);
    }
    drawn + &hint(failure.hint.as_deref(), look)
}

/// What happened, in one line.
pub(super) fn message(text: &str, look: Look) -> String {
    format!("{INSET}{}\n", look.paint(Tone::Bad, text))
}

/// What to do about it.
pub(super) fn hint(hint: Option<&str>, look: Look) -> String {
    match hint {
        Some(hint) => format!("{INSET}{} {hint}\n", look.paint(Tone::Runs, "hint:")),
        None => String::new(),
    }
}

/// The call that declared it, and those that led there.
pub(super) fn origin(declared: &Declaration, look: Look) -> String {
    let row = |what: &str, place: &Place| format!("{INSET}{} {place}\n", look.dim(what));
    let calls = declared.chain.iter();
    let calls = calls.map(|frame| row(&format!("by {} at", frame.what), &frame.place));
    row("declared at", &declared.place) + &calls.collect::<String>()
}

fn block(edge: &str, lines: &[String], look: Look) -> String {
    lines.iter().map(|line| format!("{INSET}  {} {line}\n", look.dim(edge))).collect()
}

/// The end of a command: what a kind's functions are comes before what it does with them.
fn end(script: &str, look: Look) -> Vec<String> {
    let lines: Vec<_> = script.lines().filter(|line| !line.trim().is_empty()).collect();
    if look.verbose {
        return lines.into_iter().map(str::to_owned).collect();
    }
    let cut = |line: &&str| console::truncate_str(line, COLUMNS, "…").into_owned();
    let before = lines.len().saturating_sub(COMMAND);
    let mut shown = Vec::new();
    if before > 0 {
        let more = count(before, "line");
        shown.push(look.dim(format!("… {more} before (-v shows all)")));
    }
    shown.extend(lines[before..].iter().map(cut));
    shown
}

fn tail(output: &str, look: Look) -> Vec<String> {
    let lines: Vec<_> = output.trim_end().lines().map(str::to_owned).collect();
    let hidden = if look.verbose { 0 } else { lines.len().saturating_sub(OUTPUT) };
    let before = count(hidden, "line");
    let note = (hidden > 0).then(|| look.dim(format!("… {before} before (-v shows all)")));
    note.into_iter().chain(lines.into_iter().skip(hidden)).collect()
}
