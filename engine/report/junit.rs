//! A run as a JUnit document, for CI: a suite for each host, a case for each resource.

use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::{
    base::diagnostic::Place,
    plan::event::{AsDeclared, Event, Failure, Outcome, Planned},
};

/// The document. A plan that was not applied has its cases too: what would change is no failure.
pub fn render(events: &[Event]) -> String {
    let mut report = Report::new("converge");
    let mut suites: IndexMap<Arc<str>, IndexMap<String, TestCase>> = IndexMap::new();
    for event in events {
        match event {
            Event::RunStarted { command, playbook, .. } => {
                report.name = Some(format!("converge {command} {playbook}").into());
            }
            Event::Unchanged { host, resources } => {
                let cases = suites.entry(host.clone()).or_default();
                for AsDeclared { kind, key, place } in resources {
                    let case = case(kind, key, place, TestCaseStatus::success());
                    cases.insert(case.name.to_string(), case);
                }
            }
            Event::Planned { node, declared, plan, .. } => {
                let case = case(&node.kind, &node.key, &declared.place, planned(plan));
                let cases = suites.entry(node.host.clone()).or_default();
                cases.insert(case.name.to_string(), case);
            }
            Event::Finished { node, declared, outcome, duration_ms } => {
                let mut case = case(&node.kind, &node.key, &declared.place, ended(outcome));
                case.set_time(Duration::from_millis(*duration_ms));
                let cases = suites.entry(node.host.clone()).or_default();
                cases.insert(case.name.to_string(), case);
            }
            Event::Unreachable { host, message, hint } | Event::Locked { host, message, hint } => {
                let what =
                    if matches!(event, Event::Locked { .. }) { "locked" } else { "unreachable" };
                let mut status = error(what, message);
                status.set_description(hint.as_deref().unwrap_or_default());
                let case = TestCase::new("reach the host", status);
                suites.entry(host.clone()).or_default().insert(String::new(), case);
            }
            Event::Summary { duration_ms, .. } => {
                report.set_time(Duration::from_millis(*duration_ms));
            }
            _ => {}
        }
    }
    for (host, cases) in suites {
        let mut suite = TestSuite::new(&*host);
        suite.add_test_cases(cases.into_values());
        report.add_test_suite(suite);
    }
    report.to_string().expect("a document in memory can be written")
}

fn case(kind: &str, key: &str, place: &Place, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(format!("{kind}:{key}"), status);
    case.set_classname(place.file.to_string());
    case.extra.insert("line".into(), place.line.to_string().into());
    case
}

fn planned(plan: &Planned) -> TestCaseStatus {
    match plan {
        Planned::Unknown(unknown) => error("unknown", &unknown.reason),
        Planned::Unchanged
        | Planned::Change { .. }
        | Planned::React { .. }
        | Planned::MayChange { .. } => TestCaseStatus::success(),
    }
}

fn ended(outcome: &Outcome) -> TestCaseStatus {
    match outcome {
        Outcome::Unchanged | Outcome::Changed => TestCaseStatus::success(),
        Outcome::Failed(failure) => failed("failed", failure),
        Outcome::Reverted(failure) => failed("reverted", failure),
        Outcome::Refused { reason } => error("refused", reason),
        Outcome::Unknown { message } => error("unknown", message),
        Outcome::Skipped { because } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("skipped because of {because}"));
            status
        }
    }
}

fn failed(kind: &str, failure: &Failure) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(kind).set_message(&failure.message);
    status.set_description(described(failure));
    status
}

fn error(kind: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(kind).set_message(message);
    status
}

fn described(failure: &Failure) -> String {
    let exit = failure.exit_status.map(|status| format!("exit status {status}"));
    let hint = failure.hint.as_ref().map(|hint| format!("hint: {hint}"));
    let parts = [failure.command.clone(), exit, Some(failure.output.clone()), hint];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}
