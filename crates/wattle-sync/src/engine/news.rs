//! What other processes on the same directory have committed.

use std::collections::{BTreeMap, BTreeSet};

use wattle_protocol::{Change, ChangeHash, DocumentKey, Input, Position};
use wattle_store::{Store, StoreError};

use super::Engine;
use crate::limits::NEWS_BYTES_MAX;
use crate::part::part_of;
use crate::watch::Origin;

type News = BTreeMap<DocumentKey, Vec<(Change, Position)>>;

impl Engine {
    /// Takes in everything that others have committed since the last look.
    pub(super) fn refresh(&mut self) -> Result<(), StoreError> {
        let version = self.store.data_version()?;
        if version == self.data_version {
            return Ok(());
        }
        self.read_news(None)?;
        self.refresh_access()?;
        self.notice_removals()?;
        self.data_version = version;
        Ok(())
    }

    /// Remembers which positions are this process's own, so that they are not taken for news.
    /// What others have committed before them comes first: the machine learns it in their order.
    pub(super) fn note_own(&mut self, positions: &[Position]) {
        let fresh: BTreeSet<Position> =
            positions.iter().copied().filter(|position| *position > self.seen).collect();
        let Some(first) = fresh.first().copied() else { return };
        if first.0 > self.seen.0 + 1
            && let Err(error) = self.read_news(Some(first))
        {
            tracing::warn!(%error, "what other processes have stored cannot be read");
        }
        self.own.extend(fresh);
        while self.own.remove(&Position(self.seen.0 + 1)) {
            self.seen.0 += 1;
        }
    }

    /// Reads on from what was seen last, as far as there is anything, or up to a position.
    fn read_news(&mut self, before: Option<Position>) -> Result<(), StoreError> {
        loop {
            let mut news = self.store.news(self.seen, NEWS_BYTES_MAX)?;
            news.retain(|(position, ..)| before.is_none_or(|before| *position < before));
            let Some((last, ..)) = news.last() else {
                // What was removed leaves gaps, which nothing will ever fill.
                let before = before.map_or(self.seen, |before| Position(before.0 - 1));
                self.seen = self.seen.max(before);
                return Ok(());
            };
            let last = *last;
            let mut fresh = News::new();
            for (position, context, document, change) in news {
                if context == self.context && !self.own.contains(&position) {
                    fresh.entry(document).or_default().push((change, position));
                }
            }
            self.take_in_news(fresh);
            self.seen = last;
            self.own.retain(|position| *position > last);
        }
    }

    fn take_in_news(&mut self, fresh: News) {
        for (document, changes) in fresh {
            self.documents.note_stored(document);
            if let Some(part) = part_of(&document) {
                let batch: Vec<Change> = changes.iter().map(|(change, _)| change.clone()).collect();
                let failed = self.apply(&part, &batch);
                let poisonous = batch.iter().filter(|change| failed.contains(&change.header.hash));
                self.quarantine(&document, &poisonous.collect::<Vec<_>>());
                let hashes: Vec<ChangeHash> =
                    batch.iter().map(|change| change.header.hash).collect();
                self.tell(part, &hashes, Origin::OtherProcess);
            }
            let context = self.context;
            self.tell_machine(Input::Committed { context, document, changes });
        }
    }
}
