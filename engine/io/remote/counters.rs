//! Counts what goes over the wire.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::base::traffic::Traffic;

/// The numbers of one connection, counted while it is used.
#[derive(Debug, Default)]
pub(super) struct Counters {
    round_trips: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Counters {
    /// A question that is going to wait for an answer.
    pub(super) fn round_trip(&self) {
        self.round_trips.fetch_add(1, Relaxed);
    }

    /// Bytes of a script or of content.
    pub(super) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Relaxed);
    }

    /// Bytes of output.
    pub(super) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Relaxed);
    }

    /// What was counted up to now.
    pub(super) fn so_far(&self) -> Traffic {
        Traffic {
            connections: 1,
            round_trips: self.round_trips.load(Relaxed),
            bytes_sent: self.sent.load(Relaxed),
            bytes_received: self.received.load(Relaxed),
        }
    }
}
