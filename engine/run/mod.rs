//! A run over the fleet: evaluate, probe, plan, apply, verify. Sends events; decides nothing itself.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use indexmap::IndexMap;
use tokio::sync::watch;

mod again;
mod answers;
mod apply;
mod approval;
mod evaluate;
mod execution;
mod fleet;
mod lock;
mod obligations;
mod observe;
mod segment;
mod simulation;
mod tally;
mod tell;
mod verify;

pub(crate) use self::fleet::Fleet;
pub use self::{
    answers::Lookup,
    approval::{ApprovedNode, PlanFile},
    segment::{Part, Progress, ProgressReader, Segment},
};
use self::{
    apply::Apply,
    execution::Execution,
    tally::{Tally, Troubles},
};
use crate::{
    catalog::{Catalog, NodeId},
    diagnostic::Result,
    event::{Event, Events, HostSummary, Outcome},
    exit_status::ExitStatus,
    graph::Graph,
    language::{Input, Known},
    plan::Plan,
    probe::Observations,
    remote::Connector,
    resource::Nature,
};

/// What a run is about.
pub struct Run {
    /// Its id, which `converge show` takes.
    pub id: String,
    /// Who runs it, for another run that finds the lock taken.
    pub who: String,
    /// How hosts are reached.
    pub connector: Arc<dyn Connector>,
    /// Who is told what happens.
    pub events: Arc<dyn Events>,
    /// How secrets are looked up.
    pub lookup: Arc<Lookup>,
    /// How many hosts are worked on at once.
    pub concurrency: usize,
    /// The hosts it is limited to; none means all.
    pub limit: Option<BTreeSet<Arc<str>>>,
    /// How long to wait for a host that another run holds.
    pub lock_wait: Duration,
    /// Ends it early.
    pub interrupt: Interrupt,
}

/// Tells a run to start nothing new.
#[derive(Clone)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// An interrupt, and what sets it.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is set.
    async fn set(&self) {
        if self.0.clone().wait_for(|set| *set).await.is_err() {
            // Nobody is left who could set it.
            std::future::pending().await
        }
    }
}

/// What is to be done with the plan.
pub enum Purpose {
    /// Only show it.
    Plan,
    /// Carry it out.
    Apply {
        /// Only what was approved, if there was such a plan.
        approved: Option<PlanFile>,
    },
}

/// What is carried out, and where.
struct Work<'a> {
    catalog: &'a Arc<Catalog>,
    graph: &'a Graph,
    fleet: &'a Arc<Fleet>,
    /// What was approved, if something was.
    approved: Option<&'a PlanFile>,
}

/// How a run ended.
pub struct Ended {
    /// The exit status of converge.
    pub status: ExitStatus,
    /// The plan, as data that can be approved.
    pub plan: PlanFile,
    /// What was declared.
    pub catalog: Arc<Catalog>,
    hosts: IndexMap<Arc<str>, HostSummary>,
    duration_ms: u64,
    /// The ways to the hosts, on which nothing is held any more.
    pub(crate) fleet: Arc<Fleet>,
}

impl Ended {
    /// The last event of the run, which ends with this status.
    pub fn summary(&self, status: ExitStatus) -> Event {
        let (hosts, duration_ms) = (self.hosts.clone(), self.duration_ms);
        Event::Summary { hosts, exit_status: status.code(), duration_ms }
    }
}

impl Run {
    /// Runs a playbook. What it came to is told by whoever asked for the run: [`Ended::summary`]. The input's `known` is what is known already; the run asks for the rest.
    ///
    /// # Errors
    /// A mistake in what the user gave; nothing was changed on any host then. What happens on hosts is no error
    /// but part of the result.
    pub async fn playbook(
        &self,
        input: impl Fn(Known) -> Input,
        purpose: Purpose,
    ) -> Result<Ended> {
        let began = Instant::now();
        let fleet = self.fleet(&input);
        let result = self.stages(&input, purpose, &fleet, began).await;
        fleet.close().await;
        result
    }

    /// What a playbook declares, as far as `limit` leaves it. Asks hosts only what the scripts ask.
    ///
    /// # Errors
    /// A mistake in what the user gave.
    pub async fn catalog(&self, input: impl Fn(Known) -> Input) -> Result<Catalog> {
        let fleet = self.fleet(&input);
        let catalog = self
            .evaluate(&input, &fleet, &mut Known::default(), |_| Ok(()), Arc::new(|_| {}))
            .await;
        fleet.close().await;
        catalog
    }

