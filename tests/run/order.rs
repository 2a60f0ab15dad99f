//! The order across hosts, as it is observed.

use std::{
    fs::File,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use converge::{
    plan::{
        event::Event,
        exit_status::ExitStatus::{Converged, Interrupted, Locked, Unreachable},
    },
    run::Purpose,
};

use futures::future::join_all;

use super::fleet::{Fault, Fleet};

/// `say(host, "x")` writes a line to the log that all hosts share, once.
const SAY: &str = r#"fn say(host, word) {
    command(word, #{ run: `echo ${word} >>${host.vars.log}; touch ${host.vars.root}/${word}`, creates: `${host.vars.root}/${word}` })
}
"#;

fn playbook(text: &str) -> String {
    format!("{SAY}{text}")
}

#[tokio::test]
async fn a_sequence_is_kept_across_hosts() {
    let fleet = Fleet::new(&["a", "b"]);
    let playbook = playbook(
        r#"sequence(|| {
            on(hosts("a"), |host| say(host, "first"));
            on(hosts("b"), |host| { say(host, "second"); say(host, "third"); });
            on(hosts("a"), |host| say(host, "fourth"));
        });"#,
    );
    let ran = fleet.apply(&playbook).await;
    assert_eq!((ran.status, fleet.log()), (Converged, words("first second third fourth")));
}

#[tokio::test]
async fn after_and_before_are_kept_across_hosts() {
    let fleet = Fleet::new(&["a", "b", "c"]);
    let playbook = playbook(
        r#"let found = #{};
        on(hosts("a"), |host| found.late = say(host, "late"));
        on(hosts("b"), |host| found.middle = say(host, "middle"));
        on(hosts("c"), |host| found.early = say(host, "early"));
        found.late.after(found.middle);
        found.early.before(found.middle);"#,
    );
    let ran = fleet.apply(&playbook).await;
    assert_eq!((ran.status, fleet.log()), (Converged, words("early middle late")));
}

#[tokio::test]
async fn an_interrupt_lets_what_runs_finish_and_starts_nothing_new() {
    let mut fleet = Fleet::new(&["a", "b"]);
    fleet.interrupt_at = Some(Arc::new(|event: &Event| matches!(event, Event::Started { .. })));
    let playbook = playbook(
        r#"sequence(|| {
            on(hosts("a"), |host| say(host, "running"));
            on(hosts("b"), |host| say(host, "waiting"));
        });"#,
    );
    let ran = fleet.apply(&playbook).await;
    assert_eq!((ran.status, fleet.log()), (Interrupted, words("running")));
    assert_eq!(ran.outcome("command:running"), "changed");
    assert_eq!(ran.outcome("command:waiting"), "skipped: the run was interrupted");
    assert_eq!((ran.counts("a"), ran.counts("b")), ([0, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0]));
}

#[tokio::test]
async fn an_interrupt_ends_a_host_after_the_step_that_runs() {
    let mut fleet = Fleet::new(&["a"]);
    fleet.interrupt_at = Some(Arc::new(
        |event: &Event| matches!(event, Event::Started { node } if node.node.ends_with("two")),
    ));
    fleet.limits.step = Duration::from_secs(60);
    // The second step ends once it was told to be the last.
    let stopped = "until [ -s $CONVERGE_STATE/segment/stop ]; do sleep 0.02; done";
    let playbook = playbook(&format!(
        r#"on(hosts("a"), |host| {{
            say(host, "one");
            command("two", #{{ run: `{stopped}; echo two >>${{host.vars.log}}` }});
            say(host, "three");
            say(host, "four");
        }});"#
    ));
    let ran = fleet.apply(&playbook).await;
    assert_eq!((ran.status, fleet.log()), (Interrupted, words("one two")));
    assert_eq!(ran.outcome("command:two"), "changed");
    for left in ["command:three", "command:four"] {
        assert_eq!(ran.outcome(left), "skipped: the run was interrupted");
    }
    assert_eq!(fleet.read("a", "state/segment/log").as_deref(), Some(""));
}

