//! What the machine asks of the store, and what the store answers.

use crate::access::Closure;
use crate::change::{Change, Header};
use crate::id::{Blob, ChangeHash, ContextId, DocumentKey, LinkId, Position, PublicKey, StoreId};
use crate::identity::Seal;
use crate::lease::{Outcome, Wanted};
use crate::message::Refusal;

/// What the machine asks of the store.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreRequest {
    /// The access log and the documents of a context.
    LoadContext {
        /// Which.
        context: ContextId,
    },
    /// What another store was known to have when it was last met.
    LoadRemote {
        /// Over which link it is met now.
        link: LinkId,
        /// The other store.
        remote: StoreId,
        /// Of which context.
        context: ContextId,
    },
    /// The headers of all changes of a document, in the order of their positions.
    LoadGraph {
        /// Of which context.
        context: ContextId,
        /// Which.
        document: DocumentKey,
    },
    /// The bytes of changes, for one link.
    Read {
        /// For whom.
        link: LinkId,
        /// Of which context.
        context: ContextId,
        /// Of which document.
        document: DocumentKey,
        /// Where they are.
        positions: Vec<Position>,
    },
    /// The newest snapshot of a document, for one link.
    ReadSnapshot {
        /// For whom.
        link: LinkId,
        /// Of which context.
        context: ContextId,
        /// Of which document.
        document: DocumentKey,
    },
    /// Changes from a link, checked by their headers: make them durable, in this order.
    ///
    /// A peer first applies them to the document that it shows and reports as `failed` what it cannot.
    Append {
        /// Of which context.
        context: ContextId,
        /// Of which document.
        document: DocumentKey,
        /// From where.
        link: LinkId,
        /// The changes.
        changes: Vec<Change>,
    },
    /// Entries of the access log, from number `from` on (entry 0 is the context's record).
    AppendAccess {
        /// Of which context.
        context: ContextId,
        /// The number of the first.
        from: u64,
        /// The entries.
        entries: Vec<Blob>,
    },
    /// Entries in place of those from number `from` on: an owner has passed the sequencer by.
    ReplaceAccess {
        /// Of which context.
        context: ContextId,
        /// The number of the first.
        from: u64,
        /// The entries.
        entries: Vec<Blob>,
    },
    /// How far the actors of these keys have come in each document. Answered when every `Append` that
    /// was asked for before it is durable or has failed.
    Cutoffs {
        /// Of which context.
        context: ContextId,
        /// Whose, in order.
        keys: Vec<PublicKey>,
    },
    /// Changes that must not be shown or sent any more, with all that builds on them: take them out of
    /// the document, and keep them apart. A peer rebuilds what it shows.
    Remove {
        /// Of which context.
        context: ContextId,
        /// Of which document.
        document: DocumentKey,
        /// The changes, each after its dependencies.
        changes: Vec<ChangeHash>,
    },
    /// Grant, renew or end a lease, as [`Wanted::judge`] says: what is answered is durable.
    Lease {
        /// What is wanted.
        wanted: Box<Wanted>,
    },
    /// What another store has, durably, and up to where it was read. Best effort.
    Remember {
        /// The other store.
        remote: StoreId,
        /// Of which context.
        context: ContextId,
        /// What.
        known: Known,
    },
}

/// What is known of another store's copy of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Which document.
    pub document: DocumentKey,
    /// This replica has everything of that store's log of the document up to here.
    pub cursor: Position,
    /// These changes and their ancestors are durable there.
    pub durable: Vec<ChangeHash>,
}

/// A document as a store lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Which.
    pub document: DocumentKey,
    /// Its heads.
    pub heads: Vec<ChangeHash>,
    /// The position of its newest change.
    pub last: Position,
    /// Changes up to here have no bytes of their own any more.
    pub pruned: Position,
    /// The newest verified snapshot holds everything up to here; zero when there is none.
    pub snapshot: Position,
}

/// What the store answers.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreReply {
    /// To `LoadContext`. `access` is empty when the store does not know the context.
    Context {
        /// Which.
        context: ContextId,
        /// The access log from entry 0.
        access: Vec<Blob>,
        /// All documents with at least one change, in the order of their keys.
        documents: Vec<Summary>,
    },
    /// To `LoadRemote`.
    Remote {
        /// As asked.
        link: LinkId,
        /// As asked.
        context: ContextId,
        /// In the order of the keys.
        known: Vec<Known>,
    },
    /// To `LoadGraph`: in the order of the positions, each with the length of its bytes.
    Graph {
        /// As asked.
        context: ContextId,
        /// As asked.
        document: DocumentKey,
        /// Position, header, bytes (0 when pruned).
        nodes: Vec<(Position, Header, usize)>,
    },
    /// To `Read`: the changes found, in the order asked for; those pruned meanwhile are absent.
    Changes {
        /// As asked.
        link: LinkId,
        /// As asked.
        context: ContextId,
        /// As asked.
        document: DocumentKey,
        /// Position, bytes, seal.
        changes: Vec<(Position, Blob, Option<Seal>)>,
    },
    /// To `ReadSnapshot`.
    Snapshot {
        /// As asked.
        link: LinkId,
        /// As asked.
        context: ContextId,
        /// As asked.
        document: DocumentKey,
        /// The snapshot; absent when there is none.
        snapshot: Option<Snapshot>,
    },
    /// To `Append`: durable. `positions` has one entry for each change that did not fail, in order.
    Appended {
        /// As asked.
        context: ContextId,
        /// As asked.
        document: DocumentKey,
        /// Where each change is.
        positions: Vec<(ChangeHash, Position)>,
        /// Changes that the document could not take; nothing of them was stored.
        failed: Vec<ChangeHash>,
    },
    /// To `AppendAccess`: durable; the log has now this many entries.
    AccessAppended {
        /// As asked.
        context: ContextId,
        /// Entries.
        entries: u64,
    },
    /// To `Cutoffs`.
    Cutoffs {
        /// As asked.
        context: ContextId,
        /// One for each key, in order; documents and actors in order.
        closes: Vec<Closure>,
    },
    /// To `Remove`: they are gone from the document, durably.
    Removed {
        /// As asked.
        context: ContextId,
        /// As asked.
        document: DocumentKey,
    },
    /// To `Lease`: durable.
    Leased {
        /// As asked.
        wanted: Box<Wanted>,
        /// What has become of it.
        outcome: Outcome,
    },
    /// The store declines the request, for a reason that the other side should know (a quota, say);
    /// nothing of it was done.
    Declined {
        /// The request.
        request: StoreRequest,
        /// Why.
        refusal: Refusal,
    },
    /// The request could not be carried out; nothing of it was done.
    Failed {
        /// The request.
        request: StoreRequest,
        /// What happened, in one sentence.
        reason: String,
    },
}

/// A saved document in place of many changes: a cache, verified before it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// It holds every change up to here.
    pub upto: Position,
    /// An Automerge document chunk.
    pub bytes: Blob,
    /// The newest signature of each actor within it: (change it is on, signature).
    pub seals: Vec<(ChangeHash, Seal)>,
}
