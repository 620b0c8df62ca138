//! Changes from links: applied together, then stored, then reported to the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use wattle_protocol::{
    Change, ChangeHash, ContextId, DocumentKey, Input, LinkId, Position, StoreReply, StoreRequest,
};
use wattle_store::{Store, StoreError, serve};

use super::Engine;
use crate::limits::{APPLY_WINDOW_MS_MAX, QUARANTINED_CHANGES_MAX};
use crate::part::{name_of, part_of};
use crate::status::Quarantined;
use crate::watch::Origin;

/// The note under which the quarantine is stored.
const QUARANTINE: &str = "wattle/quarantine";

/// Changes of one document that have come over one link.
pub(super) struct Arrival {
    pub(super) context: ContextId,
    pub(super) document: DocumentKey,
    pub(super) link: LinkId,
    pub(super) changes: Vec<Change>,
}

/// What has arrived and waits to be applied.
pub(super) struct Arrivals {
    waiting: Vec<Arrival>,
    /// Not before: applying takes at most half of the time.
    not_before: Instant,
}

impl Arrivals {
    pub(super) fn new() -> Self {
        Self { waiting: Vec::new(), not_before: Instant::now() }
    }

    pub(super) fn add(&mut self, arrival: Arrival) {
        self.waiting.push(arrival);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When what waits is to be applied.
    pub(super) fn due(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.not_before)
    }
}

impl Engine {
    /// Applies what has arrived to the documents in memory, and stores what they could take.
    pub(super) fn settle_arrivals(&mut self) {
        let begun = Instant::now();
        let waiting = std::mem::take(&mut self.arrivals.waiting);
        let failed = self.apply_arrived(&waiting);
        self.store_arrived(waiting, &failed);
        self.make_room();
        let pause = begun.elapsed().min(Duration::from_millis(APPLY_WINDOW_MS_MAX));
        self.arrivals.not_before = Instant::now() + pause;
    }

    /// One batch per document that is in memory; the others are only stored.
    fn apply_arrived(&mut self, waiting: &[Arrival]) -> BTreeSet<ChangeHash> {
        let mut batches: BTreeMap<DocumentKey, Vec<Change>> = BTreeMap::new();
        for arrival in waiting.iter().filter(|arrival| arrival.context == self.context) {
            let batch = batches.entry(arrival.document).or_default();
            batch.extend(arrival.changes.iter().cloned());
        }
        let mut all_failed = BTreeSet::new();
        for (document, batch) in batches {
            let Some(part) = part_of(&document) else { continue };
            if !self.documents.is_loaded(&part) {
                continue;
            }
            let failed = self.apply(&part, &batch);
            let changes: Vec<&Change> =
                batch.iter().filter(|change| failed.contains(&change.header.hash)).collect();
            self.quarantine(&document, &changes);
            all_failed.extend(failed);
        }
        all_failed
    }

    fn store_arrived(&mut self, waiting: Vec<Arrival>, failed: &BTreeSet<ChangeHash>) {
        let links: Vec<LinkId> = waiting.iter().map(|arrival| arrival.link).collect();
        let mut refused: Vec<Vec<ChangeHash>> = Vec::with_capacity(waiting.len());
        let requests = waiting.into_iter().map(|arrival| {
            let Arrival { context, document, link, mut changes } = arrival;
            let hashes = changes.iter().map(|change| change.header.hash);
            refused.push(hashes.filter(|hash| failed.contains(hash)).collect());
            changes.retain(|change| !failed.contains(&change.header.hash));
            StoreRequest::Append { context, document, link, changes }
        });
        let requests = requests.collect();
        let replies = serve(&mut self.store, requests);
        for ((mut reply, link), refused) in replies.into_iter().zip(links).zip(refused) {
            self.note_reply(&reply, link);
            if let StoreReply::Appended { failed, .. } = &mut reply {
                *failed = refused;
            }
            self.tell_machine(Input::Store(reply));
        }
    }

    fn note_reply(&mut self, reply: &StoreReply, link: LinkId) {
        match reply {
            StoreReply::Appended { document, positions, .. } => {
                if positions.is_empty() {
                    return;
                }
                let stored: Vec<Position> = positions.iter().map(|(_, at)| *at).collect();
                self.note_own(&stored);
                self.documents.note_stored(*document);
                if let Some(part) = part_of(document) {
                    let hashes: Vec<ChangeHash> = positions.iter().map(|(hash, _)| *hash).collect();
                    self.tell(part, &hashes, Origin::Remote(link));
                }
            }
            StoreReply::Failed { request: StoreRequest::Append { document, .. }, reason } => {
                tracing::warn!(document = name_of(document), reason, "changes were not stored");
                // Memory has them; the store does not. What the store has is the truth.
                if let Some(part) = part_of(document) {
                    self.documents.forget(&part);
                }
            }
            StoreReply::Failed { .. }
            | StoreReply::Cutoffs { .. }
            | StoreReply::Removed { .. }
            | StoreReply::Leased { .. }
            | StoreReply::Declined { .. }
            | StoreReply::Context { .. }
            | StoreReply::Remote { .. }
            | StoreReply::Graph { .. }
            | StoreReply::Changes { .. }
            | StoreReply::Snapshot { .. }
            | StoreReply::AccessAppended { .. } => {}
        }
    }

    /// Remembers changes that no document could take.
    pub(super) fn quarantine(&mut self, document: &DocumentKey, changes: &[&Change]) {
        let known: BTreeSet<String> =
            self.quarantined.iter().map(|known| known.change.clone()).collect();
        let mut grown = false;
        for change in changes {
            let hash = change.header.hash.to_string();
            if known.contains(&hash) || self.quarantined.len() >= QUARANTINED_CHANGES_MAX {
                continue;
            }
            let document = name_of(document);
            let key = change.seal.map(|seal| seal.key).or(change.header.author);
            tracing::warn!(document, change = hash, "a change was quarantined");
            self.quarantined.push(Quarantined { document, change: hash, key });
            grown = true;
        }
        if grown {
            let note = quarantine_note(&self.quarantined);
            if let Err(error) = self.store.put_note(QUARANTINE, note.as_bytes()) {
                tracing::warn!(%error, "the quarantine was not noted");
            }
        }
    }

    pub(super) fn recall_quarantined(&mut self) -> Result<(), StoreError> {
        let note = self.store.note(QUARANTINE)?.unwrap_or_default();
        let value: serde_json::Value = serde_json::from_slice(&note).unwrap_or_default();
        let list = value.as_array().into_iter().flatten();
        self.quarantined = list.filter_map(quarantined).collect();
        Ok(())
    }
}

fn quarantine_note(quarantined: &[Quarantined]) -> String {
    let entries = quarantined.iter().map(|entry| {
        let key = entry.key.map(|key| key.to_string());
        serde_json::json!({ "document": entry.document, "change": entry.change, "key": key })
    });
    serde_json::Value::from_iter(entries).to_string()
}

fn quarantined(value: &serde_json::Value) -> Option<Quarantined> {
    let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
    let key = text("key").and_then(|key| key.parse().ok());
    Some(Quarantined { document: text("document")?, change: text("change")?, key })
}
