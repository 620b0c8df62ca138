//! What is kept in memory of a context and its documents.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::access::{Arrived, Writing};
use super::budget::Bucket;
use super::forgers::Suspect;
use super::sequencing::Sequencing;
use crate::access::Log;
use crate::change::Change;
use crate::graph::Graph;
use crate::id::{Blob, ChangeHash, DocumentKey, LinkId, Position, PublicKey};
use crate::identity::{Receipt, Seal};
use crate::io::{Summary, Time};
use crate::limits::RECENT_BYTES_MAX;
use crate::message::{Changes, Code};

/// A context that at least one link follows, or did a short while ago.
#[derive(Debug, Default)]
pub(super) struct Context {
    pub(super) state: ContextState,
    /// The access log from entry 0, as the store has it.
    pub(super) access: Vec<Blob>,
    /// What it says; absent while there is none.
    pub(super) log: Option<Log>,
    /// Entries that the store is taking in.
    pub(super) writing: Option<Writing>,
    /// What came over links behind entries that the store is taking in.
    pub(super) arrived: VecDeque<Arrived>,
    pub(super) sequencing: Sequencing,
    /// Documents that are loaded, to be judged by a new log.
    pub(super) judging: BTreeSet<DocumentKey>,
    /// Documents out of which the store is taking changes.
    pub(super) removing: BTreeSet<DocumentKey>,
    /// Links that must not learn that the context is here: they wait for the store, as all others do.
    pub(super) strangers: VecDeque<LinkId>,
    /// The store has taken changes out of one: all links compare anew.
    pub(super) has_removed: bool,
    /// What the store could not take out yet.
    pub(super) to_remove: Vec<(DocumentKey, Vec<ChangeHash>)>,
    /// The store is asked for the log once more.
    pub(super) reloads: bool,
    /// Second changes with an actor and a number, by where the first one is.
    pub(super) suspects: BTreeMap<(DocumentKey, Position), Suspect>,
    /// How many changes the authors with a budget have left.
    pub(super) budgets: BTreeMap<PublicKey, Bucket>,
    /// Proof that the sequencer lies was reported.
    pub(super) is_forked: bool,
    pub(super) documents: BTreeMap<DocumentKey, Document>,
    /// Links that follow it, or are about to.
    pub(super) links: BTreeSet<LinkId>,
    /// What this replica committed before the context was loaded.
    pub(super) committed: Vec<(DocumentKey, Vec<(Change, Position)>)>,
    pub(super) presence: BTreeMap<(PublicKey, [u8; 16]), Presence>,
    pub(super) used: Time,
    pub(super) idle_due: bool,
    pub(super) presence_due: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum ContextState {
    #[default]
    Loading,
    Loaded,
}

/// A change in the graph that no signature covers yet.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) change: Change,
    /// Who brought it; it counts against the room of the first.
    pub(super) links: Vec<LinkId>,
    /// It counts against the room of its link.
    pub(super) reserved: bool,
    /// A signature covers it, but something that it builds on has none.
    pub(super) covered: bool,
    /// Its own signature, at which nobody has looked. Where another one covers it, nobody needs to.
    pub(super) unchecked: Option<Seal>,
}

/// What somebody shows.
#[derive(Debug)]
pub(super) struct Presence {
    pub(super) count: u64,
    pub(super) body: Blob,
    /// The link that it came over; absent for this replica's own.
    pub(super) link: Option<LinkId>,
    pub(super) until: Time,
}

