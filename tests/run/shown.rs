//! Whatever a run does was shown before it, as a change or as what may change.

use converge::{
    plan::{
        event::Planned,
        exit_status::ExitStatus::{Converged, Failed},
    },
    run::Purpose,
};

use super::fleet::{Fleet, Ran};

fn because(ran: &Ran, node: &str) -> Option<String> {
    match ran.planned(node) {
        Some(Planned::MayChange { because }) => Some(because.to_string()),
        _ => None,
    }
}

/// A guard that is a script, and who reacts to it.
const GUARDED: &str = r#"on(hosts("a"), |host| {
    let r = host.vars.root;
    file(`${r}/conf`, #{ content: "VALUE" });
    let load = command("load", #{ unless: `cmp -s ${r}/conf ${r}/loaded`, run: `cp ${r}/conf ${r}/loaded` });
    action("tell", #{ run: `echo told >>${host.vars.log}`, on: [load] });
    custom("state", "main", #{ observe: `cat ${r}/loaded`, want: "VALUE", apply: "false" });
});"#;

fn guarded(value: &str) -> String {
    GUARDED.replace("VALUE", value)
}

async fn with_one() -> Fleet {
    let fleet = Fleet::new(&["a"]);
    fleet.write("a", "conf", "1");
    fleet.write("a", "loaded", "1");
    assert_eq!(fleet.apply(&guarded("1")).await.started(""), 0);
    fleet
}

#[tokio::test]
async fn a_guard_that_is_a_script_may_change_after_any_change_before_it() {
    let fleet = with_one().await;
    let ran = fleet.plan(&guarded("2")).await;
    let file = format!("a/file:{}", fleet.at("a", "conf").display());
    assert_eq!(because(&ran, "command:load").as_deref(), Some(&*file));
    assert_eq!(because(&ran, "action:tell").as_deref(), Some(&*file), "it would react");
    assert_eq!(ran.counts("a")[2], 2);
    // What stands behind it waits until it is known.
    let ran = fleet.apply(&guarded("2")).await;
    assert_eq!((ran.outcome("command:load"), fleet.log()), ("changed".into(), vec!["told".into()]));
    assert_eq!(fleet.apply(&guarded("2")).await.started(""), 0);
}

#[tokio::test]
async fn an_approved_plan_names_what_may_change_and_does_that() {
    let fleet = with_one().await;
    // The observation differs by itself until the file is loaded: that was shown as a change.
    let playbook = guarded("2").replace("apply: \"false\"", "apply: \"true\"");
    let plan = fleet.plan(&playbook).await.plan;
    let listed: Vec<&str> = plan.may_change.keys().map(String::as_str).collect();
    assert_eq!(listed, ["a/command:load", "a/action:tell"]);
    let approved = Purpose::Apply { approved: Some(plan) };
    let ran = fleet.run(&playbook, approved).await.unwrap();
    assert_eq!((ran.status, ran.outcome("command:load")), (Converged, "changed".into()));
    assert_eq!(fleet.log(), ["told"]);
}

#[tokio::test]
async fn an_approved_plan_does_not_do_what_it_did_not_name() {
    let fleet = with_one().await;
    let playbook = guarded("2").replace("apply: \"false\"", "apply: \"true\"");
    let mut plan = fleet.plan(&playbook).await.plan;
    plan.may_change.shift_remove("a/command:load");
    let ran = fleet.run(&playbook, Purpose::Apply { approved: Some(plan) }).await.unwrap();
    let told = "refused: the approved plan does not allow it to change";
    assert_eq!((ran.status, ran.outcome("command:load").as_str()), (Failed, told));
    assert_eq!((fleet.read("a", "loaded").as_deref(), fleet.log().len()), (Some("1"), 0));
}

#[tokio::test]
async fn a_change_on_another_host_counts_where_it_comes_before() {
    let fleet = Fleet::new(&["a", "b"]);
    fleet.write("b", "seen", "");
    let playbook = r#"let other = hosts("a")[0].vars.root;
    sequence(|| {
        on(hosts("a"), |host| file(`${host.vars.root}/f`, #{ content: "x" }));
        on(hosts("b"), |host| command("copy", #{
            unless: `! [ -e ${other}/f ] || [ -s ${host.vars.root}/seen ]`, run: `cp ${other}/f ${host.vars.root}/seen`,
        }));
    });"#;
    let ran = fleet.apply(playbook).await;
    assert!(because(&ran, "command:copy").is_some_and(|it| it.starts_with("a/file:")));
    assert_eq!((ran.status, fleet.read("b", "seen").as_deref()), (Converged, Some("x")));
}

const AROUND: &str = r#"on(hosts("a"), |host| {
    let r = host.vars.root;
    let log = host.vars.log;
    around(
        || command("before", #{ run: `BEFORE; echo before >>${log}` }),
        || { file(`${r}/f`, #{ content: "x" }); command("body", #{ unless: `cmp -s ${r}/f ${r}/g`, run: `cp ${r}/f ${r}/g` }); },
        || command("after", #{ run: `echo after >>${log}` }),
    );
});"#;

#[tokio::test]
async fn what_comes_after_a_body_runs_only_if_something_of_what_comes_before_was_begun() {
    let fleet = Fleet::new(&["a"]);
    let playbook = AROUND.replace("BEFORE", "true");
    let ran = fleet.apply(&playbook).await;
    assert_eq!((ran.status, fleet.log()), (Converged, vec!["before".into(), "after".into()]));
    let ran = fleet.apply(&playbook).await;
    assert_eq!((ran.status, ran.started(""), fleet.log().len()), (Converged, 0, 2));
    assert_eq!((fleet.plan(&playbook).await.status, fleet.markers("a")), (Converged, 0));
    // Once it was begun, whatever became of it.
    fleet.write("a", "f", "old");
    let ran = fleet.apply(&AROUND.replace("BEFORE", "false")).await;
    assert_eq!((ran.status, fleet.log().last().map(String::as_str)), (Failed, Some("after")));
    assert_eq!(fleet.read("a", "f").as_deref(), Some("old"));
}

#[tokio::test]
async fn what_stands_around_a_body_that_may_change_may_change_too() {
    let fleet = Fleet::new(&["a"]);
    fleet.write("a", "f", "x");
    fleet.write("a", "g", "x");
    let playbook = format!(
        "on(hosts(\"a\"), |host| file(`${{host.vars.root}}/other`, #{{ content: \"x\" }}));\n{}",
        AROUND.replace("BEFORE", "true")
    );
    let ran = fleet.apply(&playbook).await;
    for node in ["command:before", "command:body", "command:after"] {
        assert!(because(&ran, node).is_some_and(|it| it.ends_with("/other")), "{node}");
    }
    assert_eq!((ran.status, fleet.log().len()), (Converged, 0));
}

#[tokio::test]
async fn an_answer_that_is_no_text_is_an_error_and_not_damaged() {
    let fleet = Fleet::new(&["a"]);
    for stream in ["", " >&2"] {
        let playbook =
            format!(r#"on(hosts("a"), |host| print(probe("printf '\\377'{stream}").stdout));"#);
        let Err(error) = fleet.run(&playbook, Purpose::Plan).await else {
            panic!("it was taken for a text")
        };
        assert_eq!(error.kind(), "language::probe");
        assert!(error.message().ends_with("on a is not UTF-8 text"), "{}", error.message());
        assert_eq!(error.place().map(|place| place.line), Some(1));
    }
}

#[tokio::test]
async fn a_command_whose_guard_is_a_path_may_run_after_what_does_anything_in_another_role() {
    let mut fleet = Fleet::new(&["a"]);
    let maker = "let r = host.vars.root;\ncommand(\"clean\", #{ run: `rm -f ${r}/made ${r}/trigger`, only_if: `test -e ${r}/trigger` });";
    let user = "let r = host.vars.root;\ncommand(\"make\", #{ run: `: >${r}/made`, creates: `${r}/made` });";
    fleet.roles.insert("cleaner/main.rhai".into(), maker.into());
    fleet.roles.insert("user/main.rhai".into(), user.into());
    for (path, text) in [("made", ""), ("trigger", "")] {
        fleet.write("a", path, text);
    }
    let playbook = r#"on(hosts("a"), |host| { role("cleaner"); role("user"); });"#;
    let ran = fleet.plan(playbook).await;
    assert_eq!(because(&ran, "command:make").as_deref(), Some("a/command:clean"));
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, ran.outcome("command:make")), (Converged, "changed".into()));
    assert_eq!(fleet.apply(playbook).await.started(""), 0);
}
