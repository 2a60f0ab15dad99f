//! Many hosts over SSH, of which some are slow and some are dead.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use converge::plan::exit_status::ExitStatus::Unreachable;
use tokio::time::{Instant, pause};

use super::{
    faraway::{Faraway, listen},
    fleet::Fleet,
};
use crate::simulated::Answers;

/// How long a slow host takes over each answer.
const SLOW: Duration = Duration::from_secs(3);

const SITE: &str = r#"on(hosts("all"), |host| {
    let all = host.vars.log + ".d";
    directory(all);
    for n in 1..50 { file(`${all}/${n}`, #{ content: `${n} on ${host.name}` }); }
});"#;

/// Of sixty hosts, every tenth is slow, and three are dead: more than there are turns.
fn name(n: usize) -> String {
    let kind = match n {
        7 | 27 => "silent",
        47 => "closed",
        n if n % 10 == 3 => "slower",
        _ => "steady",
    };
    // Names of one length: what one host says fits all.
    format!("h{n:02}-{kind}")
}

#[tokio::test]
async fn hosts_that_are_slow_or_dead_do_not_delay_the_others() {
    let names: Vec<String> = (0..60).map(name).collect();
    let mut fleet = Fleet::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    fleet.concurrency = 4;
    let hosts = Faraway::new();
    fleet.limit = Some([name(0).as_str().into()].into());
    hosts.record(&fleet, SITE).await;
    let tapes = hosts.record(&fleet, SITE).await;
    fleet.limit = None;

    let last = Arc::new(Mutex::new(Instant::now()));
    let answered = last.clone();
    let done = Arc::new(move || *answered.lock().unwrap() = Instant::now());
    let played = |delay, done| Answers::Played { tapes: tapes.clone(), delay, done };
    let steady = hosts.open(played(Duration::ZERO, done), Duration::ZERO).await;
    let slow = hosts.open(played(SLOW, Arc::new(|| ())), Duration::ZERO).await;
    let (_takes_and_says_nothing, silent) = listen().await;
    let closed = listen().await.1;
    hosts.lead(move |name| match &name[4..] {
        "silent" => silent,
        "closed" => closed,
        "slower" => slow,
        _ => steady,
    });
    pause();
    let began = Instant::now();
    let ran = hosts.run(&fleet, SITE).await;
    assert_eq!(ran.status, Unreachable);
    for name in &names {
        let expected = if name.ends_with("silent") || name.ends_with("closed") { 0 } else { 50 };
        assert_eq!(ran.counts(name)[0], expected, "{name}");
    }
    // Nobody was waited for longer than it takes to see that they are slow, before the last of the others was asked.
    let through = last.lock().unwrap().duration_since(began);
    assert!(through < SLOW, "the others were through after {through:?}");
}
