//! Whole outputs, as people and programs see them.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use super::{
    Format, Redactors, Report, ReportOptions,
    samples::event::{self, cause, change, may_change},
};
use crate::{
    base::traffic::Traffic,
    base::{
        diagnostic::{Diagnostic, Source},
        secret::{Redactor, Secret},
    },
    plan::event::{Event, Events, Failure, HostSummary, Outcome, Planned},
    resources::{
        change::{Effect, Field, Shown},
        resource::{Reaction, Unknown},
    },
};

fn options() -> ReportOptions {
    ReportOptions {
        format: Format::Human,
        diff: true,
        verbosity: 0,
        color: false,
        color_progress: false,
        unicode: true,
        width: 80,
        live: false,
        junit: false,
    }
}

/// Keeps what is written, and marks what went to standard error.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<String>>);

struct Sheet(Paper, &'static str);

impl Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).expect("whole texts are written");
        for line in text.split_inclusive('\n') {
            let bare = line == "\n";
            *self.0.0.lock().unwrap() += if bare { "" } else { self.1 };
            *self.0.0.lock().unwrap() += line;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All that is written; lines on standard error begin with `2> `.
fn written_by(options: ReportOptions, secrets: &[Secret], tell: impl FnOnce(&Report)) -> String {
    let paper = Paper::default();
    let (out, err) = (Sheet(paper.clone(), ""), Sheet(paper.clone(), "2> "));
    let report = Report::to(options, redactors(secrets), out, err);
    tell(&report);
    report.finish().expect("paper takes all");
    paper.0.lock().unwrap().clone()
}

fn written(options: ReportOptions, events: Vec<Event>) -> String {
    written_by(options, &[], |report| events.into_iter().for_each(|event| report.send(event)))
}

fn redactors(secrets: &[Secret]) -> Redactors {
    let redactor = Arc::new(Redactor::new(secrets));
    Box::new(move || redactor.clone())
}

fn human(events: Vec<Event>) -> String {
    written(options(), events)
}

fn told(unchanged: usize, changed: usize) -> HostSummary {
    let traffic = Traffic { connections: 1, round_trips: 3, bytes_sent: 900, bytes_received: 400 };
    HostSummary { unchanged, changed, traffic, ..HostSummary::default() }
}

fn mode(before: &str, after: &str) -> Vec<Field> {
    vec![Field::new("mode", before, after)]
}

/// Packages: what fails does so here.
fn apt_failed() -> Failure {
    Failure {
        message: "the package cannot be installed".into(),
        command: Some("export DEBIAN_FRONTEND=noninteractive\n\napt-get update\napt-get install -y nginx\nrm -f x\n".into()),
        exit_status: Some(100),
        output: "Reading package lists...\r\nE: Unable to locate package nginx\n".into(),
        hint: Some("is the repository declared before the package?".into()),
    }
}

fn mixed_plan(command: &str) -> Vec<Event> {
    let long: String = (1..=30).map(|n| format!("line {n}\n")).collect();
    let before = "user www-data;\nworker_processes 2;\npid /run/nginx.pid;\n\nevents {\n}\n";
    let after = before.replace("processes 2", "processes auto");
    let conf = vec![Field::new("mode", "0600", "0644"), Field::new("content", before, after)];
    let nginx = "web-1/file:/etc/nginx/nginx.conf";
    let reload = cause(Reaction::Reload, nginx);
    let motd = vec![
        Field { name: "owner".into(), before: Shown::Nothing, after: "root".into() },
        Field { name: "content".into(), before: Shown::Nothing, after: Shown::from(long) },
    ];
    let secret = || Shown::Hidden("sensitive".into());
    let token = Field { name: "content".into(), before: secret(), after: secret() };
    let outstanding = Planned::React {
        reactions: vec![crate::plan::event::Cause {
            reaction: Reaction::Restart,
            node: "db-1/file:/etc/db.conf".into(),
            left_by: Some("20261122-2210-ff00".into()),
        }],
    };
    let status = vec![Field::new("status", "502", "200")];
    vec![
        event::run_started(command, 2),
        Event::Probing { host: "web-1".into() },
        event::planned("web-1", "file", "/etc/motd", change(Effect::Create, motd)),
        event::planned("web-1", "file", "/etc/nginx/nginx.conf", change(Effect::Update, conf)),
        event::planned("web-1", "file", "/etc/token", change(Effect::Update, vec![token])),
        event::planned("web-1", "package", "telnet", change(Effect::Remove, vec![])),
        event::planned("web-1", "service", "nginx", Planned::React { reactions: vec![reload] }),
        event::planned("web-1", "http", "http://localhost/", change(Effect::Wait, status)),
        event::planned("web-1", "file", "/a", may_change("web-1/package:telnet")),
        event::planned("web-1", "file", "/b", may_change("web-1/package:telnet")),
        event::unchanged("web-1", "user", "www-data"),
        event::unchanged("db-1", "user", "postgres"),
        event::planned("db-1", "service", "db", outstanding),
        event::planned(
            "db-1",
            "mount",
            "/data",
            Planned::Unknown(Unknown::new(
                "its probe ended with exit status 127: sh: dpkg-query: not found",
            )),
        ),
        Event::PlanFinished,
    ]
}

fn failed_apply() -> Vec<Event> {
    let pending = || change(Effect::Create, vec![]);
    let because = "web-1/package:nginx";
    let web_1 = HostSummary { failed: 1, skipped: 2, ..told(3, 1) };
    vec![
        event::run_started("apply", 2),
        event::planned("web-1", "file", "/etc/motd", pending()),
        event::planned("web-1", "package", "nginx", pending()),
        event::planned("balancer-1", "file", "/etc/motd", pending()),
        Event::PlanFinished,
        event::started("web-1", "file", "/etc/motd"),
        event::changed("web-1", "file", "/etc/motd"),
        event::changed("balancer-1", "file", "/etc/motd"),
        event::started("web-1", "package", "nginx"),
        event::output("web-1", "package", "nginx", "E: Unable to locate package nginx"),
        event::failed("web-1", "package", "nginx", apt_failed()),
        event::skipped("web-1", "service", "nginx", because),
        event::skipped("balancer-1", "action", "reload", because),
        event::changed("balancer-1", "file", "/etc/hosts"),
        Event::Verifying { host: "balancer-1".into(), round: 1 },
        event::summary(&[("web-1", web_1), ("balancer-1", told(4, 2))], 3),
    ]
}

fn verify_failed() -> Failure {
    Failure {
        message: "does not converge: after 3 rounds it still differs".into(),
        command: None,
        exit_status: None,
        output: "mode: 0600 -> 0644\n".into(),
        hint: Some("something on the host changes it back".into()),
    }
}

#[test]
fn an_empty_plan() {
    let mut events = vec![event::run_started("plan", 5)];
    events.extend((1..=5).map(|n| event::unchanged(&format!("web-{n}"), "file", "/etc/motd")));
    events.push(Event::PlanFinished);
    events.push(event::summary(&[("web-1", told(1, 0)), ("web-2", told(1, 0))], 0));
    insta::assert_snapshot!(human(events));
}

#[test]
fn a_mixed_plan() {
    let mut events = mixed_plan("plan");
    let summary = HostSummary { pending: 6, ..told(2, 0) };
    events.push(event::summary(&[("web-1", summary)], 0));
    insta::assert_snapshot!("a_mixed_plan", human(events.clone()));
    insta::assert_snapshot!(
        "a_mixed_plan_verbose",
        written(ReportOptions { verbosity: 1, ..options() }, events.clone())
    );
    insta::assert_snapshot!(
        "a_mixed_plan_without_diff",
        written(ReportOptions { diff: false, ..options() }, events)
    );
}

#[test]
fn what_may_change_alone_is_not_called_as_declared() {
    let version = vec![Field::new("version", "1", "the newest: the package index is 3 days old")];
    let told = human(vec![
        event::planned("web-1", "package", "curl", change(Effect::Refresh, version)),
        Event::PlanFinished,
    ]);
    assert!(told.contains("may change: checked again"), "{told}");
    assert!(told.contains("1 may change.") && !told.contains("as declared"), "{told}");
}

#[test]
fn another_answer_is_told_before_it_is_given_and_when_it_was() {
    let answer = |host: &str| {
        let place = event::place("site.rhai", 3);
        (Arc::<str>::from(host), "probe(`id`)".to_owned(), place)
    };
    let may = |host| {
        let (host, answer, place) = answer(host);
        Event::AnswerMayChange { host, answer, place }
    };
    let now = |host| {
        let (host, answer, place) = answer(host);
        Event::AnswerChanged { host, answer, place }
    };
    let plan = |host| event::planned(host, "file", "/f", change(Effect::Create, Vec::new()));
    let told = human(vec![
        event::run_started("apply", 2),
        plan("web-1"),
        plan("web-2"),
        may("web-1"),
        may("web-2"),
        Event::PlanFinished,
        event::changed("web-1", "file", "/f"),
        now("web-1"),
        now("web-2"),
        plan("web-1"),
        Event::PlanFinished,
    ]);
    let (before, after) = told.split_once("on 2 hosts.").unwrap_or((&told, ""));
    let line = "  ? may change, depending on the answer of probe(`id`): what depends on it (site.rhai:3:1)\n";
    assert_eq!(before.matches(line).count(), 1, "once for both hosts: {told}");
    let line = "\n\nprobe(`id`) (site.rhai:3:1) has a new answer on web-[1,2]: what depends on it is planned again\n\nweb-1: 1 change\n";
    assert!(after.contains(line), "{told}");
}

#[test]
fn colours_change_nothing_else() {
    let coloured = ReportOptions { color: true, color_progress: true, ..options() };
    for events in [mixed_plan("apply"), failed_apply()] {
        let painted = written(coloured.clone(), events.clone());
        assert!(painted.contains('\u{1b}'));
        assert_eq!(console::strip_ansi_codes(&painted), human(events));
    }
}

#[test]
fn a_plan_of_forty_hosts_with_two_outliers() {
    let mut events = vec![event::run_started("plan", 40)];
    let mut hosts = vec![];
    for n in 1..=40 {
        let host = format!("web-{n}");
        let before = if [7, 23].contains(&n) { "0777" } else { "0600" };
        let package = format!("{host}/package:nginx");
        events.extend([
            event::planned(&host, "package", "nginx", change(Effect::Create, vec![])),
            event::planned(
                &host,
                "file",
                "/etc/motd",
                change(Effect::Update, mode(before, "0644")),
            ),
            event::planned(&host, "file", "/etc/nginx/nginx.conf", may_change(&package)),
            event::unchanged(&host, "user", "www-data"),
        ]);
        hosts.push((host, HostSummary { pending: 2, ..told(1, 0) }));
    }
    events.push(Event::PlanFinished);
    let hosts: Vec<_> = hosts.iter().map(|(name, host)| (name.as_str(), host.clone())).collect();
    events.push(event::summary(&hosts, 0));
    insta::assert_snapshot!(human(events));
}

#[test]
fn an_apply_with_a_failure_and_skips() {
    insta::assert_snapshot!("apply_with_failure", human(failed_apply()));
    insta::assert_snapshot!(
        "apply_with_failure_verbose",
        written(ReportOptions { verbosity: 1, ..options() }, failed_apply())
    );
}

#[test]
fn an_apply_that_converges() {
    let hosts: Vec<_> = (1..=30).map(|n| format!("web-{n}")).collect();
    let mut events = vec![event::run_started("apply", 30)];
    let motd = || change(Effect::Create, vec![]);
    events.extend(hosts.iter().map(|host| event::planned(host, "file", "/etc/motd", motd())));
    events.push(Event::PlanFinished);
    events.push(event::changed("web-1", "file", "/etc/motd"));
    let told: Vec<_> = hosts.iter().map(|host| (host.as_str(), told(3, 1))).collect();
    events.push(event::summary(&told, 0));
    insta::assert_snapshot!(human(events));
}

#[test]
fn a_host_that_cannot_be_reached() {
    let gone = HostSummary { unreachable: Some("refused".into()), ..HostSummary::default() };
    insta::assert_snapshot!(human(vec![
        event::run_started("apply", 2),
        Event::Connecting { host: "db-1".into() },
        event::unreachable("db-1"),
        event::planned("web-1", "file", "/etc/motd", change(Effect::Create, vec![])),
        Event::PlanFinished,
        event::changed("web-1", "file", "/etc/motd"),
        event::summary(&[("web-1", told(0, 1)), ("db-1", gone)], 4),
    ]));
}

#[test]
fn a_refused_resource_and_one_nobody_knows_of() {
    let refused =
        Outcome::Refused { reason: "mode was 0600 when the plan was made, now it is 0777".into() };
    let unknown = Outcome::Unknown { message: "the connection was lost while it ran".into() };
    let host = HostSummary { refused: 1, unknown: 1, ..told(1, 0) };
    insta::assert_snapshot!(human(vec![
        event::run_started("apply", 1),
        event::planned("web-1", "file", "/etc/motd", change(Effect::Update, mode("0777", "0644"))),
        Event::PlanFinished,
        event::finished("web-1", "file", "/etc/motd", refused),
        event::finished("web-1", "package", "nginx", unknown),
        event::summary(&[("web-1", host)], 3),
    ]));
}

#[test]
fn a_resource_that_does_not_converge() {
    let host = HostSummary { failed: 1, ..told(1, 0) };
    insta::assert_snapshot!(human(vec![
        event::run_started("apply", 1),
        event::planned("web-1", "file", "/etc/motd", change(Effect::Update, mode("0600", "0644"))),
        Event::PlanFinished,
        Event::Verifying { host: "web-1".into(), round: 3 },
        event::failed("web-1", "file", "/etc/motd", verify_failed()),
        event::summary(&[("web-1", host)], 3),
    ]));
}

fn reverted_apply() -> Vec<Event> {
    let image = vec![Field::new("image", "ring-api:1.9.9", "ring-api:2.0.0")];
    let failure = Failure {
        message: "api did not get healthy: after 60 seconds json.version is 1.9.9, not 2.0.0; the old one is back".into(),
        command: None,
        exit_status: None,
        output: "the last lines of the log of api:\n1.9.9 listens on 8080".into(),
        hint: None,
    };
    let api_1 = HostSummary { reverted: 1, skipped: 1, ..told(3, 0) };
    vec![
        event::run_started("apply", 2),
        event::planned("api-1", "container", "api", change(Effect::Update, image)),
        Event::PlanFinished,
        event::started("api-1", "container", "api"),
        event::finished("api-1", "container", "api", Outcome::reverted(failure)),
        event::skipped(
            "api-1",
            "http_check",
            "http://127.0.0.1:8080/health",
            "api-1/container:api",
        ),
        event::summary(&[("api-1", api_1), ("api-2", told(4, 0))], 5),
    ]
}

#[test]
fn a_change_that_was_taken_back() {
    insta::assert_snapshot!("reverted", human(reverted_apply()));
    insta::assert_snapshot!("reverted_junit", super::junit::render(&reverted_apply()));
}

#[test]
fn a_stream_of_json_lines() {
    let json = ReportOptions { format: Format::Json, ..options() };
    let mut events = [failed_apply(), reverted_apply()].concat();
    events.insert(1, event::output("web-1", "file", "/a", "\u{9b}2J\u{1b}[2J\u{e0041}"));
    let text = written(json, events.clone());
    let read: Vec<Event> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line is an event")).collect();
    assert_eq!(read, events);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
    insta::assert_snapshot!(text);
}

#[test]
fn a_junit_document() {
    let mut events = failed_apply();
    events.insert(2, event::unreachable("db-1"));
    insta::assert_snapshot!(super::junit::render(&events));
}

#[test]
fn errors_in_the_input() {
    let source = Source::new(
        "roles/nginx/main.rhai",
        "package(\"nginx\");\nfile(\"/a\", #{ mod: \x1b[2J });\n",
    );
    let call = Source::new("playbooks/site.rhai", "role(\"nginx\");\n");
    let at = source.text.find("mod").expect("it is there");
    let error = Diagnostic::new("language::unknown-argument", "`file` has no argument `mod`")
        .at(&source, at..at + 3)
        .label("not known")
        .hint("did you mean `mode`?")
        .related(Diagnostic::new("", "called by this").at(&call, 0..4));
    let errors = [error];
    let shown = |options| written_by(options, &[], |report| report.diagnostics(&errors));
    insta::assert_snapshot!("errors", shown(options()));
    insta::assert_snapshot!("errors_ascii", shown(ReportOptions { unicode: false, ..options() }));
    insta::assert_snapshot!(
        "errors_json",
        shown(ReportOptions { format: Format::Json, ..options() })
    );
}

#[test]
fn what_scripts_say_goes_to_standard_error() {
    let place = || Some(event::place("playbooks/site.rhai", 3));
    let text = human(vec![
        Event::Warning { message: "`haproxy` is old".into(), place: place() },
        Event::Printed { message: "two\nlines".into(), place: place() },
    ]);
    assert!(text.lines().all(|line| line.starts_with("2> ")), "{text}");
}

#[test]
fn a_secret_is_in_no_format() {
    let events = [mixed_plan("apply"), failed_apply()].concat();
    let secrets = [Secret::new("web", "nginx")];
    let hidden = |text: &str| text.contains("(secret web)") && !text.contains("nginx");
    for format in [Format::Human, Format::Json] {
        let options = ReportOptions { format, junit: true, verbosity: 1, ..options() };
        let mut junit = None;
        let text = written_by(options, &secrets, |report| {
            events.iter().for_each(|event| report.send(event.clone()));
            report.print("nginx");
            report.diagnostics(&[Diagnostic::new("x", "nginx").hint("nginx")]);
            junit = report.junit(&event::summary(&[], 0));
        });
        assert!(hidden(&text), "{text}");
        assert!(junit.is_some_and(|text| hidden(&text)));
    }
}

#[test]
fn a_host_cannot_move_the_cursor() {
    let evil = "\x1b[2J\u{9b}H\r\u{202e}\x07";
    let failure = Failure {
        message: evil.into(),
        command: Some(evil.into()),
        output: evil.into(),
        ..verify_failed()
    };
    let shown = change(Effect::Update, vec![Field::new(evil, evil, format!("{evil}\n"))]);
    let text = written(
        ReportOptions { verbosity: 1, ..options() },
        vec![
            event::planned(evil, evil, evil, shown),
            Event::PlanFinished,
            event::output(evil, evil, evil, evil),
            event::failed(evil, evil, evil, failure),
            Event::Unreachable { host: evil.into(), message: evil.into(), hint: Some(evil.into()) },
            event::summary(&[(evil, told(0, 1))], 0),
        ],
    );
    assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
}

/// A reader that went away, or a disk that is full.
struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error_but_a_full_disk_is() {
    let finish = |kind| {
        let report = Report::to(options(), redactors(&[]), Broken(kind), io::sink());
        failed_apply().into_iter().for_each(|event| report.send(event));
        report.finish()
    };
    assert!(finish(io::ErrorKind::BrokenPipe).is_ok());
    assert_eq!(finish(io::ErrorKind::StorageFull).unwrap_err().kind(), io::ErrorKind::StorageFull);
}

#[test]
fn a_host_that_did_not_answer_is_not_taken_for_one_that_is_as_declared() {
    let gone = HostSummary { unreachable: Some("refused".into()), ..HostSummary::default() };
    let events = vec![
        event::run_started("apply", 14),
        event::unreachable("db-1"),
        event::unreachable("db-1"),
        event::unchanged("web-1", "user", "www-data"),
        Event::PlanFinished,
        event::summary(&[("web-1", told(1, 0)), ("db-1", gone)], 4),
    ];
    let text = human(events);
    assert!(
        text.contains("Plan: no changes on 1 host; 1 unchanged; 1 host did not answer.\n"),
        "{text}"
    );
    assert_eq!(text.matches("unreachable: connection refused").count(), 1, "{text}");
}

#[test]
fn a_limit_is_proposed_only_where_nothing_else_is_left_to_do() {
    let gone = HostSummary { unreachable: Some("refused".into()), ..HostSummary::default() };
    let waits = HostSummary { skipped: 1, ..told(1, 0) };
    let proposal =
        "For the unreachable hosts alone: converge apply playbooks/site.rhai --limit db-1\n";
    let again = "When they can be reached: converge apply playbooks/site.rhai\n";
    for (web_1, next) in [(told(1, 0), proposal), (waits, again)] {
        let text = human(vec![
            event::run_started("apply", 2),
            event::summary(&[("web-1", web_1), ("db-1", gone.clone())], 4),
        ]);
        assert!(text.ends_with(next), "{text}");
    }
}

#[test]
fn a_plan_that_is_kept_is_what_is_to_be_applied() {
    let mut began = event::run_started("plan", 1);
    if let Event::RunStarted { output, .. } = &mut began {
        *output = Some("my plan".into());
    }
    let pending = HostSummary { pending: 1, ..told(1, 0) };
    let text = human(vec![began, event::summary(&[("web-1", pending)], 2)]);
    assert!(text.ends_with("To apply it: converge apply 'my plan'\n"), "{text}");
}

#[test]
fn of_those_that_were_skipped_none_is_hidden_alone() {
    for (skipped, end) in
        [(6, "web-1/file:/5, web-1/file:/6\n"), (7, "web-1/file:/5, and 2 more\n")]
    {
        let mut events = vec![event::run_started("apply", 1)];
        events
            .extend((1..=skipped).map(|n| event::skipped("web-1", "file", &format!("/{n}"), "x")));
        events.push(event::summary(&[("web-1", HostSummary { skipped, ..told(0, 0) })], 3));
        let text = human(events);
        assert!(text.contains(end), "{text}");
    }
}
