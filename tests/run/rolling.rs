//! One host after the other, with what stands around each turn: before it if it changes something, after it in any case.

use std::sync::Arc;

use converge::{
    plan::{
        event::{Event, Planned},
        exit_status::ExitStatus::{Converged, Failed, Interrupted, Unreachable},
    },
    run::Purpose,
};

use super::fleet::{Fault, Fleet};

/// Nodes behind a balancer, which takes each out of service while it is upgraded.
const RELEASE: &str = r#"
    fn admin(lb, node, state) {
        custom(state, node.name, #{
            observe: `cat ${lb.vars.root}/${node.name} 2>/dev/null || echo ready`,
            want: state,
            apply: `echo ${state} ${node.name} >>${lb.vars.log}; echo ${state} >${lb.vars.root}/${node.name}`,
        })
    }
    fn upgrade(node) {
        custom("version", "api", #{
            observe: `cat ${node.vars.root}/version`,
            want: "2",
            apply: `echo upgrade ${node.name} >>${node.vars.log}
                    if [ -e ${node.vars.root}/cut ]; then eval "$CUT"; fi
                    [ ! -e ${node.vars.root}/bad ]
                    echo 2 >${node.vars.root}/version`,
        })
    }
    rolling(hosts("n*"), #{ OPTIONS }, |node| {
        around(
            || on(hosts("lb"), |lb| admin(lb, node, "drained")),
            || on(node, |node| upgrade(node)),
            || on(hosts("lb"), |lb| admin(lb, node, "ready")),
        );
    });"#;

fn release(options: &str) -> String {
    RELEASE.replace("OPTIONS", options)
}

/// What is written to the log when these nodes are released one after the other.
fn turns(nodes: &[&str]) -> Vec<String> {
    let turn = |node: &&str| ["drained", "upgrade", "ready"].map(|what| format!("{what} {node}"));
    nodes.iter().flat_map(turn).collect()
}

#[tokio::test]
async fn each_node_has_its_turn_and_the_plan_shows_it_before() {
    let fleet = Fleet::new(&["lb", "n1", "n2"]);
    let plan = fleet.plan(&release("")).await;
    assert_eq!(
        (plan.counts("lb"), plan.counts("n1")),
        ([0, 0, 4, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0])
    );
    assert!(matches!(plan.planned("lb/custom:drained/n1"), Some(Planned::Change { .. })));
    assert!(matches!(plan.planned("lb/custom:ready/n1"), Some(Planned::React { .. })));

    let ran = fleet.apply(&release("")).await;
    assert_eq!((ran.status, fleet.log()), (Converged, turns(&["n1", "n2"])));
    assert_eq!((ran.counts("lb"), fleet.markers("lb")), ([0, 4, 0, 0, 0, 0, 0], 0));
}

#[tokio::test]
async fn nothing_is_drained_when_the_version_is_there_already() {
    let fleet = Fleet::new(&["lb", "n1", "n2"]);
    fleet.write("n1", "version", "2");
    let ran = fleet.apply(&release("")).await;
    assert_eq!((ran.status, fleet.log()), (Converged, turns(&["n2"])));
    let ran = fleet.apply(&release("")).await;
    assert_eq!(
        (ran.status, ran.started(""), ran.counts("lb")),
        (Converged, 0, [4, 0, 0, 0, 0, 0, 0])
    );
    assert_eq!(ran.round_trips("lb"), 1);
}

#[tokio::test]
async fn a_node_that_was_drained_by_hand_is_ready_in_the_end() {
    let fleet = Fleet::new(&["lb", "n1"]);
    fleet.write("lb", "n1", "drained");
    fleet.write("n1", "version", "2");
    let ran = fleet.apply(&release("")).await;
    assert_eq!((ran.status, fleet.log()), (Converged, vec!["ready n1".to_owned()]));
    fleet.write("lb", "n1", "drained");
    fleet.write("n1", "version", "1");
    let ran = fleet.apply(&release("")).await;
    assert_eq!((ran.status, &fleet.log()[1..]), (Converged, &turns(&["n1"])[1..]));
}

