//! A run of converge that goes on while the test does, as its events tell.

use std::{
    io::{BufRead as _, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;

use crate::world::{Lab, project, summary};

/// A run that goes on. What is left of it ends with the test.
pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    events: Vec<Value>,
}

impl Lab {
    /// Begins a run whose events the test follows.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_converge"));
        command.args(arguments).args(["--format", "json"]).current_dir(project());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Running { child, lines, events: Vec::new() }
    }
}

impl Running {
    /// Waits for an event of a resource, or of any if none is named.
    pub(crate) fn until(&mut self, event: &str, node: &str) {
        while let Some(next) = self.next() {
            if next["event"] == event && (node.is_empty() || next["node"] == node) {
                return;
            }
        }
        panic!("the run ended without {event} of {node}: {:#?}", self.events);
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&self, signal: &str) {
        let process = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &process]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end, and gives its exit status; none when a signal ended it.
    pub(crate) fn status(&mut self) -> Option<i32> {
        while self.next().is_some() {}
        self.child.wait().unwrap().code()
    }

    /// What it says of each host in its last event.
    pub(crate) fn summary(&self) -> &Value {
        summary(&self.events)
    }

    fn next(&mut self) -> Option<Value> {
        let line = self.lines.next()?.unwrap();
        let event: Value = serde_json::from_str(&line).unwrap();
        self.events.push(event.clone());
        Some(event)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
