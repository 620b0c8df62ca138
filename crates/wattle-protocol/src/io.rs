//! What goes into the machine and what comes out: closed enums of plain data.

use crate::access::{Closure, Rights};
use crate::change::{Change, Header};
use crate::id::{Blob, ChangeHash, ContextId, DocumentKey, LinkId, Position, PublicKey, StoreId};
use crate::identity::{Receipt, Seal};
use crate::message::Refusal;

/// Milliseconds of a clock that never runs backwards; its zero is the driver's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Time(pub u64);

/// What a driver tells the machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A link is up. `dials` is the context to open over it on the side that dialled.
    Connected {
        /// The new link.
        link: LinkId,
        /// Fresh randomness for the challenge.
        nonce: [u8; 32],
        /// The context to open; absent on the side that listens.
        dials: Option<ContextId>,
        /// A token of a login for the other side; empty when there is none.
        token: Blob,
    },
    /// A frame has arrived.
    Received {
        /// From where.
        link: LinkId,
        /// One WebSocket binary message.
        frame: Vec<u8>,
    },
    /// Bytes of earlier `Send`s have left for the socket; the link can take as many more.
    Drained {
        /// Of which link.
        link: LinkId,
        /// How many.
        bytes: usize,
    },
    /// The link is gone.
    Disconnected {
        /// Which.
        link: LinkId,
    },
    /// An answer of the store.
    Store(StoreReply),
    /// This replica (this process or another one on the same store) has written changes, durably.
    Committed {
        /// Where.
        context: ContextId,
        /// Of which document.
        document: DocumentKey,
        /// The changes in the order of their positions.
        changes: Vec<(Change, Position)>,
    },
    /// The changes of a snapshot that came as [`Event::Snapshot`]; handled as if they had arrived on the link.
    Expanded {
        /// Which link brought it.
        link: LinkId,
        /// Of which context.
        context: ContextId,
        /// Of which document.
        document: DocumentKey,
        /// Chunks in an order in which each comes after its dependencies.
        changes: Vec<(Blob, Option<Seal>)>,
    },
    /// A snapshot has replaced older changes in the store of this replica.
    Compacted {
        /// Of which context.
        context: ContextId,
        /// Of which document.
        document: DocumentKey,
        /// Changes up to here have no bytes of their own any more.
        pruned: Position,
        /// The newest snapshot holds everything up to here.
        snapshot: Position,
    },
    /// What this replica shows of itself to others in the context; empty to withdraw.
    Present {
        /// Where.
        context: ContextId,
        /// Text of the application, at most `PRESENCE_BYTES_MAX`.
        body: Blob,
    },
    /// The time of day, at the start and now and then: end dates are kept by it.
    Clock {
        /// Seconds since 1970.
        unix_seconds: u64,
    },
    /// What this replica's own application wants done to the access log. It is ordered here when this
    /// replica is the sequencer, else sent to whoever is, over each link, until it is done or refused.
    Propose {
        /// Of which context; it need not be here yet.
        context: ContextId,
        /// The bytes of an [`access::Proposal`](crate::access::Proposal).
        proposal: Blob,
    },
    /// Another process on the same store has added entries to the access log, durably, or replaced some.
    AccessCommitted {
        /// Of which context.
        context: ContextId,
        /// The whole log, from entry 0.
        entries: Vec<Blob>,
    },
    /// The answer to [`Event::Login`]: the link may go on.
    Login {
        /// Which.
        link: LinkId,
        /// How far.
        login: Login,
    },
    /// Close a link in an orderly way.
    Hangup {
        /// Which.
        link: LinkId,
    },
    /// Time has passed; needed when `deadline()` is reached.
    Tick,
}

/// What a login allows on a link, within the rights that the access logs give its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The only contexts that it may open; absent for all.
    pub contexts: Option<Vec<ContextId>>,
    /// What it may read and write at most.
    pub rights: Rights,
    /// It may bring contexts that are not known here.
    pub founds: bool,
}

