//! What replicas say to each other. `docs/protocol.md` gives the bytes.

mod bounded;

use serde::{Deserialize, Serialize};

use crate::id::{Blob, ChangeHash, ContextId, DocumentKey, Position, PublicKey, StoreId};
use crate::identity::{Receipt, Seal, Signature};
use crate::lease;
use crate::limits::{
    ACCESS_ENTRY_BYTES_MAX, FRAME_ACCESS_ENTRIES_MAX, FRAME_CHANGES_MAX, HEADS_MAX, NAME_BYTES_MAX,
    OPEN_DOCUMENTS_MAX, PRESENCE_BYTES_MAX, PROPOSAL_BYTES_MAX, REASON_BYTES_MAX,
    SNAPSHOT_PART_BYTES, SNAPSHOT_SEALS_MAX, TOKEN_BYTES_MAX,
};

/// One message; one frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// The first frame of both sides.
    Hello(Hello),
    /// The second frame of both sides: a signature of the other side's nonce.
    Proof {
        /// Over the bytes that `identity::Challenge` makes.
        signature: Signature,
    },
    /// The side that dialled states what it has of a context, and follows it from then on.
    Open(Open),
    /// The answer: what the other side has, durably.
    Opened(Opened),
    /// Changes of one document, each after its dependencies.
    Changes(Changes),
    /// A part of a snapshot.
    Snapshot(SnapshotPart),
    /// Changes that came over this link are durable here.
    Saved {
        /// Of which context.
        context: ContextId,
        /// Of which document.
        document: DocumentKey,
        /// The receiver now has this store's log of the document up to here; zero when unchanged.
        cursor: Position,
        /// The newest of the changes; their ancestors are durable too.
        #[serde(deserialize_with = "bounded::vec::<_, _, HEADS_MAX>")]
        heads: Vec<ChangeHash>,
        /// The signature of that, by a store that is asked to keep what others write.
        receipt: Option<Receipt>,
    },
    /// Entries of the access log from number `from` on.
    Access {
        /// Of which context.
        context: ContextId,
        /// The number of the first entry.
        from: u64,
        /// Opaque, signed entries.
        #[serde(
            deserialize_with = "bounded::blobs::<_, FRAME_ACCESS_ENTRIES_MAX, ACCESS_ENTRY_BYTES_MAX>"
        )]
        entries: Vec<Blob>,
    },
    /// What somebody shows of themselves.
    Presence {
        /// In which context.
        context: ContextId,
        /// Whose.
        key: PublicKey,
        /// Their session.
        session: [u8; 16],
        /// Grows with each message of the session.
        count: u64,
        /// Text of the application; empty: gone.
        #[serde(deserialize_with = "bounded::blob::<_, PRESENCE_BYTES_MAX>")]
        body: Blob,
    },
    /// Something was refused; the link stays.
    Refused(Refusal),
    /// What somebody wants done to the access log, on its way to the sequencer.
    Propose {
        /// Of which context.
        context: ContextId,
        /// The bytes of an [`access::Proposal`](crate::access::Proposal).
        #[serde(deserialize_with = "bounded::blob::<_, PROPOSAL_BYTES_MAX>")]
        proposal: Blob,
    },
    /// What somebody wants of a lease, of the sequencer.
    Lease {
        /// Of which context; it need not be open on the link.
        context: ContextId,
        /// The sender's number of it, for the answer.
        number: u64,
        /// What.
        request: lease::Request,
    },
    /// The answer.
    Leased {
        /// Of which context.
        context: ContextId,
        /// The number of the request.
        number: u64,
        /// What has become of it.
        answer: Box<lease::Answer>,
    },
}

