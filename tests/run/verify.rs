//! The run looks again at what it changed.

use converge::plan::{
    event::{Event, Failure, Outcome, Planned},
    exit_status::ExitStatus::{Converged, Failed},
};

use super::fleet::{Fleet, Ran};
use crate::systemd;

fn failure(ran: &Ran, node: &str) -> Failure {
    let of = |event: &Event| match event {
        Event::Finished { node: name, outcome: Outcome::Failed(failure), .. }
            if name.node.ends_with(node) =>
        {
            Some(failure.clone())
        }
        _ => None,
    };
    *ran.events.iter().find_map(of).unwrap()
}

#[tokio::test]
async fn what_a_later_step_broke_is_mended_in_another_round() {
    let mut fleet = Fleet::new(&["a"]);
    let maker = r#"
        let r = host.vars.root;
        command("make", #{ run: `touch ${r}/litter ${r}/done`, creates: `${r}/done` });"#;
    fleet.roles.insert("maker/main.rhai".to_owned(), maker.to_owned());
    let playbook =
        r#"on(hosts("all"), |host| { role("maker"); absent(`${host.vars.root}/litter`); });"#;
    let ran = fleet.apply(playbook).await;
    assert_eq!(ran.planned("/litter"), Some(Planned::Unchanged));
    assert_eq!((ran.status, ran.outcome("/litter")), (Converged, "changed".to_owned()));
    assert_eq!((ran.rounds("a"), fleet.at("a", "litter").exists()), (vec![1, 2], false));
    assert_eq!(ran.counts("a"), [0, 2, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn what_a_command_may_alter_is_said_so_and_looked_at_again() {
    let fleet = Fleet::new(&["a"]);
    fleet.write("a", "f", "good");
    let playbook = r#"on(hosts("all"), |host| {
        let r = host.vars.root;
        command("spoil", #{ run: `echo bad >${r}/f; touch ${r}/done`, creates: `${r}/done` });
        file(`${r}/f`, #{ content: "good" });
        link(`${r}/l`, #{ to: r });
    });"#;
    let ran = fleet.apply(playbook).await;
    let because = "a/command:spoil".into();
    assert_eq!(ran.planned("/f"), Some(Planned::MayChange { because }));
    assert_eq!((ran.status, fleet.read("a", "f").unwrap()), (Converged, "good".to_owned()));
    assert_eq!(ran.counts("a"), [0, 3, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn what_never_becomes_so_fails_after_three_rounds() {
    let fleet = Fleet::new(&["a", "b"]);
    let playbook = r#"
        on(hosts("a"), |host| custom("switch", "main", #{
            observe: "echo off", want: "on", apply: `echo tried >>${host.vars.log}`,
        }));
        on(hosts("b"), |host| file(`${host.vars.root}/f`, #{ content: "x" }));"#;
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, ran.rounds("a")), (Failed, vec![1, 2, 3]));
    assert_eq!(fleet.log().len(), 3);
    let failure = failure(&ran, "custom:switch/main");
    assert_eq!(failure.message, "it does not converge: after 3 rounds it still differs in state");
    assert_eq!(failure.output, "state: off -> on");
    assert_eq!((ran.counts("a"), ran.counts("b")), ([0, 0, 0, 1, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0]));
}

#[tokio::test]
async fn a_command_without_a_guard_runs_once_and_so_does_who_reacts_to_it() {
    let fleet = Fleet::new(&["a"]);
    let playbook = r#"on(hosts("all"), |host| {
        let log = host.vars.log;
        let always = command("always", #{ run: `echo ran >>${log}` });
        action("after", #{ run: `echo reacted >>${log}`, on: [always] });
        file(`${host.vars.root}/f`, #{ content: "x" });
    });"#;
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, fleet.log()), (Converged, vec!["ran".into(), "reacted".into()]));
    assert_eq!(fleet.markers("a"), 0);
}

#[tokio::test]
async fn a_command_whose_guard_does_not_hold_after_it_ran_fails_and_runs_no_second_time() {
    let fleet = Fleet::new(&["a"]);
    let playbook = r#"on(hosts("all"), |host| command("vain", #{
        run: `echo ran >>${host.vars.log}`, creates: `${host.vars.root}/never`,
    }));"#;
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, fleet.log().len()), (Failed, 1));
    assert!(failure(&ran, "command:vain").message.contains("guard"), "{}", ran.outcome("vain"));
}

#[tokio::test]
async fn an_action_runs_again_when_its_cause_had_to_be_mended() {
    let mut fleet = Fleet::new(&["a"]);
    fleet.roles.insert("spoiler/main.rhai".to_owned(), SPOILER.to_owned());
    let playbook = r#"on(hosts("all"), |host| {
        let r = host.vars.root;
        role("spoiler");
        let f = file(`${r}/f`, #{ content: "good" });
        action("tell", #{ run: `cat ${r}/f >>${host.vars.log}; echo >>${host.vars.log}`, on: [f] });
    });"#;
    fleet.write("a", "f", "good");
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, fleet.log(), fleet.markers("a")), (Converged, vec!["good".into()], 0));
    assert_eq!(fleet.apply(playbook).await.counts("a"), [3, 0, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_check_waits_after_what_changed_before_it_and_not_otherwise() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let fleet = Fleet::new(&["a"]);
    let playbook = r#"on(hosts("all"), |host| {
        file(`${host.vars.root}/f`, #{ content: "x" });
        port_check(PORT);
        link(`${host.vars.root}/l`, #{ to: "/x" });
    });"#;
    let playbook = playbook.replace("PORT", &port.to_string());
    let ran = fleet.apply(&playbook).await;
    let order: Vec<String> = ran.events.iter().filter_map(started).collect();
    assert_eq!(
        (ran.status, order),
        (Converged, ["file", "port_check", "link"].map(String::from).into())
    );
    assert_eq!(ran.counts("a"), [1, 2, 0, 0, 0, 0, 0]);
    assert_eq!(fleet.apply(&playbook).await.started("port_check"), 0);
}

#[tokio::test]
async fn a_check_is_asked_again_when_what_stands_before_it_was_mended() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut fleet = Fleet::new(&["a", "b"]);
    fleet.write("a", "f", "good");
    fleet.roles.insert("spoiler/main.rhai".to_owned(), SPOILER.to_owned());
    let playbook = r#"on(hosts("a"), |host| {
        role("spoiler");
        file(`${host.vars.root}/f`, #{ content: "good" });
        port_check(PORT);
    });
    on(hosts("b"), |host| port_check(PORT));"#;
    let ran = fleet.apply(&playbook.replace("PORT", &port)).await;
    let story: Vec<String> = ran.events.iter().filter_map(started).collect();
    assert_eq!(
        (ran.status, story.join(" ")),
        (Converged, "command port_check file port_check".into())
    );
    let ends = |name: &str| {
        let of = |event: &Event| match event {
            Event::Finished { node, outcome, .. } if node.node.starts_with(name) => {
                Some(outcome.clone())
            }
            _ => None,
        };
        ran.events.iter().filter_map(of).collect::<Vec<_>>()
    };
    assert_eq!(ends("a/file:"), [Outcome::Changed], "the plan told it to be unchanged");
    assert_eq!(ends("b/port_check:"), [], "what the plan told stands");
}

