//! Whether the relay does its work, as `/healthz` tells it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the relay does its work.
#[derive(Debug, Default)]
pub(crate) struct Health {
    draining: AtomicBool,
    failure: Mutex<Option<String>>,
}

/// What `/healthz` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Serving,
    Draining,
    /// The store does not take anything now, for this reason.
    Failed(String),
}

impl Health {
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Answers whether it had not failed before.
    pub(crate) fn fail(&self, reason: String) -> bool {
        self.lock().replace(reason).is_none()
    }

    pub(crate) fn is_failed(&self) -> bool {
        self.lock().is_some()
    }

    /// Answers whether it had failed before.
    pub(crate) fn recover(&self) -> bool {
        self.lock().take().is_some()
    }

    pub(crate) fn state(&self) -> State {
        if self.draining.load(Ordering::Relaxed) {
            return State::Draining;
        }
        self.lock().clone().map_or(State::Serving, State::Failed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
