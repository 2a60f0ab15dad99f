//! Resources that undo each other, and nobody could tell before: a run says so, and which two.

use converge::{
    plan::{
        event::{Event, Failure, Outcome},
        exit_status::ExitStatus::{Converged, Failed},
    },
    run::Purpose,
};

use proptest::prelude::*;

use super::fleet::{Fleet, Ran};

/// The resource that failed, and how.
fn failure(ran: &Ran) -> (String, Failure) {
    let of = |event: &Event| match event {
        Event::Finished { node, outcome: Outcome::Failed(failure), .. } => {
            Some((node.node.to_string(), *failure.clone()))
        }
        _ => None,
    };
    ran.events.iter().find_map(of).unwrap_or_else(|| panic!("{:?}", ran.events))
}

/// A file and a line of it, over a link that is on the host and that nobody declares.
const OVER_A_LINK: &str = r#"on(hosts("all"), |host| {
    let r = host.vars.root;
    let f = file(`${r}/real/f`, #{ content: "PermitRootLogin yes\n" });
    let l = line(`${r}/link/f`, #{ match: "^PermitRootLogin ", line: "PermitRootLogin no" });
    action("restart", #{ run: `echo restarted >>${host.vars.log}`, on: [f, l] });
});"#;

#[tokio::test]
async fn two_that_undo_each_other_do_not_converge_and_are_both_named() {
    let fleet = Fleet::new(&["a"]);
    std::fs::create_dir(fleet.at("a", "real")).unwrap();
    std::os::unix::fs::symlink("real", fleet.at("a", "link")).unwrap();
    for run in 1..=3 {
        let ran = fleet.apply(OVER_A_LINK).await;
        assert_eq!(ran.status, Failed, "run {run}");
        let (node, failure) = failure(&ran);
        let [file, line] = ["file:", "line:"].map(|kind| {
            ran.events.iter().find_map(|event| match event {
                Event::Planned { node, .. } if node.node.contains(kind) => Some(node.node.clone()),
                _ => None,
            })
        });
        assert!(node.contains("/line:") || node.contains("/file:"), "{node}");
        assert!(failure.message.contains("undo each other"), "{failure:?}");
        let both = failure.message.contains("a/file:") && failure.message.contains("a/line:");
        assert!(both, "{failure:?}");
        let hint = failure.hint.unwrap();
        assert!(hint.contains("site.rhai:3:") && hint.contains("site.rhai:4:"), "{hint}");
        assert!(failure.output.contains("PermitRootLogin yes"), "{}", failure.output);
        assert!(file.is_some() || line.is_some());
        assert_eq!(fleet.log().len(), run, "a fight restarts nothing more than once in a run");
    }
}

#[tokio::test]
async fn what_a_custom_kind_does_to_a_file_above_it_is_seen() {
    let fleet = Fleet::new(&["a"]);
    let playbook = r#"on(hosts("all"), |host| {
        let r = host.vars.root;
        file(`${r}/f`, #{ content: "one" });
        custom("writer", "f", #{
            observe: `cat ${r}/f`, want: "two", apply: `printf two >${r}/f`,
        });
    });"#;
    let ran = fleet.apply(playbook).await;
    let (_, failure) = failure(&ran);
    assert_eq!(ran.status, Failed);
    assert!(failure.message.contains("undo each other"), "{failure:?}");
    assert!(
        failure.message.contains("/f and a/custom:writer/f undo")
            || failure.message.contains("a/custom:writer/f and a/file:")
    );
}

#[tokio::test]
async fn what_runs_each_time_and_undoes_a_file_is_told() {
    let fleet = Fleet::new(&["a"]);
    let [file, command] = [
        "file(`${host.vars.root}/f`, #{ content: \"x\" });",
        "command(\"clean\", #{ run: `rm -f ${host.vars.root}/f` });",
    ];
    let warnings = |ran: &Ran| -> Vec<String> {
        let of = |event: &Event| match event {
            Event::Warning { message, .. } => Some(message.clone()),
            _ => None,
        };
        ran.events.iter().filter_map(of).collect()
    };
    for (order, first) in [([file, command], 1), ([command, file], 0)] {
        let playbook = format!("on(hosts(\"all\"), |host| {{ {} }});", order.concat());
        for run in 0..3 {
            let ran = fleet.apply(&playbook).await;
            assert_eq!(ran.status, Converged);
            assert_eq!(fleet.read("a", "f").as_deref(), Some("x"));
            let told = warnings(&ran);
            assert_eq!(told.len(), if run == 0 { first } else { 1 }, "{told:?}");
            let both = |it: &String| it.contains("a/command:clean ran and undid a/file:");
            assert!(told.iter().all(both), "{told:?}");
        }
        std::fs::remove_file(fleet.at("a", "f")).unwrap();
    }
    // What is only made after it was not undone by it.
    let other = file.replace("/f", "/g");
    let playbook = format!("on(hosts(\"all\"), |host| {{ {command}{other} }});");
    assert_eq!(warnings(&fleet.apply(&playbook).await), [] as [String; 0]);
}