impl Login {
    /// Whether it may bring a context that is not known.
    pub(crate) fn may_found(&self, context: &ContextId) -> bool {
        self.founds && self.contexts.as_ref().is_none_or(|all| all.contains(context))
    }
}

/// What the machine wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send a frame. The driver reports `Drained` once the socket has taken it.
    Send {
        /// Where to.
        link: LinkId,
        /// One WebSocket binary message.
        frame: Blob,
    },
    /// Send what was given before, then close with this refusal; the machine has forgotten the link.
    Close {
        /// Which.
        link: LinkId,
        /// The code and the reason.
        refusal: Refusal,
    },
    /// Ask the store; answered by exactly one `Input::Store`, except `Remember`, which has no answer.
    Store(StoreRequest),
    /// Something that the application may want to know.
    Event(Event),
}

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

/// What an application may want to know.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The other side has proved its key.
    Ready {
        /// On which link.
        link: LinkId,
        /// Its store.
        store: StoreId,
        /// Its key.
        key: PublicKey,
        /// The program it says it is.
        agent: String,
        /// It keeps changes for others and shows none: it does not take snapshots.
        is_relay: bool,
    },
    /// The other side has proved its key, and this replica asks for logins: answer with
    /// `Input::Login`, or with `Input::Hangup`. Until then nothing else from the link is taken in.
    Login {
        /// On which link.
        link: LinkId,
        /// Its key.
        key: PublicKey,
        /// The token that it showed; empty when there was none.
        token: Blob,
    },
    /// A proposal of this replica's application will not be done.
    ProposalRefused {
        /// Of which context.
        context: ContextId,
        /// [`access::proposal_hash`](crate::access::proposal_hash).
        proposal: ChangeHash,
        /// Why.
        refusal: Refusal,
    },
    /// Proof that a sequencer lies: two entries with one number, both signed by it in one term.
    Forked {
        /// Of which context.
        context: ContextId,
        /// The entry here, and the other one.
        entries: [Blob; 2],
    },
    /// The other side, which was dialled, has the context from here on; not yet that it may read it.
    Opened {
        /// On which link.
        link: LinkId,
        /// Which.
        context: ContextId,
    },
    /// All documents of the context have been compared: what each side lacked is there, or under way.
    InSync {
        /// On which link.
        link: LinkId,
        /// Of which context.
        context: ContextId,
    },
    /// The other store has these changes, durably.
    Durable {
        /// The other store.
        remote: StoreId,
        /// Of which context.
        context: ContextId,
        /// What.
        known: Known,
    },
    /// The other store has signed that it has these changes, durably; the signature holds.
    Receipt {
        /// The other store.
        remote: StoreId,
        /// Of which context.
        context: ContextId,
        /// Of which document.
        document: DocumentKey,
        /// The changes; with their ancestors.
        heads: Vec<ChangeHash>,
        /// The signature over exactly these.
        receipt: Receipt,
    },
    /// A snapshot has arrived; load it with care and answer `Input::Expanded`.
    Snapshot {
        /// On which link.
        link: LinkId,
        /// Of which context.
        context: ContextId,
        /// Of which document.
        document: DocumentKey,
        /// An Automerge document chunk.
        bytes: Blob,
        /// The newest signature of each actor within it.
        seals: Vec<(ChangeHash, Seal)>,
    },
    /// The other side has refused something, and said why. The link stays.
    Refused {
        /// On which link.
        link: LinkId,
        /// Why.
        refusal: Refusal,
    },
    /// A change from a link was refused here.
    Rejected {
        /// On which link.
        link: LinkId,
        /// Of which document.
        document: DocumentKey,
        /// Why.
        refusal: Refusal,
    },
    /// The access log of a context has grown.
    Access {
        /// Of which context.
        context: ContextId,
        /// Entries.
        entries: u64,
    },
    /// Somebody shows what they do; an empty body says that they are gone.
    Presence {
        /// In which context.
        context: ContextId,
        /// Whose.
        key: PublicKey,
        /// Their session: a store, or a process on it.
        session: [u8; 16],
        /// Text of the application.
        body: Blob,
    },
}
