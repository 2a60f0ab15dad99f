//! What is told of a run: what scripts said, what is planned, how it ended.

use super::{Run, tally::Tally};
use crate::{
    base::diagnostic::Place,
    evaluate::{
        catalog::{Catalog, Node, NodeId},
        language::{Asked, Note},
    },
    plan::{
        event::{AsDeclared, Event, Outcome},
        graph::Graph,
        planner::{Plan, Planned},
    },
};

impl Run {
    pub(super) fn tell_notes<'a>(&self, notes: impl IntoIterator<Item = &'a Note>) {
        for Note { warning, message, place } in notes.into_iter().cloned() {
            self.events.send(match warning {
                true => Event::Warning { message, place },
                false => Event::Printed { message, place },
            });
        }
    }

    /// Tells what is planned: what is as it should be, host by host, and then the rest in the order in which it is going to
    /// be done. Of what was not observed, nothing is known.
    pub(super) fn tell_plan(
        &self,
        catalog: &Catalog,
        graph: &Graph,
        plan: &Plan,
        observed: impl Fn(&NodeId) -> bool,
        tally: &mut Tally,
    ) {
        let known = graph.order().iter().copied().filter(observed);
        let (unchanged, others): (Vec<NodeId>, Vec<NodeId>) =
            known.partition(|id| plan.node(*id).planned == Planned::Unchanged);
        for (host, nodes) in catalog.by_host(unchanged) {
            let as_declared = |id: &NodeId| {
                tally.told_unchanged(*id);
                let Node { name, declared, .. } = catalog.node(*id);
                let (kind, key) = (name.kind.clone(), name.key.clone());
                AsDeclared { kind, key, place: declared.place.clone() }
            };
            let resources = nodes.iter().map(as_declared).collect();
            self.events.send(Event::Unchanged { host, resources });
        }
        for id in others {
            let guarded = plan.guarded(catalog, id);
            let (node, plan) = (catalog.node(id), plan.node(id).planned.clone());
            let (node, declared) = (node.name.clone(), node.declared.clone());
            let turn = graph.regions().turn_of(id);
            self.events.send(Event::Planned { node, declared, plan, turn, guarded });
        }
    }

    /// Tells which answers may be other ones once this is done.
    pub(super) fn tell_uncertain(&self, answers: &[(&Asked, &Place)]) {
        for (asked, place) in answers {
            let (host, answer, place) = (asked.host.clone(), asked.name(), (*place).clone());
            self.events.send(Event::AnswerMayChange { host, answer, place });
        }
    }

    pub(super) fn tell_finished(&self, catalog: &Catalog, outcomes: &[(NodeId, Outcome)]) {
        for (id, outcome) in outcomes {
            let node = catalog.node(*id);
            self.events.send(Event::Finished {
                node: node.name.clone(),
                declared: node.declared.clone(),
                outcome: outcome.clone(),
                duration_ms: 0,
            });
        }
    }
}
