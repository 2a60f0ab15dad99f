//! How one container takes the place of another, with a stand-in for Docker.

use std::collections::BTreeMap;

use converge::{
    base::{script::Script, value::Value},
    resources::{
        change::{Change, DetailedChange, Differing as _, Effect},
        kinds::{self, container::ContainerDetail},
    },
};

use crate::{
    cases::Folder,
    docker,
    hosts::{Host, Outcome},
};

/// Converges the container, which must become healthy within no time.
fn converge(host: &Host, image: &str, health: &str) -> Outcome {
    step(host, &format!("name = 'api'\nimage = '{image}'\n{health}"), None)
}

/// Runs the step of a container of which this is known.
fn step(host: &Host, arguments: &str, detail: Option<ContainerDetail>) -> Outcome {
    let kind = kinds::kind("container").unwrap();
    let arguments: Value = toml::from_str(arguments).unwrap();
    let declared = kind.declare(arguments, &Folder(&BTreeMap::new())).unwrap();
    let change = Change::new(Effect::Update, Vec::new());
    let change = detail.map(|detail| DetailedChange { change, detail }.into_change());
    let mut step = kind.apply(&declared.desired, change.as_ref());
    // The shell of busybox has a sleep of its own, which it does not look for.
    step.script = Script::trusted("sleep() { :; }").then(step.script);
    host.step(&step)
}

fn hosts() -> Vec<Host> {
    let hosts = Host::all();
    hosts.iter().for_each(|host| docker::install(&host.bin()));
    hosts
}

/// The containers that are there: the one that is wanted, and the one that had its name.
fn left(host: &Host) -> [Option<String>; 2] {
    ["api", "api.converge-previous"].map(|name| docker::container(&host.bin(), name))
}

fn last_line(outcome: &Outcome) -> &str {
    outcome.stderr.lines().last().unwrap_or_default()
}

/// What the API must say.
fn version(version: &str) -> String {
    format!("health = {{ port = 1, json = {{ version = '{version}' }}, deadline = 0 }}")
}

fn reverted() -> Option<i32> {
    kinds::kind("container").unwrap().reverted()
}

#[test]
fn a_healthy_one_takes_the_place_of_the_old_one() {
    for host in hosts() {
        for tag in ["1", "2"] {
            let outcome = converge(&host, &format!("api:{tag}"), &version(tag));
            assert!(outcome.ok, "{}: {outcome:?}", host.name());
            assert_eq!(left(&host), [Some(format!("api:{tag} running")), None]);
        }
    }
}

#[test]
fn one_that_does_not_get_healthy_gives_way_to_the_old_one_and_says_why() {
    for host in hosts() {
        assert!(converge(&host, "api:1", "").ok);
        let version_3 = &*version("3");
        let cases = [
            ("api:2", version_3, "after 0 seconds json.version is 2, not 3"),
            ("api:dies", version_3, "state is exited with exit status 7, not running all along"),
            ("api:dies", "", "state is exited with exit status 7, not running all along"),
            ("api:loops", "", "state is running again after exit status 7, not running all along"),
            ("api:refused", "", "Error response from daemon: port is already allocated"),
        ];
        for (image, health, why) in cases {
            let outcome = converge(&host, image, health);
            assert_eq!(outcome.status, reverted(), "{}: {outcome:?}", host.name());
            let why = format!("api did not get healthy: {why}; the old one is back");
            assert_eq!(last_line(&outcome), why, "{}", host.name());
            assert!(outcome.stderr.contains(&format!("it was made of {image}")), "{outcome:?}");
            assert_eq!(left(&host), [Some("api:1 running".to_owned()), None]);
        }
    }
}

#[test]
fn without_an_old_one_that_runs_again_nothing_was_reverted() {
    for host in hosts() {
        let outcome = converge(&host, "api:2", &version("3"));
        assert_eq!((outcome.status, left(&host)), (Some(1), [None, None]), "{outcome:?}");
        assert!(last_line(&outcome).ends_with("it was removed, and there was no old one"));

        assert!(converge(&host, "api:once", &version("once")).ok);
        let outcome = converge(&host, "api:2", &version("3"));
        assert_eq!(outcome.status, Some(1), "{outcome:?}");
        let why = "the old one is back, but not well: Error response from daemon: no such device";
        assert!(last_line(&outcome).ends_with(why), "{outcome:?}");
        assert_eq!(left(&host), [Some("api:once exited".to_owned()), None]);
    }
}

