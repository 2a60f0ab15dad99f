//! What fails, what is lost, and what that stops.

use converge::plan::{
    event::{Event, Outcome},
    exit_status::ExitStatus::{Converged, Failed, Reverted, Unreachable},
};

use super::{
    FILES,
    fleet::{CUT, Fault, Fleet},
};
use crate::docker;

#[tokio::test]
async fn a_failure_stops_its_host_and_who_depends_on_it_and_nobody_else() {
    let fleet = Fleet::new(&["a", "b", "c"]);
    let playbook = r#"
        let found = #{};
        on(hosts("a"), |host| {
            file(`${host.vars.root}/before`, #{ content: "x" });
            found.bad = command("bad", #{ run: "echo out; echo err >&2; exit 7" });
            file(`${host.vars.root}/after`, #{ content: "x" });
        });
        on(hosts("b"), |host| {
            file(`${host.vars.root}/free`, #{ content: "x" });
            file(`${host.vars.root}/bound`, #{ content: "x" }).after(found.bad);
        });
        on(hosts("c"), |host| file(`${host.vars.root}/f`, #{ content: "x" }));"#;
    let ran = fleet.apply(playbook).await;
    assert_eq!(ran.status, Failed);
    assert_eq!(ran.outcome("a/before"), "changed");
    assert_eq!(ran.outcome("a/after"), "skipped: a/command:bad");
    assert_eq!(ran.outcome("b/free"), "changed");
    assert_eq!(ran.outcome("b/bound"), "skipped: a/command:bad");
    assert_eq!(ran.outcome("c/f"), "changed");
    assert_eq!(ran.counts("a"), [0, 1, 0, 1, 1, 0, 0]);
    let failed = ran.events.iter().find_map(|event| match event {
        Event::Finished { outcome: Outcome::Failed(failure), .. } => Some(failure),
        _ => None,
    });
    let failure = failed.unwrap();
    assert_eq!((failure.exit_status, failure.output.as_str()), (Some(7), "out\nerr"));
    assert!(failure.command.as_ref().unwrap().contains("exit 7"), "{failure:?}");
}

#[tokio::test]
async fn an_unreachable_host_is_a_result_of_its_own() {
    let fleet = Fleet::new(&["a", "b", "c"]);
    fleet.breaks("a", Fault::Unreachable);
    let bound = r#"let found = #{};
        on(hosts("a"), |host| found.one = file(`${host.vars.root}/one`, #{ content: "x" }));
        on(hosts("b"), |host| file(`${host.vars.root}/two`, #{ content: "x" }).after(found.one));
        on(hosts("c"), |host| file(`${host.vars.root}/three`, #{ content: "x" }));"#;
    let plan = fleet.plan(bound).await;
    assert_eq!((plan.status, plan.counts("a")), (Unreachable, [0, 0, 0, 0, 1, 0, 0]));
    assert_eq!(plan.planned("/one"), None, "nothing is known of it");

    let ran = fleet.apply(bound).await;
    assert_eq!(ran.status, Unreachable);
    assert_eq!(ran.outcome("/one"), "skipped: a: nobody answers");
    assert_eq!(ran.outcome("/two"), "skipped: a: nobody answers");
    assert_eq!(ran.outcome("/three"), "changed");
    assert_eq!(ran.host("a").unreachable.as_deref(), Some("nobody answers"));
    assert_eq!(ran.counts("a"), [0, 0, 0, 0, 1, 0, 0]);
    let told = |event: &&Event| matches!(event, Event::Unreachable { .. });
    assert_eq!(ran.events.iter().filter(told).count(), 1);
}

#[tokio::test]
async fn a_host_that_does_not_say_its_facts_is_in_the_summary() {
    let fleet = Fleet::new(&["a", "b"]);
    fleet.breaks("a", Fault::Unreachable);
    let playbook = r#"on(hosts("all"), |host| file(`${host.vars.root}/f`, #{ content: host.facts.kernel.name }));"#;
    let ran = fleet.apply(playbook).await;
    assert_eq!((ran.status, fleet.read("b", "f").unwrap()), (Unreachable, "Linux".to_owned()));
    assert_eq!(ran.host("a").unreachable.as_deref(), Some("nobody answers"));
}

#[tokio::test]
async fn of_several_hosts_that_cannot_be_reached_none_is_taken_for_converged() {
    let fleet = Fleet::new(&["a", "b", "c", "d"]);
    let dead = ["a", "b", "d"];
    dead.iter().for_each(|host| fleet.breaks(host, Fault::Unreachable));
    let bound = r#"let found = #{};
        on(hosts("a | b | d"), |host| found[host.name] = file(`${host.vars.root}/one`, #{ content: "x" }));
        on(hosts("c"), |host| file(`${host.vars.root}/two`, #{ content: "x" }).after(found.b));"#;
    let ran = fleet.apply(bound).await;
    for host in dead {
        assert_eq!(ran.counts(host), [0, 0, 0, 0, 1, 0, 0], "{host}");
    }
    assert_eq!(ran.outcome("/two"), "skipped: b: nobody answers");
    assert!(!fleet.at("c", "two").exists());
}

#[tokio::test]
async fn a_failure_weighs_more_than_an_unreachable_host() {
    let fleet = Fleet::new(&["a", "b"]);
    fleet.breaks("a", Fault::Unreachable);
    let ran = fleet.apply(r#"on(hosts("all"), |host| command("false"));"#).await;
    assert_eq!(ran.status, Failed);
}

#[tokio::test]
async fn a_host_that_dies_in_the_middle_leaves_what_ran_unknown() {
    let mut fleet = Fleet::new(&["a", "b"]);
    fleet.hears("command:cut");
    let playbook = r#"
        let found = #{};
        on(hosts("a"), |host| {
            file(`${host.vars.root}/one`, #{ content: "x" });
            command("cut", #{ run: CUT });
            found.two = file(`${host.vars.root}/two`, #{ content: "x" });
        });
        on(hosts("b"), |host| file(`${host.vars.root}/three`, #{ content: "x" }).after(found.two));"#;
    let ran = fleet.apply(&playbook.replace("CUT", CUT)).await;
    assert_eq!(ran.status, Unreachable);
    assert_eq!(ran.outcome("/one"), "changed");
    assert_eq!(ran.outcome("command:cut"), "unknown");
    // The shell may have gone on without the connection.
    assert_eq!(ran.outcome("/two"), "unknown");
    assert!(ran.outcome("/three").starts_with("skipped: a/file:"), "{}", ran.outcome("/three"));
    assert!(ran.host("a").unreachable.unwrap().contains("signal 9"));
    assert_eq!((ran.counts("a"), ran.counts("b")), ([0, 1, 0, 0, 0, 0, 2], [0, 0, 0, 0, 1, 0, 0]));
}

#[tokio::test]
async fn a_segment_of_which_nothing_was_heard_may_have_begun() {
    let fleet = Fleet::new(&["a"]);
    fleet.breaks("a", Fault::LostBefore(2));
    let ran = fleet.apply(FILES).await;
    assert_eq!(ran.status, Unreachable);
    assert_eq!((ran.outcome("a/d"), ran.started("")), ("unknown".to_owned(), 0));
    assert_eq!(ran.counts("a"), [0, 0, 0, 0, 0, 0, 3]);
}

#[tokio::test]
async fn a_host_that_is_lost_before_it_was_verified_is_not_converged() {
    // A command may look at other hosts, so a look at it waits for them.
    let far = r#"on(hosts("all"), |host| {
        let r = host.vars.root;
        for n in ["1", "2", "3"] { command(n, #{ run: `touch ${r}/${n}`, creates: `${r}/${n}` }); }
    });"#;
    for (script, playbook, unverified) in [(2, FILES, "segment"), (3, far, "verification")] {
        let fleet = Fleet::new(&["a", "b"]);
        fleet.breaks("a", Fault::LostAfter(script));
        let ran = fleet.apply(playbook).await;
        assert_eq!(
            (ran.status, ran.counts("a")),
            (Unreachable, [0, 3, 0, 0, 0, 0, 0]),
            "{unverified}"
        );
        fleet.mend("a");
        assert_eq!(fleet.apply(playbook).await.status, Converged);
    }
}

#[tokio::test]
async fn a_host_that_is_lost_between_two_segments_is_not_asked_again() {
    let fleet = Fleet::new(&["a", "b"]);
    fleet.breaks("a", Fault::LostAfter(2));
    let playbook = r#"sequence(|| {
        on(hosts("a"), |host| link(`${host.vars.root}/one`, #{ to: "/x" }));
        on(hosts("b"), |host| link(`${host.vars.root}/two`, #{ to: "/x" }));
        on(hosts("a"), |host| link(`${host.vars.root}/three`, #{ to: "/x" }));
    });"#;
    let ran = fleet.apply(playbook).await;
    assert_eq!(ran.status, Unreachable);
    assert_eq!((ran.outcome("/one"), ran.outcome("/two")), ("changed".into(), "changed".into()));
    assert_eq!(ran.outcome("/three"), "skipped: a: the connection was lost: the line is cut");
    let told = |event: &&Event| matches!(event, Event::Unreachable { .. });
    assert_eq!(ran.events.iter().filter(told).count(), 1);
}

#[tokio::test]
async fn content_that_a_host_does_not_take_is_a_failure_and_nothing_ran() {
    let fleet = Fleet::new(&["a", "b"]);
    fleet.breaks("a", Fault::Refuses);
    let ran = fleet.apply(&FILES.replace("host.name", &large())).await;
    assert_eq!(ran.status, Failed);
    assert_eq!(
        ran.outcome("a/d"),
        "skipped: a/file:".to_owned() + &fleet.at("a", "d/f").display().to_string()
    );
    assert_eq!(ran.outcome("a/d/f"), "failed: the disk is full");
    assert_eq!((ran.counts("a"), ran.host("a").unreachable), ([0, 0, 0, 1, 2, 0, 0], None));
    assert_eq!(ran.counts("b"), [0, 3, 0, 0, 0, 0, 0]);
    assert!(!fleet.at("a", "d").exists());
}

/// More than a script brings, as Rhai writes it.
fn large() -> String {
    format!("\"{}\"", "x".repeat(64 * 1024 + 1))
}

#[tokio::test]
async fn a_host_that_has_no_place_for_content_says_so_and_nothing_ran() {
    let fleet = Fleet::new(&["a"]);
    std::fs::create_dir(fleet.at("a", "bin")).unwrap();
    fleet.write("a", "bin/mktemp", "#!/bin/sh\necho 'No space left on device' >&2; exit 1\n");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(fleet.at("a", "bin/mktemp"), executable).unwrap();
    let ran = fleet.apply(&FILES.replace("content:", "sensitive: true, content:")).await;
    assert_eq!((ran.status, ran.outcome("a/d")), (Failed, "failed: its script ended early".into()));
    let said = ran.events.iter().any(|event| match event {
        Event::Finished { outcome: Outcome::Failed(failure), .. } => {
            failure.output == "No space left on device"
        }
        _ => false,
    });
    assert!(said && !fleet.at("a", "d").exists(), "{:?}", ran.events);
}

#[tokio::test]
async fn a_host_that_dies_of_its_probe_is_unreachable_and_not_converged() {
    let fleet = Fleet::new(&["a"]);
    let deadly = r#"on(hosts("a"), |host| custom("k", "x", #{
        observe: "eval \"$CUT\"", want: "on", apply: "true",
    }));"#;
    assert_eq!(fleet.plan(deadly).await.status, Unreachable);
    assert_eq!(fleet.apply(deadly).await.counts("a"), [0, 0, 0, 0, 1, 0, 0]);
}

/// A container `api`, what comes after it on both hosts, and a command that does not wait for it.
fn release(image: &str, says: &str, command: &str) -> String {
    let health = format!(r#"#{{ port: 1, json: #{{ version: "{says}" }}, deadline: 0 }}"#);
    format!(
        r#"let found = #{{}};
        on(hosts("a"), |host| {{
            found.api = container("api", #{{ image: "{image}", health: {health} }});
            file(`${{host.vars.root}}/after`, #{{ content: "{image}" }});
        }});
        on(hosts("b"), |host| {{
            command("{command}");
            file(`${{host.vars.root}}/bound`, #{{ content: "{image}" }}).after(found.api);
        }});"#
    )
}

#[tokio::test]
async fn a_change_that_was_taken_back_stops_what_depends_on_it() {
    let fleet = Fleet::new(&["a", "b"]);
    let bin = fleet.at("a", "bin");
    docker::install(&bin);
    assert_eq!(fleet.apply(&release("api:1", "1", "true")).await.status, Converged);

    let ran = fleet.apply(&release("api:2", "3", "true")).await;
    assert_eq!(ran.status, Reverted);
    let why =
        "api did not get healthy: after 0 seconds json.version is 2, not 3; the old one is back";
    assert_eq!(ran.outcome("container:api"), format!("reverted: {why}"));
    assert_eq!(ran.outcome("a/after"), "skipped: a/container:api");
    assert_eq!(ran.outcome("b/bound"), "skipped: a/container:api");
    assert_eq!((ran.host("a").reverted, ran.counts("a")), (1, [0, 0, 0, 0, 1, 0, 0]));
    assert_eq!(docker::container(&bin, "api").as_deref(), Some("api:1 running"));
    let reverted = ran.events.iter().find_map(|event| match event {
        Event::Finished { outcome: Outcome::Reverted(failure), .. } => Some(failure),
        _ => None,
    });
    let output = &reverted.unwrap().output;
    assert!(output.ends_with("it was made of api:2"), "{output}");
}

#[tokio::test]
async fn a_failure_and_an_unreachable_host_weigh_more_than_what_was_taken_back() {
    let fleet = Fleet::new(&["a", "b"]);
    docker::install(&fleet.at("a", "bin"));
    assert_eq!(fleet.apply(&release("api:1", "1", "true")).await.status, Converged);
    assert_eq!(fleet.apply(&release("api:2", "3", "false")).await.status, Failed);
    fleet.breaks("b", Fault::Unreachable);
    assert_eq!(fleet.apply(&release("api:2", "3", "true")).await.status, Unreachable);
}

#[tokio::test]
async fn what_could_not_be_looked_at_is_looked_at_again_once_it_can_be() {
    let fleet = Fleet::new(&["a"]);
    let bin = fleet.at("a", "bin");
    docker::install(&bin);
    let down = bin.join("down");
    let playbook = |command: &str| {
        format!(
            r#"on(hosts("a"), |host| {{
                command("{command}", #{{ creates: `${{host.vars.root}}/bin/up` }});
                container("api", #{{ image: "api:1" }});
            }});"#
        )
    };
    let bin_path = bin.to_str().unwrap();
    let start = playbook(&format!("rm -f {bin_path}/down; touch {bin_path}/up"));
    assert_eq!(fleet.apply(&start).await.status, Converged);

    std::fs::write(&down, "").unwrap();
    let planned = fleet.plan(&start).await;
    assert_eq!(planned.status, Failed);
    let told = format!("{:?}", planned.events);
    assert!(told.contains("Unknown { reason: \"Cannot connect to the Docker daemon"), "{told}");

    std::fs::remove_file(bin.join("up")).unwrap();
    let ran = fleet.apply(&start).await;
    assert_eq!(ran.status, Converged, "{:?}", ran.events);
    assert_eq!(ran.outcome("container:api"), "unchanged");

    // What Docker says counts, not what it was made of.
    std::fs::write(bin.join("containers/api/memory"), "104857600\n").unwrap();
    assert_eq!(fleet.apply(&start).await.outcome("container:api"), "changed");
    assert_eq!(fleet.apply(&start).await.counts("a")[0], 2, "all is as it should be");
}
