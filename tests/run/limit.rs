//! A run that is limited to some hosts: it does less, and is no less careful.

use converge::plan::exit_status::ExitStatus::{Converged, Failed, Unreachable};

use super::fleet::{Fault, Fleet};

fn limited(hosts: &[&str], limit: &[&str]) -> Fleet {
    let mut fleet = Fleet::new(hosts);
    fleet.limit = Some(limit.iter().map(|host| (*host).into()).collect());
    fleet
}

const GATED: &str = r#"
    let lb = hosts("lb")[0];
    rolling(hosts("n*"), #{ batch: 1 }, |node| around(
        || on(lb, |lb| custom("out", node.name, #{ observe: "echo in", want: "out", apply: `echo out ${node.name} >>${lb.vars.log}` })),
        || {
            on(node, |node| file(`${node.vars.root}/release`, #{ content: "2" }));
            on(lb, |lb| command_check(`${node.name} is well`, #{ run: "GATE", deadline: 0 }));
        },
        || on(lb, |lb| action(`back ${node.name}`, #{ run: "true" })),
    ));"#;

#[tokio::test]
async fn the_gate_of_a_body_on_another_host_stays() {
    let fleet = limited(&["lb", "n1", "n2"], &["n2"]);
    let ran = fleet.apply(&GATED.replace("GATE", "false")).await;
    let gate = ran.outcome("command_check:n2 is well");
    assert_eq!((ran.status, gate.starts_with("failed")), (Failed, true), "{gate}");
    // Another turn is not of this run: its checks are none of it.
    assert_eq!(ran.outcome("command_check:n1 is well"), "nothing");
}

#[tokio::test]
async fn a_check_between_two_changes_on_another_host_stands_between_them() {
    let fleet = limited(&["a", "b"], &["a"]);
    let playbook = r#"sequence(|| {
        on(hosts("a"), |host| file(`${host.vars.root}/one`, #{ content: "x" }));
        on(hosts("b"), |host| {
            file(`${host.vars.root}/left-out`, #{ content: "x" });
            command_check("b is well", #{ run: "false", deadline: 0 });
        });
        on(hosts("a"), |host| file(`${host.vars.root}/two`, #{ content: "x" }));
    });"#;
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, ran.outcome("/one")), (Failed, "changed".into()));
    assert_eq!(ran.outcome("/two"), "skipped: b/command_check:b is well");
    assert!(!fleet.at("b", "left-out").exists());
}

#[tokio::test]
async fn a_reaction_that_is_left_out_stays_outstanding() {
    let mut fleet = limited(&["a", "b"], &["a"]);
    let playbook = r#"let config = #{};
        on(hosts("a"), |host| config.a = file(`${host.vars.root}/f`, #{ content: "x" }));
        on(hosts("b"), |host| action("tell", #{ run: `echo told >>${host.vars.log}`, on: [config.a] }));"#;
    let ran = fleet.apply(playbook).await;
    let cause = fleet.at("a", "f");
    let told = format!(
        "b/action:tell has an outstanding run because of a/file:{}: it is outside of the limit, and the next run of both hosts takes care of it",
        cause.display()
    );
    assert_eq!((ran.status, ran.warnings(), fleet.markers("a")), (Converged, vec![told], 1));
    // Nobody is told to forget it.
    let told = format!(
        "a says that b/action:tell has an outstanding run since run run-1 because of a/file:{}: it is outside of the limit, and the next run of both hosts takes care of it",
        cause.display()
    );
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, ran.warnings(), fleet.markers("a")), (Converged, vec![told], 1));
    fleet.limit = None;
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, fleet.log(), fleet.markers("a")), (Converged, vec!["told".into()], 0));
}

#[tokio::test]
async fn a_reaction_with_another_name_that_is_left_out_stays_outstanding_too() {
    let mut fleet = Fleet::new(&["a", "b"]);
    let playbook = |name: &str, run: &str| {
        format!(
            r#"let config = #{{}};
            on(hosts("a"), |host| {{
                config.a = file(`${{host.vars.root}}/f`, #{{ content: "x" }});
                action("note", #{{ run: `echo noted >>${{host.vars.log}}`, on: [config.a] }});
            }});
            on(hosts("b"), |host| action("{name}", #{{ run: `{run}`, on: [config.a] }}));"#
        )
    };
    let ran = fleet.apply(&playbook("restrat", "false")).await;
    assert_eq!(
        (ran.status, fleet.log().join(" "), fleet.markers("a")),
        (Failed, "noted".into(), 1)
    );
    let mended = playbook("restart", "echo restarted >>${host.vars.log}");
    fleet.limit = Some(["a".into()].into());
    assert_eq!((fleet.apply(&mended).await.status, fleet.markers("a")), (Converged, 1));
    fleet.limit = None;
    let ran = fleet.apply(&mended).await;
    assert_eq!((ran.status, fleet.markers("a")), (Converged, 0));
    assert_eq!(fleet.log().iter().filter(|line| *line == "restarted").count(), 1);
}

/// The command that a run proposes for the hosts that it did not reach.
#[tokio::test]
async fn what_hosts_beyond_the_limit_owe_to_those_within_is_paid() {
    let mut fleet = Fleet::new(&["a", "b"]);
    let playbook = r#"let config = #{};
        on(hosts("a"), |host| config.a = file(`${host.vars.root}/f`, #{ content: "x" }));
        on(hosts("b"), |host| {
            file(`${host.vars.root}/g`, #{ content: "x" });
            action("tell", #{ run: `echo told >>${host.vars.log}`, on: [config.a] });
        });"#;
    fleet.breaks("b", Fault::Unreachable);
    assert_eq!(fleet.apply(playbook).await.status, Unreachable);
    assert_eq!(fleet.markers("a"), 1);
    fleet.mend("b");
    fleet.limit = Some(["b".into()].into());
    // Who cannot say what it owes is named, and keeps nobody from what is there to do.
    fleet.breaks("a", Fault::Unreachable);
    let ran = fleet.apply(playbook).await;
    assert_eq!(
        (ran.status, ran.outcome("/g"), fleet.log().len()),
        (Unreachable, "changed".into(), 0)
    );
    assert!(
        ran.warnings().iter().any(|it| it.starts_with("a is outside of the limit, and")),
        "{:?}",
        ran.warnings()
    );
    fleet.mend("a");
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, fleet.log(), fleet.markers("a")), (Converged, vec!["told".into()], 0));
    assert_eq!(fleet.plan(playbook).await.status, Converged);
}
