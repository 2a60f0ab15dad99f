//! What ends a run early: somebody, or its own time.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// Tells a run to start nothing new: because somebody says so, or because its time is up.
#[derive(Clone)]
pub struct Interrupt {
    said: watch::Receiver<bool>,
    until: Option<(Instant, Duration)>,
}

impl Interrupt {
    /// An interrupt, and what sets it.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self { said: receiver, until: None })
    }

    /// The same, which is set after a while too.
    #[must_use]
    pub fn after(mut self, time: Option<Duration>) -> Self {
        let until = |time| Some((Instant::now().checked_add(time)?, time));
        self.until = time.and_then(until);
        self
    }

    pub(crate) fn is_set(&self) -> bool {
        *self.said.borrow() || self.is_time_up()
    }

    /// When what runs is ended.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until.map(|(until, _)| until)
    }

    pub(super) fn is_time_up(&self) -> bool {
        self.until().is_some_and(|until| until <= Instant::now())
    }

    /// Why what was not begun is left alone.
    pub(super) fn because(&self) -> String {
        match self.until {
            Some((_, time)) if self.is_time_up() => {
                format!("the run took longer than {} s", time.as_secs())
            }
            _ => "the run was interrupted".to_owned(),
        }
    }

    /// Waits until it is set.
    pub(super) async fn set(&self) {
        let mut said = self.said.clone();
        let said = async {
            if said.wait_for(|set| *set).await.is_err() {
                // Nobody is left who could set it.
                std::future::pending().await
            }
        };
        let late = async {
            match self.until() {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = said => {}
            () = late => {}
        }
    }
}
