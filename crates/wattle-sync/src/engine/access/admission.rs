//! Becoming a member: an invitation is taken up before anything else is asked of the other side.

use std::time::Instant;

use wattle_protocol::access::{Action, Proposal, redeem_bytes};
use wattle_protocol::limits::NAME_BYTES_MAX;
use wattle_protocol::message::{Code, Refusal};
use wattle_protocol::{Blob, ContextId, LinkId};
use wattle_store::{Store, StoreError};

use super::super::Engine;
use super::super::setup::random;
use super::{Granted, Waiter};
use crate::access::Outcome;
use crate::address::{Address, InvitationSecret};
use crate::error::{AccessFailed, OpenError};
use crate::identity::Identity;

/// The note with the reason why this directory's key was not admitted.
const NOT_ADMITTED: &str = "wattle/not-admitted";

/// The proposal of somebody who knows the secret of an invitation.
pub(in super::super) fn redeem(
    context: ContextId,
    secret: &InvitationSecret,
    identity: &Identity,
) -> Result<Blob, OpenError> {
    let invitation = secret.key();
    let signed = redeem_bytes(&context, &invitation, &identity.key());
    let mut name = identity.name.clone();
    while name.len() > NAME_BYTES_MAX {
        name.pop();
    }
    let proof = secret.keypair().sign(&signed);
    let proposal = Proposal {
        context,
        based_on: 0,
        nonce: random()?,
        author: identity.key(),
        action: Action::Redeem { invitation, name, proof },
    };
    Ok(proposal.sign(&identity.keypair))
}

impl Engine {
    /// Answers when the one who edits here is a member, or cannot become one.
    pub(in super::super) fn await_admission(&mut self, reply: Granted) {
        let until = Instant::now() + self.access.patience;
        if self.links.targets().next().is_none() {
            // Nobody is dialled: there is nothing to wait for.
            self.access.joining.push(Waiter { until: Instant::now(), reply });
        } else {
            self.access.joining.push(Waiter { until, reply });
            self.tend_uplink(Instant::now());
        }
        if let Some(refusal) = self.access.not_admitted.clone() {
            self.join_refused(&refusal);
        }
        self.conclude_joining();
    }

    /// Answers those who wait, once the log knows the key.
    pub(super) fn conclude_joining(&mut self) {
        let key = self.identity.key();
        let Some(log) = &self.access.log else { return };
        let Some(member) = log.member(&key) else { return };
        self.access.not_admitted = None;
        for waiter in self.access.joining.drain(..) {
            // Who asked may have gone.
            waiter.reply.send(Ok(Outcome::Done { entry: member.since })).ok();
        }
    }

    /// The invitation was refused.
    pub(super) fn join_refused(&mut self, refusal: &Refusal) {
        // Who is a member already needs no invitation: the log will say so.
        if refusal.code == Code::Replayed || self.is_known() {
            return;
        }
        self.access.not_admitted = Some(refusal.clone());
        let note = serde_json::to_vec(refusal).unwrap_or_default();
        if let Err(error) = self.store.put_note(NOT_ADMITTED, &note) {
            tracing::warn!(%error, "why the invitation was refused is not noted");
        }
        for waiter in self.access.joining.drain(..) {
            let refusal = refusal.clone();
            waiter.reply.send(Err(AccessFailed::Refused { refusal })).ok();
        }
    }

    /// A remote says that it does not have this context, of which nothing is here either.
    pub(in super::super) fn note_unknown(&mut self, link: LinkId, refusal: &Refusal) {
        let asks = self.access.log.is_none() && self.access.wishes.is_empty();
        if asks && refusal.about.is_none() {
            let address = self.links.get_mut(link).and_then(|entry| entry.address.clone());
            self.access.unknown_at = address;
        }
    }

    /// The remote, the only one, that does not have this context, of which nothing is here either.
    pub(in super::super) fn unknown_at(&self) -> Option<&Address> {
        let alone = self.links.targets().count() == 1;
        self.access.unknown_at.as_ref().filter(|_| alone && self.access.log.is_none())
    }

    /// What an earlier run, or another process, has learned.
    pub(in super::super) fn recall_admission(&mut self) -> Result<(), StoreError> {
        let note = self.store.note(NOT_ADMITTED)?.unwrap_or_default();
        let refusal = serde_json::from_slice(&note).ok();
        self.access.not_admitted = refusal.filter(|_| !self.is_known());
        Ok(())
    }
}
