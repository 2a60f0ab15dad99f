//! Events to test with.

use super::look::Look;

/// Without colours, on a usual terminal.
pub(super) fn look() -> Look {
    Look { color: false, width: 80, diff: true, verbose: false }
}

/// One function for each event that the tests speak of.
pub(super) mod event {
    use std::sync::Arc;

    use crate::{
        base::diagnostic::Place,
        plan::event::{
            AsDeclared, Cause, Declaration, Event, Failure, Frame, HostSummary, NodeName, Outcome,
            Planned, VERSION,
        },
        resources::{
            change::{Change, Effect, Field},
            resource::Reaction,
        },
    };

    pub(crate) fn place(file: &str, line: usize) -> Place {
        Place { file: file.into(), line, column: 1 }
    }

    fn declared() -> Declaration {
        let frame = Frame { what: "role nginx".into(), place: place("playbooks/site.rhai", 9) };
        Declaration { place: place("roles/nginx/main.rhai", 4), chain: [frame].into() }
    }

    fn node(host: &str, kind: &str, key: &str) -> NodeName {
        NodeName {
            node: format!("{host}/{kind}:{key}").into(),
            host: host.into(),
            kind: kind.to_owned().into(),
            key: key.into(),
        }
    }

    pub(crate) fn run_started(command: &str, hosts: usize) -> Event {
        Event::RunStarted {
            version: VERSION,
            run: "20261123-0556-a1b2".into(),
            command: command.into(),
            playbook: "playbooks/site.rhai".into(),
            options: Vec::new(),
            approved: None,
            output: None,
            more: Vec::new(),
            folder: "/project".to_owned(),
            hosts,
        }
    }

    pub(crate) fn started(host: &str, kind: &str, key: &str) -> Event {
        Event::Started { node: node(host, kind, key) }
    }

    pub(crate) fn output(host: &str, kind: &str, key: &str, line: &str) -> Event {
        Event::Output { node: node(host, kind, key), line: line.into() }
    }

    pub(crate) fn planned(host: &str, kind: &str, key: &str, plan: Planned) -> Event {
        Event::Planned {
            node: node(host, kind, key),
            declared: declared(),
            plan,
            turn: None,
            guarded: None,
        }
    }

    pub(crate) fn unchanged(host: &str, kind: &str, key: &str) -> Event {
        let (kind, key, place) = (kind.to_owned().into(), key.into(), declared().place);
        Event::Unchanged { host: host.into(), resources: vec![AsDeclared { kind, key, place }] }
    }

    pub(crate) fn change(action: Effect, fields: Vec<Field>) -> Planned {
        Planned::Change { change: Change::new(action, fields), reactions: vec![] }
    }

    pub(crate) fn cause(reaction: Reaction, node: &str) -> Cause {
        Cause { reaction, node: node.into(), left_by: None }
    }

    pub(crate) fn may_change(because: &str) -> Planned {
        Planned::MayChange { because: because.into() }
    }

    pub(crate) fn finished(host: &str, kind: &str, key: &str, outcome: Outcome) -> Event {
        let node = node(host, kind, key);
        Event::Finished { node, declared: declared(), outcome, duration_ms: 120 }
    }

    pub(crate) fn changed(host: &str, kind: &str, key: &str) -> Event {
        finished(host, kind, key, Outcome::Changed)
    }

    pub(crate) fn skipped(host: &str, kind: &str, key: &str, because: &str) -> Event {
        finished(host, kind, key, Outcome::Skipped { because: because.into() })
    }

    pub(crate) fn failed(host: &str, kind: &str, key: &str, failure: Failure) -> Event {
        finished(host, kind, key, Outcome::failed(failure))
    }

    pub(crate) fn unreachable(host: &str) -> Event {
        Event::Unreachable {
            host: host.into(),
            message: "connection refused by 10.0.0.3:22".into(),
            hint: Some("is sshd running there?".into()),
        }
    }

    pub(crate) fn summary(hosts: &[(&str, HostSummary)], exit_status: u8) -> Event {
        let hosts = hosts.iter().map(|(name, host)| (Arc::from(*name), host.clone())).collect();
        Event::Summary { hosts, exit_status, duration_ms: 1234 }
    }
}
