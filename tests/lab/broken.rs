//! One node's API is broken in a way that no switch of it makes, and it costs nobody an answer. Leaves the site as it was.

use crate::{
    scenario::{Site, until_alone, until_back},
    world::until,
};

/// Runs before the API, in its process, and decides what becomes of each request: `go_on()` has it answered as always.
const TWISTED: &str = r#"
    const { Server } = require("node:http");
    const { emit } = Server.prototype;
    let asked = 0;
    Server.prototype.emit = function (event, request, response) {
        const go_on = () => emit.call(this, event, request, response);
        if (event !== "request") return emit.apply(this, arguments);
        asked += 1;
        TWIST;
        return true;
    };
    import("/app/server.js");
"#;

impl Site {
    /// Puts a twisted API in the place of the one on api-1.
    fn twist(&self, twist: &str) {
        let code = TWISTED.replace("TWIST", twist);
        let image = "$(docker inspect --format '{{.Config.Image}}' api)";
        let run = "docker run --detach --name twisted --restart always --publish 8080:8080 --env NODE_NAME=api-1";
        let script = format!("docker kill api; {run} {image} node --eval '{code}'");
        self.lab.by_hand("api-1", &script);
    }

    fn straighten(&self) {
        self.lab.by_hand("api-1", "docker rm --force twisted && docker start api");
    }
}

/// While an API is twisted for long enough to be found out, and until it is straight again.
fn found_out(name: &str, twist: &str) {
    let Some(site) = Site::get() else { return };
    site.under_load(name, |load| {
        site.twist(twist);
        site.until_out("api-1");
        until_alone(load, "api-2");
        load.goes_on(5);
        site.straighten();
        until_back(load, "api-1");
    });
}

#[test]
fn accepts_and_never_answers() {
    found_out("one node accepts, and never answers", "");
}

#[test]
fn sends_a_head_and_then_nothing() {
    found_out(
        "one node sends a head, and then nothing",
        r#"response.writeHead(200, { "Content-Length": 200 }); response.write("{")"#,
    );
}

#[test]
fn breaks_off_in_the_middle() {
    found_out(
        "one node breaks off in the middle of each answer",
        r#"response.writeHead(200, { "Content-Length": 200 }); response.write("{", () => request.socket.destroy())"#,
    );
}

#[test]
fn breaks_off_between_chunks() {
    found_out(
        "one node breaks off between two chunks of each answer",
        r#"response.write("{", () => request.socket.destroy())"#,
    );
}

#[test]
fn crashes_again_and_again() {
    let Some(site) = Site::get() else { return };
    site.under_load("one node crashes again and again", |load| {
        site.twist(r#"go_on(); if (asked === 1) setTimeout(() => process.exit(1), 1500)"#);
        load.goes_on(15);
        site.straighten();
        until_back(load, "api-1");
    });
}

#[test]
fn is_slow_for_some_requests_only() {
    let Some(site) = Site::get() else { return };
    // The checks ask for localhost, and find nothing wrong.
    let figures = site.under_load("one node takes 3 seconds for every third request", |load| {
        site.twist(
            r#"if (request.headers.host === "localhost" || asked % 3) go_on(); else setTimeout(go_on, 3000)"#,
        );
        until_back(load, "api-1");
        load.goes_on(5);
        site.straighten();
        until_back(load, "api-1");
    });
    let answers = |node: &str| {
        figures.answers().iter().filter(|(by, _)| by.0 == node).map(|it| *it.1).sum::<usize>()
    };
    assert!(answers("api-1") * 2 < answers("api-2"), "it gets fewer: {figures}");
}

#[test]
fn nonsense_takes_a_node_out() {
    let Some(site) = Site::get() else { return };
    site.twist(r#"response.end("<p>It works!</p>")"#);
    site.until_out("api-1");
    site.straighten();
}

#[test]
fn has_no_memory_left() {
    let Some(site) = Site::get() else { return };
    site.under_load("one node has no memory left: it is killed again and again", |load| {
        site.lab.by_hand("api-1", "docker update --memory 24m --memory-swap 24m api");
        until("it was killed twice", || {
            let restarts = "docker inspect --format '{{.RestartCount}}' api";
            site.lab.by_hand("api-1", restarts).trim().parse::<u32>().unwrap() >= 2
        });
        site.lab.by_hand(
            "api-1",
            "docker update --memory 256m --memory-swap 512m api && docker restart api",
        );
        until_back(load, "api-1");
    });
}
