//! After a run that changed something: what the scripts asked of hosts is asked again. What was declared is made of the
//! answers, and a run is not converged where they would declare something else now.

use std::{collections::HashMap, sync::Arc};

use super::{Fleet, Run, answers, tally::Tally};
use crate::{base::{content::Digest, diagnostic::Result}, evaluate::{catalog::{Catalog, NodeId}, language::{Input, Known, Question}}, plan::event::{Failure, Outcome}};

impl Run {
    /// Asks again, and fails what would be declared otherwise.
    pub(super) async fn ask_again(
        &self,
        input: &impl Fn(Known) -> Input,
        fleet: &Arc<Fleet>,
        known: &Known,
        catalog: &Catalog,
        tally: &mut Tally,
    ) {
        let changed = |id: &NodeId| tally.outcome(*id).is_some_and(|it| it.was_begun());
        let changed = catalog.nodes().map(|(id, _)| id).rfind(changed);
        let Some(last) = changed else { return };
        let asked = known.probes.keys().filter(|(host, _)| fleet.trouble(host).is_none());
        let asked = asked.map(|(host, command)| Question::Probe {
            host: host.clone(),
            command: command.clone(),
        });
        let mut now = known.clone();
        // No secret is among them, so no mistake either; a host that is lost now was told.
        let answered = answers::answer(asked.collect(), &mut now, fleet, &*self.lookup);
        tokio::select! {
            biased;
            () = self.interrupt.set() => return,
            answered = answered => drop(answered),
        }
        let differs = known.probes.iter().find(|(asked, answer)| now.probes[*asked] != **answer);
        let Some(((host, command), _)) = differs else { return };
        let why = format!(
            "probe(`{command}`) on {host} answers otherwise since this run changed something"
        );
        let again = self.evaluate(input, fleet, &mut now, |_| Ok(()), Arc::new(|_| {})).await;
        let failed = differing(catalog, &again, last);
        let outcome = |id| {
            let message =
                format!("it does not converge: {why}, and something else would be declared now");
            let hint = Some("run again: what is made of the answer is planned anew".to_owned());
            (id, Outcome::failed(Failure { hint, ..Failure::told(message) }))
        };
        let failed: Vec<_> = failed.into_iter().map(outcome).collect();
        self.tell_finished(catalog, &failed);
        tally.record(failed);
    }
}

/// The nodes that would be declared otherwise, or not at all. Where only others would come, or a mistake, it is the one
/// that changed last.
fn differing(catalog: &Catalog, again: &Result<Catalog>, last: NodeId) -> Vec<NodeId> {
    let Ok(again) = again else { return vec![last] };
    let wanted: HashMap<Arc<str>, Digest> =
        again.nodes().map(|(_, node)| (node.name.node.clone(), node.fingerprint())).collect();
    let differs = catalog.nodes().filter(|(_, node)| {
        wanted.get(&node.name.node).is_none_or(|wanted| *wanted != node.fingerprint())
    });
    let found: Vec<NodeId> = differs.map(|(id, _)| id).collect();
    match found.is_empty() && again.len() != catalog.len() {
        true => vec![last],
        false => found,
    }
}
