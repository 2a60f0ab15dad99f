//! The functions that scripts on a host can rely on. They go over the wire with each script, so one that only reads has
//! only those that it needs.

use std::sync::LazyLock;

use crate::script::{Script, functions};

static READING: LazyLock<String> = LazyLock::new(|| {
    [include_str!("prelude/reading.sh"), include_str!("prelude/paths.sh")].map(functions).join("\n")
});
static CHANGING: LazyLock<String> = LazyLock::new(|| {
    [READING.as_str(), &functions(include_str!("prelude/changing.sh"))].join("\n")
});
static LEFTOVERS: LazyLock<String> =
    LazyLock::new(|| functions(include_str!("prelude/leftovers.sh")));

static SEGMENT: LazyLock<String> = LazyLock::new(|| functions(include_str!("prelude/segment.sh")));

static SIGNAL: LazyLock<String> = LazyLock::new(|| functions(include_str!("prelude/signal.sh")));

static RECOVERY: LazyLock<String> =
    LazyLock::new(|| functions(include_str!("prelude/recovery.sh")));

/// The function `recover`, which ends what steps left that were cut off. It needs [`reading`] and [`segment`].
pub fn recovery() -> Script {
    Script::trusted(RECOVERY.as_str())
}

/// The function `signal_below`, which signals all that a process started. It needs no other.
pub fn signal() -> Script {
    Script::trusted(SIGNAL.as_str())
}

/// The functions that name and find the processes of a segment. They need [`reading`].
pub fn segment() -> Script {
    Script::trusted(SEGMENT.as_str())
}

/// The function `leftovers`, which removes the folders of content that earlier runs could not remove.
pub fn leftovers() -> Script {
    Script::trusted(LEFTOVERS.as_str())
}

/// What a script begins with that only reads.
pub fn reading() -> Script {
    Script::trusted(READING.as_str())
}

/// What a script begins with that makes changes.
pub fn changing() -> Script {
    Script::trusted(CHANGING.as_str())
}
