//! What the storage holds.

use std::collections::{BTreeMap, BTreeSet};

use wattle_protocol::io::{Known, Snapshot, Summary};
use wattle_protocol::lease::{Lease, Subject};
use wattle_protocol::{
    ActorId, Blob, Change, ChangeHash, ContextId, DocumentKey, Header, Position, PublicKey, StoreId,
};

use crate::error::StoreError;
use crate::store::{Append, News, StoredReceipt};

mod access;
mod leases;
mod removal;

use removal::Apart;

type Key = (ContextId, DocumentKey);
type RemoteKey = (StoreId, ContextId, DocumentKey);

/// Everything; each method that can fail does so before it changes anything.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The entry of position `n` is at index `n - 1`; absent when it was removed.
    log: Vec<Option<Entry>>,
    documents: BTreeMap<Key, Document>,
    removed: BTreeMap<(Key, ChangeHash), Apart>,
    access: BTreeMap<ContextId, Vec<Blob>>,
    /// Entries that were replaced, in this order.
    void: Vec<(ContextId, u64, Blob)>,
    /// In the order in which they came.
    proposals: Vec<(ContextId, Blob)>,
    receipts: BTreeMap<(ContextId, DocumentKey, PublicKey), StoredReceipt>,
    remotes: BTreeMap<RemoteKey, Known>,
    /// What a crash brings back: the value before each `remember` since the last sync, oldest first.
    unsynced: Vec<(RemoteKey, Option<Known>)>,
    notes: BTreeMap<String, Vec<u8>>,
    leases: BTreeMap<(ContextId, Subject), Lease>,
    /// The numbers given last.
    fences: BTreeMap<ContextId, u64>,
}

#[derive(Debug)]
struct Entry {
    key: Key,
    change: Change,
    /// Its bytes were dropped.
    pruned: bool,
}

#[derive(Debug, Default)]
struct Document {
    heads: BTreeSet<ChangeHash>,
    positions: Vec<Position>,
    by_hash: BTreeMap<ChangeHash, Position>,
    by_seq: BTreeMap<(ActorId, u64), ChangeHash>,
    pruned: Position,
    /// The newest two, the older one first.
    snapshots: Vec<Snapshot>,
}

impl State {
    /// Everything so far is on the disk.
    pub(super) fn sync(&mut self) {
        self.unsynced.clear();
    }

    /// Goes back to what is on the disk.
    pub(super) fn forget_unsynced(&mut self) {
        for (key, before) in std::mem::take(&mut self.unsynced).into_iter().rev() {
            match before {
                Some(known) => self.remotes.insert(key, known),
                None => self.remotes.remove(&key),
            };
        }
    }

    pub(super) fn contexts(&self) -> Vec<ContextId> {
        let with_changes = self.documents.keys().map(|(context, _)| context);
        let contexts: BTreeSet<_> = self.access.keys().chain(with_changes).collect();
        contexts.into_iter().copied().collect()
    }

    pub(super) fn append(&mut self, batch: &[Append]) -> Result<Vec<Vec<Position>>, StoreError> {
        self.check(batch)?;
        Ok(batch
            .iter()
            .map(|append| {
                let key = (append.context, append.document);
                append.changes.iter().map(|change| self.add(key, change)).collect()
            })
            .collect())
    }

    pub(super) fn documents(&self, context: &ContextId) -> Vec<Summary> {
        let documents = self.documents.iter().filter(|((of, _), _)| of == context);
        documents.map(|((_, key), document)| document.summary(*key)).collect()
    }

    pub(super) fn bytes(&self, context: &ContextId) -> u64 {
        let documents = || self.documents.iter().filter(|((of, _), _)| of == context);
        let snapshots = documents().flat_map(|(_, document)| &document.snapshots);
        let snapshots: usize = snapshots.map(|snapshot| snapshot.bytes.len()).sum();
        let nodes = documents().flat_map(|((_, key), _)| self.graph(context, key));
        let changes: usize = nodes.map(|(.., length)| length).sum();
        (snapshots + changes) as u64
    }

    pub(super) fn graph(
        &self,
        context: &ContextId,
        document: &DocumentKey,
    ) -> Vec<(Position, Header, usize)> {
        let entries = self.entries(context, document, Position(0));
        entries
            .map(|(position, entry)| {
                let length = if entry.pruned { 0 } else { entry.change.bytes.len() };
                (position, entry.change.header.clone(), length)
            })
            .collect()
    }