#[tokio::test]
async fn a_guard_that_stands_above_what_breaks_it_is_asked_again() {
    let fleet = Fleet::new(&["a"]);
    fleet.write("a", "f", "old");
    let playbook = r#"on(hosts("all"), |host| {
        let r = host.vars.root;
        command("follow", #{ run: `cp ${r}/f ${r}/copy`, unless: `cmp -s ${r}/f ${r}/copy` });
        file(`${r}/f`, #{ content: "new" });
    });"#;
    assert_eq!(fleet.apply(&playbook.replace("new", "old")).await.status, Converged);
    assert_eq!(fleet.apply(playbook).await.status, Converged);
    assert_eq!(fleet.read("a", "copy").as_deref(), Some("new"));
    assert_eq!(fleet.apply(playbook).await.counts("a"), [2, 0, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn what_belongs_to_a_directory_is_given_to_it_though_it_was_made_later() {
    let fleet = Fleet::new(&["a"]);
    if std::os::unix::fs::chown(fleet.at("a", ""), Some(12345), None).is_err() {
        eprintln!("skipped: only root gives files to others");
        return;
    }
    let playbook = r#"on(hosts("all"), |host| {
        let r = host.vars.root;
        directory(`${r}/d`, #{ owner: "12345", recurse: true });
        FILE
    });"#;
    assert_eq!(fleet.apply(&playbook.replace("FILE", "")).await.status, Converged);
    let whole = playbook.replace("FILE", "file(`${r}/d/f`, #{ content: \"x\" });");
    assert_eq!(fleet.apply(&whole).await.status, Converged);
    assert_eq!(fleet.apply(&whole).await.counts("a"), [2, 0, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_file_can_be_made_where_all_was_just_given_to_somebody_else() {
    let mut fleet = Fleet::new(&["a"]);
    if std::os::unix::fs::chown(fleet.at("a", ""), Some(12345), None).is_err() {
        eprintln!("skipped: only root gives files to others");
        return;
    }
    fleet.roles.insert("web/files/tree/a.conf".to_owned(), "a\n".to_owned());
    let role = r#"
        let r = host.vars.root;
        directory(`${r}/d`, #{ source: "tree", owner: "12345", recurse: true });
        file(`${r}/d/a.conf`, #{ content: "a\n" });
        file(`${r}/d/b.conf`, #{ content: "b\n" });"#;
    fleet.roles.insert("web/main.rhai".to_owned(), role.to_owned());
    let playbook = r#"on(hosts("all"), |host| role("web"));"#;
    let ran = fleet.apply(playbook).await;
    assert_eq!(ran.status, Converged, "{:?}", ran.events);
    assert_eq!(fleet.apply(playbook).await.counts("a"), [3, 0, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn what_is_declared_in_a_directory_that_purges_is_neither_removed_nor_made_again() {
    let mut fleet = Fleet::new(&["a"]);
    fleet.roles.insert("web/files/tree/sub/a.conf".to_owned(), "a".to_owned());
    let role = r#"
        let r = host.vars.root;
        directory(`${r}/d`, #{ source: "tree", purge: true });
        let f = file(`${r}/d/x/extra.conf`.replaced(), #{ content: "x\n" });"#;
    let role = role.replace(".replaced()", "");
    let others = r#"
        directory(`${r}/d/x`); line(`${r}/d/l`, #{ line: "l", create: true });
        link(`${r}/d/k`, #{ to: "/" }); command("make", #{
            run: `mkdir -p ${r}/d/made && touch ${r}/d/made/by-hand`, creates: `${r}/d/made`,
        });"#;
    let role = role.replace("let f =", &format!("{others}\nlet f ="));
    fleet.roles.insert("web/main.rhai".to_owned(), role);
    let playbook = r#"on(hosts("all"), |host| role("web"));"#;
    assert_eq!(fleet.apply(playbook).await.status, Converged);
    let again = fleet.apply(playbook).await;
    assert_eq!((again.status, again.counts("a")), (Converged, [6, 0, 0, 0, 0, 0, 0]));
    std::fs::write(fleet.at("a", "d/stray"), "").unwrap();
    std::fs::write(fleet.at("a", "d/x/stray"), "").unwrap();
    let again = fleet.apply(playbook).await;
    assert_eq!((again.status, again.counts("a")), (Converged, [5, 1, 0, 0, 0, 0, 0]));
    assert!(!fleet.at("a", "d/stray").exists() && !fleet.at("a", "d/x/stray").exists());
    for kept in ["d/sub/a.conf", "d/x/extra.conf", "d/l", "d/made/by-hand"] {
        assert!(fleet.at("a", kept).exists(), "{kept}");
    }
}

#[tokio::test]
async fn a_reaction_that_waited_is_paid_once_all_is_as_it_should_be() {
    let fleet = Fleet::new(&["a"]);
    // What stands below spoils the file once, after it was told of.
    let playbook = r#"on(hosts("all"), |host| {
        let r = host.vars.root;
        let f = file(`${r}/f`, #{ content: "good" });
        action("tell", #{ run: `cat ${r}/f >>${host.vars.log}; echo >>${host.vars.log}`, on: [f] });
        command("spoil", #{ run: `echo bad >${r}/f; touch ${r}/done`, creates: `${r}/done` });
    });"#;
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, fleet.log()), (Converged, vec!["good".to_owned(), "good".to_owned()]));
    assert_eq!(fleet.markers("a"), 0);
    assert_eq!(fleet.apply(playbook).await.counts("a"), [3, 0, 0, 0, 0, 0, 0]);
}

/// What a role can do to a few paths; `N` is a number. `link` is another name of `d`, which nobody declares.
const STATEMENTS: [&str; 12] = [
    "file(`${r}/d/a`, #{ content: \"N\\n\" });",
    "file(`${r}/link/a`, #{ content: \"N\\n\" });",
    "line(`${r}/d/a`, #{ line: \"N\", create: true });",
    "line(`${r}/link/a`, #{ match: \"^[0-9]$\", line: \"N\", create: true });",
    "line(`${r}/d/b`, #{ line: \"N\", absent: true });",
    "absent(`${r}/link/a`);",
    "absent(`${r}/d/b`);",
    "directory(`${r}/d`, #{ source: \"tree\", purge: true });",
    "link(`${r}/d/b`, #{ to: \"N\" });",
    "command(\"make N\", #{ run: `echo N >${r}/link/b`, creates: `${r}/d/b` });",
    "command(\"see N\", #{ run: `echo N >${r}/d/a`, unless: `grep -q N ${r}/d/a` });",
    "custom(\"writer\", \"N\", #{ observe: `cat ${r}/d/a`, want: \"N\", apply: `echo N >${r}/d/a` });",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn after_a_green_run_of_real_kinds_a_second_plan_is_empty(
        statements in prop::collection::vec((prop::sample::select(STATEMENTS.to_vec()), 1..4_u8), 1..5),
    ) {
        let text = |(text, number): &(&str, u8)| text.replace('N', &number.to_string());
        let body: String = statements.iter().map(text).collect();
        let playbook = "on(hosts(\"all\"), |host| role(\"tree\"));";
        let mut fleet = Fleet::new(&["a"]);
        std::fs::create_dir(fleet.at("a", "d")).unwrap();
        std::os::unix::fs::symlink("d", fleet.at("a", "link")).unwrap();
        fleet.roles.insert("tree/files/tree/a".to_owned(), "1\n".to_owned());
        fleet.roles.insert("tree/main.rhai".to_owned(), format!("let r = host.vars.root; {body}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // What contradicts is refused before any host is asked.
            let Ok(ran) = fleet.run(playbook, Purpose::Apply { approved: None }).await else { return };
            if ran.status == Converged {
                let again = fleet.plan(playbook).await;
                assert_eq!(again.status, Converged, "{:?}", again.events);
            }
        });
    }
}
