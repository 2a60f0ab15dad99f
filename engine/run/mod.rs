//! A run over the fleet: evaluate, probe, plan, apply, verify. Sends events; decides nothing itself.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use indexmap::IndexMap;

mod early;
mod execution;
mod guard;
mod interrupt;
mod keeping;
mod lease;
mod fleet;
mod beyond;
mod lock;
mod progress;
mod quiet;
mod questions;
mod answers;
mod evaluate;
mod observe;
mod segment;
mod detached;
pub(crate) mod breaking;
mod tail;
mod tally;
mod apply;
mod live;
mod attendant;
mod confirm;
mod obligations;
mod redial;
mod batches;
mod simulation;
mod tell;
mod verify;
mod wave;
mod approval;
mod rounds;
mod reevaluate;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

pub(crate) use self::fleet::Fleet;
pub use self::{answers::Lookup, approval::PlanFile, interrupt::Interrupt};
#[cfg(feature = "internals")]
pub use self::{
    approval::ApprovedNode,
    progress::{Progress, ProgressReader},
    segment::{Part, Segment},
};
use self::{
    evaluate::Evaluated,
    observe::Seen,
    quiet::Quiet,
    rounds::Work,
    tally::{Tally, Troubles},
    wave::Wave,
};
use crate::{
    base::diagnostic::Result,
    evaluate::{
        catalog::{Catalog, NodeId},
        language::{Input, Known, Question},
    },
    input::config::Limits,
    io::remote::Connector,
    plan::{
        event::{Event, Events, HostSummary},
        exit_status::ExitStatus,
        graph::Graph,
        planner::Plan,
        probe::Outstanding,
    },
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
    /// How long hosts are waited for, and how much of what they say is kept.
    pub limits: Limits,
    /// Ends it early.
    pub interrupt: Interrupt,
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
    /// Show it, and carry it out on the same connections after a yes.
    Ask(Asks),
}

