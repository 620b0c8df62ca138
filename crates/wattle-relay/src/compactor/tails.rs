//! How much each document has grown since its newest snapshot.

use std::collections::{BTreeMap, BTreeSet};

use wattle_protocol::{ContextId, DocumentKey, Position};
use wattle_store::{Store, StoreError};

/// Changes after the newest snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) changes: u64,
    pub(super) bytes: u64,
}

/// Measured once per document, then counted.
#[derive(Debug, Default)]
pub(super) struct Tails {
    tails: BTreeMap<Name, Tail>,
    snapshots: BTreeMap<Name, Position>,
    /// Changes in the newest snapshot, and its length in bytes.
    held: BTreeMap<Name, Tail>,
    /// Contexts whose snapshots are known.
    known: BTreeSet<ContextId>,
}

type Name = (ContextId, DocumentKey);

impl Tails {
    /// A document has grown; answers its tail.
    pub(super) fn grow(
        &mut self,
        store: &mut dyn Store,
        name: Name,
        by: Tail,
    ) -> Result<Tail, StoreError> {
        let Some(tail) = self.tails.get_mut(&name) else { return self.measure(store, name) };
        tail.changes += by.changes;
        tail.bytes += by.bytes;
        Ok(*tail)
    }

    /// Reads how long the tail is.
    pub(super) fn measure(
        &mut self,
        store: &mut dyn Store,
        name: Name,
    ) -> Result<Tail, StoreError> {
        let snapshot = self.snapshot(store, name)?;
        let mut tail = Tail::default();
        for (position, _, bytes) in store.graph(&name.0, &name.1)? {
            if position > snapshot {
                tail.changes += 1;
                tail.bytes += bytes as u64;
            }
        }
        self.tails.insert(name, tail);
        Ok(tail)
    }

    pub(super) fn begin_anew(&mut self, name: Name) {
        self.tails.insert(name, Tail::default());
    }

    /// Changes were removed from it: what is known of it does not hold any more.
    pub(super) fn forget(&mut self, name: &Name) {
        self.tails.remove(name);
        self.held.remove(name);
        self.snapshots.remove(name);
        self.known.remove(&name.0);
    }

    pub(super) fn has_snapshot(&mut self, name: Name, upto: Position, held: Tail) {
        self.snapshots.insert(name, upto);
        self.held.insert(name, held);
    }

    /// What the newest snapshot holds, where this process made it.
    pub(super) fn held(&self, name: &Name) -> Tail {
        self.held.get(name).copied().unwrap_or_default()
    }

    fn snapshot(&mut self, store: &mut dyn Store, name: Name) -> Result<Position, StoreError> {
        if self.known.insert(name.0) {
            for summary in store.documents(&name.0)? {
                self.snapshots.insert((name.0, summary.document), summary.snapshot);
            }
        }
        Ok(self.snapshots.get(&name).copied().unwrap_or_default())
    }
}