    pub(super) fn read(
        &self,
        context: &ContextId,
        document: &DocumentKey,
        positions: &[Position],
    ) -> Vec<(Position, Change)> {
        let key = (*context, *document);
        let found = positions.iter().filter_map(|position| {
            let entry = self.entry(*position)?;
            (entry.key == key && !entry.pruned).then(|| (*position, entry.change.clone()))
        });
        found.collect()
    }

    pub(super) fn read_after(
        &self,
        (context, document): (&ContextId, &DocumentKey),
        after: Position,
        bytes_max: usize,
    ) -> Vec<(Position, Change)> {
        let entries = self.entries(context, document, after);
        within(entries, bytes_max).map(|(at, entry)| (at, entry.change.clone())).collect()
    }

    pub(super) fn news(&self, after: Position, bytes_max: usize) -> Vec<News> {
        let skipped = usize::try_from(after.0).unwrap_or(usize::MAX);
        let entries = self.log.iter().enumerate().skip(skipped);
        let entries = entries
            .filter_map(|(index, entry)| Some((Position(index as u64 + 1), entry.as_ref()?)));
        within(entries, bytes_max)
            .map(|(at, entry)| (at, entry.key.0, entry.key.1, entry.change.clone()))
            .collect()
    }

    pub(super) fn last(&self) -> Position {
        Position(self.log.len() as u64)
    }

    pub(super) fn snapshot(&self, context: &ContextId, document: &DocumentKey) -> Option<Snapshot> {
        self.documents.get(&(*context, *document))?.snapshots.last().cloned()
    }

    pub(super) fn put_snapshot(
        &mut self,
        (context, document): (&ContextId, &DocumentKey),
        snapshot: &Snapshot,
        prune: bool,
    ) -> Result<Position, StoreError> {
        let key = (*context, *document);
        let last = self.documents.get(&key).map(Document::last).unwrap_or_default();
        let fits = (1..=last.0).contains(&snapshot.upto.0);
        let (Some(document), true) = (self.documents.get_mut(&key), fits) else {
            let (document, upto) = (key.1, snapshot.upto);
            return Err(StoreError::SnapshotOutside { document, upto, last });
        };
        let mut holds = snapshot.seals.iter().map(|(change, _)| change).filter(|change| {
            self.removed.contains_key(&(key, **change)) && !document.by_hash.contains_key(change)
        });
        if let Some(change) = holds.next() {
            return Err(StoreError::SnapshotHoldsRemoved { document: key.1, change: *change });
        }
        document.put_snapshot(snapshot);
        if !prune {
            return Ok(document.pruned);
        }
        let (from, to) = document.prune();
        for (index, entry) in self.log.iter_mut().enumerate() {
            let position = Position(index as u64 + 1);
            let Some(entry) = entry else { continue };
            if entry.key == key && from < position && position <= to {
                entry.pruned = true;
                entry.change.bytes = Blob::from(Vec::new());
            }
        }
        Ok(to)
    }

    pub(super) fn remote(&self, remote: &StoreId, context: &ContextId) -> Vec<Known> {
        let known = self.remotes.iter();
        let known = known.filter(|((store, of, _), _)| store == remote && of == context);
        known.map(|(_, known)| known.clone()).collect()
    }

    pub(super) fn remember(&mut self, remote: &StoreId, context: &ContextId, known: &[Known]) {
        for known in known {
            let key = (*remote, *context, known.document);
            let before = self.remotes.insert(key, known.clone());
            self.unsynced.push((key, before));
        }
    }

    pub(super) fn remotes(&self) -> Vec<StoreId> {
        let remotes: BTreeSet<_> = self.remotes.keys().map(|(store, _, _)| *store).collect();
        remotes.into_iter().collect()
    }

    pub(super) fn note(&self, name: &str) -> Option<Vec<u8>> {
        self.notes.get(name).cloned()
    }

    pub(super) fn put_note(&mut self, name: &str, value: &[u8]) {
        self.notes.insert(name.to_owned(), value.to_owned());
    }

    fn entry(&self, position: Position) -> Option<&Entry> {
        self.log.get(index(position)?)?.as_ref()
    }

    /// The entries of a document after a position, also those pruned.
    fn entries(
        &self,
        context: &ContextId,
        document: &DocumentKey,
        after: Position,
    ) -> impl Iterator<Item = (Position, &Entry)> {
        let document = self.documents.get(&(*context, *document));
        let positions = document.map_or(&[][..], |document| &document.positions);
        let positions = positions.iter().skip_while(move |position| **position <= after);
        positions.filter_map(|position| Some((*position, self.entry(*position)?)))
    }

