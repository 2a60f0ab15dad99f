//! Releases cost nobody an answer: good ones, bad ones, and those that are cut short. Leaves the site as it was.

use std::fs;

use tempfile::NamedTempFile;

use crate::{
    everyday::{committed, grown},
    running::Running,
    scenario::{NODES, Site, until_alone, until_back},
    world::Ran,
};

const RELEASE: &str = "playbooks/release.rhai";

/// The seconds of load before and after.
const AROUND: u32 = 4;

impl Site {
    fn release(&self, version: &str) -> Ran {
        self.lab.converge(&[RELEASE, "-e", &format!("api_version={version}"), "--lock-wait", "60"])
    }

    /// A release that goes on while the test does, and tells its events.
    fn begin_release(&self, version: &str, more: &[&str]) -> Running {
        let version = format!("api_version={version}");
        self.lab.begin(&[&[RELEASE, "-e", &version], more].concat())
    }

    /// The version that a node runs.
    pub(crate) fn version_of(&self, node: &str) -> String {
        let image = self.lab.by_hand(node, "docker inspect --format '{{.Config.Image}}' api");
        image.trim().rsplit(':').next().unwrap_or_default().to_owned()
    }

    /// Both nodes run this version, get requests, and nothing is outstanding to anybody.
    fn assert_whole(&self, version: &str) {
        self.until_all_are_in();
        assert_eq!(NODES.map(|node| self.version_of(node)), [version; 2]);
        let outstanding = self.lab.by_hand("balancer-1", "ls /var/lib/converge/pending");
        assert_eq!(outstanding, "", "nothing is outstanding");
    }
}

#[test]
fn a_release_and_the_way_back() {
    let Some(site) = Site::get() else { return };
    for (name, version) in [("a release, 1.0.0 to 2.0.0", "2.0.0"), ("and back", "1.0.0")] {
        site.under_load(name, |load| {
            let ran = site.release(version);
            assert_eq!(ran.status, 0, "{ran:#?}");
            load.goes_on(AROUND);
        });
        site.assert_whole(version);
    }
    let again = site.release("1.0.0");
    assert!(again.stdout.contains("No changes."), "nobody is drained for nothing: {again:#?}");
}

/// A release that must not come to pass: the old version stays everywhere, and the report says why.
fn is_reverted(name: &str, version: &str, why: &[&str]) {
    let Some(site) = Site::get() else { return };
    site.under_load(name, |load| {
        let ran = site.release(version);
        assert_eq!(ran.status, 5, "{ran:#?}");
        for text in why.iter().chain(&["reverted", "too many failures (api-1; max_failures is 0)"])
        {
            assert!(ran.stdout.contains(text), "{text}: {}", ran.stdout);
        }
        load.goes_on(AROUND);
    });
    site.assert_whole("1.0.0");
}

#[test]
fn an_image_that_never_gets_well() {
    is_reverted(
        "a release that never gets well",
        "3.0.0-unhealthy",
        &["health is unhealthy", "| waiting for the database"],
    );
}

#[test]
fn an_image_that_crashes() {
    is_reverted(
        "a release that crashes",
        "3.0.0-crashing",
        &["exit status 1", "the last lines of the log of api"],
    );
}

#[test]
fn an_image_that_says_another_version() {
    is_reverted(
        "a release that says that it is another version",
        "3.0.0-mislabelled",
        &["json.version is 1.9.9, not 3.0.0-mislabelled"],
    );
}

#[test]
fn a_release_that_is_cancelled() {
    let Some(site) = Site::get() else { return };
    site.under_load("SIGTERM while the second node is upgraded", |load| {
        let mut release = site.begin_release("2.0.0", &[]);
        release.until("started", "api-2/container:api");
        release.signal("TERM");
        assert_eq!(release.status(), Some(130));
        load.goes_on(AROUND);
    });
    // What runs is finished: the second node is upgraded too.
    site.assert_whole("2.0.0");
    assert_eq!(site.release("1.0.0").status, 0);
}

#[test]
fn a_release_that_is_killed_and_begun_again() {
    let Some(site) = Site::get() else { return };
    site.under_load("kill -9 while a node is drained, and the release again", |load| {
        let mut release = site.begin_release("2.0.0", &[]);
        release.until("finished", "balancer-1/custom:haproxy drain/api-1");
        release.signal("KILL");
        assert_eq!(release.status(), None);
        assert_eq!(site.lab.rotation("api-1"), "DRAIN");
        until_alone(load, "api-2");

        let again = site.release("2.0.0");
        assert_eq!(again.status, 0, "{again:#?}");
        let outstanding = "warning: balancer-1/custom:haproxy ready/api-1 is outstanding since run";
        assert!(again.stderr.contains(outstanding), "{}", again.stderr);
        load.goes_on(AROUND);
    });
    site.assert_whole("2.0.0");
    assert_eq!(site.release("1.0.0").status, 0);
}

/// Before and after each step of a turn, on the first node and on the last.
const MOMENTS: [(&str, &str); 9] = [
    ("started", "api-1/custom:api stand-in/answers"),
    ("finished", "api-1/custom:api stand-in/answers"),
    ("started", "balancer-1/custom:haproxy drain/api-1"),
    ("started", "api-1/container:api"),
    ("finished", "api-1/container:api"),
    ("finished", "balancer-1/command_check:the balancer finds api-1 well"),
    ("finished", "balancer-1/custom:haproxy ready/api-1"),
    ("started", "api-2/container:api"),
    ("finished", "api-2/container:api"),
];

