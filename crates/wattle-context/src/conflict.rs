//! Conflicts as values.

use sha2::{Digest, Sha256};

use crate::plain::hex;
use crate::policy::Policy;
use crate::value::Value;

/// One of several concurrent values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The change that wrote it: 32 bytes of its hash.
    pub change: [u8; 32],
    /// The value.
    pub value: Value,
    /// When, in milliseconds since 1970; the author's word.
    pub time: i64,
    /// Who: the key of the principal, 32 bytes.
    pub key: [u8; 32],
    /// Who, for people to read.
    pub by: String,
    /// Why, as the author said.
    pub why: String,
    /// The author's rank: 0 is lowest. From the access log; not stored.
    pub rank: u8,
}

/// What kind of conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConflictKind {
    /// Concurrent writes of one field.
    Value,
    /// One deleted an item while another edited it.
    EditDelete,
    /// Several claimed one task, apart from each other and without a lease.
    Claim,
}

/// A conflict that nobody has settled yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// `C-` and eight hex digits: a hash of the path and the candidates' changes, equal on all replicas.
    pub id: String,
    /// What kind.
    pub kind: ConflictKind,
    /// Of which field: `rules/<id>/statement`.
    pub path: String,
    /// Every concurrent value, in the order of their changes' hashes.
    pub candidates: Vec<Candidate>,
    /// The value that all of them replaced.
    pub base: Value,
    /// How it is read.
    pub policy: Policy,
    /// What holds until it is settled: one value, or several under keep-all.
    pub in_force: Vec<Value>,
}

impl Conflict {
    /// The id of a conflict at a path between candidates in order.
    pub(crate) fn id(path: &str, candidates: &[Candidate]) -> String {
        let mut hash = Sha256::new().chain_update(path.as_bytes()).chain_update([0]);
        candidates.iter().for_each(|candidate| hash.update(candidate.change));
        format!("C-{}", hex(hash.finalize().iter().take(4)))
    }

    /// The candidates with the letters that name them: `a`, `b`, …
    pub fn lettered(&self) -> impl Iterator<Item = (String, &Candidate)> {
        self.candidates.iter().enumerate().map(|(index, candidate)| (letter(index), candidate))
    }
}

/// The letter that names a candidate: `a` to `z`, then `aa`, `ab`, …
pub fn letter(index: usize) -> String {
    let (before, last) = (index / 26, index % 26);
    let mut letters = before.checked_sub(1).map(letter).unwrap_or_default();
    letters.extend(('a'..='z').nth(last));
    letters
}
