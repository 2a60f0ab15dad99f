//! Reads the state of many hosts at once, each in one round trip; and asks again what scripts asked, on the way.

use std::{borrow::Cow, sync::Arc};

use super::{
    answers::{self, unanswered},
    fleet::Fleet,
    questions::{Answer, Questions},
};
use crate::{
    base::script::Script,
    evaluate::{
        catalog::{Catalog, NodeId},
        language::Question,
    },
    io::{nonce::nonce, remote::Captured},
    plan::{
        event::Event,
        probe::{Observations, Probe, ProbeOutput, Queries},
    },
};

/// What hosts said of some nodes, and what they answered.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) nodes: Observations,
    pub(super) answers: Vec<Answer>,
}

/// Probes some nodes and asks some questions, host by host side by side, and tells `begins` of each host that is probed.
/// The nodes of a host that does not answer are not in the result.
pub(super) async fn observe(
    catalog: &Arc<Catalog>,
    nodes: impl IntoIterator<Item = NodeId>,
    questions: impl IntoIterator<Item = Question>,
    fleet: &Arc<Fleet>,
    begins: impl Fn(Arc<str>) -> Event + Clone + Send + 'static,
) -> Seen {
    let mut questions = answers::by_host(questions);
    let mut hosts: Vec<HostLook> = Vec::new();
    for (host, nodes) in catalog.by_host(nodes) {
        let questions = questions.remove(&host).unwrap_or_default();
        hosts.push(HostLook { host, nodes, questions });
    }
    let others = questions.into_iter();
    hosts.extend(others.map(|(host, questions)| HostLook { host, nodes: Vec::new(), questions }));
    let asked = Arc::new((catalog.clone(), Queries::default()));
    let ask = move |fleet, look| one(asked.clone(), look, fleet, begins.clone());
    let mut all = Seen::default();
    for (said, answers) in fleet.ask_each(hosts, ask).await.into_iter().flatten() {
        all.nodes.extend([said]);
        all.answers.extend(answers);
    }
    all
}

/// What is looked at on a host.
struct HostLook {
    host: Arc<str>,
    nodes: Vec<NodeId>,
    questions: Vec<Question>,
}

async fn one(
    asked: Arc<(Arc<Catalog>, Queries)>,
    HostLook { host, nodes, questions }: HostLook,
    fleet: Arc<Fleet>,
    begins: impl Fn(Arc<str>) -> Event,
) -> Option<(ProbeOutput, Vec<Answer>)> {
    fleet.remote(&host).await.ok()?;
    let (catalog, queries) = &*asked;
    // What a script asks comes first: no function of the probe is known to it.
    let questions = Questions::new(questions, nonce());
    let mut script: Cow<Script> = Cow::Owned(questions.script());
    let probe = (!nodes.is_empty()).then(|| Probe::new(catalog, &nodes, &nonce(), queries));
    if let Some(probe) = &probe {
        fleet.tell(begins(host.clone()));
        script = match script.is_empty() {
            true => Cow::Borrowed(&probe.script),
            false => Cow::Owned(script.into_owned().then(probe.script.clone())),
        };
    }
    let brings = probe.as_ref().map_or(0, |probe| probe.brings);
    let (_, mut printed) = fleet.run(&host, &script, brings).await.ok()?;
    let Some(answers) = questions.read(&mut printed) else {
        unanswered(&host, &fleet);
        return None;
    };
    let said = probe.map(|probe| read(&probe, catalog, &printed)).unwrap_or_default();
    Some((said, answers))
}

/// What a host said when it was probed.
pub(super) fn read(probe: &Probe, catalog: &Catalog, printed: &Captured) -> ProbeOutput {
    let [output, errors] =
        [&printed.stdout, &printed.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    probe.read(catalog, &output, &errors)
}