#[tokio::test]
async fn a_node_that_fails_is_put_back_and_the_next_batch_is_not_begun() {
    let fleet = Fleet::new(&["lb", "n1", "n2", "n3"]);
    fleet.write("n1", "bad", "");
    let ran = fleet.apply(&release("")).await;
    assert_eq!((ran.status, fleet.log()), (Failed, turns(&["n1"])));
    let stopped = "skipped: too many failures (n1; max_failures is 0)";
    for skipped in ["lb/custom:drained/n2", "n2/custom:version/api", "n3/custom:version/api"] {
        assert_eq!(ran.outcome(skipped), stopped, "{skipped}");
    }
    assert_eq!((ran.outcome("lb/custom:ready/n1"), fleet.markers("lb")), ("changed".into(), 0));
}

#[tokio::test]
async fn as_many_nodes_may_fail_as_max_failures_says() {
    for (max, done) in [("1", 3), ("\"34%\"", 3), ("\"33%\"", 1)] {
        let fleet = Fleet::new(&["lb", "n1", "n2", "n3"]);
        fleet.write("n1", "bad", "");
        let ran = fleet.apply(&release(&format!("max_failures: {max}"))).await;
        assert_eq!(
            (ran.status, fleet.log()),
            (Failed, turns(&["n1", "n2", "n3"][..done])),
            "{max}"
        );
    }
}

#[tokio::test]
async fn a_node_that_dies_in_its_turn_is_put_back_too() {
    for (max, nodes) in [(0, vec!["n1"]), (1, vec!["n1", "n2"])] {
        let fleet = Fleet::new(&["lb", "n1", "n2"]);
        fleet.write("n1", "cut", "");
        let ran = fleet.apply(&release(&format!("max_failures: {max}"))).await;
        assert_eq!((ran.status, fleet.log()), (Unreachable, turns(&nodes)));
        assert_eq!(ran.outcome("n1/custom:version/api"), "unknown");
    }
}

#[tokio::test]
async fn a_node_that_is_down_from_the_start_counts_before_anything_is_begun() {
    let fleet = Fleet::new(&["lb", "n1", "n2"]);
    fleet.breaks("n2", Fault::Unreachable);
    let ran = fleet.apply(&release("")).await;
    assert_eq!((ran.status, fleet.log()), (Unreachable, vec![]));
    let stopped = "skipped: too many failures (n2; max_failures is 0)";
    assert_eq!(ran.outcome("n1/custom:version/api"), stopped);
    let ran = fleet.apply(&release("max_failures: 1")).await;
    assert_eq!((ran.status, fleet.log()), (Unreachable, turns(&["n1"])));
}

#[tokio::test]
async fn a_node_that_does_not_say_its_facts_counts_too() {
    let fleet = Fleet::new(&["lb", "n1", "n2"]);
    fleet.breaks("n2", Fault::Unreachable);
    let asking = release("").replace("upgrade(node))", "{ node.facts.os; upgrade(node) })");
    let ran = fleet.apply(&asking).await;
    assert_eq!((ran.status, fleet.log()), (Unreachable, vec![]));
}

#[tokio::test]
async fn nothing_is_drained_before_what_the_body_waits_for() {
    let fleet = Fleet::new(&["lb", "n1", "n2"]);
    let fetch = r#"on(hosts("n*"), |node| command("fetch", #{ run: `echo fetch >>${node.vars.log}; [ ! -e ${node.vars.root}/bad ]` }));"#;
    let playbook = format!("{fetch}\n{}", release(""));
    fleet.write("n1", "bad", "");
    let ran = fleet.apply(&playbook).await;
    assert_eq!((ran.status, fleet.log()), (Failed, vec!["fetch".to_owned(), "fetch".to_owned()]));
    assert_eq!(ran.outcome("lb/custom:drained/n1"), "skipped: n1/command:fetch");
}

