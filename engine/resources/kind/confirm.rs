//! `confirm`, which every kind takes: how long a change waits for a new login before it is put back.

use crate::{base::value::Value, resources::resource::ArgumentError};

/// The argument.
pub const NAME: &str = "confirm";

/// What it means, for the manual.
pub const MEANING: &str = "How long the host waits for a new login after a change before it reverts the change: seconds, or \"60s\" or \
                           \"2m\"; `false` to disable. By default 60 seconds for changes that can lock everybody out.";

/// How a change is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Confirm {
    /// Where it can keep everybody out.
    #[default]
    WhereRisky,
    /// It is not.
    Off,
    /// Within so many seconds.
    Within(u32),
}

/// Seconds to wait, where nothing is said.
pub const SECONDS: u32 = 60;

/// Nobody waits for longer.
const SECONDS_MAX: u32 = 3600;

/// Takes it out of what a call was given.
pub(super) fn taken(mut arguments: Value) -> Result<(Value, Confirm), ArgumentError> {
    let given = match &mut arguments {
        Value::Map(arguments) => arguments.shift_remove(NAME),
        _ => None,
    };
    let confirm = match given {
        None => Confirm::WhereRisky,
        Some(Value::Bool(false)) => Confirm::Off,
        Some(given) => {
            let seconds = seconds(&given).filter(|it| (1..=SECONDS_MAX).contains(it));
            let wrong = || {
                ArgumentError::new(NAME, "`confirm` takes a time of at most an hour, or `false`")
                    .hint("write seconds, such as 60, or \"60s\" or \"2m\"")
            };
            Confirm::Within(seconds.ok_or_else(wrong)?)
        }
    };
    Ok((arguments, confirm))
}

fn seconds(given: &Value) -> Option<u32> {
    match given {
        Value::Int(seconds) => u32::try_from(*seconds).ok(),
        Value::Text(text) => {
            let unit = text.find(|c: char| !c.is_ascii_digit())?;
            let (number, unit) = text.split_at(unit);
            let times = match unit {
                "s" => 1,
                "m" | "min" => 60,
                _ => return None,
            };
            number.parse::<u32>().ok()?.checked_mul(times)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_the_ways_that_people_write_it() {
        for (given, read) in [
            (Value::Int(60), Some(60)),
            ("60s".into(), Some(60)),
            ("2m".into(), Some(120)),
            ("60".into(), None),
            ("s".into(), None),
            ("1h".into(), None),
            (Value::Int(-1), None),
            (Value::Bool(true), None),
            ("99999999999m".into(), None),
        ] {
            assert_eq!(seconds(&given), read, "{given:?}");
        }
    }
}
