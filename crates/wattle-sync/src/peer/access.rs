//! What is asked of the access log.

use std::collections::BTreeMap;

use wattle_protocol::PublicKey;
use wattle_protocol::access::{self, Action};

use super::Peer;
use crate::access::{GrantTerms, InviteTerms, Members, Outcome, Passing, Whoami};
use crate::address::{InvitationSecret, JoinLink};
use crate::audit::{AuditLine, Principal};
use crate::engine::{Command, Wish};
use crate::error::{AccessFailed, ReadError};
use crate::identity::Identity;

impl Peer {
    /// Makes an invitation: whoever gets the link becomes a member by joining with it. The link names
    /// the remote that is dialled here; without one, put where this peer listens into it.
    pub async fn invite(&self, terms: InviteTerms) -> Result<(JoinLink, Outcome), AccessFailed> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|_| AccessFailed::NoRandomness)?;
        let secret = InvitationSecret::new(secret);
        let InviteTerms { role, uses, until } = terms;
        let rights = role.rights();
        let invitation = access::Invitation { key: secret.key(), rights, uses, until };
        let outcome = self.act(Action::Invite(invitation)).await?;
        let relay = self.ask(Command::Remote).await.flatten();
        let link = JoinLink { relay, context: self.shared.context, secret: Some(secret) };
        Ok((link, outcome))
    }

    /// Gives a key rights, or other rights than it has.
    pub async fn grant(&self, terms: GrantTerms) -> Result<Outcome, AccessFailed> {
        let GrantTerms { key, name, kind, role, until, edits_per_minute } = terms;
        let rights = role.rights();
        let grant = access::Grant { key, name, kind, rights, until, edits_per_minute };
        self.act(Action::Grant(grant)).await
    }

    /// Takes all rights from a key, for ever; or withdraws the invitation of a key.
    pub async fn revoke(&self, key: PublicKey) -> Result<Outcome, AccessFailed> {
        self.act(Action::Revoke { key }).await
    }

    /// Lets another key have the rights of the one that edits here. When that is done, this peer edits
    /// no more: open the directory with the new identity.
    pub async fn rotate(&self, new: &Identity) -> Result<Outcome, AccessFailed> {
        let bytes = access::rotate_bytes(&self.shared.context, &self.shared.key, &new.key());
        let (new, proof) = (new.key(), new.keypair.sign(&bytes));
        self.act(Action::Rotate { new, proof }).await
    }

    /// Names another sequencer.
    pub async fn set_sequencer(
        &self,
        key: PublicKey,
        passing: Passing,
    ) -> Result<Outcome, AccessFailed> {
        self.wish(Wish::SetSequencer { key, passing }).await
    }

    async fn act(&self, action: Action) -> Result<Outcome, AccessFailed> {
        self.wish(Wish::Do(Box::new(action))).await
    }

    async fn wish(&self, wish: Wish) -> Result<Outcome, AccessFailed> {
        let answer = self.ask(|reply| Command::Wish { wish, reply }).await;
        answer.unwrap_or(Err(AccessFailed::Closed))
    }

    /// What the access log says.
    pub async fn members(&self) -> Result<Members, ReadError> {
        self.ask(Command::Members).await.unwrap_or(Err(ReadError::Closed))
    }

    /// Who edits here, and what they may do.
    pub async fn whoami(&self) -> Result<Whoami, ReadError> {
        self.ask(Command::Whoami).await.unwrap_or(Err(ReadError::Closed))
    }

    /// Every entry of the access log, every refusal, settlement and removal that is known here, with
    /// who and when; by time.
    pub async fn audit(&self) -> Result<Vec<AuditLine>, ReadError> {
        self.ask(Command::Audit).await.unwrap_or(Err(ReadError::Closed))
    }

    /// Who is behind the keys that the history names: a person or an agent, and on whose behalf.
    pub async fn principals(&self) -> Result<BTreeMap<PublicKey, Principal>, ReadError> {
        self.ask(Command::Principals).await.unwrap_or(Err(ReadError::Closed))
    }
}
