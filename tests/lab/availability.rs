//! What breaks on one node while the service is used costs nobody an answer. Leaves the site as it was.

use std::thread;

use crate::scenario::{NODES, Site, until_alone, until_back};

#[test]
fn a_container_is_killed() {
    let Some(site) = Site::get() else { return };
    site.under_load("the container of one node is killed, and started again", |load| {
        site.lab.by_hand("api-1", "docker kill api");
        until_alone(load, "api-2");
        load.goes_on(5);
        site.lab.by_hand("api-1", "docker start api");
        until_back(load, "api-1");
    });
}

#[test]
fn a_process_is_stopped() {
    let Some(site) = Site::get() else { return };
    site.under_load("the API of one node is stopped (SIGSTOP), and goes on", |load| {
        site.lab.by_hand("api-1", "docker kill --signal STOP api");
        until_alone(load, "api-2");
        load.goes_on(5);
        site.lab.by_hand("api-1", "docker kill --signal CONT api");
        until_back(load, "api-1");
    });
}

/// Docker's own files of containers move to a disk of their own, which is full.
const FILL: &str = "set -e; cd /var/lib/docker; cp -a containers /run/kept
mount -t tmpfs -o size=1m tmpfs containers; cp -a /run/kept/. containers; rm -r /run/kept
dd if=/dev/zero of=containers/full || true";

#[test]
fn the_disk_of_a_node_is_full() {
    let Some(site) = Site::get() else { return };
    site.under_load("the disk of one node is full, and its API crashes", |load| {
        site.lab.by_hand("api-1", FILL);
        // As long as it runs, it needs no disk; but Docker cannot start it again.
        load.goes_on(5);
        site.lab.by_hand("api-1", "kill -s KILL $(docker inspect --format '{{.State.Pid}}' api)");
        until_alone(load, "api-2");
        load.goes_on(5);
        site.lab.by_hand(
            "api-1",
            "cd /var/lib/docker && rm containers/full && docker start api && umount --lazy containers",
        );
        until_back(load, "api-1");
    });
}

/// For a second, no node answers.
const HANG: &str = "process=$(docker inspect --format '{{.State.Pid}}' api)
kill -s STOP $process; sleep 1; kill -s CONT $process";

#[test]
fn both_nodes_hang_for_a_second() {
    let Some(site) = Site::get() else { return };
    site.under_load("both nodes hang for a second", |load| {
        thread::scope(|scope| {
            for node in NODES {
                scope.spawn(|| site.lab.by_hand(node, HANG));
            }
        });
        until_back(load, "api-1");
        until_back(load, "api-2");
    });
}

#[test]
fn the_docker_daemon_of_a_node_stops() {
    let Some(site) = Site::get() else { return };
    site.under_load("the Docker daemon of one node stops, and starts again", |load| {
        site.lab.by_hand("api-1", "systemctl stop docker.socket docker.service");
        // Containers outlive their daemon.
        until_back(load, "api-1");
        site.lab.by_hand("api-1", "systemctl start docker.service");
        until_back(load, "api-1");
    });
}

#[test]
fn a_node_is_paused() {
    let Some(site) = Site::get() else { return };
    site.under_load("one node hangs (all that runs on it is paused), and goes on", |load| {
        site.lab.machine("pause", "api-1");
        until_alone(load, "api-2");
        load.goes_on(5);
        site.lab.machine("unpause", "api-1");
        until_back(load, "api-1");
    });
}

#[test]
fn the_packets_of_a_node_vanish() {
    let Some(site) = Site::get() else { return };
    site.under_load("what is sent to one node vanishes, and arrives again", |load| {
        site.lab.by_hand(
            "api-1",
            "iptables --table raw --insert PREROUTING --in-interface eth0 --jump DROP",
        );
        until_alone(load, "api-2");
        load.goes_on(5);
        site.lab.by_hand("api-1", "iptables --table raw --flush PREROUTING");
        until_back(load, "api-1");
    });
}

#[test]
fn a_node_is_killed() {
    let Some(site) = Site::get() else { return };
    site.under_load("one node loses power, and boots", |load| {
        site.lab.machine("kill", "api-1");
        until_alone(load, "api-2");
        load.goes_on(5);
        site.lab.up(&["api-1"]);
        until_back(load, "api-1");
    });
}

#[test]
fn the_only_node_left_is_replaced() {
    let Some(site) = Site::get() else { return };
    let order = |order: &str| {
        let socket = "socat - UNIX-CONNECT:/run/haproxy/admin.sock";
        site.lab.by_hand(
            "balancer-1",
            &format!("echo 'set server api/api-2 state {order}' | {socket}"),
        );
    };
    site.under_load("one node has no power, and the other one is replaced", |load| {
        site.lab.machine("kill", "api-1");
        site.until_out("api-1");
        until_alone(load, "api-2");
        order("drain");
        site.lab.by_hand("api-2", "docker stop api && docker start api");
        until_back(load, "api-2");
        order("ready");
        site.lab.up(&["api-1"]);
        until_back(load, "api-1");
    });
}

#[test]
fn an_entry_point_of_a_node_answers_500() {
    let Some(site) = Site::get() else { return };
    fails(
        &site,
        "one entry point of one node answers 500",
        r#"{"path": "/ring-ring", "status": 500}"#,
    );
}

#[test]
fn an_entry_point_of_a_node_is_slow() {
    let Some(site) = Site::get() else { return };
    fails(
        &site,
        "one entry point of one node answers after 3 seconds",
        r#"{"path": "/", "delay_ms": 3000}"#,
    );
}

fn fails(site: &Site, name: &str, order: &str) {
    let ran = site.lab.converge(&["tests/lab/faults.rhai"]);
    assert_eq!(ran.status, 0, "{ran:#?}");
    site.under_load(name, |load| {
        fault(site, order);
        site.until_out("api-1");
        until_alone(load, "api-2");
        load.goes_on(5);
        fault(site, "{}");
        until_back(load, "api-1");
    });
}

/// Lets the API of api-1 fail as `faults.rhai` allows it; `{}`: no more.
fn fault(site: &Site, order: &str) {
    site.lab.page("http://10.77.0.11:8080/faults", &["--data", order]);
}
