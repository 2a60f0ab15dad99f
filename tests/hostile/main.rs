//! Four hosts that behave, and one that floods, lies, stalls or answers nothing, at each stage of a run: it costs the four
//! nothing. They converge with as many round trips, and as soon as alone; where a host says nothing, as soon as it was given
//! up. What all of it takes of the memory stays within the bound.
//!
//! The clock stands still as long as somebody works. The allocator counts: so this is a program of its own.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test panics, and says how far it is"
)]

#[path = "../run/faraway.rs"]
mod faraway;
#[path = "../run/fleet.rs"]
#[expect(dead_code, reason = "other tests need the rest")]
mod fleet;
mod server;
#[path = "../../benches/scale/simulated/mod.rs"]
mod simulated;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use converge::plan::exit_status::ExitStatus::{Converged, Interrupted};
use peak_alloc::PeakAlloc;
use tokio::time::{Instant, pause, resume};

use self::{
    faraway::{Faraway, Tapes, listen},
    fleet::{Fleet, Ran},
    server::{Deed, Stage, serve},
};
use crate::simulated::Answers;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What one host may make converge keep beyond what was declared; and what the server that plays it has under way itself.
const BOUND: usize = (8 + 3) << 20;

const HONEST: [&str; 4] = ["h1", "h2", "h3", "h4"];
const OTHER: &str = "h5";

