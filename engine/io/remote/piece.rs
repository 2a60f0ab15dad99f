//! What a command does, piece by piece: it prints, and it ends.

use std::fmt;

/// Something that a command did.
#[derive(Debug)]
pub(super) enum Piece {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    /// Nothing follows.
    Ended(End),
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// With a status.
    Exit(i32),
    /// By a signal.
    Signal(String),
    /// Without a word: the connection ended, for this reason if one is known.
    Gone(String),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Exit(status) => write!(f, "it ended with status {status}"),
            End::Signal(name) => write!(f, "it was killed by signal {name}"),
            End::Gone(why) if why.is_empty() => f.write_str("it ended without output"),
            End::Gone(why) => f.write_str(why),
        }
    }
}