    fn fleet(&self, input: &impl Fn(Known) -> Input) -> Arc<Fleet> {
        let inventory = input(Known::default()).inventory;
        let (connector, events) = (self.connector.clone(), self.events.clone());
        Arc::new(Fleet::new(connector, events, inventory, self.concurrency))
    }

    async fn stages(
        &self,
        input: &impl Fn(Known) -> Input,
        purpose: Purpose,
        fleet: &Arc<Fleet>,
        began: Instant,
    ) -> Result<Ended> {
        let opener = fleet.opener(self.limit.clone());
        let mut known = Known::default();
        let catalog = Arc::new(self.evaluate(input, fleet, &mut known, |_| Ok(()), opener).await?);
        fleet.reserve(catalog.hosts())?;
        let graph = Graph::build(&catalog)?;
        let all = || catalog.nodes().map(|(id, _)| id);
        let probing = |host| Event::Probing { host };
        let mut locked = BTreeSet::new();
        let mut tally = Tally::new(&catalog);
        let mut paid = false;
        let (observations, mut plan) = loop {
            let observed = self.observe(&catalog, all(), fleet, probing).await.unwrap_or_default();
            let plan = Plan::new(&catalog, &graph, &observed);
            // Whoever held a lock may have changed what was just seen; and what is owed is paid before anything else.
            let applies = matches!(purpose, Purpose::Apply { .. });
            if applies && self.lock(&catalog, &plan, fleet, &mut locked).await {
                continue;
            }
            if applies && !paid && self.pay(&catalog, &graph, &plan, fleet, &mut tally).await {
                paid = true;
                continue;
            }
            break (observed, plan);
        };
        self.tell_foreign_debts(&catalog, &observations.owed);
        let file = PlanFile::new(&catalog, &plan);
        let observed = |id: &NodeId| observations.get(*id).is_some();
        match purpose {
            Purpose::Plan => {
                self.tell_plan(&catalog, &graph, &plan, observed, &mut tally);
                self.events.send(Event::PlanFinished);
                tally.pending(&catalog, &plan, &observations);
            }
            Purpose::Apply { approved } => {
                let approved = approved.as_ref();
                let refuse = |approved: &PlanFile| approved.refuse(&catalog, &graph, &mut plan);
                let refused = approved.map(refuse).unwrap_or_default();
                self.tell_plan(&catalog, &graph, &plan, observed, &mut tally);
                self.events.send(Event::PlanFinished);
                self.tell_finished(&catalog, &refused);
                tally.record(refused);
                // Most runs of a large fleet find nothing to do: then there is nothing to go through either.
                if paid || !tally.all_told() {
                    let work = Work { catalog: &catalog, graph: &graph, fleet, approved };
                    self.apply(&work, &plan, &mut tally, locked).await;
                    if !known.probes.is_empty() && !self.interrupt.is_set() {
                        self.ask_again(input, fleet, &known, &catalog, &mut tally).await;
                    }
                }
            }
        }
        let troubles = self.troubles(&catalog, fleet);
        let status = match self.interrupt.is_set() {
            true => ExitStatus::Interrupted,
            false => tally.status(&troubles),
        };
        let hosts = tally.summary(&catalog, fleet, &troubles);
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        fleet.fall_silent();
        Ok(Ended { status, plan: file, catalog, hosts, duration_ms, fleet: fleet.clone() })
    }

