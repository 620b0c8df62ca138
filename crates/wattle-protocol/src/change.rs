//! Change sets: Automerge change chunks of which only the header is read.

use crate::id::{ActorId, Blob, ChangeHash, PublicKey};
use crate::identity::Seal;

/// What the header of a change chunk says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// SHA-256 of the chunk.
    pub hash: ChangeHash,
    /// The changes that it builds on.
    pub deps: Vec<ChangeHash>,
    /// Who wrote it.
    pub actor: ActorId,
    /// Its number among the changes of that actor, from 1.
    pub seq: u64,
    /// The counter of its first operation.
    pub start_op: u64,
    /// How many operations it declares.
    pub ops: u64,
    /// When, in seconds since 1970; the author's word.
    pub time: i64,
    /// The author's key; only on an actor's first change.
    pub author: Option<PublicKey>,
}

/// A change as it is stored and sent: opaque bytes, their header, and a signature where one was made.
///
/// One signature on an actor's newest change of a flush covers those before it, because each
/// names its predecessor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What was read from `bytes`.
    pub header: Header,
    /// An uncompressed Automerge change chunk (type 1).
    pub bytes: Blob,
    /// The author's signature.
    pub seal: Option<Seal>,
}

impl Change {
    /// Reads a chunk's header; the bytes are kept as they are.
    pub fn parse(bytes: Blob, seal: Option<Seal>) -> Result<Self, HeaderError> {
        Ok(Self { header: Header::parse(&bytes)?, bytes, seal })
    }
}

impl Header {
    /// Reads and checks the header of a change chunk, without allocating for what is only announced.
    pub fn parse(_bytes: &[u8]) -> Result<Self, HeaderError> {
        todo!()
    }
}

/// Why bytes are not a change chunk that this replica takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Fewer bytes than the chunk announces.
    #[error("the chunk ends early")]
    Truncated,
}
