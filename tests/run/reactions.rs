//! What happens because something else changed: once, and never not at all.

use converge::{
    plan::{
        event::{Cause, Planned},
        exit_status::ExitStatus::{Converged, Failed, Unreachable},
    },
    resources::resource::Reaction,
};

use super::fleet::{CUT, Fault, Fleet};

#[tokio::test]
async fn a_reaction_happens_once_between_its_marker_and_the_end_of_it() {
    let fleet = Fleet::new(&["a"]);
    let playbook = r#"on(hosts("all"), |host| {
        let r = host.vars.root;
        let one = file(`${r}/one`, #{ content: "x" });
        let two = file(`${r}/two`, #{ content: "x" });
        action("tell", #{ run: `ls "$CONVERGE_STATE/pending" | wc -l >>${host.vars.log}`, on: [one, two] });
    });"#;
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, fleet.log()), (Converged, vec!["1".to_owned()]));
    assert_eq!((fleet.markers("a"), ran.started("action:tell")), (0, 1));
    let left = fleet.at("a", "state/pending").read_dir().unwrap().count();
    assert_eq!(left, 0, "what was paid is gone at the end");
    assert_eq!(fleet.apply(playbook).await.started("action:tell"), 0);
}

/// The host dies between the change and the reaction, until somebody writes the file `go`.
const CUT_OFF: &str = r#"on(hosts("all"), |host| {
    let r = host.vars.root;
    let f = file(`${r}/f`, #{ content: "x" });
    command("cut", #{ run: CUT, creates: `${r}/go` });
    action("tell", #{ run: `echo told >>${host.vars.log}`, on: [f] });
});"#;

#[tokio::test]
async fn a_reaction_that_a_run_left_outstanding_is_planned_and_paid_by_the_next_once() {
    let mut fleet = Fleet::new(&["a"]);
    fleet.hears("command:cut");
    let cut_off = CUT_OFF.replace("CUT", CUT);
    let cut_off = cut_off.as_str();
    let ran = fleet.apply(cut_off).await;
    assert_eq!((ran.status, ran.outcome("/f")), (Unreachable, "changed".to_owned()));
    assert_eq!((ran.outcome("action:tell"), fleet.markers("a")), ("unknown".into(), 1));

    fleet.write("a", "go", "");
    let plan = fleet.plan(cut_off).await;
    let node = format!("a/file:{}", fleet.at("a", "f").display()).into();
    let left_by = Some("run-1".to_owned());
    let reactions = vec![Cause { reaction: Reaction::Run, node, left_by }];
    assert_eq!(plan.planned("action:tell"), Some(Planned::React { reactions }));
    assert_eq!(plan.counts("a"), [2, 0, 1, 0, 0, 0, 0]);

    let ran = fleet.apply(cut_off).await;
    assert_eq!((ran.status, fleet.log(), fleet.markers("a")), (Converged, vec!["told".into()], 0));
    let ran = fleet.apply(cut_off).await;
    assert_eq!((ran.status, ran.started(""), fleet.log().len()), (Converged, 0, 1));
}

/// A role declares the action; two others hang on it, and a check after the first of them wants it to be done.
#[tokio::test]
async fn what_reacts_in_several_places_does_so_once_in_each_and_is_never_lost() {
    let fleet = Fleet::new(&["a"]);
    let playbook = r#"on(hosts("all"), |host| {
        let r = host.vars.root;
        let file = |name| file(`${r}/${name}`, #{ content: "x" });
        action("tell", #{ run: `cd ${r}; echo [a-d] >>${host.vars.log}`, on: [file.call("a")] });
        action("tell", #{ on: [file.call("b")] });
        command_check("told", #{ run: `grep -q b ${host.vars.log}` });
        action("tell", #{ on: [file.call("c")] });
        action("tell", #{ on: [file.call("d")] });
        command("cut", #{ run: "eval \"$CUT\"", creates: `${r}/go` });
    });"#;
    let told = || fleet.log().join(", ");
    fleet.apply(playbook).await;
    assert_eq!((told(), fleet.markers("a")), ("a, a b, a b c d".to_owned(), 0));
    fleet.write("a", "go", "");
    assert_eq!(fleet.apply(playbook).await.started(""), 0);
    for (changed, told_now) in [("b", 1), ("d", 1), ("a", 1)] {
        let before = fleet.log().len();
        fleet.write("a", changed, "y");
        assert_eq!(fleet.apply(playbook).await.status, Converged, "{changed}");
        assert_eq!(fleet.log().len() - before, told_now, "{changed}");
    }
}

#[tokio::test]
async fn a_reaction_to_a_reaction_is_not_lost_either() {
    let fleet = Fleet::new(&["a"]);
    let playbook = r#"on(hosts("all"), |host| {
        let r = host.vars.root;
        let f = file(`${r}/f`, #{ content: "x" });
        let first = action("first", #{ run: `echo first >>${host.vars.log}`, on: [f] });
        command("cut", #{ run: "eval \"$CUT\"", creates: `${r}/go` });
        action("second", #{ run: `echo second >>${host.vars.log}`, on: [first] });
    });"#;
    fleet.apply(playbook).await;
    assert_eq!((fleet.log(), fleet.markers("a")), (vec!["first".to_owned()], 1));
    fleet.write("a", "go", "");
    fleet.apply(playbook).await;
    assert_eq!((fleet.log().join(" "), fleet.markers("a")), ("first second".to_owned(), 0));
}

#[tokio::test]
async fn a_reaction_on_another_host_is_not_lost_when_that_host_is_down() {
    let fleet = Fleet::new(&["a", "b"]);
    let playbook = r#"let found = #{};
        on(hosts("a"), |host| found.f = file(`${host.vars.root}/f`, #{ content: "x" }));
        on(hosts("b"), |host| action("tell", #{ run: `echo told >>${host.vars.log}`, on: [found.f] }));"#;
    fleet.breaks("b", Fault::Unreachable);
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.outcome("/f"), fleet.markers("a")), ("changed".to_owned(), 1));
    fleet.mend("b");
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, ran.outcome("/f")), (Converged, "unchanged".to_owned()));
    assert_eq!((fleet.log(), fleet.markers("a")), (vec!["told".to_owned()], 0));
    assert_eq!(fleet.apply(playbook).await.started(""), 0);
}

/// What may change keeps the reaction waiting for a second round, in which nobody looks at the other host.
#[tokio::test]
async fn what_is_outstanding_by_another_host_is_not_forgotten_from_one_round_to_the_next() {
    let fleet = Fleet::new(&["a", "b"]);
    let playbook = r#"let f = on(hosts("a"), |host| file(`${host.vars.root}/f`, #{ content: "x" }));
        on(hosts("b"), |host| {
            let r = host.vars.root;
            command("make", #{ run: `touch ${r}/made`, creates: `${r}/made` });
            directory(`${r}/d`);
            action("tell", #{ run: `echo told >>${host.vars.log}`, on: [f] });
        });"#;
    fleet.breaks("b", Fault::Unreachable);
    assert_eq!((fleet.apply(playbook).await.status, fleet.markers("a")), (Unreachable, 1));
    fleet.mend("b");
    std::fs::create_dir(fleet.at("b", "d")).unwrap();
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, ran.rounds("b").len()), (Converged, 2));
    assert_eq!((fleet.log(), fleet.markers("a")), (vec!["told".to_owned()], 0));
    assert_eq!(fleet.plan(playbook).await.status, Converged);
}

#[tokio::test]
async fn what_is_outstanding_is_paid_also_where_there_is_nothing_left_to_do() {
    let fleet = Fleet::new(&["a"]);
    let playbook = r#"let a = hosts("a")[0];
        let out = `${a.vars.root}/out`;
        around(
            || on(a, |a| command("drain", #{ run: `touch ${out}`, creates: out })),
            || on(a, |a| {
                file(`${a.vars.root}/f`, #{ content: "x" });
                command("cut", #{ run: "eval \"$CUT\"", creates: `${a.vars.root}/go` });
            }),
            || on(a, |a| command("ready", #{ run: `rm ${out}`, removes: out })),
        );"#;
    assert_eq!(fleet.apply(playbook).await.status, Unreachable);
    assert_eq!(fleet.markers("a"), 1);
    std::fs::remove_file(fleet.at("a", "out")).unwrap();
    fleet.write("a", "go", "");
    assert_eq!(fleet.apply(playbook).await.status, Converged);
    assert_eq!(fleet.markers("a"), 0);
    assert_eq!(fleet.plan(playbook).await.status, Converged);
}

/// A debt to an action of this name, which a failing step left: the action must be mended before it can be paid.
async fn failed(fleet: &Fleet) -> impl Fn(&str) -> String {
    let playbook = |actions: &str| {
        let file = "let f = file(`${host.vars.root}/f`, #{ content: \"x\" });";
        format!("on(hosts(\"all\"), |host| {{ {file} {actions} }});")
    };
    let ran =
        fleet.apply(&playbook(r#"action("restart ngnix", #{ run: "false", on: [f] });"#)).await;
    assert_eq!((ran.status, fleet.markers("a")), (Failed, 1));
    playbook
}

#[tokio::test]
async fn what_is_outstanding_to_an_old_name_is_paid_by_who_listens_to_its_cause_now() {
    let fleet = Fleet::new(&["a"]);
    let playbook = failed(&fleet).await;
    let mended = playbook(
        r#"action("restart nginx", #{ run: `echo told >>${host.vars.log}`, on: [f] });
        action("count", #{ run: `echo counted >>${host.vars.log}`, on: [f] });"#,
    );
    let ran = fleet.apply(&mended).await;
    assert_eq!(
        (ran.status, fleet.log(), fleet.markers("a")),
        (Converged, vec!["told".into(), "counted".into()], 0)
    );
    let cause = fleet.at("a", "f");
    let told = format!(
        "a says that a/action:restart ngnix has an outstanding run since run run-1 because of a/file:{}: it is no longer declared, \
         and a/action:restart nginx, a/action:count takes care of it",
        cause.display()
    );
    assert_eq!(ran.warnings(), [told]);
    assert_eq!(fleet.apply(&mended).await.started(""), 0);
}

#[tokio::test]
async fn what_is_outstanding_in_the_place_of_another_stays_so_until_all_have_paid() {
    let fleet = Fleet::new(&["a"]);
    let playbook = failed(&fleet).await;
    let actions = |second: &str| {
        playbook(&format!(
            "action(\"one\", #{{ run: `echo one >>${{host.vars.log}}`, on: [f] }});
            action(\"two\", #{{ run: `{second}; echo two >>${{host.vars.log}}`, on: [f] }});"
        ))
    };
    assert_eq!(fleet.apply(&actions("exit 1")).await.status, Failed);
    assert_eq!((fleet.log(), fleet.markers("a")), (vec!["one".to_owned()], 1));
    assert_eq!(fleet.apply(&actions(":")).await.status, Converged);
    assert_eq!((fleet.log().join(" "), fleet.markers("a")), ("one two".to_owned(), 0));
}

#[tokio::test]
async fn what_is_outstanding_to_what_nobody_declares_is_told_and_stays() {
    let fleet = Fleet::new(&["a"]);
    let playbook = failed(&fleet).await;
    let ran = fleet.apply(&playbook("")).await;
    assert_eq!((ran.status, fleet.markers("a")), (Converged, 1));
    let [warning] = &ran.warnings()[..] else { panic!("{:?}", ran.warnings()) };
    assert!(
        warning.contains("restart ngnix has an outstanding run")
            && warning.contains("since run run-1"),
        "{warning}"
    );
}

/// The host dies while a new file, which is in its place already, is still being proved.
#[tokio::test]
async fn what_was_not_proved_is_not_as_declared_and_gives_way() {
    for old in [Some("GOOD old"), None] {
        let fleet = Fleet::new(&["a"]);
        if let Some(old) = old {
            fleet.write("a", "c.conf", old);
        }
        let playbook = |text: &str| {
            format!(
                r#"on(hosts("all"), |host| {{
                    let c = `${{host.vars.root}}/c.conf`;
                    let dies = `[ -e ${{host.vars.root}}/go ] || eval "$CUT"; ! grep BAD ${{c}}`;
                    let f = file(c, #{{ content: "{text}", validate: dies }});
                    action("restart", #{{ run: `echo restarted with $(cat ${{c}}) >>${{host.vars.log}}`, on: [f] }});
                }});"#
            )
        };
        let bad = playbook("BAD new");
        assert_eq!(fleet.apply(&bad).await.status, Unreachable);
        assert_eq!(fleet.read("a", "c.conf").as_deref(), Some("BAD new"));
        fleet.write("a", "go", "");

        let plan = fleet.plan(&bad).await;
        let Some(Planned::Change { change, .. }) = plan.planned("c.conf") else {
            panic!("it is not as declared: {:?}", plan.planned("c.conf"))
        };
        assert!(change.reason == converge::resources::change::Reason::Unfinished, "{change:?}");
        let ran = fleet.apply(&bad).await;
        assert_eq!((ran.status, fleet.log()), (Failed, Vec::<String>::new()), "{old:?}");
        assert_eq!(fleet.read("a", "c.conf").as_deref(), old);

        let good = playbook("GOOD new");
        assert_eq!(fleet.apply(&good).await.status, Converged);
        assert_eq!(fleet.log(), ["restarted with GOOD new"]);
        assert_eq!((fleet.plan(&good).await.status, fleet.markers("a")), (Converged, 0));
        let left = fleet.at("a", "").read_dir().unwrap().map(|it| it.unwrap().file_name());
        let left: Vec<_> =
            left.filter(|it| it.to_string_lossy().starts_with(".converge")).collect();
        assert_eq!((left.len(), fleet.at("a", "state/beside").read_dir().unwrap().count()), (0, 0));
    }
}

#[tokio::test]
async fn what_is_refused_once_its_controller_is_gone_gives_way_too() {
    let mut fleet = Fleet::new(&["a"]);
    fleet.lock_wait = std::time::Duration::from_secs(60);
    fleet.write("a", "c.conf", "GOOD old");
    let playbook = r#"on(hosts("all"), |host| {
        let r = host.vars.root;
        let waits = `until [ -e ${r}/go ]; do sleep 0.02; done; echo asked; ! grep BAD ${r}/c.conf`;
        let f = file(`${r}/c.conf`, #{ content: "BAD new", validate: waits });
        action("restart", #{ run: `echo restarted >>${host.vars.log}`, on: [f] });
    });"#;
    let comes_to_hold = async |text: &str| {
        while fleet.read("a", "c.conf").as_deref() != Some(text) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        ran = fleet.apply(playbook) => panic!("it did not wait: {:?}", ran.events),
        () = comes_to_hold("BAD new") => {}
    }
    fleet.write("a", "go", "");
    comes_to_hold("GOOD old").await;
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, fleet.log()), (Failed, Vec::<String>::new()));
    assert_eq!(fleet.read("a", "c.conf").as_deref(), Some("GOOD old"));
}

#[tokio::test]
async fn what_was_changed_since_is_not_taken_away_for_what_was_not_proved() {
    let mended = |fleet: &Fleet| fleet.write("a", "c.conf", "by hand");
    let removed = |fleet: &Fleet| std::fs::remove_file(fleet.at("a", "c.conf")).unwrap();
    let by_hand: [&dyn Fn(&Fleet); 2] = [&mended, &removed];
    for (change, left) in by_hand.into_iter().zip([Some("by hand"), None]) {
        let fleet = Fleet::new(&["a"]);
        fleet.write("a", "c.conf", "old");
        let playbook = r#"on(hosts("all"), |host| {
            let r = host.vars.root;
            file(`${r}/c.conf`, #{ content: "new", validate: `[ -e ${r}/go ] || eval "$CUT"; false` });
        });"#;
        assert_eq!(fleet.apply(playbook).await.status, Unreachable);
        change(&fleet);
        fleet.write("a", "go", "");
        assert_eq!(fleet.apply(playbook).await.status, Failed);
        assert_eq!(fleet.read("a", "c.conf").as_deref(), left);
    }
}

#[tokio::test]
async fn a_host_speaks_only_for_itself() {
    let fleet = Fleet::new(&["a", "b"]);
    let playbook = r#"on(hosts("all"), |host| action("tell", #{ run: `echo ${host.name} >>${host.vars.log}` }));"#;
    std::fs::create_dir_all(fleet.at("a", "state/pending")).unwrap();
    fleet.write("a", "state/pending/forged", "run\trun-0\ta/file:/x\tb/action:tell\n");
    fleet.write("a", "state/pending/odd", "restart\trun-0\ta/file:/x\ta/action:tell\n");
    fleet.write("a", "state/pending/noise", "\u{1b}[2J\trun\n\n");
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, ran.started(""), fleet.log().len()), (Converged, 0, 0));
}