/// Who speaks, and what it can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The lowest protocol version that it speaks.
    pub version_min: u16,
    /// The highest.
    pub version_max: u16,
    /// Its store.
    pub store: StoreId,
    /// Its key.
    pub key: PublicKey,
    /// To be signed by the other side.
    pub nonce: [u8; 32],
    /// It can load snapshots.
    pub takes_snapshots: bool,
    /// The program, for people to read.
    #[serde(deserialize_with = "bounded::text::<_, NAME_BYTES_MAX>")]
    pub agent: String,
    /// A token of a login; empty when there is none.
    #[serde(deserialize_with = "bounded::blob::<_, TOKEN_BYTES_MAX>")]
    pub token: Blob,
}

/// What the side that dialled has of a context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// Which context.
    pub context: ContextId,
    /// The entries of the access log that it has.
    pub access_entries: u64,
    /// The hash of the newest of them; zeros when it has none.
    pub access_head: [u8; 32],
    /// Entry 0, the context's record, where it has it: a relay may not know the context yet.
    pub record: Option<Blob>,
    /// What it has of each document.
    #[serde(deserialize_with = "bounded::vec::<_, _, OPEN_DOCUMENTS_MAX>")]
    pub documents: Vec<Have>,
    /// Further `Open`s of the same context follow.
    pub more: bool,
}

/// What one side has of a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Have {
    /// Which.
    pub document: DocumentKey,
    /// It has everything of the other store's log of the document up to here; zero: never met.
    pub cursor: Position,
    /// Its heads.
    #[serde(deserialize_with = "bounded::vec::<_, _, HEADS_MAX>")]
    pub heads: Vec<ChangeHash>,
    /// Hashes at exponentially growing distance behind the heads.
    #[serde(deserialize_with = "bounded::vec::<_, _, HEADS_MAX>")]
    pub samples: Vec<ChangeHash>,
}

/// What the side that answers has, and what it is about to send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// Which context.
    pub context: ContextId,
    /// The entries of the access log that it has.
    pub access_entries: u64,
    /// The hash of the newest of them; zeros when it has none.
    pub access_head: [u8; 32],
    /// Each document that either side has.
    #[serde(deserialize_with = "bounded::vec::<_, _, OPEN_DOCUMENTS_MAX>")]
    pub documents: Vec<Has>,
    /// Further `Opened`s of the same context follow.
    pub more: bool,
}

/// What the side that answers has of a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Has {
    /// Which.
    pub document: DocumentKey,
    /// Its durable log reaches to here.
    pub cursor: Position,
    /// Its durable heads.
    #[serde(deserialize_with = "bounded::vec::<_, _, HEADS_MAX>")]
    pub heads: Vec<ChangeHash>,
    /// Changes or a snapshot follow, up to a message with `done`.
    pub sends: bool,
}

/// Changes of one document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// Of which context.
    pub context: ContextId,
    /// Of which document.
    pub document: DocumentKey,
    /// Chunk and signature, each after its dependencies.
    #[serde(deserialize_with = "bounded::vec::<_, _, FRAME_CHANGES_MAX>")]
    pub changes: Vec<(Blob, Option<Seal>)>,
    /// After these, the receiver has the sender's durable log up to here; zero when unchanged.
    pub cursor: Position,
    /// The catching up of this document ends here.
    pub done: bool,
}

/// A part of a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotPart {
    /// Of which context.
    pub context: ContextId,
    /// Of which document.
    pub document: DocumentKey,
    /// Where this part begins.
    pub offset: u64,
    /// The length of the whole, in bytes.
    pub total: u64,
    /// The part.
    #[serde(deserialize_with = "bounded::blob::<_, SNAPSHOT_PART_BYTES>")]
    pub bytes: Blob,
    /// With the first part: the newest signature of each actor within it.
    #[serde(deserialize_with = "bounded::vec::<_, _, SNAPSHOT_SEALS_MAX>")]
    pub seals: Vec<(ChangeHash, Seal)>,
    /// After the whole, the receiver has the sender's log up to here.
    pub cursor: Position,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason} (code {})", code.number())]
pub struct Refusal {
    /// What kind.
    pub code: Code,
    /// One sentence for people.
    #[serde(deserialize_with = "bounded::text::<_, REASON_BYTES_MAX>")]
    pub reason: String,
    /// The change or document it is about, where it is about one.
    pub about: Option<ChangeHash>,
}

