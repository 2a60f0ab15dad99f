//! A host that goes down in the middle of a run, and comes back.

use converge::plan::exit_status::ExitStatus::{Converged, Failed, Pending, Unreachable};

use super::fleet::{Fault, Fleet};

/// A host goes down once a file has changed, between two steps; and another one waits for that.
const SITE: &str = r#"sequence(|| {
    on(hosts("a"), |host| {
        let kernel = file(`${host.vars.root}/kernel`, #{ content: "6.18" });
        command("before", #{ run: `echo before >>${host.vars.log}` });
        reboot("new kernel", #{ on: [kernel], timeout: 8 });
        action("after", #{ run: `echo after >>${host.vars.log}`, on: [kernel] });
    });
    on(hosts("b"), |host| {
        command("beyond", #{ run: `echo beyond >>${host.vars.log}; touch ${host.vars.root}/beyond`, creates: `${host.vars.root}/beyond` });
    });
});"#;

/// Hosts on which `systemctl reboot` does as it says: `$root` is the folder of the host.
fn fleet(reboots: &str) -> Fleet {
    let fleet = Fleet::new(&["a", "b"]);
    for host in ["a", "b"] {
        let [root, log] = ["", "../log"].map(|path| fleet.at(host, path));
        let (root, log) = (root.display(), log.display());
        fleet.write(host, "reboot", &format!("root={root}\necho reboot >>{log}\n{reboots}\n"));
        fleet.write(host, "boot", "first\n");
    }
    fleet
}

/// What runs on the host is gone at once.
const AT_ONCE: &str = r#"date +%N >"$root/boot"; eval "$CUT""#;

/// It takes some time until it is.
const LATER: &str = r#"(sleep 2; date +%N >"$root/boot"; eval "$CUT") >/dev/null 2>&1 &"#;

#[tokio::test]
async fn a_run_goes_on_when_the_host_is_back() {
    for reboots in [AT_ONCE, LATER] {
        let fleet = fleet(reboots);
        let ran = fleet.apply(SITE).await;
        let ran = match ran.status {
            Converged => ran,
            _ => panic!("{reboots}: {:?} {:?}", ran.warnings(), ran.outcome("reboot:new kernel")),
        };
        assert_eq!(fleet.log().join(" "), "before reboot after beyond", "{reboots}");
        assert_eq!(ran.outcome("reboot:new kernel"), "changed");
        assert_eq!((fleet.markers("a"), fleet.markers("b")), (0, 0));
        let again = fleet.apply(SITE).await;
        assert_eq!(again.status, Converged);
        assert_eq!(fleet.log().len(), 5, "only the unguarded command ran again");
    }
}

#[tokio::test]
async fn a_host_that_does_not_go_down_is_told_and_left_alone() {
    let fleet = fleet("return 0");
    let ran = fleet.apply(&SITE.replace("timeout: 8", "timeout: 3")).await;
    assert_eq!(ran.status, Failed);
    let outcome = ran.outcome("reboot:new kernel");
    assert_eq!(outcome, "failed: the host did not go down within 3 s");
    assert!(ran.outcome("action:after").starts_with("skipped"));
    assert!(ran.outcome("command:beyond").starts_with("skipped"));
    assert_eq!(fleet.log().join(" "), "before reboot");
}

#[tokio::test]
async fn a_host_that_cannot_be_told_to_go_down_has_failed() {
    let fleet = fleet("echo 'no such thing' >&2; return 7");
    let ran = fleet.apply(SITE).await;
    let outcome = ran.outcome("reboot:new kernel");
    assert_eq!((ran.status, &*outcome), (Failed, "failed: its step ended with exit status 7"));
    assert!(ran.outputs().contains(&"no such thing".to_owned()), "{:?}", ran.outputs());
}

#[tokio::test]
async fn a_host_that_comes_back_too_late_is_not_restarted_once_more() {
    let mut fleet = fleet(AT_ONCE);
    let faults = fleet.faults();
    fleet.interrupt_at = Some(std::sync::Arc::new(move |event| {
        if format!("{event:?}").contains("the host goes down") {
            faults.lock().unwrap().insert("a".to_owned(), Fault::Unreachable);
        }
        false
    }));
    let ran = fleet.apply(&SITE.replace("timeout: 8", "timeout: 3")).await;
    assert_eq!((ran.status, &*ran.outcome("reboot:new kernel")), (Unreachable, "unknown"));
    fleet.interrupt_at = None;
    fleet.mend("a");
    let plan = fleet.plan(SITE).await;
    assert_eq!(plan.status, Pending);
    let ran = fleet.apply(SITE).await;
    assert_eq!(ran.status, Converged, "{:?}", ran.warnings());
    assert_eq!(fleet.log().join(" "), "before reboot before after beyond");
    assert_eq!((fleet.markers("a"), fleet.markers("b")), (0, 0));
}

/// The host asks for it as long as a file is there, which its next start removes.
#[tokio::test]
async fn a_host_is_restarted_where_it_asks_for_that() {
    let site = r#"on(hosts("a"), |host| {
        command("update", #{ run: `touch ${host.vars.root}/run/reboot-required; echo update >>${host.vars.log}; touch ${host.vars.root}/updated`, creates: `${host.vars.root}/updated` });
        reboot("updates", #{ if_required: true, timeout: 8 });
    });"#;
    let fleet = fleet(r#"rm "$root/run/reboot-required"; date +%N >"$root/boot"; eval "$CUT""#);
    std::fs::create_dir(fleet.at("a", "run")).unwrap();
    let ran = fleet.apply(site).await;
    assert_eq!(ran.status, Converged, "{:?}", ran.outcome("reboot:updates"));
    assert_eq!(fleet.log().join(" "), "update reboot");
    assert_eq!((ran.outcome("reboot:updates"), fleet.markers("a")), ("changed".to_owned(), 0));
    fleet.write("a", "run/reboot-required", "");
    assert_eq!(fleet.plan(site).await.status, Pending);
    assert_eq!(fleet.apply(site).await.status, Converged);
    assert_eq!(fleet.log().join(" "), "update reboot reboot");
    assert_eq!(fleet.apply(site).await.status, Converged);
    assert_eq!(fleet.log().len(), 3);
}

#[tokio::test]
async fn hosts_are_taken_out_one_by_one_for_it() {
    let fleet = fleet(AT_ONCE);
    let site = r#"rolling(hosts("all"), #{ batch: 1 }, |node| {
        let says = |word| on(node, |host| command(`${word} ${host.name}`, #{ run: `echo ${word} ${host.name} >>${host.vars.log}` }));
        around(|| says.call("drain"), || on(node, |host| {
            let kernel = file(`${host.vars.root}/kernel`, #{ content: "6.18" });
            reboot("new kernel", #{ on: [kernel], timeout: 20 });
        }), || says.call("ready"));
    });"#;
    let ran = fleet.apply(site).await;
    assert_eq!(ran.status, Converged, "{:?}", ran.warnings());
    assert_eq!(fleet.log().join(", "), "drain a, reboot, ready a, drain b, reboot, ready b");
    assert_eq!((fleet.markers("a"), fleet.markers("b")), (0, 0));
}
