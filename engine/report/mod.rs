//! The writer of what a run tells: for people, as JSON lines, as JUnit.
//!
//! Standard output carries the result: the plan, what was changed, what failed and why, the summary; or the JSON
//! lines. Standard error carries what matters only while the run goes on: live lines, warnings, what scripts print,
//! errors in the input. So `converge plan site.rhai | less` and `converge --format json site.rhai | jq` just work.
//!
//! Every text passes the redactor first; what is shown to people is made harmless too.

use std::{
    borrow::Cow,
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::{
    base::{diagnostic::Diagnostic, secret::Redactor},
    plan::event::{Event, Events, Problem},
};

mod look;
mod sanitize;
mod texts;
mod hosts;
mod diff;
mod ending;
mod change;
mod turns;
mod plan;
mod reported_run;
mod summary;
mod live;
mod human;
mod pen;
mod json;
mod diagnostics;
pub mod errors;
pub mod junit;
pub mod journal;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use diagnostics::{Canvas, render_diagnostics};

use human::{Drawn, Human};
use live::LiveLines;
use look::Look;
use pen::{Pen, break_silence};
use sanitize::{Shape, sanitize};
use texts::Texts;

/// How often live lines are redrawn.
const REDRAW: Duration = Duration::from_millis(100);

/// What is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// Text for people.
    #[default]
    Human,
    /// One event a line, as `docs/events.md` describes.
    Json,
}

/// How it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportOptions {
    /// What is written.
    pub format: Format,
    /// Whether texts of several lines are drawn as a diff.
    pub diff: bool,
    /// 0 for what changes; from 1 on also what does not, where it was declared, and all that steps print.
    pub verbosity: u8,
    /// Whether standard output takes colours.
    pub color: bool,
    /// Whether standard error does.
    pub color_progress: bool,
    /// Whether more than ASCII may be used to draw lines around an error.
    pub unicode: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Whether lines on standard error can be redrawn.
    pub live: bool,
    /// Whether events are kept for [`Report::junit`].
    pub junit: bool,
}

impl ReportOptions {
    /// What suits the terminal, or the pipes, that this process has. `NO_COLOR` and `CLICOLOR` are heeded.
    pub fn detect(format: Format, diff: bool, verbosity: u8) -> Self {
        let stderr = console::Term::stderr();
        let features = stderr.features();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            format,
            diff,
            verbosity,
            color: console::colors_enabled(),
            color_progress: console::colors_enabled_stderr(),
            unicode: features.wants_emoji(),
            width: stderr.size_checked().map_or(100, |(_, columns)| usize::from(columns)),
            live: format == Format::Human && features.is_attended() && !dumb,
            junit: false,
        }
    }

    fn look(&self, color: bool) -> Look {
        Look { color, width: self.width, diff: self.diff, verbose: self.verbosity > 0 }
    }
}

/// Gives what takes out of a text what must not be seen: another one as soon as another secret is known.
pub type Redactors = Box<dyn Fn() -> Arc<Redactor> + Send + Sync>;

/// What is told where the result could not be written.
pub fn unwritten(error: &io::Error) -> String {
    format!("cannot write to standard output: {error}")
}

/// The event with its texts as the redactor leaves them, for whoever keeps events.
pub fn redacted(mut event: Event, redactor: &Redactor) -> Event {
    if !redactor.is_idle() {
        Texts(&|text, _| redactor.redact(text)).event(&mut event);
    }
    event
}

/// The writer.
pub struct Report {
    options: ReportOptions,
    redactors: Redactors,
    pen: Arc<Mutex<Pen>>,
    live: Arc<Mutex<LiveLines>>,
    bar: ProgressBar,
}

impl Report {
    /// Writes to the standard output and the standard error of this process.
    pub fn new(options: ReportOptions, redactors: Redactors) -> Self {
        Self::to(options, redactors, io::stdout(), io::stderr())
    }

    /// Writes to any sinks. Live lines go to the terminal all the same.
    pub fn to(
        options: ReportOptions,
        redactors: Redactors,
        stdout: impl Write + Send + 'static,
        stderr: impl Write + Send + 'static,
    ) -> Self {
        let progress = options.look(options.color_progress);
        let human = Human::new(options.look(options.color), progress, options.live);
        let pen = Arc::new(Mutex::new(Pen::new(human, stdout, stderr)));
        let live = Arc::new(Mutex::new(LiveLines::new(Instant::now())));
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if options.format == Format::Human && !options.live {
            break_silence(Arc::downgrade(&pen), live.clone(), progress);
        }
        Self { options, redactors, pen, live, bar }
    }

