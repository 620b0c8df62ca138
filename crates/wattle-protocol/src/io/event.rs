//! What an application may want to know of the machine.

use crate::id::{Blob, ChangeHash, ContextId, DocumentKey, LinkId, PublicKey, StoreId};
use crate::identity::{Receipt, Seal};
use crate::lease::Answer;
use crate::message::Refusal;

use super::Known;

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
    /// Somebody else's proposal will not be done. Its sender is told that, or, when they may not know of
    /// the context, that there is none.
    ProposalDeclined {
        /// The link that brought it.
        link: LinkId,
        /// Of which context.
        context: ContextId,
        /// The bytes of it.
        proposal: Blob,
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
    /// The answer to [`Input::Lease`](super::Input::Lease).
    Leased {
        /// Of which context.
        context: ContextId,
        /// As asked.
        number: u64,
        /// What has become of it; none when no link to the sequencer is up, or it broke first.
        answer: Option<Answer>,
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
