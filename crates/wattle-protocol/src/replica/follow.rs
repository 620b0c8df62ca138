//! What a link has, lacks and awaits: of a context, and of each of its documents.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::access::{Log, Scopes};
use crate::id::{Blob, ChangeHash, ContextId, DocumentKey, LinkId, Position, PublicKey};
use crate::identity::Side;
use crate::io::{Known, Time};

/// A document of a context on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) link: LinkId,
    pub(super) context: ContextId,
    pub(super) document: DocumentKey,
}

/// A context on a link.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) side: Side,
    pub(super) phase: Phase,
    /// The other side's store, as remembered; absent until the store has answered.
    pub(super) known: Option<Vec<Known>>,
    /// The record that the other side sent for a context that is unknown here.
    pub(super) record: Option<Blob>,
    /// How many access entries the other side said it has, and the hash of the newest.
    pub(super) stated_access: (u64, [u8; 32]),
    /// It has, or was sent, the entries before this one; absent while that is not known.
    pub(super) access: Option<u64>,
    /// The scopes that the key at the other end may read; absent until the log is known.
    pub(super) reads: Option<Scopes>,
    /// When the last `Open` came.
    pub(super) stated_at: Time,
    /// The store was asked for the context because of this link.
    pub(super) asked: bool,
    /// The other side must not learn that the context is here, and waits for the store.
    pub(super) is_stranger: bool,
    /// The whole log was sent to somebody who knew less of it, and the context opened once more.
    pub(super) insisted: bool,
    /// Documents still to be stated: in an `Open` by the side that dialled, else in an `Opened`.
    pub(super) to_state: BTreeSet<DocumentKey>,
    /// A last `Open` or `Opened` is owed, even if it states nothing.
    pub(super) owes_last: bool,
    /// Documents whose graph is needed before the context is opened.
    pub(super) loading: BTreeSet<DocumentKey>,
    pub(super) follows: BTreeMap<DocumentKey, Follow>,
    /// Documents that may have something to send.
    pub(super) ready: BTreeSet<DocumentKey>,
    /// The one that was served last.
    pub(super) turn: Option<DocumentKey>,
    /// Documents of which `Saved` is owed.
    pub(super) to_save: BTreeSet<DocumentKey>,
    /// Documents that are not through yet.
    pub(super) behind: BTreeSet<DocumentKey>,
    pub(super) in_sync: bool,
    /// Presence to pass on.
    pub(super) presence: BTreeSet<(PublicKey, [u8; 16])>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Waits for the store, or for further `Open`s.
    Gathering,
    /// `Open` is being sent, or the last `Opened` is awaited.
    Opening,
    /// Both sides follow the context.
    Open,
}

impl Shared {
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            phase: Phase::Gathering,
            known: None,
            record: None,
            stated_access: (0, [0; 32]),
            access: None,
            reads: None,
            stated_at: Time::default(),
            asked: false,
            is_stranger: false,
            insisted: false,
            to_state: BTreeSet::new(),
            owes_last: false,
            loading: BTreeSet::new(),
            follows: BTreeMap::new(),
            ready: BTreeSet::new(),
            turn: None,
            to_save: BTreeSet::new(),
            behind: BTreeSet::new(),
            in_sync: false,
            presence: BTreeSet::new(),
        }
    }

    /// Whether both follow the context, and the other side may know anything of it.
    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open && self.reads != Some(Scopes::default())
    }

    /// Whether the other side has entries of the access log that may still come.
    pub(super) fn is_ahead_of(&self, log: &Log) -> bool {
        self.access.is_none() && self.stated_access.0 > log.entries()
    }

    /// Whether a document may be named to the other side, and taken from it.
    pub(super) fn may_read(&self, document: &DocumentKey) -> bool {
        self.reads.is_none_or(|reads| reads.contains(document.scope))
    }

    /// The next document that may have something to send, after the one served last.
    pub(super) fn next_ready(&self) -> Option<DocumentKey> {
        let after = self.turn.and_then(|turn| {
            use std::ops::Bound::{Excluded, Unbounded};
            self.ready.range((Excluded(turn), Unbounded)).next()
        });
        after.or_else(|| self.ready.first()).copied()
    }
}

/// A document on a link.
#[derive(Debug, Default)]
pub(super) struct Follow {
    pub(super) stage: Stage,
    /// What the other side said that it has, until it has been acted on.
    pub(super) stated: Vec<ChangeHash>,
    /// It has everything up to here of this store's log, as it said.
    pub(super) after: Position,
    /// Changes to catch up with, before the live ones.
    pub(super) queue: VecDeque<u32>,
    /// Everything before this index has been sent, is in the queue, or is there already.
    pub(super) next: u32,
    /// The last message of the catching up is owed.
    pub(super) owes_done: bool,
    /// The highest cursor that was sent.
    pub(super) told: Position,
    /// A frame is owed even when it has nothing but a cursor.
    pub(super) owes_cursor: bool,
    /// Stored changes that came over this link, to be acknowledged.
    pub(super) saved: BTreeSet<u32>,

    /// The other side is to send a message with `done`.
    pub(super) expects: bool,
    /// A snapshot is with the application; `done` waits for it.
    pub(super) expanding: bool,
    pub(super) done_waits: bool,
    /// It was opened a second time, without a cursor.
    pub(super) reopened: bool,
    /// Something that came could not be kept: no cursor covers it.
    pub(super) lost: bool,
    /// This replica has, durably, the other store's log up to here.
    pub(super) cursor: Position,
    /// The same for what has come but is not stored yet.
    pub(super) arrived: Option<Position>,
    /// The other store has these, durably.
    pub(super) durable: Vec<ChangeHash>,
    /// What was pushed and must be acknowledged before the two are in sync.
    pub(super) unsaved: BTreeSet<u32>,
    /// Changes before this index must be stored before the two are in sync.
    pub(super) barrier: u32,
    /// What the other side could not take for the moment.
    pub(super) retry: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// The other side speaks first.
    #[default]
    Receiving,
    /// What was received has ended; the graph is needed to see what is missing on either side.
    Ending,
    /// The graph is needed to see what the other side lacks.
    Planning,
    /// A snapshot goes first.
    Snapshot,
    /// The queue, then what arrives.
    Sending,
}

impl Follow {
    pub(super) fn live() -> Self {
        Self { stage: Stage::Sending, ..Self::default() }
    }
}