    /// Writes the result of a subcommand, such as a list of hosts. Ends the line if the text does not.
    pub fn print(&self, text: &str) {
        let mut text = sanitize(&(self.redactors)().redact(text), Shape::Block).into_owned();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        self.write(&mut lock(&self.pen), &Drawn::result(text));
    }

    /// Writes what belongs to a result, but is not it: on standard error.
    pub fn print_beside(&self, text: &str) {
        let text = sanitize(&(self.redactors)().redact(text), Shape::Block).into_owned();
        self.write(&mut lock(&self.pen), &Drawn::progress(text));
    }

    /// Writes errors: to people with the text that they are in, on standard error; otherwise as events.
    pub fn diagnostics(&self, diagnostics: &[Diagnostic]) {
        if self.options.format == Format::Json {
            diagnostics.iter().for_each(|found| self.send(Event::Error(Problem::from(found))));
            return;
        }
        let canvas = Canvas {
            color: self.options.color_progress,
            unicode: self.options.unicode,
            width: self.options.width,
        };
        let drawn = render_diagnostics(diagnostics, canvas);
        let drawn = Drawn::progress((self.redactors)().redact(&drawn).into_owned());
        self.write(&mut lock(&self.pen), &drawn);
    }

    /// What was told as a JUnit document, if its options asked to keep it; `last` is going to be told.
    pub fn junit(&self, last: &Event) -> Option<String> {
        let last = redacted(last.clone(), &(self.redactors)());
        let events = |pen: &Pen| [&pen.kept[..], std::slice::from_ref(&last)].concat();
        self.options.junit.then(|| junit::render(&events(&lock(&self.pen))))
    }

    /// Takes the live lines away, and says whether something could not be written.
    ///
    /// # Errors
    /// The first error of a write, which is told on standard error too. That nobody reads any more, as with
    /// `converge plan | head`, is none; but who reads events waits for the last one.
    pub fn finish(&self) -> io::Result<()> {
        self.bar.finish_and_clear();
        let mut pen = lock(&self.pen);
        let failed = [pen.stdout.failed.take(), pen.stderr.failed.take()];
        let json = self.options.format == Format::Json;
        let told = |error: &io::Error| json || error.kind() != io::ErrorKind::BrokenPipe;
        let [result, progress] = failed.map(|error| error.filter(told));
        if let Some(error) = &result {
            pen.write(&Drawn::progress(unwritten(error) + "\n"));
        }
        result.or(progress).map_or(Ok(()), Err)
    }

    /// Writes above the live lines. The pen is taken before the bar, here and everywhere.
    fn write(&self, pen: &mut Pen, drawn: &Drawn) {
        if *drawn != Drawn::default() {
            self.bar.suspend(|| pen.write(drawn));
        }
    }

    /// Live lines begin with the run, so that subcommands without one have none.
    fn start_live(&self) {
        let (live, options) = (self.live.clone(), self.options.clone());
        let term = console::Term::stderr();
        let draw = move |_: &ProgressState, to: &mut dyn std::fmt::Write| {
            let width = term.size_checked().map_or(options.width, |(_, columns)| columns.into());
            let look = Look { width, ..options.look(options.color_progress) };
            // A line that cannot be drawn now is drawn a moment later.
            let _ = to.write_str(&lock(&live).draw(Instant::now(), look));
        };
        let style = ProgressStyle::with_template("{live}").expect("the template is fixed");
        self.bar.set_style(style.with_key("live", draw));
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
        self.bar.enable_steady_tick(REDRAW);
    }
}

impl Events for Report {
    fn send(&self, mut event: Event) {
        let redactor = (self.redactors)();
        if self.options.junit {
            lock(&self.pen).kept.push(redacted(event.clone(), &redactor));
        }
        if self.options.format == Format::Json {
            let event = redacted(event, &redactor);
            return self.write(&mut lock(&self.pen), &Drawn::result(json::line(&event)));
        }
        Texts(&|text, shape| match redactor.redact(text) {
            Cow::Borrowed(text) => sanitize(text, shape),
            Cow::Owned(text) => sanitize(&text, shape).into_owned().into(),
        })
        .event(&mut event);
        lock(&self.live).note(&event, Instant::now());
        if self.options.live && matches!(event, Event::RunStarted { .. }) {
            self.start_live();
        }
        if matches!(event, Event::Summary { .. }) {
            self.bar.finish_and_clear();
        }
        let mut pen = lock(&self.pen);
        let drawn = pen.human.take(&event);
        self.write(&mut pen, &drawn);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A panic of another thread while it wrote leaves nothing here that could mislead.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