#[tokio::test]
async fn an_interrupt_stops_who_waits_for_a_place() {
    let mut fleet = Fleet::new(&["a", "b", "c"]);
    fleet.concurrency = 1;
    fleet.interrupt_at = Some(Arc::new(|event: &Event| matches!(event, Event::Started { .. })));
    let ran = fleet.apply(&playbook(r#"on(hosts("all"), |host| say(host, "one"));"#)).await;
    assert_eq!((ran.status, fleet.log()), (Interrupted, words("one")));
}

#[tokio::test]
async fn an_interrupt_before_any_change_changes_nothing() {
    let mut fleet = Fleet::new(&["a"]);
    fleet.interrupt_at = Some(Arc::new(|event: &Event| matches!(event, Event::Probing { .. })));
    let ran = fleet.apply(&playbook(r#"on(hosts("all"), |host| say(host, "one"));"#)).await;
    assert_eq!((ran.status, fleet.log()), (Interrupted, vec![]));
    assert_eq!(ran.outcome("command:one"), "skipped: the run was interrupted");
    assert_eq!(ran.planned("command:one"), None);
}

#[tokio::test]
async fn an_interrupt_ends_the_wait_for_a_lock() {
    let mut fleet = Fleet::new(&["a"]);
    fleet.lock_wait = Duration::MAX;
    fleet.interrupt_at = Some(Arc::new(|event: &Event| matches!(event, Event::Warning { .. })));
    let _lock = held(&fleet, "a");
    let ran = fleet.apply(&playbook(r#"on(hosts("all"), |host| say(host, "one"));"#)).await;
    assert_eq!((ran.status, fleet.log()), (Interrupted, vec![]));
    assert_eq!(ran.outcome("command:one"), "skipped: the run was interrupted");
}

#[tokio::test]
async fn what_changed_while_the_lock_was_waited_for_is_seen() {
    // Where nothing was approved, the lock of the one host that is changed comes with the change, which does not begin.
    for (approves, by_hand, outcome) in [(true, "by hand", "refused"), (false, "x", "unchanged")] {
        let mut fleet = Fleet::new(&["a"]);
        fleet.lock_wait = Duration::MAX;
        let file = fleet.at("a", "f");
        let playbook = r#"on(hosts("a"), |host| file(`${host.vars.root}/f`, #{ content: "x" }));"#;
        let plan = fleet.run(playbook, Purpose::Plan).await.unwrap().plan;

        // Whoever holds the lock writes the file, and is done.
        let lock = Mutex::new(Some(held(&fleet, "a")));
        let written = file.clone();
        fleet.interrupt_at = Some(Arc::new(move |event: &Event| {
            if matches!(event, Event::Warning { .. }) {
                std::fs::write(&written, by_hand).unwrap();
                lock.lock().unwrap().take();
            }
            false
        }));
        let approved = approves.then_some(plan);
        let ran = fleet.run(playbook, Purpose::Apply { approved }).await.unwrap();
        assert!(ran.outcome("/f").starts_with(outcome), "{}", ran.outcome("/f"));
        assert_eq!(std::fs::read_to_string(file).unwrap(), by_hand);
    }
}

/// Two runs, each of which changes the host that the other one checks, would wait for each other. Nor does a check touch what the
/// other run has there, also when its connection is lost before it began, or while it runs.
#[tokio::test]
async fn a_check_on_another_host_waits_for_no_lock() {
    for fault in [None, Some(Fault::Idle), Some(Fault::Silent(0))] {
        let mut fleet = Fleet::new(&["a", "b"]);
        fleet.limits.reconnect = Duration::from_secs(60);
        let _lock = held(&fleet, "b");
        let others = ["log", "pid", "stop"].map(|name| fleet.at("b", "state/segment").join(name));
        let (folder, seeded) = (fleet.at("b", "state/segment"), others.clone());
        // It begins only once this one has looked.
        fleet.interrupt_at = Some(Arc::new(move |event: &Event| {
            if let Event::Started { node } = event
                && &*node.host == "a"
            {
                std::fs::create_dir_all(&folder).unwrap();
                seeded.iter().for_each(|path| std::fs::write(path, "of the other run").unwrap());
            }
            false
        }));
        fault.into_iter().for_each(|fault| fleet.breaks("b", fault));
        let playbook = r#"sequence(|| {
            on(hosts("a"), |host| file(`${host.vars.root}/f`, #{ content: "x" }));
            on(hosts("b"), |host| command_check("b is well", #{ run: `echo asked >>${host.vars.log}` }));
        });"#;
        let ran = fleet.apply(playbook).await;
        // It is asked again in the end: what somebody works on may change.
        assert_eq!(ran.status, Converged, "{fault:?}: {:?}", ran.warnings());
        assert!(fleet.log().iter().all(|line| line == "asked") && !fleet.log().is_empty());
        let (trouble, lost) = (ran.warnings().join(" "), fault.is_some());
        assert_eq!(
            trouble.contains("nothing was lost"),
            lost && fault != Some(Fault::Idle),
            "{fault:?}: {trouble}"
        );
        others.iter().for_each(|path| {
            assert_eq!(std::fs::read_to_string(path).unwrap(), "of the other run")
        });
        let names = std::fs::read_dir(fleet.at("b", "state"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let left: Vec<_> =
            names.filter(|name| name.to_string_lossy().starts_with("segment.")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Two runs that each have a host and wait for that of the other one would wait for ever.
#[tokio::test]
async fn who_waits_for_a_host_holds_none_that_comes_after_it() {
    let mut fleet = Fleet::new(&["a", "b", "c"]);
    fleet.lock_wait = Duration::MAX;
    let lock = Mutex::new(Some(held(&fleet, "b")));
    let locks = ["a", "c"].map(|host| fleet.at(host, "state/lock"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = seen.clone();
    fleet.interrupt_at = Some(Arc::new(move |event: &Event| {
        if matches!(event, Event::Warning { .. }) {
            let is_free = |path: &PathBuf| File::open(path).unwrap().try_lock().is_ok();
            told.lock().unwrap().extend(locks.iter().map(is_free));
            lock.lock().unwrap().take();
        }
        false
    }));
    let ran = fleet.apply(&playbook(r#"on(hosts("all"), |host| say(host, "one"));"#)).await;
    assert_eq!((ran.status, fleet.log().len()), (Converged, 3));
    assert_eq!(*seen.lock().unwrap(), [false, true]);
}

/// Each brings another version to all hosts: on each of them they come in the same order, so no fleet is ever split for good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_runs_at_once_come_one_after_the_other_on_all_hosts() {
    const RUNS: usize = 20;
    let hosts = ["a", "b", "c", "d", "e"];
    let mut fleet = Fleet::new(&hosts);
    fleet.lock_wait = Duration::MAX;
    let playbook = |version: usize| {
        format!(
            r#"on(hosts("all"), |host| {{
                let root = host.vars.root;
                let version = file(`${{root}}/version`, #{{ content: "{version}" }});
                action("tell", #{{ run: `echo {version} >>${{root}}/told`, on: [version] }});
            }});"#
        )
    };
    let playbooks: Vec<String> = (0..RUNS).map(playbook).collect();
    let runs = join_all(playbooks.iter().map(|playbook| fleet.apply(playbook))).await;
    for ran in &runs {
        assert_eq!(ran.status, Converged, "{:?}", ran.warnings());
        let is_clear = |told: &String| told.contains(", which another run holds: run run-");
        assert!(ran.warnings().iter().all(is_clear), "{:?}", ran.warnings());
    }
    let told = hosts.map(|host| fleet.read(host, "told").unwrap());
    assert_eq!(told[0].lines().count(), RUNS);
    assert!(told.iter().all(|it| *it == told[0]), "{told:?}");
    assert_eq!(fleet.read("e", "version").as_deref(), told[0].lines().last());
}

#[tokio::test]
async fn a_host_that_another_run_holds_is_locked_and_not_unreachable() {
    let fleet = Fleet::new(&["a", "b"]);
    let _lock = held(&fleet, "a");
    let shell = std::process::id();
    fleet.write("a", "state/holder", &format!("{shell} run X of ada\n"));
    let playbook = playbook(r#"on(hosts("all"), |host| say(host, "one"));"#);
    let ran = fleet.apply(&playbook).await;
    assert_eq!((ran.status, ran.outcome("b/command:one")), (Locked, "changed".into()));
    assert_eq!(
        ran.outcome("a/command:one"),
        "skipped: a: another run holds the host: run X of ada"
    );
    let a = ran.host("a");
    assert_eq!((a.locked.as_deref(), a.unreachable), (Some("run X of ada"), None));
    let locked = |event: &Event| matches!(event, Event::Locked { host, .. } if **host == *"a");
    assert_eq!(ran.events.iter().filter(|event| locked(event)).count(), 1);
    // Two names for one host: it is this run itself that holds it.
    fleet.write("a", "state/holder", &format!("{shell} run run-2 of somebody\n"));
    let ran = fleet.apply(&playbook).await;
    let told = "this run holds its lock already: two names in the inventory are the same host";
    assert_eq!((ran.status, ran.host("a").unreachable.as_deref()), (Unreachable, Some(told)));
}

/// The lock of a host, as another run holds it.
fn held(fleet: &Fleet, host: &str) -> std::fs::File {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};
    std::fs::create_dir(fleet.at(host, "state")).unwrap();
    let lock = std::fs::File::create(fleet.at(host, "state/lock")).unwrap();
    for (name, mode) in [("state", 0o700), ("state/lock", 0o600)] {
        std::fs::set_permissions(fleet.at(host, name), Permissions::from_mode(mode)).unwrap();
    }
    lock.lock().unwrap();
    lock
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}