/// A document of a loaded context.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// What the store listed; kept up to date only while the graph is not in memory.
    pub(super) heads: Vec<ChangeHash>,
    pub(super) last: Position,
    pub(super) pruned: Position,
    pub(super) snapshot: Position,
    /// Up to where links that follow it had everything when the graph left memory.
    pub(super) settled: Position,
    pub(super) state: GraphState,
    pub(super) graph: Graph,
    pub(super) recent: Recent,
    /// Changes that no signature covers yet, by their index in the graph.
    pub(super) held: BTreeMap<u32, Held>,
    /// Changes that were refused under the present log, so that what builds on them is, too.
    pub(super) refused: BTreeMap<ChangeHash, Code>,
    /// Changes by the dependency that they wait for.
    pub(super) deferred: BTreeMap<ChangeHash, Vec<(LinkId, Change)>>,
    /// Frames of changes that wait for the graph.
    pub(super) parked: Vec<(LinkId, Changes)>,
    /// Cursors and heads of `Saved`s that came behind them.
    pub(super) parked_saved: Vec<(LinkId, Position, Vec<ChangeHash>)>,
    /// What this replica committed and could not be placed yet.
    pub(super) committed: Vec<(Change, Position)>,
    /// Who is told when a change is stored.
    pub(super) owed: BTreeMap<u32, Vec<LinkId>>,
    /// Links of which a cursor waits until everything is stored, or that wait to be in sync.
    pub(super) watchers: BTreeSet<LinkId>,
    /// A cursor update is scheduled.
    pub(super) update_due: bool,
    /// The last signature that changes are durable here.
    pub(super) receipt: Option<(Vec<ChangeHash>, Receipt)>,
    /// The last live frame: the same for every link at the same place.
    pub(super) frame: Option<((u32, u32, Position), Blob)>,
    pub(super) used: Time,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum GraphState {
    #[default]
    Unloaded,
    Loading,
    Loaded,
}

impl Context {
    /// Nothing would be lost if it left memory.
    pub(super) fn is_settled(&self) -> bool {
        self.writing.is_none()
            && self.sequencing.is_idle()
            && self.judging.is_empty()
            && self.removing.is_empty()
            && self.to_remove.is_empty()
    }
}

impl Document {
    pub(super) fn listed(summary: Summary) -> Self {
        Self {
            heads: summary.heads,
            last: summary.last,
            pruned: summary.pruned,
            snapshot: summary.snapshot,
            settled: summary.last,
            ..Self::default()
        }
    }

    /// A document that nobody has yet.
    pub(super) fn empty() -> Self {
        Self { state: GraphState::Loaded, ..Self::default() }
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.state == GraphState::Loaded
    }

    pub(super) fn durable_heads(&self) -> Vec<ChangeHash> {
        if self.is_loaded() { self.graph.durable_heads() } else { self.heads.clone() }
    }

    pub(super) fn last(&self) -> Position {
        self.last.max(self.graph.last())
    }

    /// Nothing would be lost if the graph left memory.
    pub(super) fn is_quiet(&self) -> bool {
        self.is_loaded()
            && self.graph.first_unstored().is_none()
            && self.deferred.is_empty()
            && self.held.is_empty()
            && self.parked.is_empty()
            && self.committed.is_empty()
            && self.owed.is_empty()
            && self.watchers.is_empty()
            && !self.update_due
    }

    pub(super) fn unload(&mut self) {
        self.heads = self.graph.durable_heads();
        self.last = self.last();
        self.settled = self.last;
        self.graph = Graph::default();
        self.recent = Recent::default();
        self.frame = None;
        self.refused.clear();
        self.state = GraphState::Unloaded;
    }
}

/// The newest changes with their bytes, so that live traffic never reads the disk.
#[derive(Debug, Default)]
pub(super) struct Recent {
    changes: BTreeMap<u32, (Blob, Option<Seal>)>,
    bytes: usize,
}

impl Recent {
    pub(super) fn insert(&mut self, index: u32, change: &Change) {
        self.bytes += change.bytes.len();
        self.changes.insert(index, (change.bytes.clone(), change.seal));
    }

    pub(super) fn get(&self, index: u32) -> Option<&(Blob, Option<Seal>)> {
        self.changes.get(&index)
    }

    pub(super) fn remove(&mut self, index: u32) {
        if let Some((bytes, _)) = self.changes.remove(&index) {
            self.bytes -= bytes.len();
        }
    }

    /// Lets the oldest go, but nothing that is nowhere else yet.
    pub(super) fn evict(&mut self, first_unstored: Option<u32>) {
        while self.bytes > RECENT_BYTES_MAX {
            let Some((&oldest, _)) = self.changes.first_key_value() else { return };
            if first_unstored.is_some_and(|unstored| oldest >= unstored) {
                return;
            }
            self.remove(oldest);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
