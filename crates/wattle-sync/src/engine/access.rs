//! The access log: what it allows the one who edits here, and what is wished of it.

mod report;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use wattle_protocol::access::{Action, Entry, Log, Proposal, proposal_hash};
use wattle_protocol::message::Refusal;
use wattle_protocol::{Blob, ChangeHash, Input, PublicKey};
use wattle_store::{Store, StoreError};

use super::Engine;
use super::edits::now_s;
use super::setup::random;
use crate::access::{Outcome, Passing};
use crate::error::AccessFailed;
use crate::limits::WISHES_WAITING_MAX;
use crate::role::Role;

/// What is asked of the access log.
pub(crate) enum Wish {
    /// This.
    Do(Box<Action>),
    /// Another sequencer; the term follows from the log.
    SetSequencer { key: PublicKey, passing: Passing },
}

pub(crate) type Granted = oneshot::Sender<Result<Outcome, AccessFailed>>;

/// What is known of the access log, and what this process waits for.
pub(super) struct Access {
    /// None before it has arrived.
    pub(super) log: Option<Log>,
    /// What is in the log, and the number of its entry.
    done: BTreeMap<ChangeHash, u64>,
    /// What is to get into the log.
    pub(super) wishes: BTreeMap<ChangeHash, Blob>,
    waiters: Vec<Waiter>,
    patience: Duration,
}

/// Somebody who waits for a wish.
struct Waiter {
    proposal: ChangeHash,
    until: Instant,
    reply: Granted,
}

impl Access {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            log: None,
            done: BTreeMap::new(),
            wishes: BTreeMap::new(),
            waiters: Vec::new(),
            patience,
        }
    }

    /// How many entries are here.
    pub(super) fn entries(&self) -> u64 {
        self.log.as_ref().map_or(0, Log::entries)
    }

    /// Takes in the entries as they are stored; what is known already is not checked again.
    fn take_in(&mut self, entries: &[Blob]) -> Result<(), Refusal> {
        let known = usize::try_from(self.entries()).unwrap_or(usize::MAX);
        let head = known.checked_sub(1).and_then(|last| entries.get(last));
        let follows = head.is_some_and(|head| {
            let hash = wattle_protocol::access::entry_hash(head);
            self.log.as_ref().is_some_and(|log| log.head() == hash)
        });
        let fresh = match &mut self.log {
            Some(log) if follows => {
                let fresh = entries.get(known..).unwrap_or_default();
                fresh.iter().try_for_each(|entry| log.append(entry))?;
                fresh
            }
            Some(_) | None => {
                self.log = Some(Log::read(entries).map_err(|(_, refusal)| refusal)?);
                self.done.clear();
                entries
            }
        };
        for entry in fresh.iter().filter_map(|entry| Entry::read(entry).ok()) {
            self.done.insert(proposal_hash(&entry.proposal), entry.number);
        }
        Ok(())
    }

    /// Answers those who wait for a wish.
    fn answer(&mut self, proposal: ChangeHash, answer: impl Fn() -> Result<Outcome, AccessFailed>) {
        let waiters = std::mem::take(&mut self.waiters);
        for waiter in waiters {
            if waiter.proposal == proposal {
                // Who asked may have gone.
                waiter.reply.send(answer()).ok();
            } else {
                self.waiters.push(waiter);
            }
        }
    }

    /// Answers those whose patience has ended: what they wish goes on waiting.
    fn give_up(&mut self, now: Instant) {
        let waiters = std::mem::take(&mut self.waiters);
        for waiter in waiters {
            if waiter.until <= now {
                waiter.reply.send(Ok(Outcome::Waiting { proposal: waiter.proposal })).ok();
            } else {
                self.waiters.push(waiter);
            }
        }
    }
}

impl Engine {
    /// Carries a wish to the access log.
    pub(super) fn wish(&mut self, wish: Wish, reply: Granted) {
        match self.proposed(wish) {
            Ok(proposal) => {
                let until = Instant::now() + self.access.patience;
                self.access.waiters.push(Waiter { proposal, until, reply });
            }
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    fn proposed(&mut self, wish: Wish) -> Result<ChangeHash, AccessFailed> {
        self.refresh()?;
        let log = self.access.log.as_ref().ok_or(AccessFailed::NotYet)?;
        let action = match wish {
            Wish::Do(action) => *action,
            Wish::SetSequencer { key, passing: Passing::HandOver } => {
                Action::SetSequencer { key, term: log.term() }
            }
            Wish::SetSequencer { key, passing: Passing::PassBy } => {
                Action::SetSequencer { key, term: log.term().saturating_add(1) }
            }
        };
        let bytes = self.signed(action)?;
        // What the log forbids here it forbids everywhere: that is said at once.
        let judged = self.access.log.as_ref().map(|log| log.judge(&bytes, now_s()));
        if let Some(Err(refusal)) = judged {
            return Err(AccessFailed::Refused { refusal });
        }
        self.propose(bytes)
    }

    fn signed(&self, action: Action) -> Result<Blob, AccessFailed> {
        let proposal = Proposal {
            context: self.context,
            based_on: self.access.entries(),
            nonce: random().map_err(|_| AccessFailed::NoRandomness)?,
            author: self.identity.key(),
            action,
        };
        Ok(proposal.sign(&self.identity.keypair))
    }

    /// Stores a wish, and hands it to the machine.
    fn propose(&mut self, proposal: Blob) -> Result<ChangeHash, AccessFailed> {
        let waiting = self.access.wishes.len();
        if waiting >= WISHES_WAITING_MAX {
            return Err(AccessFailed::TooMany { waiting });
        }
        let hash = proposal_hash(&proposal);
        self.access.wishes.insert(hash, proposal.clone());
        self.tell_machine(Input::Propose { context: self.context, proposal });
        Ok(hash)
    }

    /// Reads the access log, and answers those whose wish is in it.
    pub(super) fn read_access(&mut self) -> Result<(), StoreError> {
        let entries = self.store.access(&self.context)?;
        if entries.is_empty() {
            return Ok(());
        }
        if let Err(refusal) = self.access.take_in(&entries) {
            tracing::error!(%refusal, "the access log of the store does not hold");
            return Ok(());
        }
        let Some(log) = &self.access.log else { return Ok(()) };
        let rank = |(key, member): (&PublicKey, &wattle_protocol::access::Member)| {
            (key.0, Role::of(&member.granted).rank())
        };
        self.documents.context.ranks(log.members().map(rank).collect());
        let done: Vec<(ChangeHash, u64)> = self
            .access
            .wishes
            .keys()
            .filter_map(|wish| Some((*wish, *self.access.done.get(wish)?)))
            .collect();
        for (wish, entry) in done {
            self.access.wishes.remove(&wish);
            self.access.answer(wish, || Ok(Outcome::Done { entry }));
        }
        Ok(())
    }

    /// A wish will not be done.
    pub(super) fn wish_refused(&mut self, proposal: ChangeHash, refusal: &Refusal) {
        tracing::warn!(%proposal, %refusal, "a wish for the access log was refused");
        self.access.wishes.remove(&proposal);
        self.access.answer(proposal, || Err(AccessFailed::Refused { refusal: refusal.clone() }));
    }

    /// What is done every few milliseconds for the access log.
    pub(super) fn tend_access(&mut self, now: Instant) {
        self.access.give_up(now);
    }
}
