//! End dates: the sequencer writes them down, by its own clock.

use super::Replica;
use super::waking::Timer;
use crate::access::Log;
use crate::id::ContextId;
use crate::io::Time;

impl Replica {
    /// Seconds since 1970, as far as the driver has told.
    pub(super) fn unix_seconds(&self) -> u64 {
        let (unix, at) = self.clock;
        unix + self.now.0.saturating_sub(at.0) / 1000
    }

    pub(super) fn clock(&mut self, unix_seconds: u64) {
        self.clock = (unix_seconds, self.now);
        let contexts: Vec<ContextId> = self.contexts.keys().copied().collect();
        contexts.into_iter().for_each(|context| self.order(context));
    }

    /// Whether somebody's end date has come, and is about to be written down.
    pub(super) fn is_expiring(&self, context: &ContextId) -> bool {
        let now = self.unix_seconds();
        self.contexts.get(context).is_some_and(|there| {
            let log = there.log.as_ref();
            let log = log.filter(|log| log.sequencer() == self.config.key.public());
            log.is_some_and(|log| {
                log.due(now).is_some() && there.sequencing.expired_at != log.entries()
            })
        })
    }

    pub(super) fn end_date_comes(&mut self, context: ContextId) {
        if let Some(there) = self.contexts.get_mut(&context) {
            there.sequencing.armed = None;
            self.order(context);
        }
    }

    /// Arms the timer for the next end date.
    pub(super) fn arm_expiry(&mut self, context: ContextId) {
        let now = self.unix_seconds();
        let there = self.contexts.get(&context);
        let log = there.and_then(|there| there.log.as_ref());
        let log = log.filter(|log| log.sequencer() == self.config.key.public());
        if self.clock.0 == 0 {
            return;
        }
        let next = log
            .and_then(Log::next_end)
            .filter(|end| *end > now)
            .map(|end| (end, Time(self.now.0.saturating_add((end - now).saturating_mul(1000)))));
        let Some(there) = self.contexts.get_mut(&context) else { return };
        let before = there.sequencing.armed;
        let same = before.zip(next).is_some_and(|((end, at), (next, next_at))| {
            end == next && at.0.abs_diff(next_at.0) <= 1000
        });
        if same {
            return;
        }
        there.sequencing.armed = next;
        if let Some((_, at)) = before {
            self.timers.remove(&(at, Timer::Expiry(context)));
        }
        if let Some((_, at)) = next {
            self.timers.insert((at, Timer::Expiry(context)));
        }
    }
}