/// The kinds of refusal; the number is also the close code of the WebSocket.
///
/// 44xx are permanent: the same again is refused again. 45xx are temporary: try again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Code {
    /// 4400: bytes that are no frame of this protocol.
    Malformed,
    /// 4401: the key was not proved.
    Unproved,
    /// 4403: not allowed.
    Forbidden,
    /// 4404: no such context here, or none that you may know of.
    Unknown,
    /// 4406: no common protocol version.
    Version,
    /// 4408: the handshake took too long.
    Slow,
    /// 4409: a change that contradicts what is known (a second change with one actor and sequence, say).
    Contradiction,
    /// 4413: over a limit.
    TooLarge,
    /// 4422: a change that breaks a rule of `admit`.
    Invalid,
    /// 4426: a signature that does not hold.
    BadSignature,
    /// 4500: this side failed; try again later.
    Failed,
    /// 4503: too much at once; try again later.
    Busy,
    /// 4510: going away; try again, perhaps elsewhere.
    GoingAway,
    /// 4511: what this builds on did not arrive; catch up and send again.
    Missing,
    /// 4430: two entries of the access log with one number.
    Fork,
    /// 4431: ordered by somebody who does not order, or not in this term.
    NotSequencer,
    /// 4432: a grant of more than its author holds.
    Excess,
    /// 4433: a grant to its own author.
    SelfGrant,
    /// 4434: an agent that would be its own sponsor.
    Cycle,
    /// 4435: after the end date of a grant or an invitation.
    Expired,
    /// 4436: an invitation that was taken up as often as it can be.
    UsedUp,
    /// 4437: after rights were taken.
    Revoked,
    /// 4438: what counts once came once more.
    Replayed,
    /// 4512: no signature of its author covers it yet.
    Uncovered,
    /// 4513: more than its author's budget or share; try again later.
    OverBudget,
    /// 4514: the context is as large as it may be here.
    Quota,
    /// 4515: rights have changed; connect again.
    RightsChanged,
    /// 4439: an actor whose id is not one of its author's key.
    ForeignActor,
}

impl Refusal {
    /// A refusal about nothing in particular; the reason is cut to its limit.
    pub fn new(code: Code, reason: &str) -> Self {
        Self { code, reason: at_most(reason, REASON_BYTES_MAX), about: None }
    }
}

impl Code {
    /// The number on the wire and of the WebSocket close frame.
    pub fn number(self) -> u16 {
        match self {
            Self::Malformed => 4400,
            Self::Unproved => 4401,
            Self::Forbidden => 4403,
            Self::Unknown => 4404,
            Self::Version => 4406,
            Self::Slow => 4408,
            Self::Contradiction => 4409,
            Self::TooLarge => 4413,
            Self::Invalid => 4422,
            Self::BadSignature => 4426,
            Self::Failed => 4500,
            Self::Busy => 4503,
            Self::GoingAway => 4510,
            Self::Missing => 4511,
            Self::Fork => 4430,
            Self::NotSequencer => 4431,
            Self::Excess => 4432,
            Self::SelfGrant => 4433,
            Self::Cycle => 4434,
            Self::Expired => 4435,
            Self::UsedUp => 4436,
            Self::Revoked => 4437,
            Self::Replayed => 4438,
            Self::Uncovered => 4512,
            Self::OverBudget => 4513,
            Self::Quota => 4514,
            Self::RightsChanged => 4515,
            Self::ForeignActor => 4439,
        }
    }

    /// The same again will be refused again.
    pub fn is_permanent(self) -> bool {
        self.number() < 4500
    }
}

/// The beginning of a text, as much as fits.
pub(crate) fn at_most(text: &str, bytes_max: usize) -> String {
    let mut text = text.to_owned();
    while text.len() > bytes_max {
        text.pop();
    }
    text
}
