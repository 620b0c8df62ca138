//! The trait.

use wattle_protocol::access::Closure;
use wattle_protocol::identity::Receipt;
use wattle_protocol::io::{Known, Snapshot, Summary};
use wattle_protocol::lease::{Outcome, Wanted};
use wattle_protocol::{
    Blob, Change, ChangeHash, ContextId, DocumentKey, Header, Position, PublicKey, StoreId,
};

use crate::error::StoreError;

pub(crate) mod remains;

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

/// What another store has signed to have, as [`Store::receipts`] tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReceipt {
    /// Of which document.
    pub document: DocumentKey,
    /// The changes; with their ancestors.
    pub heads: Vec<ChangeHash>,
    /// The signature over exactly these.
    pub receipt: Receipt,
}

/// A change of any document, as [`Store::news`] tells it.
pub type News = (Position, ContextId, DocumentKey, Change);

/// A store of contexts: per document a log of signed changes, and snapshots as a cache of it.
///
/// A log only grows, save where rights have ended: then [`remove`](Self::remove) takes out what must
/// not be shown any more.
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
    /// How many bytes the changes and the snapshots of a context have, those that were pruned or
    /// removed left out.
    fn bytes(&mut self, context: &ContextId) -> Result<u64, StoreError>;
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
    /// The position that was given last in the whole store. It never goes back, also when the change
    /// there is removed.
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
    ///
    /// A snapshot with the seal of a change that was removed is refused: it was taken before.
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
    /// Puts entries in place of those from number `from` on, in one commit. Answers the new length.
    ///
    /// `from` must not be beyond the present length, and entry 0 stays what it is. Those at the
    /// beginning that are equal stay too. The others are kept apart as [`void_access`](Self::void_access).
    fn replace_access(
        &mut self,
        context: &ContextId,
        from: u64,
        entries: &[Blob],
    ) -> Result<u64, StoreError>;
    /// The entries that were replaced, each with its number, in the order in which they were replaced.
    fn void_access(&mut self, context: &ContextId) -> Result<Vec<(u64, Blob)>, StoreError>;
    /// How far the actors of these keys have come: for each key, each document and each actor whose
    /// first change names the key, the last stored number; documents and actors in order.
    fn cutoffs(
        &mut self,
        context: &ContextId,
        keys: &[PublicKey],
    ) -> Result<Vec<Closure>, StoreError>;
    /// Takes changes out of a document and keeps them apart as [`removed`](Self::removed), in one commit.
    ///
    /// With each change must go everything that builds on it, or nothing is removed; those that are
    /// not there are passed over. Snapshots that reach up to one of them are dropped. When bytes that
    /// are needed are in such a snapshot alone, the whole document goes: other replicas have what may
    /// stay, and send it again. What was remembered of other stores' copies of the document is
    /// forgotten. A change that was removed may be appended again, at a new position.
    fn remove(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
        changes: &[ChangeHash],
    ) -> Result<(), StoreError>;
    /// The changes that were removed and have not come back, in the order of the documents and of the
    /// positions that they had. Those that were pruned before have no bytes.
    fn removed(&mut self, context: &ContextId) -> Result<Vec<(DocumentKey, Change)>, StoreError>;
    /// Keeps a proposal of this replica's own until it is dropped; once, however often it is put.
    fn put_proposal(&mut self, context: &ContextId, proposal: &Blob) -> Result<(), StoreError>;
    /// The proposals that are kept, in the order in which they came.
    fn proposals(&mut self, context: &ContextId) -> Result<Vec<Blob>, StoreError>;
    /// Drops the proposal with this [hash](wattle_protocol::access::proposal_hash), if it is there.
    fn drop_proposal(
        &mut self,
        context: &ContextId,
        proposal: &ChangeHash,
    ) -> Result<(), StoreError>;
    /// Keeps a receipt in place of the one before of the same key and document.
    fn put_receipt(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
        heads: &[ChangeHash],
        receipt: &Receipt,
    ) -> Result<(), StoreError>;
    /// The newest receipt of each key for each document, in the order of documents and keys.
    fn receipts(&mut self, context: &ContextId) -> Result<Vec<StoredReceipt>, StoreError>;
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
    /// Grants, renews and ends leases, each as [`Wanted::judge`] says of the one on its subject, in this
    /// order and in one commit. A new one gets the next number of its context, which is never given
    /// again. Who holds `LEASES_OF_ONE_MAX` gets no more, nor anybody in a context with `LEASES_MAX`.
    fn lease(&mut self, wanted: &[Wanted]) -> Result<Vec<Outcome>, StoreError>;
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

/// How much of the access log stays and which entries come after it, when these take the place of
/// those from number `from` on.
pub(crate) fn access_to_replace<'a>(
    context: &ContextId,
    stored: &[Blob],
    from: u64,
    entries: &'a [Blob],
) -> Result<(usize, &'a [Blob]), StoreError> {
    let length = stored.len() as u64;
    let at = usize::try_from(from).ok().filter(|from| *from <= stored.len());
    let Some(at) = at else {
        return Err(StoreError::AccessGap { context: *context, from, entries: length });
    };
    let after = stored.iter().skip(at).zip(entries);
    let equal = after.take_while(|(stored, entry)| stored == entry).count();
    if at + equal == 0 && !stored.is_empty() {
        return Err(StoreError::AccessDiffers { context: *context, number: 0 });
    }
    Ok((at + equal, entries.get(equal..).unwrap_or_default()))
}
