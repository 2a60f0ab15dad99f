//! Work that is done once for all hosts that are alike, and the switch that turns that off.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

/// Whether what is the same for several hosts is worked out once for all of them. The result is the same either way: a property
/// test compares both. `ARCHITECTURE.md` says what keeps it so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reuse {
    /// Once for all that are alike.
    #[default]
    Shared,
    /// For each host alone.
    Each,
}

/// A shared value as a key: equal to itself alone, and never to an equal one. It keeps the value, so no other one can take its place.
#[derive(Debug)]
pub struct Same<T: ?Sized>(pub Arc<T>);

impl<T: ?Sized> Clone for Same<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: ?Sized> PartialEq for Same<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T: ?Sized> Eq for Same<T> {}

impl<T: ?Sized> Hash for Same<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).cast::<()>().hash(state);
    }
}
