//! How the lock of a run is broken that is gone.

use super::{detached, lock::HELD_BY};
use crate::{
    base::script::{Library, Script},
    resources::prelude,
    sh,
};

static BREAKING: Library = Library::new("breaking", &[include_str!("breaking.sh")]);

/// Breaks the lock of a run of which nothing was heard for a minute, which its watch did not do: what it has still to do is ended. Says
/// [`FREE`], [`BROKEN`] and who had it, or [`HELD`] and who has it.
pub(crate) fn breaking() -> Script {
    let functions = prelude::reading().then(prelude::segment()).then(prelude::signal());
    functions.then(BREAKING.script()).then(sh!(
        "{}\nended() {{\n{}\n}}\nbreak_lock {} {} {} {}",
        Script::trusted(HELD_BY),
        Script::trusted(detached::END),
        FREE,
        HELD,
        BROKEN,
        STUCK
    ))
}

/// Nobody has the lock.
pub(crate) const FREE: &str = "free";

/// A run has it that was heard a moment ago.
pub(crate) const HELD: &str = "held";

/// Something has it that could not be ended.
pub(crate) const STUCK: &str = "stuck";

/// It was broken.
pub(crate) const BROKEN: &str = "broken";