    /// Applies the plan, then looks again at all that it may have touched, until nothing differs.
    async fn apply(
        &self,
        work: &Work<'_>,
        plan: &Plan,
        tally: &mut Tally,
        mut locked: BTreeSet<Arc<str>>,
    ) {
        let Work { catalog, graph, fleet, approved } = *work;
        // Nothing else is begun where what an earlier run owes could not be paid.
        if let Some(because) = obligations::debt(catalog, graph, tally) {
            let skipped = |id| (id, Outcome::Skipped { because: because.clone() });
            let rest: Vec<_> = tally.open().map(skipped).collect();
            self.tell_finished(catalog, &rest);
            tally.record(rest);
            return self.tell_debts(catalog, graph, tally);
        }
        // What was paid by now and is going to be owed again has not come to its end.
        tally.reopen(catalog.nodes().map(|(id, _)| id).filter(|id| plan.node(*id).planned.acts()));
        let stands = |id| settled(catalog, plan, tally, id);
        let outcomes = self.carry_out(catalog, graph, plan, fleet, tally, stands).await;
        tally.record(outcomes);
        let mut round = 1;
        while !self.interrupt.is_set() {
            let open = tally.open().count();
            let again = self.verify(catalog, graph, fleet, tally, round).await;
            let Some(mut again) = again else { break };
            let refuse = |approved: &PlanFile| approved.refuse_later(catalog, graph, &mut again);
            let refused = approved.map(refuse).unwrap_or_default();
            self.tell_finished(catalog, &refused);
            tally.record(refused);
            self.lock(catalog, &again, fleet, &mut locked).await;
            let stands = |id| settled(catalog, &again, tally, id);
            let outcomes = self.carry_out(catalog, graph, &again, fleet, tally, stands).await;
            tally.record(outcomes);
            // A round that went on with what was left open was not spent on mending.
            round += u32::from(tally.open().count() == open);
        }
        // Only an interrupt leaves something open for good: what is owed by now is paid, the rest is skipped.
        if tally.open().next().is_some() {
            let stands = |id| tally.outcome(id);
            let outcomes = self.carry_out(catalog, graph, plan, fleet, tally, stands).await;
            tally.record(outcomes);
        }
        self.tell_debts(catalog, graph, tally);
    }

    /// Probes some nodes, unless the run is interrupted: a probe only reads, so nobody has to wait for its end.
    async fn observe(
        &self,
        catalog: &Arc<Catalog>,
        nodes: impl IntoIterator<Item = NodeId>,
        fleet: &Arc<Fleet>,
        begins: impl Fn(Arc<str>) -> Event + Clone + Send + 'static,
    ) -> Option<Observations> {
        tokio::select! {
            biased;
            () = self.interrupt.set() => None,
            observations = observe::observe(catalog, nodes, fleet, begins) => Some(observations),
        }
    }

    /// The hosts of this run that could not be reached or were lost: those that something is declared on, and those that
    /// could not be asked what to declare. Scripts may have asked others for facts.
    fn troubles(&self, catalog: &Catalog, fleet: &Fleet) -> Troubles {
        let mut troubles = fleet.troubles();
        if let Some(limit) = &self.limit {
            let declared: HashSet<_> = catalog.hosts().collect();
            troubles.retain(|host, _| limit.contains(host) || declared.contains(host));
        }
        troubles
    }

    /// Only hosts that are going to be changed are locked: a converged one costs no round trip more.
    async fn lock(
        &self,
        catalog: &Catalog,
        plan: &Plan,
        fleet: &Fleet,
        locked: &mut BTreeSet<Arc<str>>,
    ) -> bool {
        let acting = catalog.nodes().filter(|(id, _)| plan.node(*id).planned.acts());
        let hosts: BTreeSet<Arc<str>> = acting.map(|(_, node)| node.name.host.clone()).collect();
        let new: Vec<Arc<str>> = hosts.difference(locked).cloned().collect();
        let who = format!("run {} of {}", self.id, self.who);
        locked.extend(new.iter().cloned());
        tokio::select! {
            biased;
            // Nothing is begun any more, locked or not.
            () = self.interrupt.set() => false,
            waited = lock::take(&new, &who, self.lock_wait, fleet) => waited,
        }
    }

    async fn carry_out(
        &self,
        catalog: &Catalog,
        graph: &Graph,
        plan: &Plan,
        fleet: &Fleet,
        earlier: &Tally,
        stands: impl Fn(NodeId) -> Option<Outcome>,
    ) -> Vec<(NodeId, Outcome)> {
        let execution = Execution::new(catalog, graph, plan, stands);
        let (events, interrupt) = (&*self.events, &self.interrupt);
        let apply = Apply { catalog, plan, fleet, events, interrupt, earlier, run: &self.id };
        apply.carry_out(execution).await
    }
}

/// What an earlier round settled, unless it differs again. A check that held is asked again where something before it
/// changes again: what waits for it has to wait once more.
fn settled(catalog: &Catalog, plan: &Plan, earlier: &Tally, id: NodeId) -> Option<Outcome> {
    let may_run = || {
        let planned = &plan.node(id).planned;
        let acts = planned.acts() && !verify::waits(plan, earlier, id);
        acts || catalog.node(id).kind.nature() == Nature::Check
    };
    match earlier.outcome(id) {
        Some(Outcome::Changed | Outcome::Unchanged) if may_run() => None,
        outcome => outcome,
    }
}

/// A word of 128 random bits, which nobody can guess.
///
/// # Panics
/// When the operating system gives no random bytes; nothing safe can be done then.
pub(crate) fn nonce() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