/// `note(host, "x")` writes a line to the log that all hosts share, once.
const NOTE: &str = r#"fn note(host, word) {
    let log = host.vars.log;
    custom(word, "x", #{ observe: `grep -x ${word} ${log} || :`, want: word, apply: `echo ${word} >>${log}` })
}"#;

/// Interrupts when a resource is begun.
fn interrupted_at(fleet: &mut Fleet, name: &'static str) {
    fleet.interrupt_at = Some(Arc::new(
        move |event: &Event| matches!(event, Event::Started { node } if node.node.ends_with(name)),
    ));
}

#[tokio::test]
async fn an_interrupt_pays_what_is_outstanding_and_starts_no_other_turn() {
    for (at, done) in [("version/api", 3), ("drained/n1", 2)] {
        let mut fleet = Fleet::new(&["lb", "n1", "n2"]);
        fleet.concurrency = 1;
        interrupted_at(&mut fleet, at);
        let ran = fleet.apply(&release("")).await;
        let mut log = turns(&["n1"]);
        if done == 2 {
            log.remove(1);
        }
        assert_eq!((ran.status, fleet.log()), (Interrupted, log), "{at}");
        assert_eq!(ran.outcome("lb/custom:ready/n2"), "skipped: the run was interrupted");
        assert_eq!(fleet.markers("lb"), 0);
    }
}