/// Releases that are cut short by a signal, each at another moment, and the same release again.
fn cut_short(name: &str, signal: &str, status: Option<i32>) {
    let Some(site) = Site::get() else { return };
    assert_eq!(site.release("1.0.0").status, 0);
    site.under_load(name, |_| {
        for ((event, node), version) in MOMENTS.iter().zip(["2.0.0", "1.0.0"].iter().cycle()) {
            let mut release = site.begin_release(version, &["--lock-wait", "60"]);
            release.until(event, node);
            release.signal(signal);
            assert_eq!(release.status(), status, "{event} {node}");
            let again = site.release(version);
            assert_eq!(again.status, 0, "{event} {node}: {again:#?}");
            site.assert_whole(version);
        }
    });
    assert_eq!(site.release("1.0.0").status, 0);
}

#[test]
fn releases_that_are_cancelled_at_nine_moments() {
    cut_short("SIGTERM at nine moments of a release, and the release again", "TERM", Some(130));
}

#[test]
fn releases_that_are_killed_at_nine_moments() {
    cut_short("kill -9 at nine moments of a release, and the release again", "KILL", None);
}

#[test]
fn a_balancer_that_stops_while_a_node_is_drained_is_mended() {
    let Some(site) = Site::get() else { return };
    let mut release = site.begin_release("2.0.0", &[]);
    release.until("finished", "balancer-1/custom:haproxy drain/api-1");
    release.signal("KILL");
    assert_eq!(release.status(), None);
    site.lab.by_hand("balancer-1", "systemctl stop haproxy");
    let again = ["playbooks/site.rhai", "-e", "api_version=1.0.0", "--lock-wait", "60"];
    let ran = site.lab.converge(&again);
    assert_eq!(ran.status, 0, "{ran:#?}");
    site.assert_whole("1.0.0");
}

#[test]
fn a_release_goes_on_with_the_balancer_that_is_left() {
    let Some(site) = Site::get() else { return };
    let file = NamedTempFile::with_suffix(".toml").unwrap();
    let dead = grown(&committed(), "balancer-2", "10.77.0.22", "balancer");
    fs::write(file.path(), dead).unwrap();
    site.under_load("a release, with a balancer that is dead", |load| {
        let two = ["-i", file.path().to_str().unwrap(), "-e", "api_version=2.0.0"];
        let ran = site.lab.converge(&[&[RELEASE], &two[..]].concat());
        assert_eq!(ran.status, 0, "{ran:#?}");
        let warning = "warning: balancer-2 serves nobody: it is not asked to spare any node";
        assert!(ran.stderr.contains(warning), "{ran:#?}");
        load.goes_on(AROUND);
    });
    site.assert_whole("2.0.0");
    assert_eq!(site.release("1.0.0").status, 0);
}

#[test]
fn a_node_that_loses_power_in_its_turn() {
    let Some(site) = Site::get() else { return };
    let one_may_fail = ["-e", "max_failures=1"];
    site.under_load("a node loses power in its turn, and one may fail", |load| {
        let mut release = site.begin_release("2.0.0", &one_may_fail);
        release.until("started", "api-1/container:api");
        site.lab.machine("kill", "api-1");
        assert_eq!(release.status(), Some(4));
        let summary = release.summary();
        assert!(summary["api-1"]["unreachable"].is_string(), "{summary:#}");
        assert_eq!(summary["api-2"]["failed"], 0, "{summary:#}");
        until_alone(load, "api-2");
        load.goes_on(AROUND);
    });
    assert_eq!(site.version_of("api-2"), "2.0.0");
    assert_eq!(site.lab.rotation("api-2"), "UP");
    site.lab.up(&["api-1"]);
    assert_eq!(site.release("1.0.0").status, 0);
    site.assert_whole("1.0.0");
}

/// The other node breaks in this way while one is in its turn, and is mended when the release has ended.
fn the_other_breaks(name: &str, verb: &str, mend: impl Fn(&Site)) {
    let Some(site) = Site::get() else { return };
    site.under_load(name, |load| {
        let mut release = site.begin_release("2.0.0", &[]);
        release.until("finished", "balancer-1/custom:haproxy drain/api-1");
        let broken = site.lab.machine(verb, "api-2");
        assert_eq!(broken.status, 0, "{broken:#?}");
        // The first is upgraded, and the other one is out of reach.
        assert_eq!(release.status(), Some(4));
        until_alone(load, "api-1");
        load.goes_on(AROUND);
        mend(&site);
        until_back(load, "api-2");
    });
    assert_eq!(NODES.map(|node| site.version_of(node)), ["2.0.0", "1.0.0"]);
    assert_eq!(site.release("1.0.0").status, 0);
    site.assert_whole("1.0.0");
}

#[test]
fn the_other_node_loses_power_while_one_is_in_its_turn() {
    the_other_breaks("the other node loses power while one is in its turn", "kill", |site| {
        site.lab.up(&["api-2"])
    });
}

#[test]
fn the_other_node_hangs_while_one_is_in_its_turn() {
    the_other_breaks("the other node hangs while one is in its turn", "pause", |site| {
        site.lab.machine("unpause", "api-2");
    });
}
