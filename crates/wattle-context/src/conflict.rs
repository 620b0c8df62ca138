//! Conflicts as values.

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