/// Waits for a yes, or for anything else.
pub type Asks = Box<dyn FnOnce() -> BoxFuture<'static, bool> + Send>;

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
    /// An error in what the user gave; nothing was changed on any host then. What happens on hosts is no error
    /// but part of the result.
    pub async fn playbook(
        &self,
        input: impl Fn(Known) -> Input,
        purpose: Purpose,
    ) -> Result<Ended> {
        let began = Instant::now();
        let fleet = self.fleet(&input);
        let result = match purpose {
            Purpose::Ask(asks) => self.ask(&input, asks, &fleet, began).await,
            purpose => self.stages(&input, purpose, &fleet, began).await,
        };
        fleet.fall_silent();
        fleet.close().await;
        result
    }

    /// What the host became while somebody thought about the plan is looked at again: only what was shown is done.
    async fn ask(
        &self,
        input: &impl Fn(Known) -> Input,
        asks: Asks,
        fleet: &Arc<Fleet>,
        began: Instant,
    ) -> Result<Ended> {
        let quiet = Arc::new(Quiet::new(self.events.clone()));
        let run = self.telling(quiet.clone());
        let mut planned = run.stages(input, Purpose::Plan, fleet, began).await?;
        let is_pending = planned.hosts.values().any(|host| host.pending > 0);
        let yes = async { is_pending && asks().await };
        let yes = tokio::select! {
            () = self.interrupt.set() => false,
            yes = yes => yes,
        };
        if self.interrupt.is_set() {
            planned.status = ExitStatus::Interrupted;
        }
        if !yes {
            return Ok(planned);
        }
        quiet.again();
        let approved = Some(planned.plan);
        run.stages(input, Purpose::Apply { approved }, fleet, began).await
    }

    /// The same run, which tells somebody else.
    fn telling(&self, events: Arc<dyn Events>) -> Self {
        Self {
            id: self.id.clone(),
            who: self.who.clone(),
            connector: self.connector.clone(),
            events,
            lookup: self.lookup.clone(),
            concurrency: self.concurrency,
            limit: self.limit.clone(),
            lock_wait: self.lock_wait,
            limits: self.limits,
            interrupt: self.interrupt.clone(),
        }
    }

    /// What a playbook declares, as far as `limit` leaves it. Asks hosts only what the scripts ask.
    ///
    /// # Errors
    /// An error in what the user gave.
    pub async fn catalog(&self, input: impl Fn(Known) -> Input) -> Result<Catalog> {
        let fleet = self.fleet(&input);
        let evaluated = self
            .evaluate(&input, &fleet, &mut Known::default(), |_| Ok(()), Arc::new(|_| {}))
            .await;
        fleet.close().await;
        let evaluated = evaluated?;
        self.tell_notes(&evaluated.notes);
        Ok(evaluated.catalog)
    }

    fn fleet(&self, input: &impl Fn(Known) -> Input) -> Arc<Fleet> {
        let inventory = input(Known::default()).inventory;
        let (connector, events) = (self.connector.clone(), self.events.clone());
        Arc::new(Fleet::new(connector, events, inventory, self.concurrency, self.limits))
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
        let evaluated = self.evaluate(input, fleet, &mut known, |_| Ok(()), opener).await?;
        let Evaluated { catalog, asked, notes } = evaluated;
        self.tell_notes(&notes);
        let mut catalog = Arc::new(catalog);
        fleet.reserve(catalog.hosts())?;
        let graph = Graph::build(&catalog)?;
        let all = || catalog.nodes().map(|(id, _)| id);
        let probing = |host| Event::Probing { host };
        let mut tally = Tally::new(&catalog);
        let mut paid = false;
        let (observations, mut plan) = loop {
            let observed = self.observe(&catalog, all(), [], fleet, probing).await;
            let Seen { nodes: mut observed, .. } = observed.unwrap_or_default();
            observed.outstanding.extend(self.outstanding_beyond(&catalog, fleet).await);
            let plan = Plan::new(&catalog, &graph, &observed);
            // Whoever held a lock may have changed what was just seen; and what is outstanding is paid before anything else.
            let applies = matches!(purpose, Purpose::Apply { .. });
            // What was approved is compared with what is seen under the lock.
            let approved = matches!(purpose, Purpose::Apply { approved: Some(_) });
            let rides = !approved && asked.is_empty() && observed.outstanding.is_empty();
            if applies && self.lock(&catalog, &plan, &observed.left, fleet, rides).await {
                continue;
            }
            match applies {
                true => self.hand_over(plan.debts(), fleet).await,
                false => self.tell_taken_over(plan.debts()),
            }
            if applies && !paid && self.pay(&catalog, &graph, &plan, fleet, &mut tally).await {
                paid = true;
                continue;
            }
            break (observed, plan);
        };
        self.tell_unpaid_debts(plan.debts());
        let uncertain = reevaluate::uncertain(&catalog, &plan, &asked);
        let file = PlanFile::new(&catalog, &plan, &uncertain);
        let observed = |id: &NodeId| observations.get(*id).is_some();
        match purpose {
            Purpose::Plan | Purpose::Ask(_) => {
                self.tell_plan(&catalog, &graph, &plan, observed, &mut tally);
                self.tell_uncertain(&uncertain);
                self.events.send(Event::PlanFinished);
                tally.pending(&catalog, &plan, &observations);
            }
            Purpose::Apply { approved } => {
                let approved = approved.as_ref();
                let refuse = |approved: &PlanFile| approved.refuse(&catalog, &graph, &mut plan);
                let refused = approved.map(refuse).unwrap_or_default();
                self.tell_plan(&catalog, &graph, &plan, observed, &mut tally);
                self.tell_uncertain(&uncertain);
                self.events.send(Event::PlanFinished);
                self.tell_finished(&catalog, &refused);
                tally.record(refused);
                // Most runs of a large fleet find nothing to do: then there is nothing to go through either.
                if paid || !tally.all_told() {
                    tally.first_look(&catalog, &observations);
                    let wave = Wave { catalog, graph, known, asked, notes, tally };
                    let work = Work { fleet, approved };
                    let last = self.waves(input, work, wave, plan, paid).await;
                    (catalog, tally) = (last.catalog, last.tally);
                }
            }
        }
        let troubles = self.troubles(&catalog, &tally, fleet);
        let status = match self.interrupt.is_set() {
            true => ExitStatus::Interrupted,
            false => tally.status(&troubles),
        };
        if self.interrupt.is_time_up() {
            let message = format!(
                "{}: steps that had not begun are skipped (--timeout)",
                self.interrupt.because()
            );
            self.events.send(Event::Warning { message, place: None });
        }
        let hosts = tally.summary(&catalog, fleet, &troubles);
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Ended { status, plan: file, catalog, hosts, duration_ms, fleet: fleet.clone() })
    }

    /// Probes some nodes, unless the run is interrupted: a probe only reads, so nobody has to wait for its end.
    async fn observe(
        &self,
        catalog: &Arc<Catalog>,
        nodes: impl IntoIterator<Item = NodeId>,
        questions: impl IntoIterator<Item = Question>,
        fleet: &Arc<Fleet>,
        begins: impl Fn(Arc<str>) -> Event + Clone + Send + 'static,
    ) -> Option<Seen> {
        tokio::select! {
            biased;
            () = self.interrupt.set() => None,
            seen = observe::observe(catalog, nodes, questions, fleet, begins) => Some(seen),
        }
    }

    /// What hosts beyond the limit say that is outstanding to this run, unless it is interrupted.
    async fn outstanding_beyond(&self, catalog: &Catalog, fleet: &Arc<Fleet>) -> Vec<Outstanding> {
        tokio::select! {
            biased;
            () = self.interrupt.set() => Vec::new(),
            outstanding = beyond::outstanding(catalog, fleet) => outstanding,
        }
    }

    /// The hosts of this run that could not be reached or were lost: those that something is declared on, and those that
    /// could not be asked what to declare, or what they owe to those. Scripts may have asked others for facts.
    fn troubles(&self, catalog: &Catalog, tally: &Tally, fleet: &Fleet) -> Troubles {
        let mut troubles = fleet.troubles();
        if let Some(limit) = &self.limit {
            let declared: HashSet<_> = catalog
                .hosts()
                .chain(catalog.hosts_beyond())
                .chain(tally.gone().cloned())
                .collect();
            troubles.retain(|host, _| limit.contains(host) || declared.contains(host));
        }
        troubles
    }

    /// Who holds the lock of a host, for others.
    fn holder(&self) -> String {
        format!("run {} of {}", self.id, self.who)
    }

    /// Only hosts that are going to be changed are locked, or where something is `left` that has to end, or to be put in order: a
    /// converged one costs no round trip more. Where only one host is changed, its lock may `ride` with the first that is done there.
    async fn lock(
        &self,
        catalog: &Catalog,
        plan: &Plan,
        left: &BTreeSet<Arc<str>>,
        fleet: &Fleet,
        rides: bool,
    ) -> bool {
        let acting = catalog.nodes().filter(|(id, _)| plan.node(*id).planned.acts());
        let acting = acting.map(|(_, node)| node.name.host.clone());
        let hosts: BTreeSet<Arc<str>> = acting.chain(left.iter().cloned()).collect();
        if rides && left.is_empty() && !fleet.holds_some() && plan.alone(catalog).is_some() {
            return false;
        }
        let is_new = |host: &Arc<str>| !fleet.is_held(host) && fleet.trouble(host).is_none();
        let new: Vec<Arc<str>> = hosts.into_iter().filter(is_new).collect();
        self.lock_hosts(&new, fleet).await
    }

    /// Takes the lock of each of these hosts, which are in order; and says whether some may not be any more as they were seen.
    async fn lock_hosts(&self, hosts: &[Arc<str>], fleet: &Fleet) -> bool {
        let who = self.holder();
        tokio::select! {
            biased;
            // Nothing is begun any more, locked or not.
            () = self.interrupt.set() => false,
            waited = lock::take(hosts, &who, self.lock_wait, fleet) => waited,
        }
    }
}
