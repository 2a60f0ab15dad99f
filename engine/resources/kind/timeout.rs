//! `timeout`, which every kind takes: how long the step of a resource may take.

use crate::{base::value::Value, resources::resource::ArgumentError};

/// The argument.
pub const NAME: &str = "timeout";

/// What it means, for the manual.
pub const MEANING: &str = "Seconds that its step may take. Then it is ended on the host, with all that it started, and has \
                           failed. Without it, `step_timeout` of `converge.toml` holds.";

/// Takes it out of what a call was given.
pub(super) fn taken(mut arguments: Value) -> Result<(Value, Option<u32>), ArgumentError> {
    let given = match &mut arguments {
        Value::Map(arguments) => arguments.shift_remove(NAME),
        _ => None,
    };
    let Some(given) = given else { return Ok((arguments, None)) };
    let seconds = match given {
        Value::Int(seconds) => u32::try_from(seconds).ok().filter(|seconds| *seconds > 0),
        _ => None,
    };
    let wrong = || ArgumentError::new(NAME, "`timeout` takes whole seconds, at least one");
    Ok((arguments, Some(seconds.ok_or_else(wrong)?)))
}
