//! What hosts answer otherwise after a change is planned anew in the same run.

use converge::{
    plan::{
        event::Event,
        exit_status::ExitStatus::{Converged, Failed, Pending},
    },
    run::Purpose,
};

use super::fleet::{Fault, Fleet, Ran};

/// The answers that the plan said may be other ones, and those that were.
fn answers(ran: &Ran) -> [Vec<String>; 2] {
    let name = |host: &str, answer: &str| match answer.split_once('(') {
        Some((probe, _)) => format!("{probe} on {host}"),
        None => format!("{answer} on {host}"),
    };
    let mut all = [Vec::new(), Vec::new()];
    for event in &ran.events {
        match event {
            Event::AnswerMayChange { host, answer, .. } => all[0].push(name(host, answer)),
            Event::AnswerChanged { host, answer, .. } => all[1].push(name(host, answer)),
            _ => {}
        }
    }
    all
}

/// One file is made of what a probe says of another one.
const SEEN: &str = r#"on(hosts("a"), |host| {
    let r = host.vars.root;
    file(`${r}/one`, #{ content: "hello" });
    let seen = probe(`cat ${r}/one`);
    let two = file(`${r}/two`, #{ content: `seen: ${seen.stdout}` });
    action("tell", #{ run: `cat ${r}/two >>${host.vars.log}; echo >>${host.vars.log}`, on: [two] });
});"#;

#[tokio::test]
async fn what_is_made_of_an_answer_that_the_run_changes_is_right_after_one_run() {
    let fleet = Fleet::new(&["a"]);
    let planned = fleet.plan(SEEN).await;
    let named = ["probe on a".to_owned()];
    assert_eq!((planned.status, answers(&planned)), (Pending, [named.to_vec(), vec![]]));
    let ran = fleet.apply(SEEN).await;
    assert_eq!((ran.status, answers(&ran)), (Converged, [named.to_vec(), named.to_vec()]));
    assert_eq!(fleet.read("a", "two").as_deref(), Some("seen: hello"));
    assert_eq!((fleet.log(), fleet.markers("a")), (vec!["seen: ".into(), "seen: hello".into()], 0));
    assert_eq!(ran.counts("a"), [0, 3, 0, 0, 0, 0, 0], "a resource counts once");
    // The answers, the state, the lock, the change, the look with the answers; then the state, the change, the look.
    assert_eq!(ran.round_trips("a"), 8);
    let after = fleet.plan(SEEN).await;
    assert_eq!((after.status, answers(&after)), (Converged, [vec![], vec![]]));
}

#[tokio::test]
async fn to_ask_again_costs_nothing_where_all_is_well() {
    let fleet = Fleet::new(&["a"]);
    assert_eq!(fleet.apply(SEEN).await.status, Converged);
    assert_eq!(fleet.apply(SEEN).await.round_trips("a"), 2, "the answers, and the state");
    let other =
        SEEN.replace("action(", "file(`${r}/three`, #{ content: host.facts.hostname }); action(");
    let ran = fleet.apply(&other).await;
    assert_eq!((ran.status, ran.started(""), answers(&ran)[1].len()), (Converged, 1, 0));
    // Facts come with the other answers. What could change with a run is named, such as what a host is called.
    assert_eq!(answers(&ran)[0], ["probe on a", "host.facts.hostname on a"]);
    // The answers, one after the other as the script reads them; the state, the lock, the change, the look.
    assert_eq!(ran.round_trips("a"), 6);
}

#[tokio::test]
async fn a_value_of_one_host_gets_to_another_one_in_one_run() {
    let fleet = Fleet::new(&["a", "b"]);
    let playbook = r#"let seen = #{};
    on(hosts("a"), |host| {
        file(`${host.vars.root}/token`, #{ content: "hello" });
        seen.token = probe(`cat ${host.vars.root}/token`).stdout;
    });
    on(hosts("b"), |host| file(`${host.vars.root}/joined`, #{ content: `with ${seen.token}` }));"#;
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, fleet.read("b", "joined").as_deref()), (Converged, Some("with hello")));
    assert_eq!(fleet.plan(playbook).await.status, Converged);
    // Another answer from which nothing else follows leads to nothing.
    let other = playbook.replace("with ${seen.token}", "without").replace("hello", "again");
    let ran = fleet.apply(&other).await;
    assert_eq!((ran.status, answers(&ran)[1].len()), (Converged, 0));
}

#[tokio::test]
async fn what_is_never_the_same_again_does_not_converge_and_is_named() {
    let fleet = Fleet::new(&["a"]);
    let playbook = r#"on(hosts("a"), |host| {
        file(`${host.vars.root}/now`, #{ content: probe("date +%N; cat /proc/sys/kernel/random/uuid").stdout });
    });"#;
    let ran = fleet.apply(playbook).await;
    let told = ran.outcome("/now");
    assert_eq!((ran.status, ran.started("/now")), (Failed, 3), "{told}");
    let named = "it does not converge: after 3 rounds the answer of probe(`date +%N; cat /proc/sys/kernel/random/uuid`) on a still";
    assert!(told.contains(named), "{told}");
    assert_eq!(ran.counts("a"), [0, 0, 0, 1, 0, 0, 0]);
}

#[tokio::test]
async fn an_approved_plan_names_the_answers_and_does_what_follows_from_them() {
    let fleet = Fleet::new(&["a"]);
    let plan = fleet.plan(SEEN).await.plan;
    assert_eq!(plan.answers.len(), 1);
    let mut unnamed = plan.clone();
    unnamed.answers.clear();
    let ran = fleet.run(SEEN, Purpose::Apply { approved: Some(unnamed) }).await.unwrap();
    let told = ran.outcome("/two");
    assert!(
        told.starts_with("refused: the approved plan does not allow it to change, nor that probe("),
        "{told}"
    );
    assert!(told.ends_with(" on a may"), "{told}");
    assert_eq!((ran.status, fleet.read("a", "two").as_deref()), (Failed, Some("seen: ")));
    assert_eq!(fleet.log(), ["seen: "]);

    let fleet = Fleet::new(&["a"]);
    let plan = fleet.plan(SEEN).await.plan;
    let ran = fleet.run(SEEN, Purpose::Apply { approved: Some(plan) }).await.unwrap();
    assert_eq!((ran.status, fleet.log().len()), (Converged, 2));
    assert_eq!(fleet.read("a", "two").as_deref(), Some("seen: hello"));
}

#[tokio::test]
async fn a_limit_holds_for_what_follows() {
    let mut fleet = Fleet::new(&["a", "b"]);
    let playbook = SEEN.replace("on(hosts(\"a\")", "on(hosts(\"all\")");
    fleet.limit = Some(["a".into()].into());
    let ran = fleet.apply(&playbook).await;
    assert_eq!((ran.status, fleet.read("a", "two").as_deref()), (Converged, Some("seen: hello")));
    assert_eq!(fleet.read("b", "one"), None);
}

#[tokio::test]
async fn what_failed_stays_failed() {
    let fleet = Fleet::new(&["a", "b", "c"]);
    fleet.breaks("c", Fault::LostBefore(2));
    let other = r#"on(hosts("b"), |host| {
        command("no", #{ run: "false", creates: "/none" });
        if probe(`cat ${hosts("a")[0].vars.root}/one`).code != 0 { command("gone", #{ run: "false" }); }
        else { file(`${host.vars.root}/f`, #{ content: "x" }); }
    });
    on(hosts("c"), |host| file(`${host.vars.root}/f`, #{ content: "x" }));"#;
    let ran = fleet.apply(&format!("{SEEN}\n{other}")).await;
    assert_eq!(fleet.read("a", "two").as_deref(), Some("seen: hello"), "others go on");
    assert!(ran.outcome("command:no").starts_with("failed"));
    assert_eq!((ran.status, fleet.read("b", "f")), (Failed, None));
    let counts = ([0, 3, 0, 0, 0, 0, 0], [0, 0, 0, 1, 2, 0, 0]);
    assert_eq!((ran.counts("a"), ran.counts("b")), counts);
    assert!(ran.host("c").unreachable.is_some());
}

#[tokio::test]
async fn nothing_is_begun_on_a_host_where_what_failed_is_not_declared_any_more() {
    let fleet = Fleet::new(&["a"]);
    let playbook = r#"on(hosts("a"), |host| {
        let r = host.vars.root;
        file(`${r}/one`, #{ content: "hello" });
        if probe(`cat ${r}/one`).code != 0 { command("gone", #{ run: "false" }); }
        else { file(`${r}/two`, #{ content: "x" }); }
    });"#;
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, ran.outcome("/two").as_str()), (Failed, "skipped: a/command:gone"));
    assert_eq!((ran.counts("a"), fleet.read("a", "two")), ([0, 1, 0, 1, 1, 0, 0], None));
}

#[tokio::test]
async fn a_command_runs_once_unless_a_later_wave_changes_what_its_guard_looks_at() {
    let fleet = Fleet::new(&["a"]);
    let more = r#"
    command("always", #{ run: `echo always >>${host.vars.log}` });
    command("load", #{ unless: `cmp -s ${r}/two ${r}/loaded`, run: `cp ${r}/two ${r}/loaded` });
});"#;
    let playbook = SEEN.strip_suffix("});").unwrap().to_owned() + more;
    let ran = fleet.apply(&playbook).await;
    assert_eq!(
        (ran.status, fleet.read("a", "loaded").as_deref()),
        (Converged, Some("seen: hello"))
    );
    assert_eq!(fleet.log(), ["seen: ", "always", "seen: hello"]);
}

#[tokio::test]
async fn what_stands_around_what_follows_is_done_again() {
    let fleet = Fleet::new(&["a"]);
    let playbook = r#"on(hosts("a"), |host| {
        let r = host.vars.root;
        let log = host.vars.log;
        file(`${r}/one`, #{ content: "hello" });
        let seen = probe(`cat ${r}/one`).stdout;
        around(
            || command("out", #{ run: `echo out >>${log}` }),
            || file(`${r}/two`, #{ content: seen }),
            || command("in", #{ run: `echo in >>${log}` }),
        );
    });"#;
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, fleet.read("a", "two").as_deref()), (Converged, Some("hello")));
    assert_eq!((fleet.log().join(" "), fleet.markers("a")), ("out in out in".to_owned(), 0));
    assert_eq!(fleet.plan(playbook).await.status, Converged);
}

#[tokio::test]
async fn a_fact_that_the_run_changes_is_noticed() {
    let fleet = Fleet::new(&["a"]);
    std::fs::create_dir(fleet.at("a", "bin")).unwrap();
    let playbook = r#"on(hosts("a"), |host| {
        let r = host.vars.root;
        file(`${r}/bin/apk`, #{ content: "", mode: "0755" });
        if "apk" in host.facts.tools { file(`${r}/two`, #{ content: host.facts.os.id }); }
    });"#;
    let ran = fleet.apply(playbook).await;
    let named = ["host.facts.tools on a".to_owned()];
    assert_eq!((ran.status, answers(&ran)), (Converged, [named.to_vec(), named.to_vec()]));
    assert!(fleet.read("a", "two").is_some());
    assert_eq!(fleet.plan(playbook).await.status, Converged);
}

#[tokio::test]
async fn facts_that_are_no_text_are_an_error_and_not_damaged() {
    let mut fleet = Fleet::new(&["a"]);
    std::fs::create_dir(fleet.at("a", "bin")).unwrap();
    fleet.write("a", "bin/uname", "#!/bin/sh\nprintf 'Linux h\\377st 6 x\\n'\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(fleet.at("a", "bin/uname"), mode).unwrap();
    fleet.roles.insert("r/main.rhai".to_owned(), "file(\"/x\", #{ template: \"t\" });".to_owned());
    fleet.roles.insert("r/templates/t".to_owned(), "{{ ansible_hostname }}".to_owned());
    for playbook in ["print(host.facts.os.id);", "role(\"r\");"] {
        let playbook = format!("on(hosts(\"a\"), |host| {{\n{playbook}\n}});");
        let Err(error) = fleet.run(&playbook, Purpose::Plan).await else {
            panic!("it was taken for a text")
        };
        let told = "the facts of a are not UTF-8 text";
        assert!(error.message().contains(told), "{}", error.message());
        assert!(error.place().is_some());
    }
}

#[tokio::test]
async fn an_answer_that_is_no_text_any_more_fails_the_run() {
    let fleet = Fleet::new(&["a"]);
    let playbook = r#"on(hosts("a"), |host| {
        let r = host.vars.root;
        command("spoil", #{ run: `printf '\377' >${r}/one`, creates: `${r}/one` });
        file(`${r}/two`, #{ content: probe(`cat ${r}/one 2>/dev/null`).stdout });
    });"#;
    let ran = fleet.apply(playbook).await;
    let told = ran.outcome("/two");
    assert_eq!(ran.status, Failed, "{told}");
    assert!(told.contains("and with the new answer there is an error at site.rhai:4:"), "{told}");
    assert!(told.contains("is not UTF-8 text"), "{told}");
}

#[tokio::test]
async fn a_probe_asks_the_same_each_time_whatever_it_leaves_behind() {
    let fleet = Fleet::new(&["a"]);
    let playbook = r#"on(hosts("a"), |host| {
        let r = host.vars.root;
        let odd = probe("cd /; umask 0; x=1; exit 3");
        let other = probe("echo \"$x $# $(pwd)\"; printf 'no end'; printf 'told' >&2; type say");
        file(`${r}/f`, #{ content: `${odd.code} ${other.stdout} ${other.stderr}` });
        file(`${r}/g`, #{ content: "VALUE" });
    });"#;
    let ran = fleet.apply(&playbook.replace("VALUE", "1")).await;
    assert_eq!((ran.status, answers(&ran)[1].len()), (Converged, 0));
    let read = fleet.read("a", "f").unwrap();
    assert!(read.starts_with("3  0 ") && read.contains("no end"), "{read}");
    assert!(!read.contains("function"), "{read}");
    let ran = fleet.apply(&playbook.replace("VALUE", "2")).await;
    assert_eq!((ran.status, ran.started("")), (Converged, 1));
}
