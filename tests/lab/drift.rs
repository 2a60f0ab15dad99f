//! What somebody changed by hand is shown exactly, and mended exactly. Leaves the site as it was.

use crate::world::{HOSTS, Lab, acted_on, ended, summary};

#[test]
fn four_changes_by_hand_are_four_differences_and_one_apply_mends_them() {
    let Some(lab) = Lab::with_site() else { return };
    lab.by_hand("balancer-1", "echo '# by hand' >>/etc/haproxy/haproxy.cfg");
    lab.by_hand("api-1", "rm /etc/docker/daemon.json");
    lab.by_hand("web-1", "systemctl stop nginx");
    lab.by_hand("web-1", "DEBIAN_FRONTEND=noninteractive apt-get remove -y logrotate");
    let (status, events) = lab.events(&["plan", "playbooks/site.rhai", "--exit-code"]);
    assert_eq!(status, 2);
    let drifted = [
        // A node whose Docker is restarted gets no requests meanwhile.
        "api-1/custom:api stand-in/answers",
        "api-1/file:/etc/docker/daemon.json",
        "balancer-1/custom:haproxy drain/api-1",
        "balancer-1/file:/etc/haproxy/haproxy.cfg",
        "web-1/package:logrotate",
        "web-1/service:nginx.service",
    ];
    assert_eq!(differences(&events), drifted);

    let (status, events) = lab.events(&["playbooks/site.rhai"]);
    assert_eq!(status, 0, "{events:#?}");
    let mut changed = ended(&events, "changed");
    changed.sort();
    // Besides the four: who listens to a file that was mended.
    let reacting = [
        "api-1/custom:api stand-in/leaves",
        "api-1/service:docker.service",
        "balancer-1/custom:haproxy ready/api-1",
        "balancer-1/service:haproxy.service",
    ];
    let mut expected: Vec<&str> = drifted.into_iter().chain(reacting).collect();
    expected.sort();
    assert_eq!(changed, expected);

    let (status, events) = lab.events(&["plan", "playbooks/site.rhai", "--exit-code"]);
    assert_eq!((status, acted_on(&events).len()), (0, 0));
    for host in HOSTS {
        assert_eq!(summary(&events)[host]["pending"], 0);
    }
}

/// The resources that differ themselves, without those that only react, and without checks that wait.
fn differences(events: &[serde_json::Value]) -> Vec<String> {
    let differs = |event: &&serde_json::Value| {
        event["plan"]["status"] == "change" && event["plan"]["change"]["action"] != "wait"
    };
    let name = |event: &serde_json::Value| event["node"].as_str().unwrap().to_owned();
    let mut names: Vec<String> = events.iter().filter(differs).map(name).collect();
    names.sort();
    names
}
