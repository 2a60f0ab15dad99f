//! Many hosts, without shells: what is counted must not grow faster than they do.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use async_trait::async_trait;
use converge::{
    base::{content::Content, script::Script, traffic::Traffic},
    input::inventory::Host,
    io::remote::{Connector, Exit, Output, Remote, RemoteError},
    plan::exit_status::ExitStatus::{Converged, Failed},
    run::Purpose,
};

use super::fleet::{Fleet, Ran};

/// Twenty commands on each host.
const COMMANDS: &str = r#"on(hosts("all"), |host| {
    for n in 0..20 { command(`c${n}`, #{ run: "true", creates: `/c${n}` }); }
});"#;

/// Hosts that are no more than answers.
#[derive(Default)]
struct Paper {
    /// Whether segments end before they tell of any part.
    mute: bool,
    /// The exit status of each section of a probe.
    probes: u8,
    connections: AtomicU64,
}

struct Sheet {
    mute: bool,
    probes: u8,
    converged: AtomicBool,
    traffic: Mutex<Traffic>,
}

#[async_trait]
impl Connector for Paper {
    async fn connect(&self, _: &Host) -> Result<Arc<dyn Remote>, RemoteError> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        let (converged, traffic) = (AtomicBool::new(false), Mutex::default());
        Ok(Arc::new(Sheet { mute: self.mute, probes: self.probes, converged, traffic }))
    }
}

#[async_trait]
impl Remote for Sheet {
    async fn run(&self, script: &Script, output: &mut dyn Output) -> Result<Exit, RemoteError> {
        let script = script.text();
        let said = match script.contains("at begin") {
            true => self.work(script),
            false => self.state(script),
        };
        let mut traffic = self.traffic.lock().unwrap();
        traffic.round_trips += 1;
        traffic.bytes_sent += script.len() as u64;
        output.stdout(said.as_bytes());
        Ok(Exit(if said.is_empty() { 2 } else { 0 }))
    }

    /// The lock.
    async fn keep(&self, _: &Script, output: &mut dyn Output) -> Result<Exit, RemoteError> {
        output.stdout(b"taken\n");
        Ok(Exit(0))
    }

    async fn beside(&self, _: &Script) -> Result<Exit, RemoteError> {
        Err(RemoteError::Refused("there is nothing beside it".to_owned()))
    }

    async fn send(&self, _: &[Content]) -> Result<String, RemoteError> {
        Ok("/stage".to_owned())
    }

    fn traffic(&self) -> Traffic {
        *self.traffic.lock().unwrap()
    }

    async fn close(&self) {}
}

impl Sheet {
    /// The answer to a probe of commands.
    fn state(&self, script: &str) -> String {
        let boundary = word_after(script, "frame_mark='");
        let line = if self.converged.load(Ordering::Relaxed) { "creates\n" } else { "run\n" };
        let lines = line.repeat(script.matches("if false; then").count());
        format!("\n{boundary} 0 0\n{lines}\n{boundary} 1 {}\n\n{boundary} 2 0\n", self.probes)
    }

    /// The answer to a segment.
    fn work(&self, script: &str) -> String {
        if self.mute {
            return String::new();
        }
        self.converged.store(true, Ordering::Relaxed);
        let id = word_after(script, "at() { printf '\\n%s %s\\n' '");
        let part = |n| format!("\n{id} begin {n}\n\n{id} end {n} 0\n");
        (0..script.matches("at begin").count()).map(part).collect()
    }
}

fn word_after<'a>(script: &'a str, before: &str) -> &'a str {
    let (_, rest) = script.split_once(before).unwrap();
    rest.split('\'').next().unwrap()
}

async fn run(hosts: usize, paper: Paper) -> (Ran, u64) {
    run_for(Purpose::Apply { approved: None }, hosts, paper).await
}

async fn run_for(purpose: Purpose, hosts: usize, paper: Paper) -> (Ran, u64) {
    let names: Vec<String> = (0..hosts).map(|n| format!("h{n}")).collect();
    let fleet = Fleet::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let paper = Arc::new(paper);
    let ran = fleet.run_over(paper.clone(), COMMANDS, purpose).await.unwrap();
    (ran, paper.connections.load(Ordering::Relaxed))
}

#[tokio::test]
async fn what_a_host_costs_does_not_depend_on_how_many_there_are() {
    let (few, connections) = run(5, Paper::default()).await;
    assert_eq!((few.status, connections), (Converged, 5));
    let (many, connections) = run(500, Paper::default()).await;
    assert_eq!((many.status, connections), (Converged, 500));
    // The last of the events is of the whole run.
    assert_eq!((many.events.len() - 2) / 500, (few.events.len() - 2) / 5);
    assert_eq!(many.host("h0").traffic.bytes_sent, few.host("h0").traffic.bytes_sent);
    for host in 0..500 {
        let host = format!("h{host}");
        assert_eq!(many.counts(&host), [0, 20, 0, 0, 0, 0, 0]);
        // The state, the segment, and the state again.
        assert_eq!(many.round_trips(&host), 3);
    }
}

#[tokio::test]
async fn a_script_that_ends_without_a_word_is_a_failure() {
    let (ran, _) = run(1, Paper { mute: true, ..Paper::default() }).await;
    assert_eq!((ran.status, ran.counts("h0")), (Failed, [0, 0, 0, 1, 19, 0, 0]));
    assert_eq!(ran.outcome("command:c0"), "failed: its script ended early");
    assert_eq!(ran.outcome("command:c1"), "skipped: h0/command:c0");
}

#[tokio::test]
async fn what_cannot_be_read_fails_in_a_plan_and_in_a_run_alike() {
    let broken = || Paper { probes: 2, ..Paper::default() };
    let (plan, _) = run_for(Purpose::Plan, 1, broken()).await;
    assert_eq!((plan.status, plan.counts("h0")), (Failed, [0, 0, 0, 20, 0, 0, 0]));
    let (ran, _) = run(1, broken()).await;
    assert_eq!((ran.status, ran.counts("h0")), (Failed, [0, 0, 0, 1, 19, 0, 0]));
    assert_eq!(ran.outcome("command:c0"), "failed: its probe ended with exit status 2");
    assert_eq!(ran.started(""), 0);
}
