//! A proposal with its place in the log, signed by the sequencer.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::{ActorId, Blob, ContextId, DocumentKey, PublicKey};
use crate::identity::{Keypair, verify};
use crate::limits::ACCESS_ENTRY_BYTES_MAX;
use crate::message::{Code, Refusal};
use crate::wire;

use super::proposal::Signed;

/// An entry of the access log after entry 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Of which context.
    pub context: ContextId,
    /// Whose turn it is to order: grows when a sequencer is passed by.
    pub term: u32,
    /// Its number, the *epoch* from which it counts: the length of the log before it.
    pub number: u64,
    /// [`entry_hash`] of the entry before it.
    pub previous: [u8; 32],
    /// When it was ordered: seconds since 1970, by the sequencer's clock.
    pub time: u64,
    /// What is done: the proposal's bytes, as its author signed them.
    pub proposal: Blob,
    /// How far what was written by those who lose a right stays valid; in the order of the keys.
    pub closes: Vec<Closure>,
    /// Who ordered it.
    pub sequencer: PublicKey,
}

/// A cutoff: what a key had written, durably at the sequencer, when it lost rights.
///
/// Up to it everything stays valid for ever; beyond it nothing that needed what was lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    /// Whose.
    pub key: PublicKey,
    /// In each document, in the order of their keys: each actor of the key, in order, and the last
    /// sequence number that counts.
    pub upto: Vec<(DocumentKey, Vec<(ActorId, u64)>)>,
}

impl Entry {
    /// The entry's bytes, signed by its sequencer.
    pub fn sign(&self, sequencer: &Keypair) -> Blob {
        let body = wire::encode_value(self);
        let signature = sequencer.sign(&signed_bytes(&body));
        wire::encode_value(&Signed { body, signature })
    }

    /// Reads an entry and checks its sequencer's signature, not its place or its rights.
    ///
    /// Fails with [`Code::Malformed`], [`Code::TooLarge`] or [`Code::BadSignature`].
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let malformed = |_| Refusal::new(Code::Malformed, "no access entry of this protocol");
        if bytes.len() > ACCESS_ENTRY_BYTES_MAX {
            return Err(Refusal::new(Code::TooLarge, "an access entry over the limit"));
        }
        let signed: Signed = wire::decode_value(bytes).map_err(malformed)?;
        let entry: Self = wire::decode_value(&signed.body).map_err(malformed)?;
        if !verify(&entry.sequencer, &signed_bytes(&signed.body), &signed.signature) {
            return Err(Refusal::new(
                Code::BadSignature,
                "its sequencer's signature does not hold",
            ));
        }
        Ok(entry)
    }
}

/// Names an entry: the SHA-256 of its bytes. For entry 0 that is the context's id.
pub fn entry_hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn signed_bytes(body: &[u8]) -> Vec<u8> {
    [&b"wattle/access/1"[..], body].concat()
}