const SITE: &str = r#"on(hosts("HOSTS"), |host| {
    let r = host.vars.log + ".d";
    directory(r);
    for n in 0..20 { file(`${r}/${n}`, #{ content: `${n} ${host.facts.os.id}` }); }
    file(`${r}/large`, #{ content: "LARGE" });
    action("restart", #{ run: `: >${r}/restarted`, on: [file(`${r}/value`, #{ content: "1" })] });
});"#;

/// The answers of a run that changes something: the shell's, and that of the command that takes the content.
const FACTS: Stage = Stage::Answer(0, 0);
const PROBE: Stage = Stage::Answer(0, 1);
const LOCK: Stage = Stage::Answer(0, 2);
const SEND: Stage = Stage::Answer(1, 0);
const STEPS: Stage = Stage::Answer(0, 3);
const LOOK: Stage = Stage::Answer(0, 4);

const ANSWERS: [Stage; 6] = [FACTS, PROBE, LOCK, SEND, STEPS, LOOK];

/// What a host does that never comes to an end by itself.
const FLOODS: [Deed; 6] = [
    Deed::Floods(None, b"x"),
    Deed::Floods(None, b"a line\n"),
    Deed::Floods(None, b"\xff\0\x1b[2J"),
    Deed::Floods(Some(1), b"x"),
    Deed::Floods(Some(1), b"a line\n"),
    Deed::FloodsBehindTheMark,
];

const LIES: [Deed; 7] = [
    Deed::HangsUp,
    Deed::SaysNothing,
    Deed::Ends("99999999999999999999"),
    Deed::Ends("-1"),
    Deed::Ends("zero"),
    Deed::Counts,
    Deed::Repeats,
];

/// How long the others wait for a host that says nothing, in seconds.
fn given_up_after(stage: Stage) -> u64 {
    // Once it is late, it is tried to end what runs there.
    const END: u64 = 5;
    match stage {
        Stage::Dial | Stage::Login | Stage::Command => 10,
        // The shell is not ready then.
        FACTS => 10,
        PROBE | LOCK => PROBE_SECONDS + END,
        SEND => 60,
        STEPS => STEP_SECONDS + END,
        // The others have given their last answer then.
        _ => 0,
    }
}

const PROBE_SECONDS: u64 = 100;
const STEP_SECONDS: u64 = 1000;

/// Everything that a host does wrong, when, and for how long the others wait then.
fn all() -> Vec<(Stage, Deed, u64)> {
    let mut all = Vec::new();
    for stage in [Stage::Dial, Stage::Login, Stage::Command] {
        all.push((stage, Deed::Silent, given_up_after(stage)));
        // Before the login it is called again.
        all.push((stage, Deed::HangsUp, if stage == Stage::Dial { 10 } else { 0 }));
    }
    all.push((Stage::Dial, Deed::Floods(None, b"x"), 0));
    for stage in ANSWERS {
        all.push((stage, Deed::Silent, given_up_after(stage)));
        all.extend(FLOODS.map(|deed| (stage, deed, 0)));
        if stage != SEND {
            // Some of them are waited for: nobody knows that nothing else comes.
            let wait = if stage == FACTS { 10 } else { 0 };
            all.extend(LIES.map(|deed| (stage, deed, wait)));
            let wait = if stage == FACTS { PROBE_SECONDS + 5 } else { given_up_after(stage) };
            all.push((stage, Deed::EndsAnother, wait));
        }
    }
    all
}

struct World {
    fleet: Fleet,
    hosts: Arc<Faraway>,
    site: String,
    tapes: Tapes,
}

impl World {
    /// Five hosts, and what a real shell said to the change that is going to be made on them.
    async fn new() -> Self {
        let mut fleet = Fleet::new(&[&HONEST[..], &[OTHER]].concat());
        fleet.limits.probe = Duration::from_secs(PROBE_SECONDS);
        fleet.limits.step = Duration::from_secs(STEP_SECONDS);
        fleet.limits.output = 4 << 20;
        // What hosts are asked must be as long each time.
        fleet.runs = 100.into();
        let hosts = Faraway::new();
        hosts.record(&fleet, &SITE.replace("HOSTS", HONEST[0])).await;
        let large = "x".repeat(65_537);
        let site = SITE.replace("LARGE", &large).replace("content: \"1\"", "content: \"2\"");
        let tapes = hosts.record(&fleet, &site.replace("HOSTS", HONEST[0])).await;
        Self { fleet, hosts, site, tapes }
    }

    /// A run, how long it took until the four had given their last answer, and what it took of the memory.
    async fn run(&self, other: Option<(Stage, Deed)>) -> (Ran, Duration, usize) {
        let mut names = HONEST.to_vec();
        names.extend(other.map(|_| OTHER));
        let site = self.site.replace("HOSTS", &names.join(" | "));
        let last = Arc::new(Mutex::new(Instant::now()));
        let answered = last.clone();
        let done = Arc::new(move || *answered.lock().unwrap() = Instant::now());
        let played = Answers::Played { tapes: self.tapes.clone(), delay: Duration::ZERO, done };
        let honest = self.hosts.open(played, Duration::ZERO).await;
        let (listener, hostile) = listen().await;
        let tapes = self.tapes.clone();
        let listens = tokio::spawn(async move {
            while let (Ok((stream, _)), Some((stage, deed))) = (listener.accept().await, other) {
                tokio::spawn(serve(stream, tapes.clone(), stage, deed));
            }
        });
        self.hosts.lead(move |name| if name == OTHER { hostile } else { honest });
        pause();
        let began = Instant::now();
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        let ran = self.hosts.run(&self.fleet, &site).await;
        let took = MEMORY.peak_usage().saturating_sub(before);
        resume();
        listens.abort();
        let through = last.lock().unwrap().duration_since(began);
        (ran, through, took)
    }
}

#[tokio::test]
async fn one_host_that_misbehaves_costs_the_others_nothing() {
    let world = World::new().await;
    let (alone, soon, least) = world.run(None).await;
    assert_eq!(alone.status, Converged, "{:?}", alone.events);
    let trips = alone.round_trips(HONEST[0]);
    let mut errors = Vec::new();
    for (stage, deed, wait) in all() {
        let (ran, through, took) = world.run(Some((stage, deed))).await;
        let name = format!("{deed:?} at {stage:?}");
        let took = took.saturating_sub(least);
        eprintln!("{name}: {through:?}, {} KiB, {:?}", took >> 10, ran.host(OTHER).unreachable);
        let mut expect = |right: bool, what: String| {
            if !right {
                errors.push(format!("{name}: {what}"));
            }
        };
        for host in HONEST {
            let summary = ran.host(host);
            let same = alone.counts(host) == ran.counts(host) && summary.unreachable.is_none();
            expect(same, format!("{host} came to {summary:?}"));
            expect(
                ran.round_trips(host) == trips,
                format!("{} round trips", ran.round_trips(host)),
            );
        }
        let late = through.saturating_sub(soon).as_secs_f64() - wait as f64;
        expect(late < 0.1, format!("the others were through {late} s later than they may"));
        expect(took <= BOUND, format!("{} KiB were kept", took >> 10));
        expect(ran.status != Interrupted, "the run was interrupted".to_owned());
        let other = ran.host(OTHER);
        let bad = other.unreachable.is_some() || other.locked.is_some();
        let bad = bad || other.failed + other.unknown > 0;
        // It may say the same again; and there is nothing to count in a lock.
        let harmless = deed == Deed::Repeats || (stage, deed) == (LOCK, Deed::Counts);
        expect(bad || harmless, format!("it was found good: {other:?}"));
    }
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}
