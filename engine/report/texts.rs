//! Every text of an event through one function: what must not be shown, or not be obeyed, is taken out here.

use std::sync::Arc;

use super::sanitize::Shape;
use crate::{
    change::{Change, Field, Shown},
    diagnostic::Place,
    event::{Cause, Declared, Event, Failure, Frame, NodeName, Outcome, Planned, Problem, Turn},
};

/// What is done to each text.
type With<'a> = &'a dyn Fn(&str, Shape) -> String;

/// The event, with `with` done to every text that it holds. Each field is named, so that none is forgotten.
pub(super) fn map(event: Event, with: With) -> Event {
    let line = |text: String| with(&text, Shape::Line);
    let host = |host: Arc<str>| name(&host, with);
    let node = |node| node_name(node, with);
    match event {
        Event::RunStarted { version, run, command, playbook, options, approved, hosts } => {
            Event::RunStarted {
                version,
                run: line(run),
                command: line(command),
                playbook: line(playbook),
                options: options.into_iter().map(line).collect(),
                approved: approved.map(line),
                hosts,
            }
        }
        Event::Warning { message, place: at } => Event::Warning {
            message: with(&message, Shape::Block),
            place: at.map(|at| place(at, with)),
        },
        Event::Error(found) => Event::Error(problem(found, with)),
        Event::Printed { message, place: at } => Event::Printed {
            message: with(&message, Shape::Block),
            place: at.map(|at| place(at, with)),
        },
        Event::Connecting { host: of } => Event::Connecting { host: host(of) },
        Event::Connected { host: of } => Event::Connected { host: host(of) },
        Event::Unreachable { host: of, message, hint } => {
            Event::Unreachable { host: host(of), message: line(message), hint: hint.map(line) }
        }
        Event::Probing { host: of } => Event::Probing { host: host(of) },
        Event::Planned { node: of, declared: at, plan, turn } => Event::Planned {
            node: node(of),
            declared: declared(at, with),
            plan: planned(plan, with),
            turn: turn.map(|turn| Turn { host: host(turn.host.clone()), ..turn }),
        },
        Event::PlanFinished => Event::PlanFinished,
        Event::Started { node: of } => Event::Started { node: node(of) },
        Event::Output { node: of, line } => {
            Event::Output { node: node(of), line: with(&line, Shape::Printed) }
        }
        Event::Finished { node: of, declared: at, outcome: how, duration_ms } => Event::Finished {
            node: node(of),
            declared: declared(at, with),
            outcome: outcome(how, with),
            duration_ms,
        },
        Event::Verifying { host: of, round } => Event::Verifying { host: host(of), round },
        Event::Summary { hosts, exit_status, duration_ms } => {
            let clean = |(of, mut summary): (_, crate::event::HostSummary)| {
                summary.unreachable = summary.unreachable.map(line);
                (host(of), summary)
            };
            Event::Summary {
                hosts: hosts.into_iter().map(clean).collect(),
                exit_status,
                duration_ms,
            }
        }
    }
}

fn problem(problem: Problem, with: With) -> Problem {
    let Problem { code, message, place: at, hint, related } = problem;
    Problem {
        code,
        message: with(&message, Shape::Line),
        place: at.map(|at| place(at, with)),
        hint: hint.map(|hint| with(&hint, Shape::Line)),
        related: related.into_iter().map(|other| self::problem(other, with)).collect(),
    }
}

fn name(text: &str, with: With) -> Arc<str> {
    with(text, Shape::Line).into()
}

fn node_name(node: NodeName, with: With) -> NodeName {
    NodeName {
        node: name(&node.node, with),
        host: name(&node.host, with),
        kind: with(&node.kind, Shape::Line),
        key: with(&node.key, Shape::Line),
    }
}

fn place(place: Place, with: With) -> Place {
    Place { file: name(&place.file, with), line: place.line, column: place.column }
}

fn declared(declared: Declared, with: With) -> Declared {
    let frame = |frame: Frame| Frame {
        what: with(&frame.what, Shape::Line),
        place: place(frame.place, with),
    };
    Declared {
        place: place(declared.place, with),
        chain: declared.chain.into_iter().map(frame).collect(),
    }
}

fn planned(plan: Planned, with: With) -> Planned {
    let causes = |causes: Vec<Cause>| {
        let cause = |cause: Cause| Cause {
            reaction: cause.reaction,
            node: name(&cause.node, with),
            left_by: cause.left_by.map(|run| with(&run, Shape::Line)),
        };
        causes.into_iter().map(cause).collect()
    };
    match plan {
        Planned::Unchanged => Planned::Unchanged,
        Planned::Change { change: Change { action, fields }, reactions } => {
            let fields = fields.into_iter().map(|of| field(of, with)).collect();
            Planned::Change { change: Change { action, fields }, reactions: causes(reactions) }
        }
        Planned::React { reactions } => Planned::React { reactions: causes(reactions) },
        Planned::MayChange { because } => Planned::MayChange { because: name(&because, with) },
        Planned::Unknown { reason } => Planned::Unknown { reason: with(&reason, Shape::Line) },
    }
}

fn field(field: Field, with: With) -> Field {
    let shown = |side| match side {
        Shown::Nothing => Shown::Nothing,
        Shown::Text(text) => Shown::Text(with(&text, Shape::Block)),
        Shown::Hidden(reason) => Shown::Hidden(with(&reason, Shape::Line)),
    };
    Field {
        name: with(&field.name, Shape::Line),
        before: shown(field.before),
        after: shown(field.after),
    }
}

fn outcome(outcome: Outcome, with: With) -> Outcome {
    let line = |text: String| with(&text, Shape::Line);
    match outcome {
        Outcome::Unchanged => Outcome::Unchanged,
        Outcome::Changed => Outcome::Changed,
        Outcome::Failed(of) => Outcome::Failed(failure(of, with)),
        Outcome::Reverted(of) => Outcome::Reverted(failure(of, with)),
        Outcome::Skipped { because } => Outcome::Skipped { because: line(because) },
        Outcome::Refused { reason } => Outcome::Refused { reason: line(reason) },
        Outcome::Unknown { message } => Outcome::Unknown { message: line(message) },
    }
}

fn failure(failure: Failure, with: With) -> Failure {
    let Failure { message, command, exit_status, output, hint } = failure;
    Failure {
        message: with(&message, Shape::Line),
        command: command.map(|command| with(&command, Shape::Block)),
        exit_status,
        output: with(&output, Shape::Printed),
        hint: hint.map(|hint| with(&hint, Shape::Line)),
    }
}
