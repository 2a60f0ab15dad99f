//! The open ways to all hosts: each opened once, when it is first needed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use tokio::{
    sync::{OnceCell, Semaphore},
    task::JoinSet,
    time::{Instant, timeout},
};

use super::lease::Lease;
use crate::{
    base::{diagnostic::Result as Checked, script::Script, traffic::Traffic},
    evaluate::language::Begins,
    input::{config::Limits, inventory::Inventory},
    io::remote::{Captured, Connector, Exit, Output, Remote, RemoteError},
    plan::event::{Event, Events},
};

/// The hosts of a run, and the ways to them.
pub(crate) struct Fleet {
    connector: Arc<dyn Connector>,
    /// Who is told what happens; nobody once the run is over.
    events: Mutex<Option<Arc<dyn Events>>>,
    inventory: Arc<Inventory>,
    ways: Mutex<HashMap<Arc<str>, Arc<Way>>>,
    /// How many hosts are worked on, or begin to be asked, at once.
    places: Semaphore,
    limits: Limits,
}

/// A host that has not answered by then makes way for the next one that is to be asked.
const PATIENCE: Duration = Duration::from_millis(250);

type Opened = OnceCell<Result<Arc<dyn Remote>, RemoteError>>;

#[derive(Default)]
struct Way {
    /// The way that is used now.
    remote: Mutex<Arc<Opened>>,
    /// What the ways before it cost, which were lost.
    before: Mutex<Traffic>,
    /// Why nothing more is done on this host, once people know.
    lost: OnceLock<RemoteError>,
    /// How we hold the host, as long as we do.
    held: Mutex<Option<Held>>,
}

/// A host that is held.
struct Held {
    /// Which start of the host it is: a later one is held by nobody.
    start: String,
    /// Who holds it.
    who: String,
    /// Says that we are there.
    _lease: Lease,
}