#[tokio::test]
async fn an_interrupt_while_the_last_look_is_taken_pays_what_is_outstanding() {
    let mut fleet = Fleet::new(&["lb", "n1"]);
    // The file may change with the command before it: it is left for the second round, and so is the node's end.
    let playbook = NOTE.to_owned()
        + r#"
        around(
            || on(hosts("lb"), |lb| note(lb, "before")),
            || on(hosts("n1"), |n| { command("true"); file(`${n.vars.root}/f`, #{ content: "x" }); }),
            || on(hosts("lb"), |lb| note(lb, "after")),
        );"#;
    fleet.write("n1", "f", "x");
    fleet.interrupt_at = Some(Arc::new(|event: &Event| matches!(event, Event::Verifying { .. })));
    let ran = fleet.apply(&playbook).await;
    assert_eq!((ran.status, fleet.log().join(" ")), (Interrupted, "before after".to_owned()));
    assert_eq!(fleet.markers("lb"), 0);
}

#[tokio::test]
async fn a_check_that_held_in_the_end_is_not_outstanding_any_more() {
    for host in ["lb", "n1"] {
        let fleet = Fleet::new(&["lb", "n1"]);
        let playbook = NOTE.to_owned()
            + &r#"
            around(
                || on(hosts("lb"), |lb| note(lb, "before")),
                || on(hosts("n1"), |n| file(`${n.vars.root}/f`, #{ content: "x" })),
                || on(hosts("HOST"), |it| command_check("well", #{ run: "true" })),
            );"#
            .replace("HOST", host);
        let ran = fleet.apply(&playbook).await;
        assert_eq!((ran.status, ran.warnings()), (Converged, vec![]), "{host}");
        assert_eq!(fleet.markers("lb"), 0, "{host}");
        assert_eq!(fleet.apply(&playbook).await.started(""), 0, "{host}");
    }
}

#[tokio::test]
async fn what_a_lost_balancer_owes_is_paid_first_by_the_next_run() {
    let fleet = Fleet::new(&["lb", "n1", "n2"]);
    fleet.breaks("lb", Fault::LostAfter(2));
    let ran = fleet.apply(&release("")).await;
    assert_eq!((ran.status, fleet.log()), (Unreachable, turns(&["n1"])[..2].to_vec()));
    assert_eq!(fleet.markers("lb"), 1);
    let outstanding =
        "lb/custom:ready/n1 is still outstanding: the next run of this playbook begins with it";
    assert_eq!(ran.warnings(), [outstanding]);

    fleet.mend("lb");
    fleet.write("n1", "version", "1");
    let plan = fleet.plan(&release("")).await;
    let shown = format!("{:?}", plan.planned("lb/custom:ready/n1"));
    assert!(shown.contains("left_by: Some(\"run-1\")"), "{shown}");
    assert!(plan.planned("lb/custom:drained/n1").unwrap().acts(), "it is drained again after that");

    let ran = fleet.apply(&release("")).await;
    let mut log = vec!["ready n1".to_owned()];
    log.extend(turns(&["n1", "n2"]));
    assert_eq!((ran.status, &fleet.log()[2..]), (Converged, log.as_slice()));
    assert_eq!(
        ran.warnings(),
        ["lb/custom:ready/n1 is outstanding since run run-1: it comes first"]
    );
    assert_eq!(fleet.markers("lb"), 0);
    assert_eq!(fleet.apply(&release("")).await.started(""), 0);
}

#[tokio::test]
async fn what_is_paid_is_looked_at_though_nothing_else_is_to_be_done() {
    let fleet = Fleet::new(&["lb", "n1"]);
    fleet.breaks("lb", Fault::LostAfter(2));
    fleet.apply(&release("")).await;
    fleet.mend("lb");
    let ran = fleet.apply(&release("")).await;
    assert_eq!((ran.status, ran.rounds("lb")), (Converged, vec![1]));
    assert_eq!((fleet.log(), fleet.markers("lb")), (turns(&["n1"]), 0));
}

#[tokio::test]
async fn nothing_else_is_begun_when_what_is_outstanding_cannot_be_paid() {
    let fleet = Fleet::new(&["lb", "n1", "n2"]);
    fleet.breaks("lb", Fault::LostAfter(2));
    fleet.apply(&release("")).await;
    fleet.mend("lb");
    let broken = release("").replace("echo ${state} >", "[ ${state} != ready ]; echo ${state} >");
    let before = fleet.log().len();
    let ran = fleet.apply(&broken).await;
    assert_eq!((ran.status, &fleet.log()[before..]), (Failed, &["ready n1".to_owned()][..]));
    assert_eq!(ran.outcome("n2/custom:version/api"), "skipped: lb/custom:ready/n1");
    assert_eq!((fleet.markers("lb"), ran.warnings().len()), (1, 1));
}

#[tokio::test]
async fn who_cannot_pay_says_so() {
    let fleet = Fleet::new(&["lb", "n1"]);
    fleet.breaks("lb", Fault::LostAfter(2));
    fleet.apply(&release("")).await;
    fleet.mend("lb");
    let ran = fleet.plan(r#"on(hosts("lb"), |lb| command("true"));"#).await;
    let told = "lb says that lb/custom:ready/n1 is outstanding since run run-1: only a playbook that declares it can finish it; to forget";
    let [warning] = &ran.warnings()[..] else { panic!("{:?}", ran.warnings()) };
    assert!(warning.starts_with(told), "{warning}");
}

#[tokio::test]
async fn nodes_of_one_batch_go_side_by_side() {
    let fleet = Fleet::new(&["lb", "n1", "n2", "n3", "n4"]);
    let ran = fleet.apply(&release("batch: [1, \"75%\"]")).await;
    let log = fleet.log();
    assert_eq!((ran.status, &log[..3]), (Converged, turns(&["n1"]).as_slice()));
    let at = |line: &str| log.iter().position(|it| it == line).unwrap();
    let drained = ["n2", "n3", "n4"].map(|node| at(&format!("drained {node}")));
    let ready = ["n2", "n3", "n4"].map(|node| at(&format!("ready {node}")));
    assert!(drained.iter().max() < ready.iter().min(), "{log:?}");
}

#[tokio::test]
async fn a_limit_keeps_what_stands_around_what_it_leaves() {
    let mut fleet = Fleet::new(&["lb", "n1", "n2"]);
    fleet.limit = Some(["n2".into()].into());
    let ran = fleet.apply(&release("")).await;
    assert_eq!((ran.status, fleet.log()), (Converged, turns(&["n2"])));
}

#[tokio::test]
async fn what_a_limit_keeps_and_cannot_be_reached_is_told() {
    let mut fleet = Fleet::new(&["lb", "n1", "n2"]);
    fleet.limit = Some(["n2".into()].into());
    fleet.breaks("lb", Fault::Unreachable);
    let ran = fleet.apply(&release("")).await;
    assert_eq!((ran.status, fleet.log()), (Unreachable, vec![]));
    assert!(ran.host("lb").unreachable.is_some());
}

#[tokio::test]
async fn what_is_paid_first_and_outstanding_again_is_paid_again_after_an_interrupt() {
    let mut fleet = Fleet::new(&["lb", "n1"]);
    // The file may change with the command before it, so that the body is left open for a second round.
    let playbook = release("").replace(
        "upgrade(node))",
        "{ command(\"true\"); file(`${node.vars.root}/f`, #{ content: \"x\" }); upgrade(node); })",
    );
    fleet.write("n1", "f", "x");
    fleet.breaks("lb", Fault::LostAfter(2));
    fleet.apply(&playbook).await;
    assert_eq!(fleet.markers("lb"), 1);
    fleet.mend("lb");
    fleet.interrupt_at = Some(Arc::new(|event: &Event| matches!(event, Event::Verifying { .. })));
    let ran = fleet.apply(&playbook).await;
    let log = fleet.log();
    assert_eq!(
        (ran.status, log.last().map(String::as_str)),
        (Interrupted, Some("ready n1")),
        "{log:?}"
    );
    assert_eq!(
        (fleet.markers("lb"), fleet.read("lb", "n1").as_deref()),
        (0, Some("ready\n")),
        "{log:?}"
    );
}

#[tokio::test]
async fn nothing_is_drained_for_what_the_approved_plan_does_not_do() {
    let fleet = Fleet::new(&["lb", "n1", "n2"]);
    fleet.write("n1", "version", "1");
    let plan = fleet.plan(&release("")).await.plan;
    fleet.write("n1", "version", "0");
    let ran = fleet.run(&release(""), Purpose::Apply { approved: Some(plan) }).await.unwrap();
    assert_eq!((ran.status, fleet.log()), (Failed, vec![]));
    assert_eq!(
        ran.outcome("n1/custom:version/api"),
        "refused: it changed on the host since the plan was made"
    );
    let stopped = "skipped: too many failures (n1; max_failures is 0)";
    assert_eq!(ran.outcome("n2/custom:version/api"), stopped);
}

#[tokio::test]
async fn one_host_can_have_it_all() {
    let fleet = Fleet::new(&["a"]);
    let playbook = NOTE.to_owned()
        + r#"
        on(hosts("a"), |host| {
            around(
                || { note(host, "stop"); },
                || { note(host, "work"); command("false"); note(host, "never"); },
                || { note(host, "start"); note(host, "look"); },
            );
            note(host, "later");
        });"#;
    let ran = fleet.apply(&playbook).await;
    assert_eq!((ran.status, fleet.log().join(" ")), (Failed, "stop work start look".to_owned()));
    assert_eq!(ran.outcome("custom:later/x"), "skipped: a/command:false");
}

#[tokio::test]
async fn what_cannot_be_drained_is_not_upgraded() {
    let fleet = Fleet::new(&["lb", "n1", "n2"]);
    let stuck = release("").replace("echo ${state} >", "[ ${state} != drained ]; echo ${state} >");
    let ran = fleet.apply(&stuck).await;
    assert_eq!((ran.status, fleet.log().join(", ")), (Failed, "drained n1, ready n1".to_owned()));
    assert_eq!((ran.outcome("lb/custom:ready/n1"), fleet.markers("lb")), ("changed".into(), 0));
}