    /// Whether the whole batch can be added.
    fn check(&self, batch: &[Append]) -> Result<(), StoreError> {
        let mut offered = Offered::default();
        for append in batch {
            let key = (append.context, append.document);
            for Change { header, .. } in &append.changes {
                if !self.has(&offered, key, &header.hash) {
                    self.check_dependencies(&offered, key, header)?;
                    self.check_sequence(&offered, key, header)?;
                    offered.hashes.insert((key, header.hash));
                    offered.sequences.insert((key, header.actor, header.seq), header.hash);
                }
            }
        }
        Ok(())
    }

    fn has(&self, offered: &Offered, key: Key, hash: &ChangeHash) -> bool {
        offered.hashes.contains(&(key, *hash))
            || self.documents.get(&key).is_some_and(|stored| stored.by_hash.contains_key(hash))
    }

    fn check_dependencies(
        &self,
        offered: &Offered,
        key: Key,
        header: &Header,
    ) -> Result<(), StoreError> {
        match header.deps.iter().find(|dependency| !self.has(offered, key, dependency)) {
            None => Ok(()),
            Some(dependency) => {
                let (change, dependency) = (header.hash, *dependency);
                Err(StoreError::MissingDependency { change, dependency })
            }
        }
    }

    fn check_sequence(
        &self,
        offered: &Offered,
        key: Key,
        header: &Header,
    ) -> Result<(), StoreError> {
        let (actor, seq) = (header.actor, header.seq);
        let stored = self.documents.get(&key).and_then(|stored| stored.by_seq.get(&(actor, seq)));
        match stored.or_else(|| offered.sequences.get(&(key, actor, seq))) {
            None => Ok(()),
            Some(stored) => {
                let offered = header.hash;
                Err(StoreError::SequenceUsed { actor, seq, stored: *stored, offered })
            }
        }
    }

    fn add(&mut self, key: Key, change: &Change) -> Position {
        let document = self.documents.entry(key).or_default();
        if let Some(position) = document.by_hash.get(&change.header.hash) {
            let stored = index(*position).and_then(|index| self.log.get_mut(index));
            if let Some(Some(entry)) = stored {
                entry.change.seal = entry.change.seal.or(change.seal);
            }
            return *position;
        }
        let position = Position(self.log.len() as u64 + 1);
        document.add(position, &change.header);
        self.log.push(Some(Entry { key, change: change.clone(), pruned: false }));
        position
    }
}

fn index(position: Position) -> Option<usize> {
    usize::try_from(position.0).ok()?.checked_sub(1)
}

/// What comes earlier in the batch.
#[derive(Default)]
struct Offered {
    hashes: BTreeSet<(Key, ChangeHash)>,
    sequences: BTreeMap<(Key, ActorId, u64), ChangeHash>,
}

impl Document {
    fn last(&self) -> Position {
        self.positions.last().copied().unwrap_or_default()
    }

    fn summary(&self, document: DocumentKey) -> Summary {
        Summary {
            document,
            heads: self.heads.iter().copied().collect(),
            last: self.last(),
            pruned: self.pruned,
            snapshot: self.snapshots.last().map(|newest| newest.upto).unwrap_or_default(),
        }
    }

    fn add(&mut self, position: Position, header: &Header) {
        for dependency in &header.deps {
            self.heads.remove(dependency);
        }
        self.heads.insert(header.hash);
        self.positions.push(position);
        self.by_hash.insert(header.hash, position);
        self.by_seq.insert((header.actor, header.seq), header.hash);
    }

    fn put_snapshot(&mut self, snapshot: &Snapshot) {
        let newest = self.snapshots.last().map(|newest| newest.upto).unwrap_or_default();
        if snapshot.upto < newest {
            return;
        }
        self.snapshots.retain(|stored| stored.upto != snapshot.upto);
        if let [_, newest] = &self.snapshots[..] {
            self.snapshots = vec![newest.clone()];
        }
        self.snapshots.push(snapshot.clone());
    }

    /// Marks what the snapshot before the newest covers as dropped: after the first position, up to the second.
    fn prune(&mut self) -> (Position, Position) {
        let from = self.pruned;
        if let [previous, _] = &self.snapshots[..] {
            self.pruned = from.max(previous.upto);
        }
        (from, self.pruned)
    }
}

/// The first entries with bytes that take no more than `bytes_max` together, and at least one.
fn within<'a>(
    entries: impl Iterator<Item = (Position, &'a Entry)>,
    bytes_max: usize,
) -> impl Iterator<Item = (Position, &'a Entry)> {
    let mut taken = 0_usize;
    let mut first = true;
    entries.filter(|(_, entry)| !entry.pruned).take_while(move |(_, entry)| {
        taken = taken.saturating_add(entry.change.bytes.len());
        std::mem::take(&mut first) || taken <= bytes_max
    })
}