impl Way {
    fn remote(&self) -> Arc<Opened> {
        self.remote.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The way, if there is one by now.
    fn opened(&self) -> Option<Arc<dyn Remote>> {
        self.remote().get()?.as_ref().ok().cloned()
    }

    fn traffic(&self) -> Traffic {
        let before = *self.before.lock().unwrap_or_else(PoisonError::into_inner);
        before + self.opened().map_or_else(Traffic::default, |remote| remote.traffic())
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fleet {
    pub(crate) fn new(
        connector: Arc<dyn Connector>,
        events: Arc<dyn Events>,
        inventory: Arc<Inventory>,
        concurrency: usize,
        limits: Limits,
    ) -> Self {
        let places = Semaphore::new(concurrency.max(1));
        let (ways, events) = (Mutex::default(), Mutex::new(Some(events)));
        Self { connector, events, inventory, ways, places, limits }
    }

    /// Makes sure that these hosts can be worked on together, beside those that are open.
    ///
    /// # Errors
    /// When this machine does not allow so many connections.
    pub(crate) fn reserve(&self, names: impl IntoIterator<Item = Arc<str>>) -> Checked<()> {
        let mut all: BTreeSet<Arc<str>> = self.ways().keys().cloned().collect();
        all.extend(names);
        let hosts: Vec<_> = all.iter().filter_map(|name| self.inventory.host(name)).collect();
        self.connector.reserve(&hosts)
    }

    /// Waits until one more host may be worked on.
    pub(crate) async fn place(&self) -> tokio::sync::SemaphorePermit<'_> {
        self.places.acquire().await.expect("the semaphore is never closed")
    }

    /// Asks a host something once there is a place. Places keep a large fleet from being dialled all at once; but they
    /// are not for waiting: hosts that are slow or dead hold up none of the others.
    pub(crate) async fn at_a_place<A: Future>(&self, ask: impl FnOnce() -> A) -> A::Output {
        let place = self.place().await;
        // Most of a large fleet wait for a place, and a conversation takes more room than that: it is made only now.
        let mut asking = Box::pin(ask());
        if let Ok(answer) = timeout(PATIENCE, &mut asking).await {
            return answer;
        }
        drop(place);
        asking.await
    }

    /// Asks several hosts, each at a place and in a task of its own: what a large fleet answers is read on all processors.
    /// The answers stand in the order of the questions. Whoever drops this waits for no host any more.
    pub(crate) async fn ask_each<Q, A>(
        self: &Arc<Self>,
        questions: impl IntoIterator<Item = Q>,
        ask: impl Fn(Arc<Self>, Q) -> A + Clone + Send + 'static,
    ) -> Vec<A::Output>
    where
        Q: Send + 'static,
        A: Future<Output: Send + 'static> + Send,
    {
        let mut tasks = JoinSet::new();
        for (number, question) in questions.into_iter().enumerate() {
            let (fleet, ask) = (self.clone(), ask.clone());
            tasks.spawn(async move {
                let its = fleet.clone();
                (number, fleet.at_a_place(move || ask(its, question)).await)
            });
        }
        let mut answers = tasks.join_all().await;
        answers.sort_unstable_by_key(|(number, _)| *number);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    /// Begins to open the ways to hosts as soon as it is told of them, as far as `limit` leaves them; unless all that may
    /// come are more than this machine can reach at once. That a host cannot be reached is told when something is to be
    /// done there, not before.
    pub(crate) fn opener(self: &Arc<Self>, limit: Option<BTreeSet<Arc<str>>>) -> Arc<Begins> {
        let may_come = move |name: &Arc<str>| limit.as_ref().is_none_or(|it| it.contains(name));
        let all: Vec<_> = self.inventory.hosts.keys().filter(|it| may_come(it)).cloned().collect();
        if self.reserve(all).is_err() {
            return Arc::new(|_| {});
        }
        let fleet = self.clone();
        Arc::new(move |name| {
            let (fleet, name) = (fleet.clone(), name.clone());
            if may_come(&name) {
                tokio::spawn(async move { fleet.at_a_place(|| fleet.open(&name)).await });
            }
        })
    }

    async fn open(&self, name: &Arc<str>) {
        self.way(name).remote().get_or_init(|| self.connect(name)).await;
    }

    /// The way to a host. It is opened once; a host that was not reached is not tried again.
    pub(crate) async fn remote(&self, name: &Arc<str>) -> Result<Arc<dyn Remote>, RemoteError> {
        let way = self.way(name);
        if let Some(error) = way.lost.get() {
            return Err(error.clone());
        }
        let opened = way.remote();
        let remote = opened.get_or_init(|| self.connect(name)).await;
        if let Err(error) = remote {
            self.lose(name, error.clone());
        }
        remote.clone()
    }

    /// Logs in to a host once more, beside the way that is used.
    pub(crate) async fn log_in(&self, name: &Arc<str>) -> Result<Arc<dyn Remote>, RemoteError> {
        let host = self.inventory.host(name).expect("only hosts of the inventory are declared on");
        self.connector.connect(&host).await
    }

    /// Opens another way to a host in the place of one that was lost.
    pub(crate) async fn redial(&self, name: &Arc<str>) -> Result<Arc<dyn Remote>, RemoteError> {
        let remote = self.connect(name).await?;
        let way = self.way(name);
        let held = way.held().take().map(|Held { start, who, .. }| (remote.clone(), start, who));
        self.hold(name, held);
        *way.before.lock().unwrap_or_else(PoisonError::into_inner) = way.traffic();
        let opened = Arc::new(OnceCell::new_with(Some(Ok(remote.clone()))));
        *way.remote.lock().unwrap_or_else(PoisonError::into_inner) = opened;
        Ok(remote)
    }

    /// From now on, a host is held over this way, which start of it, and by whom; or it is not any more.
    pub(crate) fn hold(&self, name: &Arc<str>, held: Option<(Arc<dyn Remote>, String, String)>) {
        let held = held.map(|(remote, start, who)| {
            let (events, host) = (self.events().clone(), name.clone());
            let warn = move |error: String| {
                let message = format!(
                    "{host} cannot be notified that this run is alive; after a minute its lock may be broken: {error}"
                );
                if let Some(events) = events {
                    events.send(Event::Warning { message, place: None });
                }
            };
            Held { start, who: who.clone(), _lease: Lease::begin(remote, who, warn) }
        });
        *self.way(name).held() = held;
    }

    /// Whether a host is held.
    pub(crate) fn is_held(&self, name: &Arc<str>) -> bool {
        self.way(name).held().is_some()
    }

    /// Whether any host is.
    pub(crate) fn holds_some(&self) -> bool {
        self.ways().values().any(|way| way.held().is_some())
    }

    /// The way to a host that is open.
    pub(crate) fn opened(&self, name: &Arc<str>) -> Option<Arc<dyn Remote>> {
        self.way(name).opened()
    }

    /// Which start of the host is held.
    pub(crate) fn start(&self, name: &Arc<str>) -> String {
        self.way(name).held().as_ref().map(|held| held.start.clone()).unwrap_or_default()
    }

    async fn connect(&self, name: &Arc<str>) -> Result<Arc<dyn Remote>, RemoteError> {
        self.tell(Event::Connecting { host: name.clone() });
        let host = self.inventory.host(name).expect("only hosts of the inventory are declared on");
        let remote = self.connector.connect(&host).await?;
        self.tell(Event::Connected { host: name.clone() });
        Ok(remote)
    }

    /// How long hosts are waited for, and how much of what they say is kept.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// What keeps the answer of a host that is asked now, and that may bring along so many bytes.
    pub(crate) fn answer(&self, brings: usize) -> Captured {
        let until = Instant::now().checked_add(self.limits.probe);
        Captured::within(self.limits.answer.saturating_add(brings), until)
    }

    /// Asks a host by a script, and keeps what it prints.
    pub(crate) async fn run(
        &self,
        name: &Arc<str>,
        script: &Script,
        brings: usize,
    ) -> Result<(Exit, Captured), RemoteError> {
        // The time to dial is another one.
        self.remote(name).await?;
        let mut captured = self.answer(brings);
        let exit = self.run_to(name, script, &mut captured).await?;
        Ok((exit, captured))
    }

    /// Runs a script on a host, and gives what it prints to `output` as it comes.
    pub(crate) async fn run_to(
        &self,
        name: &Arc<str>,
        script: &Script,
        output: &mut dyn Output,
    ) -> Result<Exit, RemoteError> {
        let remote = self.remote(name).await?;
        let exit = remote.run(script, output).await;
        exit.inspect_err(|error| self.lose(name, error.clone()))
    }

    /// Tells something that is no result.
    pub(crate) fn warn(&self, message: String) {
        self.tell(Event::Warning { message, place: None });
    }

    /// Nothing more is done on this host. The first reason is the one that counts, and is told once.
    pub(crate) fn lose(&self, name: &Arc<str>, error: RemoteError) {
        let (host, message) = (name.clone(), error.to_string());
        let event = match &error {
            RemoteError::Locked(_) => {
                let hint = "wait for it to end, or wait longer: --lock-wait SECONDS; if it is dead: converge unlock HOST";
                Event::Locked { host, message, hint: Some(hint.to_owned()) }
            }
            RemoteError::Unreachable { hint, .. } => {
                Event::Unreachable { host, message, hint: hint.clone() }
            }
            _ => Event::Unreachable { host, message, hint: None },
        };
        // Who is not worked on is not held.
        self.way(name).held().take();
        if self.way(name).lost.set(error).is_ok() {
            self.tell(event);
        }
    }

    pub(crate) fn tell(&self, event: Event) {
        if let Some(events) = &*self.events() {
            events.send(event);
        }
    }

    /// Tells nothing any more. A host that was dialled in vain, or whose probe was given up, may answer after the summary,
    /// which is the last that is told.
    pub(crate) fn fall_silent(&self) {
        self.events().take();
    }

    fn events(&self) -> MutexGuard<'_, Option<Arc<dyn Events>>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hosts that cannot be worked on, and why.
    pub(crate) fn troubles(&self) -> BTreeMap<Arc<str>, RemoteError> {
        let names: Vec<Arc<str>> = self.ways().keys().cloned().collect();
        let mut troubles = BTreeMap::new();
        for name in names {
            if let Some(error) = self.trouble(&name) {
                troubles.insert(name, error);
            }
        }
        troubles
    }

    /// Why a host cannot be worked on, if that is so.
    pub(crate) fn trouble(&self, name: &Arc<str>) -> Option<RemoteError> {
        self.way(name).lost.get().cloned()
    }

    /// What it cost to talk to a host.
    pub(crate) fn traffic(&self, name: &Arc<str>) -> Traffic {
        self.way(name).traffic()
    }

    /// Lets all hosts undo what is held there.
    pub(crate) async fn close(&self) {
        let ways: Vec<Arc<Way>> = self.ways().values().cloned().collect();
        let close = ways.iter().map(async |way| {
            way.held().take();
            if let Some(remote) = way.opened() {
                remote.close().await;
            }
        });
        join_all(close).await;
    }

    /// Never held across an await: who waits for a way may be waited for by who has it.
    fn ways(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Way>>> {
        self.ways.lock().expect("nothing panics while it holds the ways")
    }

    fn way(&self, name: &Arc<str>) -> Arc<Way> {
        self.ways().entry(name.clone()).or_default().clone()
    }
}
