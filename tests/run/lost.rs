//! A connection that is lost while something runs: what runs goes on, and is found again.

use std::{process::Command, time::Duration};

use converge::plan::{
    event::Event,
    exit_status::ExitStatus::{Converged, Failed, Unreachable},
};

use futures::future::join_all;

use super::fleet::{CUT, Fault, Fleet, Ran};

/// Steps that print, fail or leave something running, and each writes down that it ran.
const STEPS: &str = r#"on(hosts("a"), |host| {
    let step = |name, more| command(name, #{ run: `${more}; echo ${name} >>${host.vars.log}`, creates: `${host.vars.root}/never` });
    step.call("one", "echo some words; echo of two lines");
    step.call("two", "printf 'no end of line'");
    step.call("three", "LAST");
    file(`${host.vars.root}/f`, #{ content: "x" });
    action("four", #{ run: `echo four >>${host.vars.log}`, on: [file(`${host.vars.root}/g`, #{ content: "x" })] });
});"#;

fn site(last: &str) -> String {
    // What is not left behind is not asked for again.
    STEPS.replace("LAST", last).replace(", creates: `${host.vars.root}/never`", "")
}

fn fleet() -> Fleet {
    let mut fleet = Fleet::new(&["a"]);
    fleet.limits.reconnect = Duration::from_secs(60);
    fleet
}

/// Nothing is left of a segment, and nobody has the lock: at most a process that lets it go as soon as its turn comes.
fn is_swept(fleet: &Fleet) -> bool {
    let lock = fleet.at("a", "state/lock");
    let free = Command::new("flock").args(["-w", "5"]).arg(lock).arg("true").status().unwrap();
    fleet.read("a", "state/segment/log").as_deref() == Some("") && free.success()
}

#[tokio::test]
async fn what_ran_without_its_connection_is_found_again_wherever_that_was_cut() {
    let whole = fleet();
    let ran = whole.apply(&site("true")).await;
    assert_eq!((ran.status, whole.log().join(" ")), (Converged, "one two three four".to_owned()));
    assert!(is_swept(&whole));
    let outputs = |ran: &Ran| format!("{:?}", ran.outputs());
    let expected = (outputs(&ran), ran.counts("a"));
    let length = ran.outputs().iter().map(String::len).sum::<usize>() + 300;
    let cuts = (0..length).step_by(37).map(async |cut| {
        let fleet = fleet();
        fleet.breaks("a", Fault::Silent(cut));
        let ran = fleet.apply(&site("true")).await;
        assert_eq!(ran.status, Converged, "{cut}: {:?}", ran.warnings());
        assert_eq!((outputs(&ran), ran.counts("a")), expected, "{cut}");
        assert_eq!(fleet.log().join(" "), "one two three four", "{cut}: each ran once");
        assert!(ran.warnings()[0].contains("keepalive timeout"), "{:?}", ran.warnings());
        assert!(is_swept(&fleet), "{cut}");
    });
    join_all(cuts).await;
}

#[tokio::test]
async fn what_was_not_begun_before_its_connection_was_lost_is_begun_over_another() {
    for content in ["x".to_owned(), "x".repeat(100_000)] {
        let fleet = fleet();
        fleet.breaks("a", Fault::Idle);
        let ran = fleet
            .apply(&site("true").replace(r#"content: "x""#, &format!("content: {content:?}")))
            .await;
        assert_eq!(
            (ran.status, fleet.log().join(" ")),
            (Converged, "one two three four".to_owned())
        );
        assert!(is_swept(&fleet));
    }
}

/// The kernel sends again what the controller has given up.
#[tokio::test]
async fn what_arrives_after_its_connection_was_given_up_runs_once() {
    let late = (0..12).map(async |n| {
        let fleet = fleet();
        fleet.breaks("a", Fault::Late(Duration::from_millis(800 + n * 60)));
        let ran = fleet.apply(&site("true")).await;
        assert_eq!(ran.status, Converged, "{n}: {:?}", ran.warnings());
        assert_eq!(fleet.log().join(" "), "one two three four", "{n}");
        assert!(is_swept(&fleet), "{n}");
    });
    join_all(late).await;
}

/// Before its run gives it up, it has run; after that it does not.
#[tokio::test]
async fn what_arrives_at_any_moment_of_the_search_for_it_runs_once() {
    for scripts in 0..6 {
        let fleet = fleet();
        fleet.breaks("a", Fault::Between(scripts));
        let ran = fleet.apply(&site("true")).await;
        let log = fleet.log().join(" ");
        assert_eq!((ran.status, &*log), (Converged, "one two three four"), "{scripts}");
        let came_in_time = ran.warnings().iter().any(|it| it.contains("nothing was lost"));
        assert_eq!(came_in_time, scripts < 2, "{scripts}: {:?}", ran.warnings());
        assert!(is_swept(&fleet), "{scripts}");
    }
}

#[tokio::test]
async fn a_host_that_another_run_had_in_between_is_left_alone() {
    let mut fleet = Fleet::new(&["a", "b"]);
    fleet.limits.reconnect = Duration::from_secs(60);
    fleet.breaks("a", Fault::Idle);
    let holder = fleet.at("a", "state/holder");
    let dialled = std::sync::atomic::AtomicUsize::new(0);
    fleet.interrupt_at = Some(std::sync::Arc::new(move |event: &Event| {
        let again = matches!(event, Event::Connecting { .. })
            && dialled.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 2;
        if again {
            std::fs::write(&holder, "1 run other of somebody else\n").unwrap();
        }
        false
    }));
    // Two hosts that are changed are both locked before.
    let other = r#"on(hosts("b"), |host| file(`${host.vars.root}/f`, #{ content: "x" }));"#;
    let ran = fleet.apply(&format!("{}\n{other}", site("true"))).await;
    assert_eq!((ran.status, fleet.log().len()), (Unreachable, 0));
    assert_eq!(ran.outcome("command:one"), "unknown");
}

#[tokio::test]
async fn a_step_that_takes_too_long_without_its_connection_is_ended() {
    let mut fleet = fleet();
    fleet.limits.step = Duration::from_secs(4);
    fleet.limits.probe = Duration::from_secs(6);
    fleet.breaks("a", Fault::Silent(0));
    let ran = fleet.apply(&site("sleep 601 & wait")).await;
    assert_eq!((ran.status, fleet.log().join(" ")), (Failed, "one two".to_owned()));
    assert_eq!(ran.outcome("command:three"), "failed: it took longer than 4 s, and was killed");
    assert_eq!(ran.outcome("/f"), "skipped: a/command:three");
    assert!(is_swept(&fleet));
}

#[tokio::test]
async fn a_step_that_fails_without_its_connection_has_failed() {
    let fleet = fleet();
    fleet.breaks("a", Fault::Silent(0));
    let ran = fleet.apply(&site("echo why; exit 3")).await;
    assert_eq!((ran.status, fleet.log().join(" ")), (Failed, "one two".to_owned()));
    assert_eq!(ran.outcome("command:three"), "failed: its step ended with exit status 3");
    assert_eq!(ran.outcome("/f"), "skipped: a/command:three");
    assert!(ran.outputs().contains(&"why".to_owned()), "{:?}", ran.outputs());
}

#[tokio::test]
async fn a_segment_has_the_lock_also_when_the_shell_is_killed_that_began_it() {
    let fleet = fleet();
    let playbook = r#"on(hosts("a"), |host| {
        let r = host.vars.root;
        command("waits", #{ run: `: >${r}/begun; until [ -e ${r}/go ]; do sleep 0.02; done; echo ran >>${host.vars.log}` });
    });"#;
    let kills = async {
        while !fleet.at("a", "begun").exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let holder = fleet.read("a", "state/holder").unwrap();
        let shell = holder.split(' ').next().unwrap();
        assert!(Command::new("kill").args(["-KILL", shell]).status().unwrap().success());
        let lock = fleet.at("a", "state/lock");
        assert!(!Command::new("flock").arg("-n").arg(lock).arg("true").status().unwrap().success());
        fleet.write("a", "go", "");
    };
    let (ran, ()) = tokio::join!(fleet.apply(playbook), kills);
    assert_eq!((ran.status, fleet.log().join(" ")), (Converged, "ran".to_owned()));
    assert!(
        ran.warnings()[0].contains("reconnected, and nothing was lost"),
        "{:?}",
        ran.warnings()
    );
    assert!(is_swept(&fleet));
}

/// What a step leaves running may hold its output for ever.
#[tokio::test]
async fn nobody_waits_for_what_a_step_left_running() {
    for fault in [None, Some(Fault::Silent(0))] {
        let fleet = fleet();
        if let Some(fault) = fault {
            fleet.breaks("a", fault);
        }
        let stays = format!("sleep 600 & echo $! >{}", fleet.at("a", "pid").display());
        let ran = fleet.apply(&site(&stays)).await;
        assert_eq!(ran.status, Converged, "{fault:?}");
        let pid: i32 = fleet.read("a", "pid").unwrap().trim().parse().unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        assert!(is_swept(&fleet));
    }
}

#[tokio::test]
async fn a_host_that_lost_its_power_is_not_believed_to_have_done_anything() {
    let mut fleet = fleet();
    fleet.hears("command:three");
    let ran = fleet.apply(&site("dies").replace(r#""dies""#, CUT)).await;
    assert_eq!((ran.status, ran.outcome("command:three")), (Unreachable, "unknown".to_owned()));
    assert_eq!(
        (ran.outcome("command:one"), ran.outcome("/f")),
        ("changed".into(), "unknown".into())
    );
}
