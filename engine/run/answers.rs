//! Gets the answers to what scripts ask: facts, read-only commands, secrets. All hosts are asked at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::fleet::Fleet;
use crate::{
    diagnostic::Result,
    facts,
    language::{Known, Question},
    prelude,
    remote::RemoteError,
    script::Script,
    secret::Secret,
    value::Value,
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
    let mut hosts: BTreeMap<Arc<str>, Vec<Question>> = BTreeMap::new();
    for question in questions {
        match &question {
            Question::Secret { name, place, script } => {
                let at = script.word_at(place.line, place.column);
                let secret = lookup(name).map_err(|mistake| mistake.at(script, at))?;
                known.secrets.insert(name.clone(), secret);
            }
            Question::Facts(host) | Question::Probe { host, .. } => {
                hosts.entry(host.clone()).or_default().push(question);
            }
        }
    }
    let asked = fleet.ask_each(hosts, |fleet, (host, questions)| ask(host, questions, fleet));
    for (host, answers) in asked.await {
        match answers {
            Ok(answers) => {
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
            Err(_) => {
                known.silent.insert(host);
            }
        }
    }
    Ok(())
}

type Answers = std::result::Result<Vec<(Question, Value)>, RemoteError>;

async fn ask(host: Arc<str>, questions: Vec<Question>, fleet: Arc<Fleet>) -> (Arc<str>, Answers) {
    let mut answers = Vec::new();
    for question in questions {
        let script = match &question {
            Question::Probe { command, .. } => Script::trusted(command.clone()),
            _ => prelude::reading().then(facts::script()),
        };
        let (exit, captured) = match fleet.run(&host, &script).await {
            Ok(output) => output,
            Err(error) => return (host, Err(error)),
        };
        let answer = match &question {
            Question::Probe { .. } => {
                let texts = [captured.stdout, captured.stderr].map(String::from_utf8);
                let [Ok(stdout), Ok(stderr)] = texts else {
                    // In a text it would be damaged: whoever asks for it is told.
                    answers.push((question, Value::Null));
                    continue;
                };
                let parts = [
                    ("code", Value::Int(exit.0.into())),
                    ("stdout", Value::Text(stdout)),
                    ("stderr", Value::Text(stderr)),
                ];
                Value::Map(parts.map(|(name, value)| (name.to_owned(), value)).into())
            }
            _ => facts::parse(&String::from_utf8_lossy(&captured.stdout)),
        };
        answers.push((question, answer));
    }
    (host, Ok(answers))
}
