//! How often a run waits for a host that is far away: to the last round trip, for all else takes no time.

use std::{sync::Arc, time::Duration};

use converge::plan::exit_status::ExitStatus::Converged;
use tokio::time::{Instant, pause, resume};

use super::{
    faraway::{Faraway, Tapes},
    fleet::{Fleet, Ran},
};
use crate::simulated::Answers;

/// From the connection to a channel that takes the first script: names, algorithms, keys, the service, the login, the
/// channel.
///
/// OpenSSH costs more: it asks for a key before it lets it sign, and takes nothing before it has started the command.
const LOGIN: u32 = 6;

const ONE_WAY: Duration = Duration::from_millis(50);

/// A host's files, and something that is done when one of them changes.
const SITE: &str = r#"on(hosts("all"), |host| {
    let r = host.vars.root;
    directory(`${r}/d`);
    for n in 0..20 { file(`${r}/d/${n}`, #{ content: `${n}` }); }
    link(`${r}/l`, #{ to: `${r}/d/1` });
    let value = file(`${r}/value`, #{ content: "1", mode: "0600" });
    action("restart", #{ run: `: >${r}/restarted`, on: [value] });
});"#;

/// How many round trips a playbook takes if the host says what was recorded.
async fn round_trips(
    host: &Arc<Faraway>,
    fleet: &Fleet,
    playbook: &str,
    tapes: Tapes,
) -> (Ran, u32) {
    let answers = Answers::Played { tapes, delay: Duration::ZERO, done: Arc::new(|| ()) };
    let port = host.open(answers, ONE_WAY).await;
    host.lead(move |_| port);
    pause();
    let began = Instant::now();
    let ran = host.run(fleet, playbook).await;
    let took = began.elapsed().as_secs_f64() / ONE_WAY.as_secs_f64() / 2.0;
    resume();
    assert_eq!(ran.status, Converged, "{:?}", ran.events);
    // Timers are rounded to milliseconds, up to one for each way.
    assert!((took - took.round()).abs() < 0.4, "{took} is not a number of round trips");
    (ran, took.round() as u32)
}

#[tokio::test]
async fn a_converged_host_is_waited_for_once_after_the_login() {
    let (fleet, host) = (Fleet::new(&["a"]), Faraway::new());
    host.record(&fleet, SITE).await;
    let tapes = host.record(&fleet, SITE).await;
    let (ran, trips) = round_trips(&host, &fleet, SITE, tapes).await;
    assert_eq!((ran.round_trips("a"), ran.counts("a")), (1, [24, 0, 0, 0, 0, 0, 0]));
    assert_eq!(trips, LOGIN + 1);
}

#[tokio::test]
async fn facts_are_one_round_trip_more() {
    let (fleet, host) = (Fleet::new(&["a"]), Faraway::new());
    let site = SITE.replace("content: \"1\"", "content: host.facts.os.id");
    host.record(&fleet, &site).await;
    let tapes = host.record(&fleet, &site).await;
    let (ran, trips) = round_trips(&host, &fleet, &site, tapes).await;
    assert_eq!((ran.round_trips("a"), trips), (2, LOGIN + 2));
}

#[tokio::test]
async fn a_change_with_a_restart_is_waited_for_once_for_each_stage() {
    let (fleet, host) = (Fleet::new(&["a"]), Faraway::new());
    host.record(&fleet, SITE).await;
    let changed = SITE.replace("content: \"1\"", "content: \"2\"");
    let tapes = host.record(&fleet, &changed).await;
    let (ran, trips) = round_trips(&host, &fleet, &changed, tapes).await;
    let changed = "changed".to_owned();
    assert_eq!((ran.outcome("/value"), ran.outcome("restart")), (changed.clone(), changed));
    // The state; the lock, the segment with its content, and the state after it; the run ends when the host has let the lock go.
    assert_eq!((ran.round_trips("a"), trips), (2, LOGIN + 2 + 1));
}

#[tokio::test]
async fn what_scripts_asked_is_asked_again_without_a_wait_of_its_own() {
    let (fleet, host) = (Fleet::new(&["a"]), Faraway::new());
    let site = SITE.replace("content: \"1\"", "content: `VALUE ${probe(\"echo x\").stdout}`");
    host.record(&fleet, &site).await;
    let changed = site.replace("VALUE", "2");
    let tapes = host.record(&fleet, &changed).await;
    let (ran, trips) = round_trips(&host, &fleet, &changed, tapes).await;
    assert_eq!(ran.outcome("/value"), "changed");
    // The answer, the state, the lock, the segment, and the state with the answer again; then the lock goes.
    assert_eq!((ran.round_trips("a"), trips), (5, LOGIN + 5 + 1));
}

#[tokio::test]
async fn large_content_goes_ahead_over_a_channel_of_its_own() {
    let (fleet, host) = (Fleet::new(&["a"]), Faraway::new());
    host.record(&fleet, SITE).await;
    let changed = SITE.replace("content: \"1\"", &format!("content: \"{}\"", "x".repeat(65_537)));
    let tapes = host.record(&fleet, &changed).await;
    let (ran, trips) = round_trips(&host, &fleet, &changed, tapes).await;
    assert_eq!((ran.round_trips("a"), trips), (4, LOGIN + 3 + 2 + 1));
}