/// A container that somebody else made, with what Docker keeps of it.
fn made_by_another(host: &Host, name: &str, image: &str) {
    let folder = host.bin().join("containers").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let files = [
        ("hash", ""),
        ("config", ""),
        ("replaces", ""),
        ("restart", "no"),
        ("memory", "0"),
        ("env", ""),
        ("image", image),
        ("state", "running"),
        ("code", "0"),
        ("id", "foreign"),
    ];
    for (file, text) in files {
        std::fs::write(folder.join(file), format!("{text}\n")).unwrap();
    }
}

#[test]
fn a_container_of_another_keeps_its_name_and_its_life() {
    for host in hosts() {
        made_by_another(&host, "api-previous", "theirs:1");
        made_by_another(&host, "api.converge-previous", "theirs:2");
        let theirs = || {
            ["api-previous", "api.converge-previous"]
                .map(|name| docker::container(&host.bin(), name))
        };
        let before = theirs();
        assert!(converge(&host, "api:1", "").ok);
        let refused = converge(&host, "api:2", "");
        assert_eq!((refused.ok, theirs()), (false, before.clone()), "{refused:?}");
        assert!(refused.stderr.contains("is not converge's"), "{refused:?}");
        let api = docker::container(&host.bin(), "api");
        assert_eq!(api.as_deref(), Some("api:1 running"));
        let gone = step(&host, "name = 'api'\nabsent = true", None);
        assert!(gone.ok, "{gone:?}");
        assert_eq!((docker::container(&host.bin(), "api"), theirs()), (None, before));
    }
}

#[test]
fn one_of_the_wanted_name_is_taken_over() {
    for host in hosts() {
        // Docker gives no other name to one that it is about to start again.
        for state in ["running", "paused", "restarting", "exited"] {
            made_by_another(&host, "api", "theirs:1");
            std::fs::write(host.bin().join("containers/api/state"), state).unwrap();
            let outcome = converge(&host, "api:1", "");
            assert!(outcome.ok, "{state}: {outcome:?}");
            assert_eq!(left(&host), [Some("api:1 running".to_owned()), None], "{state}");
        }
    }
}

#[test]
fn each_state_leads_to_one_that_runs() {
    for host in hosts() {
        assert!(converge(&host, "api:1", "").ok);
        for state in ["paused", "exited", "created", "dead", "running"] {
            std::fs::write(host.bin().join("containers/api/state"), state).unwrap();
            let outcome = converge(&host, "api:1", "");
            assert!(outcome.ok, "{state}: {outcome:?}");
            assert_eq!(left(&host), [Some("api:1 running".to_owned()), None], "{state}");
        }
    }
}

#[test]
fn what_docker_knows_better_is_made_anew() {
    for host in hosts() {
        assert!(converge(&host, "api:1", "").ok);
        let id = || std::fs::read_to_string(host.bin().join("containers/api/id")).unwrap();
        let first = id();
        assert!(converge(&host, "api:1", "").ok);
        assert_eq!(id(), first, "it is as it should be");
        let arguments = "name = 'api'\nimage = 'api:1'";
        assert!(step(&host, arguments, Some(ContainerDetail::Made)).ok);
        assert_ne!(id(), first);
        assert_eq!(left(&host), [Some("api:1 running".to_owned()), None]);
    }
}

#[test]
fn without_a_daemon_nothing_is_done() {
    for host in hosts() {
        assert!(converge(&host, "api:1", "").ok);
        std::fs::write(host.bin().join("down"), "").unwrap();
        for arguments in ["name = 'api'\nimage = 'api:2'", "name = 'api'\nabsent = true"] {
            let outcome = step(&host, arguments, None);
            assert!(!outcome.ok && outcome.stderr.contains("Cannot connect"), "{outcome:?}");
        }
        assert_eq!(left(&host), [Some("api:1 running".to_owned()), None]);
    }
}
