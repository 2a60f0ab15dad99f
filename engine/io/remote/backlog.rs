//! What a command printed and nobody has taken yet: so much and no more.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use tokio::sync::{
    Notify,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use super::piece::{End, Piece};

/// How much may wait to be taken, in bytes.
const WAITING_MAX: usize = 256 * 1024;

/// What a piece takes besides its bytes: a host may print them one by one.
const PIECE: usize = 128;

/// Both ends.
pub(super) fn backlog() -> (Printed, Pieces) {
    let (to, from) = unbounded_channel();
    let state = Arc::new(State::default());
    (Printed { to, state: state.clone() }, Pieces { from, state })
}

#[derive(Default)]
struct State {
    waiting: AtomicUsize,
    /// Whether nobody reads at the moment, nor wants to know later what was printed.
    idle: AtomicBool,
    taken: Notify,
}

/// Where a command's pieces are put.
#[derive(Clone)]
pub(super) struct Printed {
    to: UnboundedSender<Piece>,
    state: Arc<State>,
}

/// Where they are taken.
pub(super) struct Pieces {
    from: UnboundedReceiver<Piece>,
    state: Arc<State>,
}

impl Printed {
    /// Puts some bytes once there is room for them; and throws them away where nobody reads: what a script left behind in
    /// the background may go on printing, and must not stop the connection. Whether somebody may still take them.
    pub(super) async fn put(&self, piece: fn(Vec<u8>) -> Piece, bytes: Vec<u8>) -> bool {
        let size = bytes.len() + PIECE;
        loop {
            let mut taken = std::pin::pin!(self.state.taken.notified());
            taken.as_mut().enable();
            if self.state.waiting.load(Relaxed) < WAITING_MAX {
                break;
            }
            if self.state.idle.load(Relaxed) {
                return true;
            }
            tokio::select! {
                () = taken => {}
                () = self.to.closed() => return false,
            }
        }
        self.state.waiting.fetch_add(size, Relaxed);
        self.to.send(piece(bytes)).is_ok()
    }

    /// Puts the end, which always has room.
    pub(super) fn end(&self, end: End) {
        self.state.waiting.fetch_add(PIECE, Relaxed);
        let _ = self.to.send(Piece::Ended(end));
    }

    /// Waits until nobody can take anything any more.
    pub(super) async fn closed(&self) {
        self.to.closed().await;
    }
}

impl Pieces {
    /// The next piece; without one, the command has ended.
    pub(super) async fn next(&mut self) -> Piece {
        let piece = self.from.recv().await.unwrap_or(Piece::Ended(End::Gone(String::new())));
        let size = match &piece {
            Piece::Stdout(bytes) | Piece::Stderr(bytes) => bytes.len() + PIECE,
            Piece::Ended(_) => PIECE,
        };
        // The end of a command that is gone was not put.
        let less = |waiting: usize| Some(waiting.saturating_sub(size));
        let _ = self.state.waiting.fetch_update(Relaxed, Relaxed, less);
        self.state.taken.notify_waiters();
        piece
    }

    /// Says whether somebody reads.
    pub(super) fn reads(&self, reads: bool) {
        self.state.idle.store(!reads, Relaxed);
        self.state.taken.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn only_so_much_waits_and_the_rest_waits_with_who_prints_it() {
        for length in [1, 1000, WAITING_MAX] {
            let (printed, mut pieces) = backlog();
            let mut put = 0;
            while printed.put(Piece::Stdout, vec![0; length]).now_or_never().is_some() {
                put += length + PIECE;
                assert!(put <= WAITING_MAX + length + PIECE, "{put} bytes wait");
            }
            let waiting = printed.put(Piece::Stderr, vec![1; length]);
            let mut waiting = std::pin::pin!(waiting);
            assert_eq!(waiting.as_mut().now_or_never(), None);
            pieces.next().await;
            assert!(waiting.await);
        }
    }

    #[tokio::test]
    async fn what_nobody_wants_to_know_stops_nobody() {
        let (printed, mut pieces) = backlog();
        pieces.reads(false);
        for _ in 0..100 {
            assert!(printed.put(Piece::Stdout, vec![0; 10_000]).now_or_never().unwrap());
        }
        assert!(pieces.state.waiting.load(Relaxed) < WAITING_MAX + 10_000 + PIECE);
        printed.end(End::Exit(3));
        pieces.reads(true);
        let end = loop {
            if let Piece::Ended(end) = pieces.next().await {
                break end;
            }
        };
        assert_eq!(end, End::Exit(3));
        assert_eq!(pieces.state.waiting.load(Relaxed), 0);
    }

    #[tokio::test]
    async fn who_prints_hears_that_nobody_can_take_it_any_more() {
        let (printed, pieces) = backlog();
        while printed.put(Piece::Stdout, vec![0; 10_000]).now_or_never().is_some() {}
        drop(pieces);
        assert!(!printed.put(Piece::Stdout, vec![0]).await);
    }
}
