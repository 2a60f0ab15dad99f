//! How one container takes the place of another, with a stand-in for Docker.

use std::collections::BTreeMap;

use converge::{resources, script::Script, value::Value};

use crate::{
    cases::Folder,
    docker,
    hosts::{Host, Outcome},
};

/// Converges the container, which must become healthy within no time.
fn converge(host: &Host, image: &str, health: &str) -> Outcome {
    let kind = resources::kind("container").unwrap();
    let arguments = format!("name = 'api'\nimage = '{image}'\n{health}");
    let arguments: Value = toml::from_str(&arguments).unwrap();
    let declared = kind.declare(arguments, &Folder(&BTreeMap::new())).unwrap();
    let mut step = kind.apply(&declared.desired, None);
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
    ["api", "api-previous"].map(|name| docker::container(&host.bin(), name))
}

fn last_line(outcome: &Outcome) -> &str {
    outcome.stderr.lines().last().unwrap_or_default()
}

/// What the API must say.
fn version(version: &str) -> String {
    format!("health = {{ port = 1, json = {{ version = '{version}' }}, deadline = 0 }}")
}

fn reverted() -> Option<i32> {
    resources::kind("container").unwrap().reverted()
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
