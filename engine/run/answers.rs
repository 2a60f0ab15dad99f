//! Gets the answers to what scripts ask: facts, read-only commands, secrets. All hosts are asked at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    fleet::Fleet,
    questions::{Answer, Questions},
};
use crate::{
    base::{diagnostic::Result, secret::Secret},
    evaluate::language::{Known, Question},
    io::{nonce::nonce, remote::RemoteError},
};

/// Looks secrets up by name.
pub type Lookup = dyn Fn(&str) -> Result<Secret> + Send + Sync;

/// Answers every question, and adds the answers to what is known.
///
/// # Errors
/// A secret that nobody has. A host that does not answer is no error: it is known to be silent.
pub(crate) async fn answer(
    questions: BTreeSet<Question>,
    known: &mut Known,
    fleet: &Arc<Fleet>,
    lookup: &Lookup,
) -> Result<()> {
    for question in &questions {
        if let Question::Secret { name, place, script } = question {
            let at = script.word_at(place.line, place.column);
            let secret = lookup(name).map_err(|error| error.at(script, at))?;
            known.secrets.insert(name.clone(), secret);
        }
    }
    let asked = fleet.ask_each(by_host(questions), |fleet, (host, questions)| async move {
        let answers = ask(&host, questions, &fleet).await;
        (host, answers)
    });
    for (host, answers) in asked.await {
        match answers {
            Some(answers) => note(known, answers),
            None => drop(known.silent.insert(host)),
        }
    }
    Ok(())
}

/// What hosts are asked, host by host.
pub(super) fn by_host(
    questions: impl IntoIterator<Item = Question>,
) -> BTreeMap<Arc<str>, Vec<Question>> {
    let mut hosts: BTreeMap<Arc<str>, Vec<Question>> = BTreeMap::new();
    for question in questions {
        if let Some(host) = question.host().cloned() {
            hosts.entry(host).or_default().push(question);
        }
    }
    hosts
}

/// Adds answers of hosts to what is known.
pub(super) fn note(known: &mut Known, answers: impl IntoIterator<Item = Answer>) {
    for (question, answer) in answers {
        match question {
            Question::Facts(host) => {
                known.facts.insert(host, answer);
            }
            Question::Probe { host, command } => {
                known.probes.insert((host, command), answer);
            }
            Question::Secret { .. } => {}
        }
    }
}

/// All that a host is asked, in one round trip; none where it did not answer.
async fn ask(host: &Arc<str>, questions: Vec<Question>, fleet: &Fleet) -> Option<Vec<Answer>> {
    let questions = Questions::new(questions, nonce());
    let (_, mut printed) = fleet.run(host, &questions.script(), 0).await.ok()?;
    let answers = questions.read(&mut printed);
    if answers.is_none() {
        unanswered(host, fleet);
    }
    answers
}

/// A host that leaves out an answer would be asked for ever.
pub(super) fn unanswered(host: &Arc<str>, fleet: &Fleet) {
    let message = "the host did not answer all questions of the scripts".to_owned();
    fleet.lose(host, RemoteError::Lost(message));
}
