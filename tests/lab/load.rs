//! Steady load on the service, and what came of every request.
//!
//! The loop is open: a request is due at a fixed pace whether or not earlier ones were answered, and the time that it takes
//! counts from when it was due, so that a slow answer hides nothing.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    runtime,
    sync::oneshot,
    task::JoinSet,
    time::{self, Instant},
};

use crate::{
    client::{Answer, Connections, Way},
    figures::Figures,
    world::{BALANCER, PATIENCE, WEB},
};

/// Requests per second: enough to meet whatever lasts for longer than a few milliseconds, and little work for two cores.
pub(crate) const PACE: u32 = 160;

/// Clients of each way that keep their connection; one request in `ANEW` has a connection of its own.
const KEEPING: usize = 8;
const ANEW: usize = 5;

/// An answer that takes longer is none.
pub(crate) const LIMIT: Duration = Duration::from_secs(5);

static WAYS: [Way; 4] = [
    Way { host: BALANCER, path: "/", endpoint: "/" },
    Way { host: BALANCER, path: "/ring-ring", endpoint: "/ring-ring" },
    Way { host: WEB, path: "/api/", endpoint: "/" },
    Way { host: WEB, path: "/api/ring-ring", endpoint: "/ring-ring" },
];

/// Requests that keep coming until it is stopped.
pub(crate) struct Load {
    record: Arc<Record>,
    began: Instant,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Duration>,
}

/// One request, and what came of it.
#[derive(Debug)]
pub(crate) struct Asked {
    /// When it was due, since the load began.
    pub(crate) at: Duration,
    pub(crate) took: Duration,
    pub(crate) way: &'static Way,
    /// The answer, or why there is no good one.
    pub(crate) answer: Result<Answer, String>,
}

/// What ended, in the order in which it did.
#[derive(Default)]
struct Record {
    asked: Mutex<Vec<Asked>>,
    more: Condvar,
}

impl Load {
    /// Begins on every way to the site, and returns when a second's requests have ended.
    pub(crate) fn start() -> Self {
        Self::start_on(&WAYS)
    }

    /// The same, on ways of its own.
    pub(crate) fn start_on(ways: &'static [Way]) -> Self {
        let record = Arc::<Record>::default();
        let (stop, stopped) = oneshot::channel();
        let began = Instant::now();
        let thread = thread::spawn({
            let record = Arc::clone(&record);
            move || {
                let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(keep_asking(ways, began, record, stopped))
            }
        });
        let load = Self { record, began, stop, thread };
        load.goes_on(1);
        load
    }

    /// For how long it has lasted.
    pub(crate) fn lasted(&self) -> Duration {
        self.began.elapsed()
    }

    /// Returns when the requests of so many more seconds have ended.
    pub(crate) fn goes_on(&self, seconds: u32) {
        let wanted = (seconds * PACE) as usize;
        self.until("the load goes on", |since| since.len() >= wanted);
    }

    /// Returns when it is true of the requests that have ended since it was called.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&[Asked]) -> bool) {
        let asked = self.record.lock();
        let seen = asked.len();
        let more = &self.record.more;
        let waited = more.wait_timeout_while(asked, PATIENCE, |asked| !holds(&asked[seen..]));
        let late = waited.unwrap_or_else(PoisonError::into_inner).1.timed_out();
        assert!(!late, "not within {PATIENCE:?}: {what}");
    }

    /// Asks no more, waits for what is on its way, and sums up.
    pub(crate) fn stop(self) -> Figures {
        self.stop.send(()).expect("the load ends only when it is stopped");
        let duration = self.thread.join().expect("the load does not panic");
        Figures { duration, asked: std::mem::take(&mut *self.record.lock()) }
    }
}

impl Record {
    fn lock(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, asked: Asked) {
        self.lock().push(asked);
        self.more.notify_all();
    }
}

impl Asked {
    /// Whether this node gave the answer.
    pub(crate) fn is_by(&self, node: &str) -> bool {
        self.answer.as_ref().is_ok_and(|answer| answer.node == node)
    }
}

/// Asks at the pace until it is told to stop, and returns for how long it did.
async fn keep_asking(
    ways: &'static [Way],
    began: Instant,
    record: Arc<Record>,
    mut stopped: oneshot::Receiver<()>,
) -> Duration {
    let kept: Vec<_> = ways.iter().map(|_| Arc::new(Connections::new(KEEPING))).collect();
    let anew = Arc::new(Connections::new(0));
    let mut on_their_way = JoinSet::new();
    let mut pace = time::interval(Duration::from_secs(1) / PACE);
    for number in 0.. {
        let due = tokio::select! {
            due = pace.tick() => due,
            _ = &mut stopped => break,
        };
        // The balancer takes its nodes in turn too: each round of the ways begins with another one, so that no way always
        // meets the same node.
        let turn = (number + number / ways.len()) % ways.len();
        let way = &ways[turn];
        let own = number.is_multiple_of(ANEW);
        let connections = Arc::clone(if own { &anew } else { &kept[turn] });
        let record = Arc::clone(&record);
        on_their_way.spawn(async move {
            let answer = time::timeout_at(due + LIMIT, way.ask(&connections)).await;
            let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {LIMIT:?}")));
            record.add(Asked { at: due - began, took: due.elapsed(), way, answer });
        });
    }
    let duration = began.elapsed();
    on_their_way.join_all().await;
    duration
}
