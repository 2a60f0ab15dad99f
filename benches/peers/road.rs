//! A long way to the hosts: every packet takes its time, in each direction.
//!
//! As `tc netem` does it, which many kernels are built without: the firewall hands every packet to this program, which
//! keeps it for a while. So TCP itself, its hand-shake and its delayed answers, sees the delay.

use std::{
    collections::VecDeque,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nfq::{Queue, Verdict};

/// How long a packet takes, each way.
pub(crate) const DELAY: Duration = Duration::from_millis(50);

/// How exactly that is kept.
const TICK: Duration = Duration::from_micros(300);

/// The queue of the firewall; any number that nobody else uses.
const QUEUE: u16 = 1078;

/// Where packets to and from the hosts pass on this machine.
const RULES: [[&str; 3]; 2] = [["OUTPUT", "-d", "10.78.0.0/24"], ["INPUT", "-s", "10.78.0.0/24"]];

/// A long way, until it is dropped.
pub(crate) struct Road {
    ends: Arc<AtomicBool>,
    keeper: Option<JoinHandle<()>>,
}

impl Road {
    /// From now on every packet takes [`DELAY`].
    pub(crate) fn long() -> Self {
        let mut queue = Queue::open().unwrap();
        queue.bind(QUEUE).unwrap();
        queue.set_copy_range(QUEUE, 0).unwrap();
        queue.set_recv_gso(QUEUE, true).unwrap();
        queue.set_queue_max_len(QUEUE, 100_000).unwrap();
        queue.set_nonblocking(true);
        let ends = Arc::new(AtomicBool::new(false));
        let keeper = thread::spawn({
            let ends = ends.clone();
            move || keep(&mut queue, &ends)
        });
        // Rules that a run left which was cut off.
        firewall("-D");
        assert!(firewall("-I"), "iptables cannot hand packets to a program");
        Self { ends, keeper: Some(keeper) }
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        firewall("-D");
        self.ends.store(true, Ordering::Relaxed);
        if let Some(keeper) = self.keeper.take() {
            // It has nothing to say.
            let _ = keeper.join();
        }
    }
}

/// Lets every packet go when its time has come.
fn keep(queue: &mut Queue, ends: &AtomicBool) {
    let mut kept = VecDeque::new();
    while !ends.load(Ordering::Relaxed) || !kept.is_empty() {
        while let Ok(packet) = queue.recv() {
            kept.push_back((Instant::now() + DELAY, packet));
        }
        let now = Instant::now();
        while kept.front().is_some_and(|(due, _)| *due <= now) {
            let Some((_, mut packet)) = kept.pop_front() else { break };
            packet.set_verdict(Verdict::Accept);
            queue.verdict(packet).unwrap();
        }
        thread::sleep(TICK);
    }
}

/// Adds (`-I`) or removes (`-D`) the rules. Without a program at the queue a packet passes at once.
fn firewall(verb: &str) -> bool {
    RULES.iter().all(|[chain, end, subnet]| {
        let queue = QUEUE.to_string();
        Command::new("iptables")
            .args(["-t", "mangle", verb, chain, end, subnet, "-p", "tcp"])
            .args(["-j", "NFQUEUE", "--queue-num", &queue, "--queue-bypass"])
            .output()
            .is_ok_and(|output| output.status.success())
    })
}
