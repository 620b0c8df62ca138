//! The trait.

use wattle_protocol::io::{Known, Snapshot, Summary};
use wattle_protocol::{Blob, Change, ChangeHash, ContextId, DocumentKey, Header, Position, Seal, StoreId};

/// Changes of one document to be made durable.
#[derive(Clone, Debug, PartialEq)]
pub struct Append {
    /// Of which context.
    pub context: ContextId,
    /// Of which document.
    pub document: DocumentKey,
    /// Each after its dependencies.
    pub changes: Vec<Change>,
}

/// A store of contexts: per document an append-only log of signed changes, and snapshots as a cache of it.
///
/// Several handles, in several processes, may be open on the same storage: each sees what the others
/// have committed, in one order of positions. Every method that writes is durable when it returns `Ok`,
/// and has changed nothing when it returns `Err`.
pub trait Store: Send {
    /// Names this storage; made once, when it is created.
    fn id(&self) -> StoreId;
    /// The contexts that it holds.
    fn contexts(&mut self) -> Result<Vec<ContextId>, StoreError>;
    /// Stores all of it in one commit. A change that is already there keeps its position.
    /// Answers, for each append, the position of each change.
    /// A change whose dependency is missing, or with a used (actor, seq), fails the whole batch.
    fn append(&mut self, batch: &[Append]) -> Result<Vec<Vec<Position>>, StoreError>;
    /// All documents of a context, in the order of their keys.
    fn documents(&mut self, context: &ContextId) -> Result<Vec<Summary>, StoreError>;
    /// The headers of all changes of a document in the order of their positions, with the length of their bytes
    /// (0 when pruned).
    fn graph(&mut self, context: &ContextId, document: &DocumentKey) -> Result<Vec<(Position, Header, usize)>, StoreError>;
    /// The changes at these positions; those pruned or unknown are left out.
    fn read(&mut self, context: &ContextId, document: &DocumentKey, positions: &[Position]) -> Result<Vec<(Position, Change)>, StoreError>;
    /// The changes of a document after a position, oldest first, until `bytes_max` is passed (at least one).
    fn read_after(&mut self, context: &ContextId, document: &DocumentKey, after: Position, bytes_max: usize) -> Result<Vec<(Position, Change)>, StoreError>;
    /// Everything of all documents after a position, oldest first, until `bytes_max` is passed (at least one):
    /// how a process sees what another has committed.
    fn news(&mut self, after: Position, bytes_max: usize) -> Result<Vec<(Position, ContextId, DocumentKey, Change)>, StoreError>;
    /// The position of the newest change of the whole store.
    fn last(&mut self) -> Result<Position, StoreError>;
    /// A number that differs from the last one when another handle has committed; cheap, to be polled.
    fn data_version(&mut self) -> Result<u64, StoreError>;
    /// The newest snapshot of a document.
    fn snapshot(&mut self, context: &ContextId, document: &DocumentKey) -> Result<Option<Snapshot>, StoreError>;
    /// Stores a snapshot that the caller has verified. With `prune`, drops the bytes of changes that the *previous*
    /// snapshot covers: one generation of raw changes stays. Answers up to where bytes are now dropped.
    fn put_snapshot(&mut self, context: &ContextId, document: &DocumentKey, snapshot: &Snapshot, prune: bool) -> Result<Position, StoreError>;
    /// The access log from entry 0; empty when the context is not known.
    fn access(&mut self, context: &ContextId) -> Result<Vec<Blob>, StoreError>;
    /// Adds entries; `from` must be the present length, or earlier with equal entries. Answers the new length.
    fn append_access(&mut self, context: &ContextId, from: u64, entries: &[Blob]) -> Result<u64, StoreError>;
    /// What another store was last known to have.
    fn remote(&mut self, remote: &StoreId, context: &ContextId) -> Result<Vec<Known>, StoreError>;
    /// Notes what another store has. Best effort: may be lost in a crash.
    fn remember(&mut self, remote: &StoreId, context: &ContextId, known: &[Known]) -> Result<(), StoreError>;
    /// Every other store that was ever met.
    fn remotes(&mut self) -> Result<Vec<StoreId>, StoreError>;
    /// A value of the application, by name.
    fn note(&mut self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// Sets one.
    fn put_note(&mut self, name: &str, value: &[u8]) -> Result<(), StoreError>;
}

/// Why the store did not do it. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// To be filled in by situation.
    #[error("the disk is full")]
    Full,
    /// A change builds on one that is not there.
    #[error("a change builds on {dependency}, which is not stored")]
    MissingDependency {
        /// The missing one.
        dependency: ChangeHash,
    },
}
#[doc(hidden)]
pub type _Unused = Seal;