/// Writes something else into the file `f` of the host, once.
const SPOILER: &str = r#"
let r = host.vars.root;
command("spoil", #{ run: `echo bad >${r}/f; touch ${r}/done`, creates: `${r}/done` });"#;

fn started(event: &Event) -> Option<String> {
    match event {
        Event::Started { node } => Some(node.kind.to_string()),
        _ => None,
    }
}

#[tokio::test]
async fn a_service_that_did_not_stay_is_not_started_once_more() {
    let fleet = Fleet::new(&["a"]);
    let bin = fleet.at("a", "bin");
    systemd::install(&bin);
    let unit = bin.join("units/x.service").display().to_string();
    std::fs::write(&unit, "LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\n")
        .unwrap();
    // It dies a second after it began to be active.
    let playbook = r#"on(hosts("all"), |host| {
        service("x");
        command("later", #{ run: `touch ${host.vars.root}/done
            sed -i s/ActiveState=active/ActiveState=failed/ UNIT
            echo ActiveEnterTimestampMonotonic=1000000 >>UNIT
            echo InactiveEnterTimestampMonotonic=2000000 >>UNIT`, creates: `${host.vars.root}/done` });
    });"#;
    let ran = fleet.apply(&playbook.replace("UNIT", &unit)).await;
    assert_eq!(ran.status, Failed);
    let failure = failure(&ran, "service:x.service");
    let told =
        "x.service was started in this run, and did not stay active for 3 seconds: it is failed";
    assert!(failure.output.ends_with(told), "{failure:?}");
    let calls = std::fs::read_to_string(bin.join("calls")).unwrap();
    assert_eq!(calls.matches("start ").count(), 1, "{calls}");
}
