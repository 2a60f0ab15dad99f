//! Reads the state of many hosts at once, each in one round trip.

use std::sync::Arc;

use super::{fleet::Fleet, nonce};
use crate::{
    catalog::{Catalog, NodeId},
    event::Event,
    probe::{Observations, Probe, Queries, Said},
};

/// Probes some nodes, host by host side by side, and tells `begins` of each host.
/// The nodes of a host that does not answer are not in the result.
pub(crate) async fn observe(
    catalog: &Arc<Catalog>,
    nodes: impl IntoIterator<Item = NodeId>,
    fleet: &Arc<Fleet>,
    begins: impl Fn(Arc<str>) -> Event + Clone + Send + 'static,
) -> Observations {
    let hosts = catalog.by_host(nodes);
    let asked = Arc::new((catalog.clone(), Queries::default()));
    let ask = move |fleet, (host, nodes)| one(asked.clone(), host, nodes, fleet, begins.clone());
    let answers = fleet.ask_each(hosts, ask).await;
    let mut all = Observations::default();
    all.extend(answers.into_iter().flatten());
    all
}

async fn one(
    asked: Arc<(Arc<Catalog>, Queries)>,
    host: Arc<str>,
    nodes: Vec<NodeId>,
    fleet: Arc<Fleet>,
    begins: impl Fn(Arc<str>) -> Event,
) -> Option<Said> {
    fleet.remote(&host).await.ok()?;
    fleet.tell(begins(host.clone()));
    let (catalog, queries) = &*asked;
    let probe = Probe::new(catalog, &nodes, &nonce(), queries);
    let (_, captured) = fleet.run(&host, &probe.script).await.ok()?;
    let [output, errors] =
        [&captured.stdout, &captured.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    Some(probe.read(catalog, &output, &errors))
}
