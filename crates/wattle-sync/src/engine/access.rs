//! The access log: what it says to the one who edits here, and what is wished of it.
//!
//! A wish is a proposal that is kept in the store until it is in the log or refused, so that it
//! survives the process, and so that the process that holds the uplink carries it for all others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use wattle_protocol::access::{Log, Rights, entry_hash};
use wattle_protocol::message::Refusal;
use wattle_protocol::{Blob, ChangeHash, ContextId, Input, PublicKey};
use wattle_store::{SqliteStore, Store, StoreError};

use super::Engine;
use crate::access::Outcome;
use crate::address::Address;
use crate::clock::{Clock, Told};
use crate::error::AccessFailed;
use crate::limits::CLOCK;
use crate::role::Role;
use crate::task::is_granted;

mod admission;
mod permit;
mod report;
mod wish;

pub(super) use admission::redeem;
pub(crate) use wish::Wish;

pub(crate) type Granted = oneshot::Sender<Result<Outcome, AccessFailed>>;

/// What is known of the access log, and what this process waits for.
pub(super) struct Access {
    /// None before it has arrived.
    pub(super) log: Option<Log>,
    /// What is to get into the log; the store has the same.
    wishes: BTreeMap<ChangeHash, Blob>,
    /// Those who wait for a wish.
    waiters: Vec<(ChangeHash, Waiter)>,
    /// Those who wait until the one who edits here is a member.
    joining: Vec<Waiter>,
    /// Why the invitation with which this context was joined cannot be taken up.
    pub(super) not_admitted: Option<Refusal>,
    /// The remote that said last that it does not have this context.
    unknown_at: Option<Address>,
    /// With this many entries, a relay was asked to order the log.
    handed_over_at: Option<u64>,
    patience: Duration,
    pub(super) clock: Clock,
    /// What time of day the machine was told, and when it is told again.
    told: Option<(Told, Instant)>,
}

/// Somebody who waits.
struct Waiter {
    until: Instant,
    reply: Granted,
}

impl Access {
    pub(super) fn new(patience: Duration, clock: Clock) -> Self {
        Self {
            log: None,
            wishes: BTreeMap::new(),
            waiters: Vec::new(),
            joining: Vec::new(),
            not_admitted: None,
            unknown_at: None,
            handed_over_at: None,
            patience,
            clock,
            told: None,
        }
    }

    /// How many entries are here.
    pub(super) fn entries(&self) -> u64 {
        self.log.as_ref().map_or(0, Log::entries)
    }

    /// What a key may do now.
    pub(super) fn rights(&self, key: &PublicKey) -> Rights {
        self.log.as_ref().map_or(Rights::NONE, |log| log.rights(key))
    }

    /// Whether a key is that of a member who has not left.
    pub(super) fn is_member(&self, key: &PublicKey) -> bool {
        let member = self.log.as_ref().and_then(|log| log.member(key));
        member.is_some_and(|member| member.rights != Rights::NONE)
    }

    /// Reads what the store has; answers whether anything is new.
    pub(super) fn read(
        &mut self,
        store: &mut SqliteStore,
        context: &ContextId,
    ) -> Result<bool, StoreError> {
        let entries = store.access(context)?;
        if entries.is_empty() {
            return Ok(false);
        }
        Ok(self.take_in(&entries).unwrap_or_else(|(number, refusal)| {
            tracing::error!(number, %refusal, "the access log of the store does not hold");
            false
        }))
    }

    /// Takes in the entries as they are stored; what is known already is not checked again.
    /// Answers whether anything is new.
    fn take_in(&mut self, entries: &[Blob]) -> Result<bool, (u64, Refusal)> {
        let known = usize::try_from(self.entries()).unwrap_or(usize::MAX);
        let last = known.checked_sub(1).and_then(|last| entries.get(last));
        let log = self.log.take();
        let log = log.filter(|log| last.is_some_and(|last| entry_hash(last) == log.head()));
        let Some(mut log) = log else {
            self.log = Some(Log::read(entries)?);
            return Ok(!entries.is_empty());
        };
        let fresh = entries.get(known..).unwrap_or_default();
        let appended = fresh.iter().try_for_each(|entry| log.append(entry));
        let number = log.entries();
        self.log = Some(log);
        appended.map_err(|refusal| (number, refusal))?;
        Ok(!fresh.is_empty())
    }

    /// The number of the entry that a wish has become.
    fn done(&self, wish: &ChangeHash) -> Option<u64> {
        self.log.as_ref()?.entry_of(wish)
    }

    /// Answers those whose patience has ended: what they wish goes on waiting.
    fn give_up(&mut self, now: Instant) {
        for (proposal, waiter) in self.waiters.extract_if(.., |(_, waiter)| waiter.until <= now) {
            // Who asked may have gone.
            waiter.reply.send(Ok(Outcome::Waiting { proposal })).ok();
        }
        let proposal = self.wishes.keys().next().copied().unwrap_or(ChangeHash([0; 32]));
        for waiter in self.joining.extract_if(.., |waiter| waiter.until <= now) {
            waiter.reply.send(Ok(Outcome::Waiting { proposal })).ok();
        }
    }
}

impl Engine {
    /// Reads the access log; answers whether it has changed.
    pub(super) fn read_access(&mut self) -> Result<bool, StoreError> {
        let changed = self.access.read(&mut self.store, &self.context)?;
        if changed {
            self.heed_access();
        }
        Ok(changed)
    }

    /// What follows from the access log.
    pub(super) fn heed_access(&mut self) {
        if let Some(log) = &self.access.log {
            // What was granted: that somebody's rights have ended changes no settled value.
            let ranks =
                log.members().map(|(key, member)| (key.0, Role::of(&member.granted).rank()));
            self.documents.context.ranks(ranks.collect());
            let sequencers = self.sequencers();
            let granted = move |task: &_, record: &_| is_granted(&sequencers, task, record);
            self.documents.context.granted(Arc::new(granted));
        }
        self.conclude_wishes();
        self.conclude_joining();
    }

    /// Takes in what another process has done to the access log, or wishes of it.
    pub(super) fn refresh_access(&mut self) -> Result<(), StoreError> {
        if self.read_access()? {
            let entries = self.store.access(&self.context)?;
            self.tell_machine(Input::AccessCommitted { context: self.context, entries });
        }
        self.refresh_wishes()
    }

    /// What is done every few milliseconds for the access log.
    pub(super) fn tend_access(&mut self, now: Instant) {
        self.access.give_up(now);
        self.tell_time(now);
    }

    /// Tells the machine the time of day, now and then, and at once when the clock was set.
    pub(super) fn tell_time(&mut self, now: Instant) {
        let access = &mut self.access;
        if access.told.is_some_and(|(told, next)| now < next && told.holds(&access.clock)) {
            return;
        }
        let told = access.clock.tell();
        access.told = Some((told, now + CLOCK));
        self.tell_machine(Input::Clock { unix_seconds: told.unix_s });
    }

    pub(super) fn now_ms(&self) -> i64 {
        i64::try_from(self.access.clock.unix().as_millis()).unwrap_or(i64::MAX)
    }

    /// Whether the one whose links these are is a member, or was.
    pub(super) fn is_known(&self) -> bool {
        let key = self.links_as.key();
        self.access.log.as_ref().is_some_and(|log| log.member(&key).is_some())
    }
}
