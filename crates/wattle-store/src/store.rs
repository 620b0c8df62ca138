//! The trait.

use wattle_protocol::io::{Known, Snapshot, Summary};
use wattle_protocol::{Blob, Change, ContextId, DocumentKey, Header, Position, StoreId};

use crate::error::StoreError;

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

/// A change of any document, as [`Store::news`] tells it.
pub type News = (Position, ContextId, DocumentKey, Change);

/// A store of contexts: per document an append-only log of signed changes, and snapshots as a cache of it.
///
/// Several handles, in several processes, may be open on the same storage: each sees what the others
/// have committed, in one order of positions. Every method that writes is durable when it returns `Ok`,
/// and has changed nothing when it returns `Err`; only [`remember`](Self::remember) may be forgotten.
///
/// Where a number of bytes limits an answer, the answer stays within it, save that it has at least one
/// change when there is one.
pub trait Store: Send {
    /// Names this storage; made once, when it is created.
    fn id(&self) -> StoreId;
    /// The contexts that it holds, in order: those with an access log or with a change.
    fn contexts(&mut self) -> Result<Vec<ContextId>, StoreError>;
    /// Stores all of it in one commit. Answers, for each append, the position of each change.
    ///
    /// A change that is already there keeps its position, and gets the seal offered if it had none.
    /// A change whose dependency is missing, or with a used (actor, seq), fails the whole batch.
    fn append(&mut self, batch: &[Append]) -> Result<Vec<Vec<Position>>, StoreError>;
    /// All documents of a context that have a change, in the order of their keys.
    fn documents(&mut self, context: &ContextId) -> Result<Vec<Summary>, StoreError>;
    /// The headers of all changes of a document in the order of their positions, with the length of their bytes
    /// (0 when pruned).
    fn graph(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
    ) -> Result<Vec<(Position, Header, usize)>, StoreError>;
    /// The changes at these positions, in the order asked for; those pruned or unknown are left out.
    fn read(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
        positions: &[Position],
    ) -> Result<Vec<(Position, Change)>, StoreError>;
    /// The changes of a document after a position, oldest first, within `bytes_max`; those pruned are left out.
    fn read_after(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
        after: Position,
        bytes_max: usize,
    ) -> Result<Vec<(Position, Change)>, StoreError>;
    /// The changes of all documents after a position, oldest first, within `bytes_max`:
    /// how a process sees what another has committed.
    ///
    /// Those pruned are left out: who was away for long compares `after` with [`Summary::pruned`] first,
    /// and takes the snapshot of each document where that is greater.
    fn news(&mut self, after: Position, bytes_max: usize) -> Result<Vec<News>, StoreError>;
    /// The position of the newest change of the whole store.
    fn last(&mut self) -> Result<Position, StoreError>;
    /// A number that differs from the last one when another handle has committed; cheap, to be polled.
    /// What this handle commits does not change it.
    fn data_version(&mut self) -> Result<u64, StoreError>;
    /// The newest snapshot of a document.
    fn snapshot(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
    ) -> Result<Option<Snapshot>, StoreError>;
    /// Stores a snapshot that the caller has verified; the newest two are kept, and one that is older
    /// than the newest is not stored.
    ///
    /// With `prune`, drops the bytes of changes that the *previous* snapshot covers: one generation of raw
    /// changes stays, and so do all headers. Answers up to where bytes are now dropped.
    fn put_snapshot(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
        snapshot: &Snapshot,
        prune: bool,
    ) -> Result<Position, StoreError>;
    /// The access log from entry 0; empty when the context is not known.
    fn access(&mut self, context: &ContextId) -> Result<Vec<Blob>, StoreError>;
    /// Adds entries; `from` must be the present length, or earlier with equal entries. Answers the new length.
    fn append_access(
        &mut self,
        context: &ContextId,
        from: u64,
        entries: &[Blob],
    ) -> Result<u64, StoreError>;
    /// What another store was last known to have, in the order of the documents.
    fn remote(&mut self, remote: &StoreId, context: &ContextId) -> Result<Vec<Known>, StoreError>;
    /// Notes what another store has. Best effort: may be lost in a crash.
    fn remember(
        &mut self,
        remote: &StoreId,
        context: &ContextId,
        known: &[Known],
    ) -> Result<(), StoreError>;
    /// Every other store of which something is remembered, in order.
    fn remotes(&mut self) -> Result<Vec<StoreId>, StoreError>;
    /// A value of the application, by name.
    fn note(&mut self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// Sets one.
    fn put_note(&mut self, name: &str, value: &[u8]) -> Result<(), StoreError>;
}

/// The entries of an access log that are new, after checking that the others are those that are stored.
pub(crate) fn access_to_add<'a>(
    context: &ContextId,
    stored: &[Blob],
    from: u64,
    entries: &'a [Blob],
) -> Result<&'a [Blob], StoreError> {
    let length = stored.len() as u64;
    let known = usize::try_from(from).ok().and_then(|from| stored.get(from..));
    let Some(known) = known else {
        return Err(StoreError::AccessGap { context: *context, from, entries: length });
    };
    if let Some(same) = known.iter().zip(entries).position(|(stored, entry)| stored != entry) {
        return Err(StoreError::AccessDiffers { context: *context, number: from + same as u64 });
    }
    Ok(entries.get(known.len()..).unwrap_or_default())
}
