//! The two places that text goes to.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, Weak},
    thread,
    time::{Duration, Instant},
};

use super::{
    human::{Drawn, Human},
    live::{LiveLines, still_busy},
    lock,
    look::Look,
};
use crate::plan::event::Event;

/// What is written with, one text at a time.
pub(super) struct Pen {
    pub stdout: Sink,
    pub stderr: Sink,
    /// Turns events to text.
    pub human: Human,
    /// The events that a JUnit document is made of.
    pub kept: Vec<Event>,
    /// When something was written last.
    spoke: Instant,
}

impl Pen {
    /// Nothing was written yet.
    pub(super) fn new(
        human: Human,
        stdout: impl Write + Send + 'static,
        stderr: impl Write + Send + 'static,
    ) -> Self {
        let stdout = Sink { to: Box::new(stdout), failed: None };
        let stderr = Sink { to: Box::new(stderr), failed: None };
        Self { stdout, stderr, human, kept: Vec::new(), spoke: Instant::now() }
    }

    /// Writes each text where it belongs.
    pub(super) fn write(&mut self, drawn: &Drawn) {
        self.spoke = Instant::now();
        self.stdout.write(&drawn.result);
        self.stderr.write(&drawn.progress);
    }
}

/// Where text goes, until it cannot any more.
pub(super) struct Sink {
    to: Box<dyn Write + Send>,
    /// The first error; nothing was written after it.
    pub failed: Option<io::Error>,
}

impl Sink {
    /// Once nobody reads, no more is written; the run goes on, because hosts must not be left halfway.
    fn write(&mut self, text: &str) {
        if !text.is_empty() && self.failed.is_none() {
            let written = self.to.write_all(text.as_bytes()).and_then(|()| self.to.flush());
            self.failed = written.err();
        }
    }
}

/// How long nothing is said where there are no live lines. Some CI systems end a job that is silent for long.
const SILENCE: Duration = Duration::from_secs(30);

/// Says from time to time who is busy, until the report is gone.
pub(super) fn break_silence(pen: Weak<Mutex<Pen>>, live: Arc<Mutex<LiveLines>>, look: Look) {
    let speak = move || {
        let mut wait = SILENCE;
        loop {
            thread::sleep(wait);
            let Some(pen) = pen.upgrade() else { return };
            let mut pen = lock(&pen);
            wait = SILENCE.saturating_sub(pen.spoke.elapsed());
            if wait.is_zero() {
                let told = still_busy(&lock(&live), Instant::now(), look);
                pen.write(&Drawn::progress(told.unwrap_or_default()));
                wait = SILENCE;
            }
        }
    };
    // Without the thread, only these lines are missing.
    let _ = thread::Builder::new().name("heartbeat".into()).spawn(speak);
}
