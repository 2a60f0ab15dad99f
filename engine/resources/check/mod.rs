//! What checks have in common: a try on the host says what does not hold, and is made again until all does.

mod kind;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    base::script::{Library, Script},
    resources::resource::{ArgumentError, Looked, Unreadable},
    sh,
};

pub use self::kind::{Check, Checking};

/// The functions of sh that tries are made of.
pub static TRIES: Library = Library::new("tries", &[include_str!("check.sh")]);

/// Seconds that one try may take, where a role does not say.
pub fn timeout() -> u32 {
    2
}

/// Seconds between two tries, where a role does not say.
pub fn delay() -> u32 {
    1
}

/// For how long a check is tried.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Seconds that one try may take.
    pub timeout: u32,
    /// Seconds until it must hold.
    pub deadline: Option<u32>,
    /// How often it is tried once more.
    pub retries: Option<u32>,
    /// Seconds between two tries.
    pub delay: u32,
}

/// Seconds until a check must hold, where a role says nothing.
const DEADLINE: u32 = 30;

/// What a step may take besides what it says itself, in seconds: a host may be slow.
pub const ROOM: u32 = 60;

impl Patience {
    /// Seconds that all tries may take, each of which takes up to its time for the answer, and once more to look at it.
    pub fn seconds(&self) -> u32 {
        let one = self.timeout.saturating_mul(2).saturating_add(self.delay);
        let all = match self.retries {
            Some(retries) => one.saturating_mul(retries.saturating_add(1)),
            None => one.saturating_add(self.deadline.unwrap_or(DEADLINE)),
        };
        all.saturating_add(ROOM)
    }

    /// Checks how long a try may take, and what lies between two of them.
    ///
    /// # Errors
    /// Either is not a time at all, or the end is said twice.
    pub fn check(&self) -> Result<(), ArgumentError> {
        if self.timeout == 0 || self.delay == 0 {
            let message = "timeout and delay are at least one second";
            return Err(ArgumentError::new("timeout", message));
        }
        match (self.deadline, self.retries) {
            (Some(_), Some(_)) => {
                Err(ArgumentError::new("retries", "give either `deadline` or `retries`"))
            }
            _ => Ok(()),
        }
    }
}

/// What one try gave.
#[derive(Debug, Serialize)]
pub struct ObservedTries {
    /// The argument that does not hold.
    pub misses: Option<String>,
    /// What was found instead. It may change from one try to the next.
    #[serde(skip)]
    pub found: String,
}

/// Makes all tries at once; each prints a line, in the order in which they end.
fn probe(attempts: impl Iterator<Item = Script>) -> Script {
    let mut script = TRIES.script();
    for (index, attempt) in attempts.enumerate() {
        // A try that fails without a word does not hold either.
        script.push(sh!(
            "(said=$({}) || said=${{said:-'check\tit failed, and said nothing'}}; say {} \"$said\") &",
            attempt,
            index
        ));
    }
    script.then(sh!("wait"))
}

/// Reads lines `INDEX` or `INDEX ARGUMENT<tab>FOUND`, which come in any order.
///
/// # Errors
/// A try that nothing was printed of.
fn observe(
    kind: &'static str,
    count: usize,
    output: &str,
) -> Result<Vec<Looked<ObservedTries>>, Unreadable> {
    let said: BTreeMap<usize, &str> = output
        .split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'))
        .filter_map(|line| {
            let (index, said) = line.split_once(' ')?;
            Some((index.parse().ok()?, said))
        })
        .collect();
    let observed = |index| {
        let said = said.get(&index).ok_or_else(|| {
            let message = format!("no result of check {index} of {count}");
            Unreadable { kind, message }
        })?;
        let (argument, found) = said.split_once('\t').unwrap_or((said, ""));
        let misses = (!argument.is_empty()).then(|| argument.to_owned());
        Ok(Ok(ObservedTries { misses, found: found.to_owned() }))
    };
    (0..count).map(observed).collect()
}

/// Tries until it holds. `wanted` are words: each argument that a try can miss, and what it should have been. `told` are
/// commands that say in words what does not hold: of the argument `$1`, that is `$2` and should have been `$3`.
pub fn wait(attempt: Script, patience: Patience, wanted: Script, told: Script) -> Script {
    let retries = match patience.retries {
        Some(retries) => sh!("check_retries={}", retries),
        None => Script::default(),
    };
    TRIES.script().then(retries).then(sh!(
        "check() {{ {}; }}\ncheck_words() {{ {}; }}\nuntil_holds {} {} {}",
        attempt,
        told,
        patience.deadline.unwrap_or(DEADLINE),
        patience.delay,
        wanted
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_come_in_any_order() {
        let observed = observe("http_check", 2, "1 status\t503\n0 \n").unwrap();
        assert_eq!(
            (&observed[0].as_ref().unwrap().misses, &*observed[1].as_ref().unwrap().found),
            (&None, "503")
        );
        assert!(observe("http_check", 2, "0 \n").is_err());
    }

    proptest! {
        #[test]
        fn any_output_is_read(output in "[0-9a-z\t\n .]{0,80}|\\PC*") {
            let _ = observe("http_check", 2, &output);
        }
    }
}
