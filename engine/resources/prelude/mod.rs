//! The functions that scripts on a host can rely on. One that only reads has only those that it needs.

use crate::base::script::{Library, Script};

static READING: Library =
    Library::new("reading", &[include_str!("reading.sh"), include_str!("paths.sh")]);
static CHANGING: Library = Library::new("changing", &[include_str!("changing.sh")]);
static SEGMENT: Library = Library::new("segment", &[include_str!("segment.sh")]);
static SIGNAL: Library = Library::new("signal", &[include_str!("signal.sh")]);
static RECOVERY: Library = Library::new("recovery", &[include_str!("recovery.sh")]);

/// The function `leftovers`, which removes the folders of content that earlier runs could not remove.
pub static LEFTOVERS: Library = Library::new("leftovers", &[include_str!("leftovers.sh")]);

/// What a script begins with that only reads.
pub fn reading() -> Script {
    READING.script()
}

/// What a script begins with that makes changes.
pub fn changing() -> Script {
    reading().then(CHANGING.script())
}

/// The functions that name and find the processes of a segment. They need [`reading`].
pub fn segment() -> Script {
    SEGMENT.script()
}

/// The function `recover`, which ends what steps left that were cut off. It needs [`reading`] and [`segment`].
pub fn recovery() -> Script {
    RECOVERY.script()
}

/// The function `signal_below`, which signals all that a process started. It needs [`reading`].
pub fn signal() -> Script {
    SIGNAL.script()
}

/// The functions that remove what is left over.
pub fn leftovers() -> Script {
    LEFTOVERS.script()
}
