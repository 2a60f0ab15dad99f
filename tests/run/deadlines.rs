//! What takes too long is ended on the host, with all that it started; the host and the others go on.

use std::time::Duration;

use converge::plan::exit_status::ExitStatus::{Converged, Failed, Interrupted, Unreachable};

use super::fleet::Fleet;

/// A resource whose scripts wait for ever at a FIFO, below a process that another one started; each writes down who it is.
const STUCK: &str = r#"on(hosts("a"), |host| {
    let r = host.vars.root;
    let wait = `(sh -c 'echo $$ >>${r}/processes; read x <${r}/fifo' & wait) | cat`;
    let ok = file(`${r}/before`, #{ content: "1" });
    custom("thing", "stuck", #{ observe: OBSERVE, want: "well", apply: APPLY, timeout: TIMEOUT }).after(ok);
    file(`${r}/after`, #{ content: "1" });
});
on(hosts("b"), |host| file(host.vars.root + "/f", #{ content: "1" }));"#;

fn stuck(observe: &str, apply: &str, timeout: u32) -> String {
    let site = STUCK.replace("OBSERVE", observe).replace("APPLY", apply);
    site.replace("TIMEOUT", &timeout.to_string())
}

fn fleet() -> Fleet {
    let fleet = Fleet::new(&["a", "b"]);
    let made = std::process::Command::new("mkfifo").arg(fleet.at("a", "fifo")).status();
    assert!(made.unwrap().success());
    fleet
}

/// How many of the processes that wrote down who they are were started, and are there still.
fn processes(fleet: &Fleet) -> (usize, usize) {
    let all = fleet.read("a", "processes").unwrap_or_default();
    // One that nobody has buried yet is dead too.
    let alive = |process: &&str| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, stat)| !stat.starts_with('Z'))
    };
    // A process that was killed needs its turn to die.
    let stays = |process: &&str| {
        (0..200).all(|_| {
            std::thread::sleep(Duration::from_millis(50));
            alive(process)
        })
    };
    (all.lines().count(), all.lines().filter(alive).filter(stays).count())
}

#[tokio::test]
async fn a_step_that_takes_too_long_fails_and_its_host_goes_on() {
    let fleet = fleet();
    let ran = fleet.apply(&stuck("\"echo no\"", "\"trap '' TERM; \" + wait", 5)).await;
    assert_eq!(ran.status, Failed);
    assert_eq!(ran.outcome("thing/stuck"), "failed: it took longer than 5 s, and was killed");
    assert_eq!(ran.outcome("/before"), "changed");
    assert_eq!(ran.outcome("/after"), "skipped: a/custom:thing/stuck");
    assert_eq!((ran.counts("b"), ran.host("a").unreachable), ([0, 1, 0, 0, 0, 0, 0], None));
    assert_eq!(processes(&fleet), (1, 0));
    // The lock is free again, and so is the shell.
    let ran = fleet.apply(&stuck("`cat ${r}/well`", "`echo well >${r}/well`", 60)).await;
    assert_eq!((ran.status, ran.outcome("/after")), (Converged, "changed".to_owned()));
}

#[tokio::test]
async fn a_look_that_takes_too_long_is_ended_and_only_its_host_is_left() {
    let mut fleet = fleet();
    fleet.limits.probe = Duration::from_secs(5);
    let ran = fleet.apply(&stuck("wait", "\"true\"", 60)).await;
    assert_eq!((ran.status, ran.outcome("b/file")), (Unreachable, "nothing".to_owned()));
    let why = ran.host("a").unreachable.unwrap_or_default();
    assert_eq!(why, "it took too long, and was ended");
    assert_eq!(ran.counts("b"), [0, 1, 0, 0, 0, 0, 0]);
    assert_eq!(processes(&fleet), (1, 0));
}

#[tokio::test]
async fn a_run_that_takes_too_long_ends_what_runs_and_names_what_is_not_done() {
    let mut fleet = fleet();
    fleet.timeout = Some(Duration::from_secs(5));
    let ran = fleet.apply(&stuck("\"echo no\"", "wait", 3000)).await;
    assert_eq!(ran.status, Interrupted);
    assert_eq!(ran.outcome("thing/stuck"), "failed: the run took longer than 5 s: it was killed");
    assert_eq!(ran.outcome("/after"), "skipped: a/custom:thing/stuck");
    assert_eq!(ran.counts("b"), [0, 1, 0, 0, 0, 0, 0]);
    assert_eq!(processes(&fleet), (1, 0));
}

#[tokio::test]
async fn a_look_that_is_interrupted_leaves_nothing_behind() {
    let mut fleet = fleet();
    fleet.timeout = Some(Duration::from_secs(5));
    let ran = fleet.apply(&stuck("wait", "\"true\"", 60)).await;
    assert_eq!(ran.status, Interrupted);
    assert_eq!(processes(&fleet), (1, 0));
}
