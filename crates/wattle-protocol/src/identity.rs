//! Keys, signatures, and the record that a context begins with.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::change::Header;
use crate::id::{ActorId, Blob, BytesVisitor, ChangeHash, ContextId, DocumentKey, PublicKey};
use crate::wire::{self, WireError};

/// An Ed25519 signature (64 bytes).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

/// The signature of a change, with what is signed and is not in the change itself.
///
/// Signed are domain, context, document, actor, sequence, hash and epoch, as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// The number of access-log entries that the author knew.
    pub epoch: u64,
    /// Whose signature.
    pub key: PublicKey,
    /// The signature.
    pub signature: Signature,
}

/// A store's signature that it has changes of a document, durably.
///
/// Signed are domain, context, document, epoch, the number of heads, and the heads, as bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The number of access-log entries that the signer knew.
    pub epoch: u64,
    /// Whose signature.
    pub key: PublicKey,
    /// The signature.
    pub signature: Signature,
}

/// A secret key with its public half.
#[derive(Clone)]
pub struct Keypair(pub(crate) SigningKey);

/// What a context begins with: entry 0 of its access log. Its SHA-256 is the context's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextRecord {
    /// The format, 1.
    pub version: u16,
    /// Makes two contexts of one owner differ.
    pub nonce: [u8; 16],
    /// For people to read.
    pub name: String,
    /// The keys that own the context.
    pub owners: Vec<PublicKey>,
    /// Who orders the access log: at first the owner's own replica.
    pub sequencer: PublicKey,
}

impl ContextRecord {
    /// The record's bytes, the only form that is hashed, stored and sent.
    pub fn to_bytes(&self) -> Blob {
        wire::encode_record(self)
    }

    /// Reads a record; fails on anything but the exact bytes of `to_bytes`, and over the limits.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode_record(bytes)
    }

    /// The id of the context that begins with this record.
    pub fn id(&self) -> ContextId {
        ContextId(Sha256::digest(&self.to_bytes()[..]).into())
    }
}

impl Keypair {
    /// From 32 bytes of secret randomness.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// The secret, to be stored where only its owner can read it.
    pub fn secret(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half: the principal.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs bytes that `seal_bytes` or `Challenge::bytes` made.
    pub fn sign(&self, bytes: &[u8]) -> Signature {
        Signature(self.0.sign(bytes).to_bytes())
    }

    /// Signs a change, and with it all earlier ones of its actor.
    pub fn seal(
        &self,
        context: &ContextId,
        document: &DocumentKey,
        header: &Header,
        epoch: u64,
    ) -> Seal {
        let signature = self.sign(&seal_bytes(context, document, header, epoch));
        Seal { epoch, key: self.public(), signature }
    }
}

impl Seal {
    /// Whether the key signed this change in this document of this context.
    pub fn verify(&self, context: &ContextId, document: &DocumentKey, header: &Header) -> bool {
        verify(&self.key, &seal_bytes(context, document, header, self.epoch), &self.signature)
    }
}

impl Receipt {
    /// Signs that these changes and their ancestors are durable here.
    pub fn sign(
        keypair: &Keypair,
        (context, document): (&ContextId, &DocumentKey),
        heads: &[ChangeHash],
        epoch: u64,
    ) -> Self {
        let signature = keypair.sign(&receipt_bytes((context, document), heads, epoch));
        Self { epoch, key: keypair.public(), signature }
    }

    /// Whether the key signed that these changes are durable.
    pub fn verify(
        &self,
        (context, document): (&ContextId, &DocumentKey),
        heads: &[ChangeHash],
    ) -> bool {
        let bytes = receipt_bytes((context, document), heads, self.epoch);
        verify(&self.key, &bytes, &self.signature)
    }
}

fn receipt_bytes(
    (context, document): (&ContextId, &DocumentKey),
    heads: &[ChangeHash],
    epoch: u64,
) -> Vec<u8> {
    let mut bytes = b"wattle/receipt/1".to_vec();
    bytes.extend(context.0);
    bytes.push(document.scope);
    bytes.extend(document.item);
    bytes.extend(epoch.to_be_bytes());
    bytes.extend((heads.len() as u64).to_be_bytes());
    heads.iter().for_each(|head| bytes.extend(head.0));
    bytes
}

/// Verifies one signature, strictly: weak keys and malleable signatures fail.
pub fn verify(key: &PublicKey, bytes: &[u8], signature: &Signature) -> bool {
    VerifyingKey::from_bytes(&key.0).is_ok_and(|key| {
        key.verify_strict(bytes, &ed25519_dalek::Signature::from_bytes(&signature.0)).is_ok()
    })
}

/// What a seal signs: a domain, then every field at its fixed width, big-endian.
pub fn seal_bytes(
    context: &ContextId,
    document: &DocumentKey,
    header: &Header,
    epoch: u64,
) -> Vec<u8> {
    seal_bytes_of((context, document), (header.actor, header.seq, header.hash), epoch)
}

/// [`seal_bytes`] without a header.
pub fn seal_bytes_of(
    (context, document): (&ContextId, &DocumentKey),
    (actor, seq, hash): (ActorId, u64, ChangeHash),
    epoch: u64,
) -> Vec<u8> {
    let mut bytes = b"wattle/change/1".to_vec();
    bytes.extend(context.0);
    bytes.push(document.scope);
    bytes.extend(document.item);
    bytes.extend(actor.0);
    bytes.extend(seq.to_be_bytes());
    bytes.extend(hash.0);
    bytes.extend(epoch.to_be_bytes());
    bytes
}

/// Which end of a link somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It dialled.
    Dials,
    /// It was dialled.
    Listens,
}

impl Side {
    /// The other end.
    pub fn other(self) -> Self {
        match self {
            Self::Dials => Self::Listens,
            Self::Listens => Self::Dials,
        }
    }
}

/// What a proof signs, from the prover's point of view.
///
/// The side is in it so that nobody can pass our own proof back to us over a second link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Which end proves its key.
    pub prover: Side,
    /// The nonce to be answered.
    pub theirs: [u8; 32],
    /// The prover's own nonce.
    pub mine: [u8; 32],
    /// The key of the side that verifies.
    pub verifier_key: PublicKey,
    /// The key that is proved.
    pub prover_key: PublicKey,
}

impl Challenge {
    /// The bytes: a domain, the side (0 dials, 1 listens), both nonces, both keys.
    pub fn bytes(&self) -> Vec<u8> {
        let side = match self.prover {
            Side::Dials => 0,
            Side::Listens => 1,
        };
        let (verifier, prover) = (&self.verifier_key.0, &self.prover_key.0);
        [&b"wattle/link/1"[..], &[side], &self.theirs, &self.mine, verifier, prover].concat()
    }
}

impl fmt::Debug for Keypair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keypair({})", self.public())
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = deserializer.deserialize_bytes(BytesVisitor)?;
        let bytes = bytes.try_into().map_err(|_| serde::de::Error::custom("64 bytes"))?;
        Ok(Self(bytes))
    }
}
