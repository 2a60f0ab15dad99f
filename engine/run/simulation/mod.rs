//! How a run would end if something failed, found without a host: every resource is taken to differ.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use super::{
    Run,
    execution::{Batch, Execution},
    obligations,
    tally::Tally,
};
use crate::{
    base::{
        content::Digest,
        diagnostic::{Diagnostic, Result, did_you_mean},
    },
    evaluate::{
        catalog::{Catalog, NodeId},
        language::{Input, Known},
    },
    io::remote::RemoteError,
    plan::{
        event::{Event, Failure, Outcome},
        exit_status::ExitStatus,
        graph::Graph,
        planner::Plan,
        probe::Observations,
    },
    resources::{
        change::{Change, Effect},
        kind::Difference,
        resource::Nature,
    },
};

/// What is taken to fail.
#[derive(Debug, Clone, PartialEq)]
enum Failing {
    /// The step of a resource.
    Node(NodeId),
    /// A host, which is lost in the first step that runs on it.
    Host(Arc<str>),
}

impl Run {
    /// Tells how a run would end if `name`, a host or a resource, failed; and gives the status that it would end with.
    ///
    /// # Errors
    /// An error in what the user gave, or a script that asks a host something.
    pub async fn simulate(&self, input: impl Fn(Known) -> Input, name: &str) -> Result<ExitStatus> {
        let fleet = self.fleet(&input);
        let evaluated = self
            .evaluate(&input, &fleet, &mut Known::default(), ask_no_host, Arc::new(|_| {}))
            .await?;
        self.tell_notes(&evaluated.notes);
        let catalog = evaluated.catalog;
        let graph = Graph::build(&catalog)?;
        let failing = Failing::find(&catalog, name)?;
        let observed = everything_differs(&catalog, &graph);
        let plan = Plan::new(&catalog, &graph, &observed);
        let mut tally = Tally::new(&catalog);
        self.tell_plan(&catalog, &graph, &plan, |_| true, &mut tally);
        let mut troubles = BTreeMap::new();
        if let Failing::Host(host) = &failing {
            troubles.insert(host.clone(), RemoteError::Lost("as simulated".to_owned()));
        }
        let outcomes = outcomes(&catalog, &graph, &plan, &failing);
        self.tell_finished(&catalog, &outcomes);
        tally.record(outcomes);
        self.tell_debts(obligations::debts(&catalog, &graph, &tally));
        let status = tally.status(&troubles);
        let hosts = tally.summary(&catalog, &fleet, &troubles);
        self.events.send(Event::Summary { hosts, exit_status: status.code(), duration_ms: 0 });
        Ok(status)
    }
}

/// Refuses to ask a host. Secrets are looked up: no host is needed for them.
fn ask_no_host(host: &str) -> Result<()> {
    let message =
        format!("the playbook reads answers of {host}, and a simulation contacts no host");
    Err(Diagnostic::new("simulation::asks", message)
        .hint("a playbook that uses `host.facts` or `probe(..)` cannot be simulated"))
}

impl Failing {
    fn find(catalog: &Catalog, name: &str) -> Result<Self> {
        let nodes: HashMap<&str, NodeId> =
            catalog.nodes().map(|(id, node)| (&*node.name.node, id)).collect();
        if let Some(id) = nodes.get(name) {
            return Ok(Self::Node(*id));
        }
        let mut hosts: Vec<Arc<str>> = catalog.hosts().collect();
        hosts.sort();
        if let Some(host) = hosts.iter().find(|host| ***host == *name) {
            return Ok(Self::Host(host.clone()));
        }
        let message =
            format!("the playbook declares no resource `{name}` and no host of that name");
        let known = hosts.iter().map(|host| &**host).chain(nodes.into_keys());
        let hint = did_you_mean(name, known).unwrap_or_else(|| {
            "give a host, or a resource as `plan --format json` names it: HOST/KIND:KEY".to_owned()
        });
        Err(Diagnostic::new("simulation::unknown", message).hint(hint))
    }

    fn is(&self, batch: &Batch, id: NodeId) -> bool {
        match self {
            Failing::Node(node) => *node == id,
            Failing::Host(host) => *host == batch.host,
        }
    }
}

/// Observations of a fleet on which nothing is as it should be, except what is only outstanding for what comes before it.
fn everything_differs(catalog: &Catalog, graph: &Graph) -> Observations {
    let assess = |(id, node): (NodeId, &crate::evaluate::catalog::Node)| {
        let differs = node.kind.nature() == Nature::State && !graph.regions().is_obligation(id);
        let difference = || {
            let change = Change::new(Effect::Update, Vec::new());
            Difference { observed: Digest::of(b"something else"), change }
        };
        (id, Ok(differs.then(difference).map(Box::new)))
    };
    catalog.nodes().map(assess).collect()
}

/// Carries the plan out in mind: everything succeeds but what fails.
fn outcomes(
    catalog: &Catalog,
    graph: &Graph,
    plan: &Plan,
    failing: &Failing,
) -> Vec<(NodeId, Outcome)> {
    let mut execution = Execution::new(catalog, graph, plan, |_| None);
    let (mut all, mut running) = (Vec::new(), VecDeque::new());
    loop {
        let (settled, batches) = execution.next();
        all.extend(settled);
        running.extend(batches);
        let Some(batch) = running.pop_front() else { return all };
        let ended = end(catalog, &batch, failing);
        let lost = ended.iter().any(|(_, outcome)| matches!(outcome, Outcome::Unknown { .. }));
        all.extend(ended.iter().cloned());
        all.extend(execution.finish(&batch.host, ended));
        if lost {
            all.extend(
                execution.abandon(&[(batch.host.clone(), format!("{}: it is lost", batch.host))]),
            );
        }
    }
}

/// What becomes of a batch.
fn end(catalog: &Catalog, batch: &Batch, failing: &Failing) -> Vec<(NodeId, Outcome)> {
    let fails = batch.runs.iter().position(|id| failing.is(batch, *id));
    let name = fails.map(|at| catalog.node(batch.runs[at]).name.node.to_string());
    let outcome = |(at, &id): (usize, &NodeId)| {
        let check = catalog.node(id).kind.nature() == Nature::Check;
        let outcome = match (&name, fails) {
            (Some(_), Some(_)) if matches!(failing, Failing::Host(_)) => {
                Outcome::Unknown { message: "the host is lost while it runs".to_owned() }
            }
            (Some(_), Some(fails)) if at == fails => {
                Outcome::failed(Failure::told("it fails, as simulated"))
            }
            (Some(name), Some(fails)) if at > fails => Outcome::Skipped { because: name.clone() },
            _ if check => Outcome::Unchanged,
            _ => Outcome::Changed,
        };
        (id, outcome)
    };
    batch.runs.iter().enumerate().map(outcome).collect()
}

#[cfg(test)]
mod tests;
