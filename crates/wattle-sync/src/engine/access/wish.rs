//! Wishes: made, stored, carried, answered.

use std::collections::BTreeSet;
use std::time::Instant;

use wattle_protocol::access::{Action, Power, Proposal, proposal_hash};
use wattle_protocol::message::{Code, Refusal};
use wattle_protocol::{Blob, ChangeHash, Input, LinkId, PublicKey};
use wattle_store::{Store, StoreError};

use super::super::Engine;
use super::super::setup::random;
use super::{Granted, Waiter};
use crate::access::{Outcome, Passing};
use crate::error::AccessFailed;
use crate::identity::Identity;
use crate::limits::{REFUSALS_REMEMBERED_MAX, WISHES_WAITING_MAX};

/// The note with the refusals of wishes, for the processes that wait for them.
const REFUSALS: &str = "wattle/refusals";

/// What is asked of the access log.
pub(crate) enum Wish {
    /// This.
    Do(Box<Action>),
    /// Another sequencer; the term follows from the log.
    SetSequencer { key: PublicKey, passing: Passing },
}

impl Engine {
    /// Carries a wish to the access log.
    pub(in super::super) fn wish(&mut self, wish: Wish, reply: Granted) {
        let until = Instant::now() + self.access.patience;
        match self.wished(wish) {
            Ok(proposal) => self.access.waiters.push((proposal, Waiter { until, reply })),
            // Who asked may have gone.
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    fn wished(&mut self, wish: Wish) -> Result<ChangeHash, AccessFailed> {
        self.refresh()?;
        let log = self.access.log.as_ref().ok_or(AccessFailed::NotYet)?;
        let waiting = self.access.wishes.len();
        if waiting >= WISHES_WAITING_MAX {
            return Err(AccessFailed::TooMany { waiting });
        }
        let action = match wish {
            Wish::Do(action) => *action,
            Wish::SetSequencer { key, passing: Passing::HandOver } => {
                Action::SetSequencer { key, term: log.term() }
            }
            Wish::SetSequencer { key, passing: Passing::PassBy } => {
                Action::SetSequencer { key, term: log.term().saturating_add(1) }
            }
        };
        let proposal = self.proposed(action, &self.identity)?;
        // What the log forbids here it forbids everywhere: that is said at once.
        let now = self.access.clock.unix_s();
        if let Some(Err(refusal)) = self.access.log.as_ref().map(|log| log.judge(&proposal, now)) {
            return Err(AccessFailed::Refused { refusal });
        }
        self.store.put_proposal(&self.context, &proposal)?;
        Ok(self.carry(proposal))
    }

    fn proposed(&self, action: Action, by: &Identity) -> Result<Blob, AccessFailed> {
        let proposal = Proposal {
            context: self.context,
            based_on: self.access.entries(),
            nonce: random().map_err(|_| AccessFailed::NoRandomness)?,
            author: by.key(),
            action,
        };
        Ok(proposal.sign(&by.keypair))
    }

    /// Hands a wish that is stored to the machine.
    fn carry(&mut self, proposal: Blob) -> ChangeHash {
        let hash = proposal_hash(&proposal);
        self.access.wishes.insert(hash, proposal.clone());
        self.tell_machine(Input::Propose { context: self.context, proposal });
        hash
    }

    /// Takes in the wishes of other processes, and those of earlier runs.
    pub(in super::super) fn refresh_wishes(&mut self) -> Result<(), StoreError> {
        let stored = self.store.proposals(&self.context)?;
        let hashes: BTreeSet<ChangeHash> = stored.iter().map(|one| proposal_hash(one)).collect();
        let gone: Vec<ChangeHash> =
            self.access.wishes.keys().filter(|wish| !hashes.contains(wish)).copied().collect();
        for proposal in stored {
            if !self.access.wishes.contains_key(&proposal_hash(&proposal)) {
                self.carry(proposal);
            }
        }
        for wish in gone {
            self.concluded_elsewhere(wish)?;
        }
        self.conclude_wishes();
        Ok(())
    }

    /// Another process has seen the end of a wish: it is in the log, or was refused.
    fn concluded_elsewhere(&mut self, wish: ChangeHash) -> Result<(), StoreError> {
        if self.access.done(&wish).is_some() {
            return Ok(());
        }
        let refusals = self.refused_wishes()?;
        let refusal = refusals.into_iter().find(|(proposal, _)| *proposal == wish);
        let refusal = refusal.map_or_else(
            || Refusal::new(Code::Failed, "another process on the directory took it back"),
            |(_, refusal)| refusal,
        );
        let bytes = self.access.wishes.remove(&wish);
        self.answer_refused(wish, bytes.as_deref(), &refusal);
        Ok(())
    }

    /// Answers those whose wishes are in the log.
    pub(super) fn conclude_wishes(&mut self) {
        let access = &mut self.access;
        let done = access.wishes.keys().filter_map(|wish| Some((*wish, access.done(wish)?)));
        let done: Vec<(ChangeHash, u64)> = done.collect();
        for (wish, entry) in done {
            access.wishes.remove(&wish);
            for (_, waiter) in access.waiters.extract_if(.., |(waits, _)| *waits == wish) {
                waiter.reply.send(Ok(Outcome::Done { entry })).ok();
            }
            if let Err(error) = self.store.drop_proposal(&self.context, &wish) {
                tracing::warn!(%error, "a wish that is done is still kept");
            }
        }
    }

    /// The machine says that a wish will not be done.
    pub(in super::super) fn wish_refused(&mut self, wish: ChangeHash, refusal: &Refusal) {
        tracing::warn!(proposal = %wish, %refusal, "a wish for the access log was refused");
        // What builds on entries that the other side has not got yet will be fine later.
        if !refusal.code.is_permanent() {
            return;
        }
        let Some(bytes) = self.access.wishes.remove(&wish) else {
            // Only a relay is asked to order the log without a stored wish.
            self.access.handed_over_at = None;
            return;
        };
        // The reason first: who sees that the wish is gone looks for it.
        let noted = self.note_refused_wish(wish, refusal);
        let dropped = noted.and_then(|()| self.store.drop_proposal(&self.context, &wish));
        if let Err(error) = dropped {
            tracing::warn!(%error, "a wish that was refused is still kept");
        }
        self.answer_refused(wish, Some(&bytes), refusal);
    }

    fn answer_refused(&mut self, wish: ChangeHash, bytes: Option<&[u8]>, refusal: &Refusal) {
        for (_, waiter) in self.access.waiters.extract_if(.., |(waits, _)| *waits == wish) {
            let refusal = refusal.clone();
            waiter.reply.send(Err(AccessFailed::Refused { refusal })).ok();
        }
        let read = bytes.and_then(|bytes| Proposal::read(bytes).ok());
        if let Some(Proposal { author, action: Action::Redeem { .. }, .. }) = read
            && author == self.identity.key()
        {
            self.join_refused(refusal);
        }
    }

    fn refused_wishes(&mut self) -> Result<Vec<(ChangeHash, Refusal)>, StoreError> {
        let note = self.store.note(REFUSALS)?.unwrap_or_default();
        Ok(serde_json::from_slice(&note).unwrap_or_default())
    }

    fn note_refused_wish(&mut self, wish: ChangeHash, refusal: &Refusal) -> Result<(), StoreError> {
        let mut refusals = self.refused_wishes()?;
        refusals.insert(0, (wish, refusal.clone()));
        refusals.truncate(REFUSALS_REMEMBERED_MAX);
        let note = serde_json::to_vec(&refusals).unwrap_or_default();
        self.store.put_note(REFUSALS, &note)
    }

    /// An owner that still orders the log lets the first relay that it dials do so: then its members
    /// need not wait until it is there. Not before the relay has taken the context in.
    pub(in super::super) fn hand_over(&mut self, link: LinkId) {
        let Some(relay) = self.heir(link) else { return };
        let Some(log) = &self.access.log else { return };
        let entries = Some(log.entries());
        if self.access.handed_over_at == entries {
            return;
        }
        tracing::info!(link = link.0, %relay, "the relay is to order the access log");
        let action = Action::SetSequencer { key: relay, term: log.term() };
        let Ok(proposal) = self.proposed(action, &self.links_as) else { return };
        self.access.handed_over_at = entries;
        // Not stored: what is not done now is wished again with a later link.
        self.tell_machine(Input::Propose { context: self.context, proposal });
    }

    /// The key of a relay that this replica is to hand the ordering over to.
    pub(in super::super) fn heir(&self, link: LinkId) -> Option<PublicKey> {
        let (own, log) = (self.links_as.key(), self.access.log.as_ref()?);
        let orders = log.sequencer() == own && log.rights(&own).power == Power::Own;
        let link = self.links.get(link)?;
        let dialled_relay = link.is_relay && link.address.is_some();
        link.key.filter(|key| orders && dialled_relay && *key != own)
    }
}
