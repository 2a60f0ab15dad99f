//! Every request is counted where users ask, and as failed if it was; and nobody misses who counts. Leaves the site as it was.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::Duration,
};

use crate::{
    scenario::{NODES, Site},
    world::{BALANCER, Lab, WEB, status, until},
};

/// The two ways to the API: the host, its address, and what is in front of the API's paths there.
const WAYS: [(&str, &str, &str); 2] = [("web-1", WEB, "/api"), ("balancer-1", BALANCER, "")];

/// So many requests of a test; those of the probes are counted too.
const ASKED: u64 = 20;

/// A client that takes its time: longer than a request may take.
const SLOWLY: Duration = Duration::from_millis(2100);

/// What is counted at an address while something is done grows by so much.
fn grows(lab: &Lab, address: &str, metric: &str, by: u64, doing: impl FnOnce()) {
    let counted = || {
        let text = lab.page(&format!("http://{address}:3903/metrics"), &[]);
        let count = text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
        count.map_or(0, |count| count.parse::<u64>().unwrap())
    };
    let before = counted();
    doing();
    until(&format!("{metric} at {address}"), || counted() >= before + by);
}

/// One that fails for this reason is also among all that failed.
fn fails(lab: &Lab, address: &str, reason: &str, doing: impl FnOnce()) {
    grows(lab, address, "proxy_requests_failed_total", 1, || {
        grows(lab, address, reason, 1, doing);
    });
}

fn ask(lab: &Lab, url: &str) {
    for _ in 0..ASKED {
        lab.page(url, &[]);
    }
}

#[test]
fn each_request_is_counted() {
    let Some(lab) = Lab::with_site() else { return };
    for (_, address, api) in WAYS {
        for entry in [format!("{api}/ring-ring"), "/".to_owned()] {
            let metric =
                format!("proxy_request_duration_seconds_bucket{{entry=\"{entry}\",le=\"+Inf\"}}");
            grows(&lab, address, &metric, ASKED, || {
                ask(&lab, &format!("http://{address}{entry}?x"));
            });
        }
    }
}

#[test]
fn a_request_that_is_answered_late_has_failed() {
    let Some(lab) = Lab::with_site() else { return };
    for (_, address, api) in WAYS {
        fails(&lab, address, "proxy_requests_slow_total", || {
            let mut client = TcpStream::connect((address, 80)).unwrap();
            let head = format!("GET {api}/ring-ring HTTP/1.1\r\nHost: slow\r\n");
            client.write_all(head.as_bytes()).unwrap();
            thread::sleep(SLOWLY);
            client.write_all(b"Connection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        });
    }
}

#[test]
fn a_request_that_no_node_answers_has_failed() {
    let Some(site) = Site::get() else { return };
    site.until_all_are_in();
    let everywhere = |verb: &str| {
        for node in NODES {
            site.lab.by_hand(node, &format!("docker {verb} api"));
        }
    };
    everywhere("kill");
    for (_, address, api) in WAYS {
        fails(&site.lab, address, "proxy_requests_50x_total", || {
            let status = status(&format!("http://{address}{api}/ring-ring"));
            assert!(status.starts_with("50"), "{status}");
        });
    }
    everywhere("start");
    site.until_all_are_in();
}

#[test]
fn who_counts_may_hang_or_die_and_no_request_does() {
    let Some(lab) = Lab::with_site() else { return };
    for (host, address, api) in WAYS {
        let ask = || ask(&lab, &format!("http://{address}{api}/ring-ring"));
        // What it could not take is counted later.
        grows(&lab, address, "proxy_requests_total", ASKED, || {
            lab.by_hand(host, "systemctl kill --signal=STOP mtail");
            ask();
            lab.by_hand(host, "systemctl kill --signal=CONT mtail");
        });
        lab.by_hand(host, "systemctl stop mtail");
        ask();
        lab.by_hand(host, "systemctl start mtail");
    }
}
