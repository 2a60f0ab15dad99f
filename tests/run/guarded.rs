//! Changes that may keep everybody out: the host puts back what was there, unless somebody logs in anew.

use std::{process::Command, time::Duration};

use converge::plan::exit_status::ExitStatus::{Converged, Failed, Pending, Reverted};

use super::fleet::{Fault, Fleet};

/// What says whether anybody can log in is read by an action; between the two stands something else.
const SITE: &str = r#"on(hosts("a"), |host| {
    let config = file(`${host.vars.root}/config`, #{ content: "CONTENT", confirm: "2s" });
    file(`${host.vars.root}/motd`, #{ content: "hello" });
    action("read it", #{ run: `cd ${host.vars.root}; if [ -e config ]; then cp config door; else rm -f door; exit; fi; cat ${host.vars.root}/door >>${host.vars.log}; echo >>${host.vars.log}`, on: [config] });
    command("last", #{ run: `touch ${host.vars.root}/last`, creates: `${host.vars.root}/last` });
});"#;

fn fleet() -> Fleet {
    let fleet = Fleet::new(&["a"]);
    fleet.breaks("a", Fault::Door);
    fleet
}

/// Nothing waits to be confirmed, and nobody has the lock.
fn is_over(fleet: &Fleet) -> bool {
    let lock = fleet.at("a", "state/lock");
    let free = Command::new("flock").arg("-n").arg(lock).arg("true").status().unwrap();
    !fleet.at("a", "state/guard/armed").exists() && free.success()
}

#[tokio::test]
async fn what_keeps_everybody_out_is_put_back() {
    let fleet = fleet();
    fleet.write("a", "config", "open");
    let ran = fleet.apply(&SITE.replace("CONTENT", "closed")).await;
    assert_eq!(ran.status, Reverted, "{:?}", ran.warnings());
    let outcome = ran.outcome("/config");
    assert!(outcome.starts_with("reverted: no login succeeded within 2 s"), "{outcome}");
    assert!(ran.outcome("action:read it").starts_with("reverted: "));
    assert_eq!(ran.outcome("/motd"), "changed");
    assert_eq!(ran.outcome("command:last"), "skipped: a/action:read it");
    assert_eq!(fleet.read("a", "config").as_deref(), Some("open"));
    assert_eq!(fleet.log(), ["closed", "open"], "what read it has read it again");
    assert!(is_over(&fleet));
    assert_eq!(fleet.plan(&SITE.replace("CONTENT", "closed")).await.status, Pending);
}

#[tokio::test]
async fn what_lets_people_in_stays() {
    let fleet = fleet();
    fleet.write("a", "config", "open");
    let site = SITE.replace("CONTENT", "open, too");
    let ran = fleet.apply(&site).await;
    assert_eq!(ran.status, Converged, "{:?}", ran.outcome("/config"));
    assert_eq!(fleet.log(), ["open, too"]);
    assert!(is_over(&fleet));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(fleet.read("a", "config").as_deref(), Some("open, too"));
    assert_eq!(fleet.apply(&site).await.counts("a")[0], 4);
}

#[tokio::test]
async fn what_was_not_there_before_goes_again() {
    let fleet = fleet();
    let ran = fleet.apply(&SITE.replace("CONTENT", "closed")).await;
    assert_eq!(ran.status, Reverted);
    assert_eq!(fleet.read("a", "config"), None);
    assert!(is_over(&fleet));
}

#[tokio::test]
async fn a_host_puts_it_back_also_when_the_run_is_gone() {
    let fleet = fleet();
    fleet.write("a", "config", "open");
    let site = SITE.replace("CONTENT", "closed");
    let gone = tokio::time::timeout(Duration::from_millis(900), fleet.apply(&site)).await;
    assert!(gone.is_err(), "it waited for a login");
    for _ in 0..100 {
        if fleet.read("a", "config").as_deref() == Some("open") && is_over(&fleet) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(fleet.read("a", "config").as_deref(), Some("open"));
    assert!(is_over(&fleet));
}

#[tokio::test]
async fn a_step_that_fails_is_confirmed_nevertheless() {
    let fleet = fleet();
    fleet.write("a", "config", "open");
    let site = SITE
        .replace("CONTENT", "closed")
        .replace("; cat", "; [ \"$(cat door)\" != closed ] || exit 3; cat");
    let ran = fleet.apply(&site).await;
    assert_eq!(ran.status, Failed);
    assert!(ran.outcome("/config").starts_with("reverted: "), "{}", ran.outcome("/config"));
    assert_eq!(fleet.read("a", "config").as_deref(), Some("open"));
    assert!(is_over(&fleet));
}

#[tokio::test]
async fn the_plan_says_what_is_guarded() {
    let fleet = fleet();
    let site = r#"on(hosts("a"), |host| {
        let config = file("/etc/ssh/sshd_config.d/50-converge-test.conf", #{ content: "x" });
        file("/etc/ssh/sshd_config.d/51-converge-test.conf", #{ content: "x", confirm: false });
        file(`${host.vars.root}/f`, #{ content: "x", confirm: 30 });
        file(`${host.vars.root}/g`, #{ content: "x" });
        action("read it", #{ run: "true", on: [config] });
    });"#;
    let ran = fleet.plan(site).await;
    let guarded = [Some(60), None, Some(30), None, Some(60)];
    assert_eq!(ran.guarded(), guarded);
}
