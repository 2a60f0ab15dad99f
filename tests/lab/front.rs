//! The balancer and the web server bear what clients do, come back from every crash, and tell users no more than they should.
//! Leaves the site as it was.

use std::{
    io::Write as _,
    net::{Shutdown, TcpStream},
};

use crate::{
    scenario::{NODES, Site},
    world::{BALANCER, Lab, WEB, status, until},
};

/// Clients that begin a request and never end it.
const SLOW_CLIENTS: usize = 3000;

/// How often what crashes does so.
const CRASHES: usize = 8;

#[test]
fn slow_clients_hurt_nobody() {
    let Some(site) = Site::get() else { return };
    for (name, host) in [
        ("3000 clients never end their request to the web server", WEB),
        ("3000 clients never end their request to the balancer", BALANCER),
    ] {
        site.under_load(name, |load| {
            let slow: Vec<TcpStream> = (0..SLOW_CLIENTS).map(|_| half_a_request(host)).collect();
            load.goes_on(10);
            for client in slow {
                // It may have been closed already.
                let _ = client.shutdown(Shutdown::Both);
            }
            load.goes_on(1);
        });
    }
}

fn half_a_request(host: &str) -> TcpStream {
    let mut client = TcpStream::connect((host, 80)).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: slow\r\nX-More: ").unwrap();
    client
}

#[test]
fn what_crashes_comes_back_every_time() {
    let Some(lab) = Lab::with_site() else { return };
    for (host, unit, url) in [
        ("balancer-1", "haproxy", format!("http://{BALANCER}/ring-ring")),
        ("web-1", "nginx", format!("http://{WEB}/")),
    ] {
        for _ in 0..CRASHES {
            let process = || lab.by_hand(host, &format!("systemctl show -P MainPID {unit}"));
            let before = process();
            lab.by_hand(host, &format!("kill -s KILL {before}"));
            until("another process took its place", || {
                ![before.as_str(), "0\n"].contains(&&*process())
            });
        }
        until("it answers", || status(&url) == "200");
    }
}

#[test]
fn the_balancer_is_reloaded() {
    let Some(site) = Site::get() else { return };
    site.under_load("the balancer is reloaded, ten times", |load| {
        for _ in 0..10 {
            site.lab.by_hand("balancer-1", "systemctl reload haproxy");
            load.goes_on(1);
        }
    });
}

#[test]
fn a_drained_node_stays_so_when_the_balancer_is_reloaded() {
    let Some(site) = Site::get() else { return };
    let order = |order: &str| {
        let socket = "socat - UNIX-CONNECT:/run/haproxy/admin.sock";
        site.lab.by_hand(
            "balancer-1",
            &format!("echo 'set server api/api-1 state {order}' | {socket}"),
        );
    };
    order("drain");
    let workers = || site.lab.by_hand("balancer-1", "pgrep --newest haproxy");
    let before = workers();
    site.lab.by_hand("balancer-1", "systemctl reload haproxy");
    until("a new worker", || workers() != before);
    assert_eq!(NODES.map(|node| site.lab.rotation(node)), ["DRAIN", "UP"]);
    order("ready");
}

#[test]
fn what_is_not_for_users_is_not_found() {
    let Some(lab) = Lab::with_site() else { return };
    for path in ["/health", "/metrics", "/%6detrics", "/Metrics", "/health?x"] {
        for url in [format!("http://{BALANCER}{path}"), format!("http://{WEB}/api{path}")] {
            assert_eq!(status(&url), "404", "{url}");
        }
    }
    // The monitor asks the nodes themselves.
    lab.by_hand(
        "monitor-1",
        "curl --fail --silent --output /dev/null http://10.77.0.11:8080/metrics",
    );
}

#[test]
fn pages_of_every_origin_may_read_the_answers() {
    let Some(lab) = Lab::with_site() else { return };
    let url = format!("http://{BALANCER}/ring-ring");
    let preflight = [
        ["--request", "OPTIONS"],
        ["--header", "Origin: https://example.org"],
        ["--header", "Access-Control-Request-Method: GET"],
        ["--header", "Access-Control-Request-Headers: x-one, x-two"],
    ];
    for more in [&preflight.concat()[..], &["--header", "Origin: https://example.org"]] {
        let head = lab.page(&url, &[&["--include"], more].concat()).to_lowercase();
        assert!(head.contains("access-control-allow-origin: *\r\n"), "{head}");
    }
    let head = lab.page(&url, &[&["--include"][..], &preflight.concat()].concat());
    assert!(head.starts_with("HTTP/1.1 204") && head.contains("x-one, x-two\r\n"), "{head}");
}

#[test]
fn the_logs_of_the_web_server_are_rotated() {
    let Some(lab) = Lab::with_site() else { return };
    lab.by_hand(
        "web-1",
        "systemctl is-enabled logrotate.timer && logrotate --force /etc/logrotate.d/nginx",
    );
    let marked = format!("http://{WEB}/?after-the-rotation");
    until("the new file is written to", || {
        lab.page(&marked, &[]);
        lab.by_hand("web-1", "grep -c after-the-rotation /var/log/nginx/access.log || true")
            != "0\n"
    });
}
