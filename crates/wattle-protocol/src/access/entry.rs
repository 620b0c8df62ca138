//! A proposal with its place in the log, signed by the sequencer.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::{ActorId, Blob, ContextId, DocumentKey, PublicKey};
use crate::identity::{Keypair, verify};
use crate::limits::{ACCESS_ENTRY_BYTES_MAX, PROPOSAL_BYTES_MAX};
use crate::message::{Code, Refusal};
use crate::wire;

use super::proposal::Signed;

/// An entry without its cutoffs, with its signature.
const ENTRY_HEAD_BYTES_MAX: usize = PROPOSAL_BYTES_MAX + 1024;
/// A cutoff without its places: the key and a count.
const CLOSURE_BYTES_MAX: usize = 32 + 9;
/// An actor with its sequence number, and a document that may be its alone, with a count.
const PLACE_BYTES_MAX: usize = 16 + 9 + 17 + 9;

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
        let malformed = || Refusal::new(Code::Malformed, "no access entry of this protocol");
        if bytes.len() > ACCESS_ENTRY_BYTES_MAX {
            return Err(Refusal::new(Code::TooLarge, "an access entry over the limit"));
        }
        let (signed, entry) = Self::parts(bytes).ok_or_else(malformed)?;
        if !verify(&entry.sequencer, &signed_bytes(&signed.body), &signed.signature) {
            return Err(Refusal::new(
                Code::BadSignature,
                "its sequencer's signature does not hold",
            ));
        }
        Ok(entry)
    }

    /// Reads an entry that a log has taken in: its signature was checked then, and is not again.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        Self::parts(bytes).map(|(_, entry)| entry)
    }

    fn parts(bytes: &[u8]) -> Option<(Signed, Self)> {
        let signed: Signed = wire::decode_value(bytes).ok()?;
        let entry = wire::decode_value(&signed.body).ok()?;
        Some((signed, entry))
    }
}

impl Closure {
    /// Each document and each actor once, in order.
    pub(super) fn is_in_order(&self) -> bool {
        let actors = |(_, actors): &(_, Vec<(ActorId, u64)>)| actors.is_sorted_by(|a, b| a.0 < b.0);
        self.upto.is_sorted_by(|a, b| a.0 < b.0) && self.upto.iter().all(actors)
    }

    fn places(&self) -> usize {
        self.upto.iter().map(|(_, actors)| actors.len()).sum()
    }

    /// Only the longest histories, this many.
    fn keep(&mut self, places: usize) {
        let mut seqs: Vec<(u64, ActorId, DocumentKey)> = Vec::new();
        for (document, actors) in &self.upto {
            seqs.extend(actors.iter().map(|(actor, seq)| (*seq, *actor, *document)));
        }
        seqs.sort_unstable_by(|a, b| b.cmp(a));
        seqs.truncate(places);
        let kept: BTreeSet<_> = seqs.into_iter().collect();
        for (document, actors) in &mut self.upto {
            actors.retain(|(actor, seq)| kept.contains(&(*seq, *actor, *document)));
        }
        self.upto.retain(|(_, actors)| !actors.is_empty());
    }
}

/// Cutoffs as they fit into an entry: whoever has less than an equal share keeps it all.
pub(super) fn fit(mut closes: Vec<Closure>) -> Vec<Closure> {
    let room = (ACCESS_ENTRY_BYTES_MAX - ENTRY_HEAD_BYTES_MAX)
        .saturating_sub(closes.len() * CLOSURE_BYTES_MAX);
    let mut places = room / PLACE_BYTES_MAX;
    let mut order: Vec<&mut Closure> = closes.iter_mut().collect();
    order.sort_by_key(|closure| closure.places());
    let mut left = order.len();
    for closure in order {
        let share = places / left.max(1);
        if closure.places() > share {
            closure.keep(share);
        }
        places -= closure.places();
        left -= 1;
    }
    closes
}

/// Names an entry: the SHA-256 of its bytes. For entry 0 that is the context's id.
pub fn entry_hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn signed_bytes(body: &[u8]) -> Vec<u8> {
    [&b"wattle/access/1"[..], body].concat()
}
