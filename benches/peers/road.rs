//! A long way to the hosts: every packet takes its time, in each direction.
//!
//! As `tc netem` does it, which many kernels are built without: the firewall hands every packet to this program, which
//! keeps it for a while. So TCP itself, its hand-shake and its delayed answers, sees the delay. It is kept where it arrives: what is kept
//! where it is sent counts as not sent yet, and Linux lets a connection have two packets of that kind at a time (TCP small queues).

use std::{
    collections::VecDeque,
    fs::File,
    os::fd::AsFd as _,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nfq::{Queue, Verdict};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// How long a packet takes, each way.
pub(crate) const DELAY: Duration = Duration::from_millis(50);

/// How exactly that is kept.
const TICK: Duration = Duration::from_micros(300);

/// The queue of the firewall; any number that nobody else uses.
const QUEUE: u16 = 1078;

/// A long way, until it is dropped.
pub(crate) struct Road {
    ends: Arc<AtomicBool>,
    keepers: Vec<JoinHandle<()>>,
}

impl Road {
    /// From now on every packet between this machine and the hosts takes [`DELAY`]. A host is named by one of its processes.
    pub(crate) fn long(hosts: &[u32]) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let networks =
            hosts.iter().map(|host| Some(File::open(format!("/proc/{host}/ns/net")).unwrap()));
        let (ready, are_ready) = mpsc::channel();
        let keepers: Vec<_> = networks
            .chain([None])
            .map(|network| {
                let (ends, ready) = (ends.clone(), ready.clone());
                thread::spawn(move || keep(network, &ready, &ends))
            })
            .collect();
        keepers.iter().for_each(|_| are_ready.recv().unwrap());
        Self { ends, keepers }
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // They have nothing to say.
        self.keepers.drain(..).for_each(|keeper| drop(keeper.join()));
    }
}

/// Lets every packet that arrives in a network, or on this machine, go when its time has come.
fn keep(network: Option<File>, ready: &mpsc::Sender<()>, ends: &AtomicBool) {
    if let Some(network) = network {
        // This thread alone, and what it starts.
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    }
    let mut queue = Queue::open().unwrap();
    queue.bind(QUEUE).unwrap();
    queue.set_copy_range(QUEUE, 0).unwrap();
    queue.set_recv_gso(QUEUE, true).unwrap();
    queue.set_queue_max_len(QUEUE, 100_000).unwrap();
    queue.set_nonblocking(true);
    // A rule that a run left which was cut off.
    firewall("-D");
    assert!(firewall("-I"), "iptables cannot hand packets to a program");
    ready.send(()).unwrap();
    let (mut kept, mut is_ruled) = (VecDeque::new(), true);
    while is_ruled || !kept.is_empty() {
        if is_ruled && ends.load(Ordering::Relaxed) {
            firewall("-D");
            is_ruled = false;
        }
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

/// Adds (`-I`) or removes (`-D`) the rule. Without a program at the queue a packet passes at once.
fn firewall(verb: &str) -> bool {
    Command::new("iptables")
        .args(["-t", "mangle", verb, "INPUT", "-s", "10.78.0.0/24", "-p", "tcp"])
        .args(["-j", "NFQUEUE", "--queue-num", &QUEUE.to_string(), "--queue-bypass"])
        .output()
        .is_ok_and(|output| output.status.success())
}
