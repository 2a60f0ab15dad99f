//! What it costs to talk to a host.

use serde::{Deserialize, Serialize};

/// What it cost to talk to a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Connections that were opened.
    pub connections: u64,
    /// Questions that waited for an answer, after the login.
    pub round_trips: u64,
    /// Bytes of scripts and content.
    pub bytes_sent: u64,
    /// Bytes of output.
    pub bytes_received: u64,
}

impl std::ops::Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            connections: self.connections + other.connections,
            round_trips: self.round_trips + other.round_trips,
            bytes_sent: self.bytes_sent + other.bytes_sent,
            bytes_received: self.bytes_received + other.bytes_received,
        }
    }
}
