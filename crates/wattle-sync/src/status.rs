//! What a peer knows about itself and its remotes.

use std::collections::BTreeMap;

use wattle_context::Part;
use wattle_protocol::{ContextId, LinkId, PublicKey, StoreId};

/// The heads of documents, in hexadecimal.
pub type Heads = BTreeMap<Part, Vec<String>>;

/// What a peer knows about itself and its remotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The context.
    pub context: ContextId,
    /// Its name; unknown until its record has arrived.
    pub name: Option<String>,
    /// The store of the directory.
    pub store: StoreId,
    /// Who edits.
    pub key: PublicKey,
    /// Which process dials.
    pub uplink: UplinkStatus,
    /// Per document, in the order of their keys.
    pub documents: Vec<DocumentStatus>,
    /// Links of this process, and remotes that it tries to reach.
    pub links: Vec<LinkStatus>,
    /// Other stores that were ever met, also by other processes.
    pub remotes: Vec<RemoteStatus>,
    /// Changes that no document could take.
    pub quarantined: Vec<Quarantined>,
    /// Changes of this principal that do not count, because its rights have ended.
    pub uncounted: Option<Uncounted>,
    /// Proofs that a sequencer has signed two entries with one number.
    pub forks: u64,
    /// The size of the store.
    pub store_bytes: u64,
}

/// Which process holds the uplink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UplinkStatus {
    /// This one.
    Here,
    /// Another one on the same directory.
    Elsewhere,
    /// None that this process knows of; it may not hold it itself.
    Off,
}

/// A document and how far its changes have come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentStatus {
    /// Which; absent when the section is not known to this program.
    pub part: Option<Part>,
    /// For people to read.
    pub name: String,
    /// Changes that are durable here.
    pub changes: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Its heads, in hexadecimal.
    pub heads: Vec<String>,
    /// Whether it is in memory.
    pub loaded: bool,
    /// What is known to be durable at the other stores.
    pub remotes: Vec<DocumentAt>,
    /// What others have signed to have.
    pub receipts: Vec<Received>,
}

/// What somebody has signed to have of a document, durably.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Whose signature.
    pub key: PublicKey,
    /// Changes that it covers.
    pub changes: u64,
    /// Changes that it does not.
    pub pending: u64,
    /// The number of entries of the access log that the signer knew.
    pub epoch: u64,
}

/// Changes of this principal that do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uncounted {
    /// How many.
    pub changes: u64,
    /// The entry of the access log that ended its right to make them.
    pub entry: u64,
}

/// How much of a document another store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentAt {
    /// The other store.
    pub store: StoreId,
    /// Changes that are durable there.
    pub durable: u64,
    /// Changes that are only known to be here.
    pub pending: u64,
}

/// Another store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteStatus {
    /// Which.
    pub store: StoreId,
    /// Where it was last reached; absent when it has only ever dialled this one.
    pub address: Option<String>,
    /// Changes that are not known to be durable there.
    pub pending: u64,
}

/// A link, or a remote that is to have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkStatus {
    /// The link, when there is one.
    pub link: Option<LinkId>,
    /// What is dialled; absent when the other side has dialled.
    pub address: Option<String>,
    /// How it stands.
    pub state: LinkState,
    /// The other store, when it has proved its key.
    pub store: Option<StoreId>,
    /// Its key.
    pub key: Option<PublicKey>,
    /// The program it says it is.
    pub agent: Option<String>,
}

/// How a link stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// A connection is being made.
    Dialling,
    /// The last attempt failed; there will be another.
    Waiting {
        /// Why it failed.
        reason: String,
        /// How long until the next attempt, at most.
        retry_ms: u64,
    },
    /// Connected; the keys are being proved.
    Handshake,
    /// The documents are being compared.
    Comparing,
    /// All documents have been compared; changes flow.
    InSync,
}

/// A change that no document could take. It is not stored and not passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Of which document.
    pub document: String,
    /// Its hash, in hexadecimal.
    pub change: String,
    /// Whose signature it bore.
    pub key: Option<PublicKey>,
}

/// Somebody who is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// Whose.
    pub key: PublicKey,
    /// Their session, in hexadecimal.
    pub session: String,
    /// Text of the application.
    pub body: String,
}
