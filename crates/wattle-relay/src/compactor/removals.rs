//! Keeps a snapshot that was begun before a removal from being stored after it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many removals there have been. Who holds the lock keeps removals and snapshots apart.
#[derive(Debug, Default)]
pub(crate) struct Removals(Mutex<u64>);

impl Removals {
    /// Counts a removal, which lasts until the guard is dropped.
    pub(crate) fn begin(&self) -> MutexGuard<'_, u64> {
        let mut count = self.lock();
        *count += 1;
        count
    }

    pub(super) fn count(&self) -> u64 {
        *self.lock()
    }

    /// Keeps removals away, unless there has been one since they were this many.
    pub(super) fn unless_since(&self, count: u64) -> Option<MutexGuard<'_, u64>> {
        Some(self.lock()).filter(|now| **now == count)
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
