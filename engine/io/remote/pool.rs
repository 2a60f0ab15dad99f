//! What many share: each one that is open bears only so many, and another is opened when all bear as many as they can.

use std::{ops::Deref, sync::Arc};

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

/// Some that are open, of one kind.
pub(super) struct Pool<T> {
    most: usize,
    /// Held while another is opened, so that those who wait for it share it.
    open: Mutex<Vec<(Arc<T>, Arc<Semaphore>)>>,
}

/// A place at one of them, for as long as it is held.
pub(super) struct Share<T> {
    of: Arc<T>,
    _place: OwnedSemaphorePermit,
}

impl<T> Deref for Share<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.of
    }
}

impl<T> Pool<T> {
    /// A pool of which each bears `most`.
    pub(super) fn new(most: usize) -> Self {
        Self { most, open: Mutex::default() }
    }

    /// A place at one that is `usable`; if there is none, `another` is opened.
    pub(super) async fn share<E>(
        &self,
        usable: impl Fn(&T) -> bool,
        another: impl Future<Output = Result<T, E>>,
    ) -> Result<Share<T>, E> {
        let mut open = self.open.lock().await;
        open.retain(|(one, _)| usable(one));
        let free = open.iter().find_map(|(of, places)| {
            let place = places.clone().try_acquire_owned().ok()?;
            Some(Share { of: of.clone(), _place: place })
        });
        if let Some(share) = free {
            return Ok(share);
        }
        let (of, places) = (Arc::new(another.await?), Arc::new(Semaphore::new(self.most)));
        let place = places.clone().try_acquire_owned().expect("nobody else has seen it yet");
        open.push((of.clone(), places));
        Ok(Share { of, _place: place })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    };

    use super::*;

    struct Numbered(usize, AtomicBool);

    async fn take(pool: &Pool<Numbered>, opened: &AtomicUsize) -> Share<Numbered> {
        let another = async { Ok(Numbered(opened.fetch_add(1, Relaxed), AtomicBool::new(true))) };
        let share = pool.share::<Infallible>(|one| one.1.load(Relaxed), another).await;
        share.unwrap_or_else(|never| match never {})
    }

    #[tokio::test]
    async fn each_bears_only_so_many_and_a_place_that_is_free_again_is_taken_again() {
        let (pool, opened) = (Pool::new(3), AtomicUsize::new(0));
        let all = futures::future::join_all((0..7).map(|_| take(&pool, &opened))).await;
        assert_eq!(all.iter().map(|share| share.0).collect::<Vec<_>>(), [0, 0, 0, 1, 1, 1, 2]);
        drop(all);
        assert_eq!((take(&pool, &opened).await.0, opened.load(Relaxed)), (0, 3));
    }

    #[tokio::test]
    async fn one_that_is_of_no_use_any_more_is_replaced() {
        let (pool, opened) = (Pool::new(3), AtomicUsize::new(0));
        take(&pool, &opened).await.1.store(false, Relaxed);
        assert_eq!(take(&pool, &opened).await.0, 1);
    }
}
