//! What time it is: what edits and entries are dated with, and when rights end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The time of day: the system's, or so many seconds ahead of it. All clones show the same.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead_s: Arc<AtomicU64>,
}

/// The time of day as it was told at some moment.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// Seconds since 1970.
    pub unix_s: u64,
    at: Instant,
}

/// A clock that goes on as it did is off by no more than this, for it is read in seconds.
const OFF_S_MAX: u64 = 1;

impl Clock {
    /// Puts it ahead of the system's.
    pub fn set_ahead(&self, seconds: u64) {
        self.ahead_s.store(seconds, Ordering::SeqCst);
    }

    /// How long it is since 1970.
    pub fn unix(&self) -> Duration {
        since_1970().saturating_add(Duration::from_secs(self.ahead_s.load(Ordering::SeqCst)))
    }

    /// Seconds since 1970.
    pub fn unix_s(&self) -> u64 {
        self.unix().as_secs()
    }

    /// The time now, to be told.
    pub fn tell(&self) -> Told {
        Told { unix_s: self.unix_s(), at: Instant::now() }
    }
}

impl PartialEq for Clock {
    fn eq(&self, other: &Self) -> bool {
        self.ahead_s.load(Ordering::SeqCst) == other.ahead_s.load(Ordering::SeqCst)
    }
}

impl Eq for Clock {}

impl Told {
    /// Whether the clock has gone on since as time has: it was not set, and the machine did not sleep.
    pub fn holds(&self, clock: &Clock) -> bool {
        let expected = self.unix_s.saturating_add(self.at.elapsed().as_secs());
        clock.unix_s().abs_diff(expected) <= OFF_S_MAX
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> i64 {
    i64::try_from(since_1970().as_millis()).unwrap_or(i64::MAX)
}

/// Seconds since 1970.
pub fn now_s() -> u64 {
    since_1970().as_secs()
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
