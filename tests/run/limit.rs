//! A run that is limited to some hosts: it does less, and is no less careful.

use converge::{
    event::Event,
    exit_status::ExitStatus::{Converged, Failed},
};

use super::fleet::{Fleet, Ran};

fn limited(hosts: &[&str], limit: &[&str]) -> Fleet {
    let mut fleet = Fleet::new(hosts);
    fleet.limit = Some(limit.iter().map(|host| (*host).into()).collect());
    fleet
}

fn warnings(ran: &Ran) -> Vec<&str> {
    let warnings = ran.events.iter().filter_map(|event| match event {
        Event::Warning { message, .. } => Some(message.as_str()),
        _ => None,
    });
    warnings.collect()
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
async fn a_reaction_that_is_left_out_stays_owed() {
    let mut fleet = limited(&["a", "b"], &["a"]);
    let playbook = r#"let config = #{};
        on(hosts("a"), |host| config.a = file(`${host.vars.root}/f`, #{ content: "x" }));
        on(hosts("b"), |host| action("tell", #{ run: `echo told >>${host.vars.log}`, on: [config.a] }));"#;
    let ran = fleet.apply(playbook).await;
    let cause = fleet.at("a", "f");
    let told = format!(
        "b/action:tell is owed a run because of a/file:{}: the limit leaves it out, and the next run of both sees to it",
        cause.display()
    );
    assert_eq!(
        (ran.status, warnings(&ran), fleet.markers("a")),
        (Converged, vec![told.as_str()], 1)
    );
    fleet.limit = None;
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, fleet.log(), fleet.markers("a")), (Converged, vec!["told".into()], 0));
}
