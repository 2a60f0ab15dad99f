//! Evaluates a playbook, again and again until it asks nothing more.

use std::{collections::BTreeMap, sync::Arc};

use super::{Fleet, Run, answers};
use crate::{
    base::diagnostic::{Place, Result},
    evaluate::{
        catalog::Catalog,
        language::{self, Asked, Begins, Evaluation, Input, Known, Note, Question},
    },
    plan::graph,
};

/// What a playbook came to.
pub(super) struct Evaluated {
    /// What it declares, as far as the limit leaves it.
    pub(super) catalog: Catalog,
    /// What its scripts were told of hosts, and where they first read it.
    pub(super) asked: BTreeMap<Asked, Place>,
    /// What they had to say.
    pub(super) notes: Vec<Note>,
}

impl Run {
    /// Evaluates until nothing more is asked, and adds the answers to what is `known`. `may_ask` says whether a host may be asked, `begins` is told of each host that
    /// something is declared on.
    pub(super) async fn evaluate(
        &self,
        input: &impl Fn(Known) -> Input,
        fleet: &Arc<Fleet>,
        known: &mut Known,
        may_ask: impl Fn(&str) -> Result<()>,
        begins: Arc<Begins>,
    ) -> Result<Evaluated> {
        loop {
            match language::evaluate_telling(input(known.clone()), begins.clone())? {
                Evaluation::Complete { mut catalog, notes, asked } => {
                    self.limit(&mut catalog)?;
                    return Ok(Evaluated { catalog: *catalog, asked, notes });
                }
                Evaluation::Asks(questions) => {
                    let hosts: Vec<_> =
                        questions.iter().filter_map(Question::host).cloned().collect();
                    hosts.iter().try_for_each(|host| may_ask(host))?;
                    fleet.reserve(hosts.iter().cloned())?;
                    tokio::select! {
                        biased;
                        // Whoever was not heard in time is silent: nothing is done there any more.
                        () = self.interrupt.set(), if !hosts.is_empty() => known.silent.extend(hosts),
                        answered = answers::answer(questions, known, fleet, &*self.lookup) => {
                            answered?;
                        }
                    }
                }
            }
        }
    }

    fn limit(&self, catalog: &mut Catalog) -> Result<()> {
        match &self.limit {
            Some(limit) => graph::limit(catalog, |host| limit.contains(host)),
            None => Ok(()),
        }
    }
}
