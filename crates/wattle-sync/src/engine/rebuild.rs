//! Changes that do not count any more: out of the documents that are shown, and told.

use std::collections::{BTreeMap, BTreeSet};

use wattle_protocol::access::Log;
use wattle_protocol::{ActorId, Change, ChangeHash, DocumentKey, PublicKey, StoreReply};
use wattle_store::{Store, StoreError};

use super::Engine;
use crate::audit::Known;
use crate::part::part_of;
use crate::watch::{Notice, TakenOut};

/// The note that counts removals.
const REMOVALS: &str = "wattle/removals";

impl Engine {
    /// Takes in what the store says of a removal that the machine has asked for.
    pub(super) fn note_removed(&mut self, reply: &StoreReply) {
        let StoreReply::Removed { context, document } = reply else { return };
        if *context != self.context {
            return;
        }
        let rebuilt = self.rebuild(*document).and_then(|()| self.tell_processes());
        if let Err(error) = rebuilt {
            tracing::warn!(%error, "a document was not rebuilt");
        }
    }

    /// The other processes of the directory may have something to write again.
    fn tell_processes(&mut self) -> Result<(), StoreError> {
        let count = self.removals()? + 1;
        self.replays.removals = count;
        self.store.put_note(REMOVALS, count.to_string().as_bytes())
    }

    /// How often any process has taken something out.
    pub(super) fn removals(&mut self) -> Result<u64, StoreError> {
        let note = self.store.note(REMOVALS)?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&note).parse().unwrap_or_default())
    }

    /// Looks for documents in memory that hold what another process has taken out.
    pub(super) fn notice_removals(&mut self) -> Result<(), StoreError> {
        if self.removals()? != self.replays.removals {
            self.recall_removed()?;
        }
        let mut stored: BTreeMap<DocumentKey, Vec<ChangeHash>> = BTreeMap::new();
        for summary in self.summaries()? {
            stored.insert(summary.document, summary.heads);
        }
        let loaded: Vec<_> = self.documents.context.parts().copied().collect();
        for part in loaded {
            let document = crate::part::key_of(part);
            let heads = self.documents.context.document(&part).map(|document| document.heads());
            let known = stored.get(&document);
            let beyond = heads
                .into_iter()
                .flatten()
                .any(|head| known.is_none_or(|heads| !heads.contains(&ChangeHash(head))));
            if beyond {
                self.rebuild(document)?;
            }
        }
        Ok(())
    }

    /// Reads a document anew when it holds what is not in the store any more, and tells of that.
    fn rebuild(&mut self, document: DocumentKey) -> Result<(), StoreError> {
        let out = self.removed_of(&document)?;
        self.replays.look_at(document);
        self.forget_durable(&document, &out);
        if !self.summaries()?.iter().any(|summary| summary.document == document) {
            self.documents.note_gone(&document);
        }
        let Some(part) = part_of(&document) else { return Ok(()) };
        let Some(shown) = self.documents.context.document(&part) else { return Ok(()) };
        let gone: Vec<Change> =
            out.into_iter().filter(|change| shown.has(&change.header.hash.0)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        tracing::info!(%part, changes = gone.len(), "changes that do not count were taken out");
        self.documents.forget(&part);
        if let Err(error) = self.load_each(&[part]) {
            tracing::warn!(%part, %error, "it is read again when it is needed");
        }
        for taken in self.told_of(part, &document, &gone)? {
            // Without a watcher nobody misses it.
            self.changes.send(Notice::TakenOut(taken)).ok();
        }
        Ok(())
    }

    /// What was taken out of a document and is kept apart, each after what it builds on.
    pub(super) fn removed_of(&mut self, document: &DocumentKey) -> Result<Vec<Change>, StoreError> {
        let removed = self.store.removed(&self.context)?.into_iter();
        Ok(removed.filter(|(of, _)| of == document).map(|(_, change)| change).collect())
    }

    /// Who stands behind the actors of a document, those of what was taken out among them.
    pub(super) fn authors(
        &mut self,
        document: &DocumentKey,
        removed: &[Change],
    ) -> Result<BTreeMap<ActorId, PublicKey>, StoreError> {
        let graph = self.store.graph(&self.context, document)?;
        let headers = graph.iter().map(|(_, header, _)| header);
        let headers = headers.chain(removed.iter().map(|change| &change.header));
        Ok(headers.filter_map(|header| Some((header.actor, header.author?))).collect())
    }

    fn told_of(
        &mut self,
        part: wattle_context::Part,
        document: &DocumentKey,
        gone: &[Change],
    ) -> Result<Vec<TakenOut>, StoreError> {
        let authors = self.authors(document, gone)?;
        let mut by: BTreeMap<PublicKey, Vec<&Change>> = BTreeMap::new();
        for change in gone {
            let author = authors.get(&change.header.actor).copied();
            by.entry(author.unwrap_or(PublicKey([0; 32]))).or_default().push(change);
        }
        let log = self.access.log.as_ref();
        let told = by.into_iter().map(|(author, changes)| TakenOut {
            part,
            changes: changes.len() as u64,
            by: Known { log, names: &BTreeMap::new() }.of(&author).to_string(),
            key: author.to_string(),
            own: author == self.identity.key(),
            why: reason(log, &author, (document, &changes)),
        });
        Ok(told.collect())
    }

    /// What was taken out is durable nowhere any more; what it was built on still is.
    fn forget_durable(&mut self, document: &DocumentKey, out: &[Change]) {
        self.remember.retain(|(_, of), _| of != document);
        let deps: BTreeMap<ChangeHash, &[ChangeHash]> =
            out.iter().map(|change| (change.header.hash, &change.header.deps[..])).collect();
        for known in self.durable.values_mut().filter_map(|known| known.get_mut(document)) {
            let (mut pending, mut stays) = (std::mem::take(&mut known.durable), BTreeSet::new());
            while let Some(change) = pending.pop() {
                match deps.get(&change) {
                    Some(below) => pending.extend(below.iter()),
                    None => {
                        stays.insert(change);
                    }
                }
            }
            known.durable = stays.into_iter().collect();
        }
    }
}

/// Why changes of an author do not count.
pub(super) fn reason(
    log: Option<&Log>,
    author: &PublicKey,
    (document, changes): (&DocumentKey, &[&Change]),
) -> String {
    let refused = log.and_then(|log| {
        let mut judged = changes.iter().map(|change| log.allows(author, document, &change.header));
        judged.find_map(Result::err)
    });
    refused.map_or_else(|| "it builds on what was taken out".to_owned(), |refusal| refusal.reason)
}
