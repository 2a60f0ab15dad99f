//! Every text of an event through one function: what must not be shown, or not be obeyed, is taken out here.

use std::{borrow::Cow, sync::Arc};

use super::sanitize::Shape;
use crate::{
    base::diagnostic::Place,
    plan::event::{
        AsDeclared, Cause, Declaration, Event, Failure, Frame, HostSummary, NodeName, Outcome,
        Planned, Problem,
    },
    resources::{
        change::{Change, Field, Shown},
        resource::Unknown,
    },
};

/// Puts in the place of each text of an event what a function gives for it.
///
/// The function lends out a part of the text that it is given, or makes a new one. Nearly all texts stay as they are, and
/// cost no copy then. Each field is named, so that none is forgotten.
pub(super) struct Texts<'f>(pub(super) &'f dyn Fn(&str, Shape) -> Cow<'_, str>);

impl Texts<'_> {
    pub(super) fn event(&self, event: &mut Event) {
        match event {
            Event::RunStarted {
                version: _,
                run,
                command,
                playbook,
                options,
                approved,
                output,
                more,
                folder,
                hosts: _,
            } => {
                self.lines([run, command, playbook, folder]);
                self.lines(options);
                self.lines(more);
                self.lines(approved);
                self.lines(output);
            }
            Event::Warning { message, place } | Event::Printed { message, place } => {
                self.text(message, Shape::Block);
                place.iter_mut().for_each(|place| self.place(place));
            }
            Event::Error(problem) => self.problem(problem),
            Event::Connecting { host }
            | Event::Connected { host }
            | Event::Probing { host }
            | Event::Verifying { host, round: _ } => self.name(host),
            Event::Unreachable { host, message, hint } | Event::Locked { host, message, hint } => {
                self.name(host);
                self.line(message);
                self.lines(hint);
            }
            Event::Unchanged { host, resources } => {
                self.name(host);
                for AsDeclared { kind, key, place } in resources {
                    self.kind(kind);
                    self.name(key);
                    self.place(place);
                }
            }
            Event::Planned { node, declared, plan, turn, guarded: _ } => {
                self.node(node);
                self.declared(declared);
                self.planned(plan);
                turn.iter_mut().for_each(|turn| self.name(&mut turn.host));
            }
            Event::AnswerMayChange { host, answer, place }
            | Event::AnswerChanged { host, answer, place } => {
                self.name(host);
                self.line(answer);
                self.place(place);
            }
            Event::PlanFinished => {}
            Event::Started { node } => self.node(node),
            Event::Output { node, line } => {
                self.node(node);
                self.text(line, Shape::Printed);
            }
            Event::Finished { node, declared, outcome, duration_ms: _ } => {
                self.node(node);
                self.declared(declared);
                self.outcome(outcome);
            }
            Event::Summary { hosts, exit_status: _, duration_ms: _ } => {
                let clean = |(mut host, mut summary): (_, HostSummary)| {
                    self.name(&mut host);
                    self.lines(&mut summary.unreachable);
                    self.lines(&mut summary.locked);
                    (host, summary)
                };
                *hosts = std::mem::take(hosts).into_iter().map(clean).collect();
            }
        }
    }

    /// What a text becomes, if that is another one.
    fn other(&self, text: &str, shape: Shape) -> Option<String> {
        match (self.0)(text, shape) {
            // It is a part of the text: as long as that, it is the whole.
            Cow::Borrowed(new) if new.len() == text.len() => None,
            new => Some(new.into_owned()),
        }
    }

    fn text(&self, text: &mut String, shape: Shape) {
        if let Some(new) = self.other(text, shape) {
            *text = new;
        }
    }

    fn line(&self, text: &mut String) {
        self.text(text, Shape::Line);
    }

    fn lines<'a>(&self, texts: impl IntoIterator<Item = &'a mut String>) {
        texts.into_iter().for_each(|text| self.line(text));
    }

    fn name(&self, name: &mut Arc<str>) {
        if let Some(new) = self.other(name, Shape::Line) {
            *name = new.into();
        }
    }

    fn node(&self, NodeName { node, host, kind, key }: &mut NodeName) {
        [node, host, key].into_iter().for_each(|name| self.name(name));
        self.kind(kind);
    }

    fn kind(&self, kind: &mut Cow<'static, str>) {
        if let Some(new) = self.other(kind, Shape::Line) {
            *kind = new.into();
        }
    }

    fn place(&self, Place { file, line: _, column: _ }: &mut Place) {
        self.name(file);
    }

    fn declared(&self, Declaration { place, chain }: &mut Declaration) {
        self.place(place);
        if chain.is_empty() {
            return;
        }
        let mut clean = chain.to_vec();
        for Frame { what, place } in &mut clean {
            self.line(what);
            self.place(place);
        }
        if clean[..] != chain[..] {
            *chain = clean.into();
        }
    }

    fn problem(&self, Problem { code: _, message, place, hint, related }: &mut Problem) {
        self.line(message);
        place.iter_mut().for_each(|place| self.place(place));
        self.lines(hint);
        related.iter_mut().for_each(|other| self.problem(other));
    }

    fn planned(&self, plan: &mut Planned) {
        match plan {
            Planned::Unchanged => {}
            Planned::Change { change: Change { fields, .. }, reactions } => {
                fields.iter_mut().for_each(|field| self.field(field));
                self.causes(reactions);
            }
            Planned::React { reactions } => self.causes(reactions),
            Planned::MayChange { because } => self.name(because),
            Planned::Unknown(Unknown { reason, hint, .. }) => {
                self.line(reason);
                self.lines(hint);
            }
        }
    }

    fn causes(&self, causes: &mut [Cause]) {
        for Cause { reaction: _, node, left_by } in causes {
            self.name(node);
            self.lines(left_by);
        }
    }

    fn field(&self, Field { name, before, after }: &mut Field) {
        self.line(name);
        for side in [before, after] {
            match side {
                Shown::Nothing => {}
                Shown::Text(text) => self.text(text, Shape::Block),
                Shown::Hidden(reason) => self.line(reason),
            }
        }
    }

    fn outcome(&self, outcome: &mut Outcome) {
        match outcome {
            Outcome::Unchanged | Outcome::Changed => {}
            Outcome::Failed(failure) | Outcome::Reverted(failure) => self.failure(failure),
            Outcome::Skipped { because: text }
            | Outcome::Refused { reason: text }
            | Outcome::Unknown { message: text } => self.line(text),
        }
    }

    fn failure(&self, failure: &mut Failure) {
        let Failure { message, command, exit_status: _, output, hint } = failure;
        self.line(message);
        command.iter_mut().for_each(|command| self.text(command, Shape::Block));
        self.text(output, Shape::Printed);
        self.lines(hint);
    }
}
