//! Where rights end: how far somebody has written, and taking out what lies beyond.

use wattle_protocol::access::Closure;
use wattle_protocol::{ActorId, Change, ChangeHash, ContextId, DocumentKey, Position, PublicKey};

use super::{Document, Key, State, index};
use crate::error::StoreError;
use crate::store::remains::{Remains, remains};

/// A change that was taken out of its document.
#[derive(Debug)]
pub(super) struct Apart {
    position: Position,
    change: Change,
}

impl State {
    pub(in crate::memory) fn cutoffs(
        &self,
        context: &ContextId,
        keys: &[PublicKey],
    ) -> Vec<Closure> {
        keys.iter().map(|key| self.cutoff(context, key)).collect()
    }

    fn cutoff(&self, context: &ContextId, key: &PublicKey) -> Closure {
        let documents = self.documents.iter().filter(|((of, _), _)| of == context);
        let actors = documents.map(|((_, of), document)| (*of, self.actors(document, key)));
        Closure { key: *key, upto: actors.filter(|(_, actors)| !actors.is_empty()).collect() }
    }

    /// The actors of a key in a document, and how far each has come.
    fn actors(&self, document: &Document, key: &PublicKey) -> Vec<(ActorId, u64)> {
        let first = document.by_seq.iter().filter(|((_, seq), hash)| {
            let position = document.by_hash.get(hash);
            let entry = position.and_then(|position| self.entry(*position));
            *seq == 1 && entry.is_some_and(|entry| entry.change.header.author == Some(*key))
        });
        let last = first.filter_map(|((actor, _), _)| {
            let own = document.by_seq.range((*actor, 0)..=(*actor, u64::MAX));
            own.last().map(|(last, _)| *last)
        });
        last.collect()
    }

    pub(in crate::memory) fn remove(
        &mut self,
        key: Key,
        changes: &[ChangeHash],
    ) -> Result<(), StoreError> {
        let entries = self.entries(&key.0, &key.1, Position(0));
        let remains = remains(entries.map(|(at, entry)| (at, &entry.change.header)), changes)?;
        if remains.removed.is_empty() {
            return Ok(());
        }
        for position in &remains.removed {
            self.keep_apart(key, *position);
        }
        self.remotes.retain(|(_, context, document), _| (*context, *document) != key);
        self.shrink(key, remains);
        Ok(())
    }

    pub(in crate::memory) fn removed(&self, context: &ContextId) -> Vec<(DocumentKey, Change)> {
        let removed = self.removed.iter().filter(|((key, hash), _)| {
            let document = self.documents.get(key);
            key.0 == *context && document.is_none_or(|it| !it.by_hash.contains_key(hash))
        });
        let mut removed: Vec<_> = removed.map(|((key, _), apart)| (key.1, apart)).collect();
        removed.sort_by_key(|(document, apart)| (*document, apart.position));
        removed.into_iter().map(|(document, apart)| (document, apart.change.clone())).collect()
    }

    /// One that was removed before is there already, perhaps without bytes.
    fn keep_apart(&mut self, key: Key, position: Position) {
        let entry = index(position).and_then(|index| self.log.get_mut(index)?.take());
        let Some(change) = entry.map(|entry| entry.change) else { return };
        let bytes = change.bytes.clone();
        let seal = change.seal;
        let apart = self.removed.entry((key, change.header.hash));
        let apart = apart.or_insert(Apart { position, change });
        apart.change.seal = apart.change.seal.or(seal);
        if apart.change.bytes.is_empty() {
            apart.change.bytes = bytes;
        }
    }

    /// Brings the document and its snapshots up to what is left of its log.
    fn shrink(&mut self, key: Key, remains: Remains) {
        let Some(document) = self.documents.get_mut(&key) else { return };
        document.positions.retain(|position| !remains.takes(*position));
        document.by_hash.retain(|_, position| !remains.takes(*position));
        document.by_seq.retain(|_, hash| document.by_hash.contains_key(hash));
        document.snapshots.retain(|snapshot| !remains.spoils(snapshot.upto));
        document.heads = remains.heads;
        let newest = document.snapshots.last().map(|newest| newest.upto).unwrap_or_default();
        // Bytes are gone with the snapshot that they were in, or nothing is left at all.
        if document.pruned > newest || document.positions.is_empty() {
            for position in self.documents.remove(&key).into_iter().flat_map(|it| it.positions) {
                if let Some(entry) = index(position).and_then(|index| self.log.get_mut(index)) {
                    *entry = None;
                }
            }
        }
    }
}
