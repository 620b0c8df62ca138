//! What does not count any more under a longer log is taken out, with all that builds on it.

use std::collections::BTreeSet;

use super::Replica;
use super::document::GraphState;
use super::follow::At;
use super::waking::Timer;
use crate::access::{Action, Entry, Proposal};
use crate::id::{Blob, ChangeHash, ContextId, DocumentKey, LinkId};
use crate::io::StoreRequest;
use crate::limits::RETRY_MS;
use crate::message::{Code, Refusal};

impl Replica {
    /// The log is another one from an entry on. When that ends a time in which somebody's work counted,
    /// every document is looked through, those that are not in memory too.
    pub(super) fn judge_again(&mut self, context: ContextId, from: u64) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        let skipped = usize::try_from(from).unwrap_or(usize::MAX);
        if !there.access.iter().skip(skipped.max(1)).any(ends_something) {
            return;
        }
        let documents: Vec<DocumentKey> = there.documents.keys().copied().collect();
        for document in documents {
            if let Some(there) = self.contexts.get_mut(&context) {
                there.judging.insert(document);
            }
            if self.load_graph(context, document) {
                self.judge_document(context, document);
            }
        }
    }

    /// Takes out of a loaded document what the log does not allow.
    pub(super) fn judge_document(&mut self, context: ContextId, document: DocumentKey) {
        if let Some(there) = self.contexts.get_mut(&context) {
            there.judging.remove(&document);
        }
        let Some(there) = self.contexts.get(&context) else { return };
        let Some(here) = there.documents.get(&document) else { return };
        if here.state != GraphState::Loaded {
            return;
        }
        let held = here.held.keys().copied();
        let all = here.graph.live().map(|(index, ..)| index).chain(held);
        let at = At { link: LinkId(u64::MAX), context, document };
        let refused: Vec<u32> = all.filter(|index| !self.is_allowed(at, *index)).collect();
        if !refused.is_empty() {
            let out = here.graph.with_descendants(&refused);
            self.remove(at, &out);
        }
        self.end_judging(context);
    }

    /// Whether the log allows a change that is in the graph.
    pub(super) fn is_allowed(&self, at: At, index: u32) -> bool {
        let Some(there) = self.contexts.get(&at.context) else { return true };
        let (Some(log), Some(here)) = (&there.log, there.documents.get(&at.document)) else {
            return true;
        };
        let graph = &here.graph;
        let Some((hash, (actor, seq, author))) = graph.hash(index).zip(graph.written(index)) else {
            return true;
        };
        let allows = |author| log.allows_at(&author, &at.document, (actor, seq, hash)).is_ok();
        author.is_some_and(allows) || self.config.roots.contains(&hash)
    }

    /// Takes changes out of a document, here and in the store.
    fn remove(&mut self, at: At, out: &[u32]) {
        let Some(here) = self.document(at) else { return };
        let mut changes: Vec<ChangeHash> = Vec::new();
        let mut unstored = Vec::new();
        for index in out {
            here.recent.remove(*index);
            here.owed.remove(index);
            let held = here.held.remove(index);
            let (bytes, link) = (here.graph.bytes(*index), here.graph.link(*index));
            match held {
                Some(held) if held.reserved => unstored.push((link, bytes, true)),
                Some(_) => {}
                None => {
                    changes.extend(here.graph.hash(*index));
                    if here.graph.position(*index).is_none() {
                        unstored.push((link, bytes, false));
                    }
                }
            }
        }
        here.frame = None;
        here.graph.remove(out);
        here.last = here.graph.last();
        for (link, bytes, held) in unstored {
            let Some(link) = link else { continue };
            if held {
                self.release(link, 1, bytes);
            } else if let Some(from) = self.links.get_mut(&link) {
                from.unstored_bytes = from.unstored_bytes.saturating_sub(bytes);
            }
        }
        if changes.is_empty() {
            return;
        }
        let At { context, document, .. } = at;
        if let Some(there) = self.contexts.get_mut(&context) {
            there.removing.insert(document);
        }
        // They may be on their way to the store.
        self.flush_staged();
        self.store(StoreRequest::Remove { context, document, changes });
    }

    pub(super) fn removed(&mut self, context: ContextId, document: DocumentKey) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        if there.removing.remove(&document) {
            there.has_removed = true;
            self.end_judging(context);
        }
    }

    /// When the store has taken out everything, all who compared with what was here before compare anew.
    fn end_judging(&mut self, context: ContextId) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        if !there.has_removed || !there.removing.is_empty() || !there.judging.is_empty() {
            return;
        }
        there.has_removed = false;
        for link in self.links_of(&context) {
            self.close(
                link,
                Refusal::new(Code::RightsChanged, "work was taken out: connect again"),
            );
        }
    }

    /// The store could not: once more, a little later.
    pub(super) fn remove_failed(
        &mut self,
        context: ContextId,
        (document, changes): (DocumentKey, Vec<ChangeHash>),
    ) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        there.to_remove.push((document, changes));
        self.wake_in(RETRY_MS, Timer::Remove(context));
    }

    pub(super) fn remove_again(&mut self, context: ContextId) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        for (document, changes) in std::mem::take(&mut there.to_remove) {
            self.store(StoreRequest::Remove { context, document, changes });
        }
    }
}

/// Whether an entry names cutoffs, or which of two changes stays.
fn ends_something(entry: &Blob) -> bool {
    let Some(entry) = Entry::decode(entry) else { return false };
    let freezes = || {
        Proposal::decode(&entry.proposal)
            .is_some_and(|read| matches!(read.action, Action::Freeze { .. }))
    };
    !entry.closes.is_empty() || freezes()
}

/// The codes with which the log refuses a change.
pub(super) fn is_of_log(refusal: &Refusal) -> bool {
    let codes =
        BTreeSet::from([Code::Forbidden, Code::Revoked, Code::Expired, Code::Contradiction]);
    codes.contains(&refusal.code)
}
