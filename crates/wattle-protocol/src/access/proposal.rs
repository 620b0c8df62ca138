//! What a principal wants done to the access log, signed by it; made anywhere, also offline.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::{ActorId, Blob, ChangeHash, ContextId, DocumentKey, PublicKey};
use crate::identity::{Keypair, Seal, Signature, verify};
use crate::limits::{NAME_BYTES_MAX, PROPOSAL_BYTES_MAX};
use crate::message::{Code, Refusal};
use crate::wire;

use super::rights::Rights;

/// A wish of its author. It counts once the sequencer has put it into an entry, at most once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Of which context.
    pub context: ContextId,
    /// The number of access-log entries that the author knew.
    pub based_on: u64,
    /// Makes two proposals differ that say the same.
    pub nonce: [u8; 16],
    /// Who wants it.
    pub author: PublicKey,
    /// What.
    pub action: Action,
}

/// What can be done to the access log.
#[expect(clippy::large_enum_variant, reason = "one at a time is in memory, and none for long")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Give a key rights, or other rights than it has.
    Grant(Grant),
    /// Take all rights from a key, its agents' included; or withdraw an invitation. For ever: who
    /// comes back comes with another key.
    Revoke {
        /// The key, or the invitation's.
        key: PublicKey,
    },
    /// The author's key is replaced; rights, name and agents go over to the new one.
    Rotate {
        /// The new key.
        new: PublicKey,
        /// By the new key, over [`rotate_bytes`].
        proof: Signature,
    },
    /// Whoever knows a secret may become a member.
    Invite(Invitation),
    /// The author, so far unknown, takes an invitation up.
    Redeem {
        /// The invitation's key.
        invitation: PublicKey,
        /// The author's name, for people to read.
        name: String,
        /// By the invitation's secret, over [`redeem_bytes`].
        proof: Signature,
    },
    /// Another sequencer. With the next term it needs nothing of the old one, which may be lost or lying.
    SetSequencer {
        /// Its key.
        key: PublicKey,
        /// The present term when the old one hands over, the next one when it is passed by.
        term: u32,
    },
    /// By the sequencer: the end date of a grant has come.
    Expire {
        /// Whose.
        key: PublicKey,
    },
    /// By the sequencer: a key has signed two changes with one actor and sequence; it may do no more.
    Freeze {
        /// Whose.
        key: PublicKey,
        /// Which of the two stays.
        contested: Contested,
        /// The seals of both, on these changes: what stays, then the other, with their hashes.
        proof: [(ChangeHash, Seal); 2],
    },
}

/// Rights for a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Whose.
    pub key: PublicKey,
    /// For people to read.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What it may do.
    pub rights: Rights,
    /// The end: seconds since 1970, by the sequencer's clock.
    pub until: Option<u64>,
    /// Its budget.
    pub edits_per_minute: Option<u32>,
}

/// What a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Somebody.
    Person,
    /// A program that works for the author of its grant, its sponsor; never more than it, never an owner.
    Agent,
    /// A program that works for nobody in particular: a second relay, a mirror.
    Service,
}

/// Rights for whoever knows a secret: an Ed25519 key made for this one purpose, owned by nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The public half.
    pub key: PublicKey,
    /// What it gives.
    pub rights: Rights,
    /// How often it can be taken up.
    pub uses: u32,
    /// The end: seconds since 1970, by the sequencer's clock.
    pub until: Option<u64>,
}

/// A place for which there are two changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Contested {
    /// In which document.
    pub document: DocumentKey,
    /// Of which actor.
    pub actor: ActorId,
    /// Its sequence number.
    pub seq: u64,
    /// The change that stays.
    pub keep: ChangeHash,
}

/// A value's bytes and a signature over them: what is stored, hashed and sent, and never re-encoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signed {
    pub(crate) body: Blob,
    pub(crate) signature: Signature,
}

impl Proposal {
    /// The proposal's bytes, signed by its author.
    pub fn sign(&self, author: &Keypair) -> Blob {
        let body = wire::encode_value(self);
        let signature = author.sign(&signed_bytes(&body));
        wire::encode_value(&Signed { body, signature })
    }

    /// Reads a proposal and checks its author's signature and its own bounds, not its rights.
    ///
    /// Fails with [`Code::Malformed`], [`Code::TooLarge`] or [`Code::BadSignature`].
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > PROPOSAL_BYTES_MAX {
            return Err(Refusal::new(Code::TooLarge, "a proposal over the limit"));
        }
        let (signed, proposal) = Self::parts(bytes)
            .ok_or_else(|| Refusal::new(Code::Malformed, "no proposal of this protocol"))?;
        if proposal.name().is_some_and(|name| name.len() > NAME_BYTES_MAX) {
            return Err(Refusal::new(Code::TooLarge, "a name over the limit"));
        }
        if !verify(&proposal.author, &signed_bytes(&signed.body), &signed.signature) {
            return Err(Refusal::new(Code::BadSignature, "its author's signature does not hold"));
        }
        Ok(proposal)
    }

    /// Reads the proposal of an entry that a log has taken in, as [`Entry::decode`](super::Entry::decode).
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        Self::parts(bytes).map(|(_, proposal)| proposal)
    }

    fn parts(bytes: &[u8]) -> Option<(Signed, Self)> {
        let signed: Signed = wire::decode_value(bytes).ok()?;
        let proposal = wire::decode_value(&signed.body).ok()?;
        Some((signed, proposal))
    }

    fn name(&self) -> Option<&str> {
        match &self.action {
            Action::Grant(grant) => Some(&grant.name),
            Action::Redeem { name, .. } => Some(name),
            Action::Revoke { .. }
            | Action::Rotate { .. }
            | Action::Invite(_)
            | Action::SetSequencer { .. }
            | Action::Expire { .. }
            | Action::Freeze { .. } => None,
        }
    }
}

/// Names a proposal: the SHA-256 of its bytes.
pub fn proposal_hash(bytes: &[u8]) -> ChangeHash {
    ChangeHash(Sha256::digest(bytes).into())
}

/// What an invitation's secret signs for the key that takes it up.
pub fn redeem_bytes(context: &ContextId, invitation: &PublicKey, key: &PublicKey) -> Vec<u8> {
    [&b"wattle/redeem/1"[..], &context.0, &invitation.0, &key.0].concat()
}

/// What a new key signs to show that it is there.
pub fn rotate_bytes(context: &ContextId, old: &PublicKey, new: &PublicKey) -> Vec<u8> {
    [&b"wattle/rotate/1"[..], &context.0, &old.0, &new.0].concat()
}

fn signed_bytes(body: &[u8]) -> Vec<u8> {
    [&b"wattle/proposal/1"[..], body].concat()
}
