//! Answers of the store.

use std::collections::BTreeMap;

use super::Replica;
use super::document::{ContextState, GraphState};
use super::follow::{At, Stage};
use super::forgers::PROOF;
use crate::change::Header;
use crate::graph::Graph;
use crate::id::{Blob, ChangeHash, ContextId, DocumentKey, LinkId, Position};
use crate::identity::Seal;
use crate::io::{Snapshot, StoreReply, StoreRequest};
use crate::lease::Answer;
use crate::message::{Code, Refusal};

impl Replica {
    pub(super) fn store_reply(&mut self, reply: StoreReply) {
        match reply {
            StoreReply::Context { context, access, documents } => {
                self.context_loaded(context, access, documents);
            }
            StoreReply::Remote { link, context, known } => self.remote_loaded(link, context, known),
            StoreReply::Graph { context, document, nodes } => {
                self.graph_loaded(context, document, &nodes);
            }
            StoreReply::Changes { link, context, document, changes } => {
                self.read(At { link, context, document }, changes);
            }
            StoreReply::Snapshot { link, context, document, snapshot } => {
                self.snapshot_read(At { link, context, document }, snapshot);
            }
            StoreReply::Appended { context, document, positions, failed } => {
                self.appended(context, document, &positions, &failed);
            }
            StoreReply::AccessAppended { context, .. } => self.access_appended(context),
            StoreReply::Cutoffs { context, closes } => self.cutoffs(context, closes),
            StoreReply::Removed { context, document } => self.removed(context, document),
            StoreReply::Leased { wanted, outcome } => self.leased(*wanted, outcome),
            StoreReply::Declined { request, refusal } => self.failed(request, &refusal),
            StoreReply::Failed { request, reason } => {
                self.failed(request, &Refusal::new(Code::Failed, &reason));
            }
        }
    }

    fn graph_loaded(
        &mut self,
        context: ContextId,
        document: DocumentKey,
        nodes: &[(Position, Header, usize)],
    ) {
        let now = self.now;
        let Some(here) = self.document_of(&context, &document) else { return };
        if here.state != GraphState::Loading {
            return;
        }
        here.state = GraphState::Loaded;
        here.graph = Graph::load(nodes);
        here.used = now;
        let settled = here.graph.first_after(here.settled);
        let links = self.links_of(&context);
        for link in &links {
            let Some(follow) = self.follow(At { link: *link, context, document }) else { continue };
            if follow.stage == Stage::Sending {
                follow.next = settled;
            }
        }
        self.judge_document(context, document);
        self.place_committed(context, document);
        self.unpark(context, document);
        for link in links {
            let at = At { link, context, document };
            match self.follow(at).map(|follow| follow.stage) {
                Some(Stage::Planning) => self.plan(at),
                Some(Stage::Ending) => self.end_with_graph(at),
                Some(Stage::Receiving | Stage::Snapshot | Stage::Sending) | None => {}
            }
            if let Some(shared) = self.shared(link, &context)
                && shared.loading.remove(&document)
            {
                self.open_when_loaded(link, context);
            }
        }
    }

    fn appended(
        &mut self,
        context: ContextId,
        document: DocumentKey,
        positions: &[(ChangeHash, Position)],
        failed: &[ChangeHash],
    ) {
        let at = At { link: LinkId(u64::MAX), context, document };
        let mut came: BTreeMap<LinkId, Vec<u32>> = BTreeMap::new();
        for (hash, position) in positions {
            let Some(here) = self.document(at) else { return };
            if let Some(index) = here.graph.index(hash) {
                if let Some(link) = here.graph.link(index) {
                    came.entry(link).or_default().push(index);
                }
                self.stored(at, index, *position);
            }
        }
        for (link, came) in came {
            self.durable_where_it_came_from(At { link, ..at }, &came);
        }
        for hash in failed {
            let Some(here) = self.document(at) else { return };
            let Some(index) = here.graph.index(hash) else { continue };
            let dead = here.graph.kill(index);
            self.unstorable(at, &dead, &Refusal::new(Code::Invalid, "it could not be applied"));
        }
        self.after_storing(context, document);
        if self.config.loads_documents {
            self.ready_on_all(context, document);
        }
    }

    /// A change has become durable: who sent it is owed a `Saved`.
    pub(super) fn stored(&mut self, at: At, index: u32, position: Position) {
        let Some(here) = self.document(at) else { return };
        if here.graph.position(index).is_some() {
            return;
        }
        here.graph.place(index, position);
        let (bytes, origin) = (here.graph.bytes(index), here.graph.link(index));
        let owed = here.owed.remove(&index).unwrap_or_default();
        if let Some(origin) = origin.and_then(|origin| self.links.get_mut(&origin)) {
            origin.unstored_bytes = origin.unstored_bytes.saturating_sub(bytes);
        }
        for link in owed {
            self.owe_saved(At { link, ..at }, index);
        }
    }

    pub(super) fn after_storing(&mut self, context: ContextId, document: DocumentKey) {
        let now = self.now;
        let Some(here) = self.document_of(&context, &document) else { return };
        here.used = now;
        here.last = here.last();
        let first_unstored = here.graph.first_unstored();
        here.recent.evict(first_unstored);
        for link in std::mem::take(&mut here.watchers) {
            let at = At { link, context, document };
            self.settle_cursor(at);
            self.check_through(at);
        }
        self.update_later(context, document);
        self.wake_when_idle(context);
    }

    /// Changes were not stored: they are neither sent nor acknowledged, and their senders learn it.
    fn unstorable(&mut self, at: At, out: &[u32], refusal: &Refusal) {
        if !out.is_empty() && !refusal.code.is_permanent() {
            // Whichever link it came over first, no cursor covers it now.
            for link in self.links_of(&at.context) {
                if let Some(follow) = self.follow(At { link, ..at }) {
                    follow.lost = true;
                }
            }
        }
        for index in out {
            let Some(here) = self.document(at) else { return };
            let about = here.graph.hash(*index);
            let (bytes, origin) = (here.graph.bytes(*index), here.graph.link(*index));
            let owed = here.owed.remove(index).unwrap_or_default();
            here.recent.remove(*index);
            here.frame = None;
            if let Some(origin) = origin.and_then(|origin| self.links.get_mut(&origin)) {
                origin.unstored_bytes = origin.unstored_bytes.saturating_sub(bytes);
            }
            let refusal = Refusal { about, ..refusal.clone() };
            let told: Vec<LinkId> =
                origin.into_iter().filter(|link| !owed.contains(link)).collect();
            for link in owed.into_iter().chain(told) {
                if self.links.contains_key(&link) {
                    self.reject(At { link, ..at }, refusal.clone());
                }
            }
        }
    }

    /// Changes were read for a link: they go out, unless some were dropped meanwhile.
    fn read(&mut self, at: At, changes: Vec<(Position, Blob, Option<Seal>)>) {
        if at.link == PROOF {
            return self.proof_read(at, &changes);
        }
        let Some(here) = self.links.get_mut(&at.link) else { return };
        let Some(reading) = here.reading.take_if(|reading| reading.at == at) else { return };
        let Some((follow, document)) = self.both(at) else { return self.wake_waiting(at.link) };
        let mut found: BTreeMap<Position, (Blob, Option<Seal>)> =
            changes.into_iter().map(|(position, bytes, seal)| (position, (bytes, seal))).collect();
        let mut ready = Vec::new();
        let mut indices = reading.indices.into_iter();
        for index in indices.by_ref() {
            let position = document.graph.position(index).unwrap_or_default();
            if let Some(change) = found.remove(&position) {
                ready.push(change);
                continue;
            }
            // It was compacted away: from here on a snapshot has to do.
            document.pruned = document.pruned.max(position);
            follow.queue.push_front(index);
            let rest: Vec<u32> = indices.collect();
            rest.into_iter().rev().for_each(|index| follow.queue.push_front(index));
            follow.queue.make_contiguous().sort_unstable();
            follow.stage = Stage::Snapshot;
            break;
        }
        self.send_read(at, ready);
        self.wake_waiting(at.link);
    }

    /// The store can read for a link again: documents that waited for it may go on.
    pub(super) fn wake_waiting(&mut self, link: LinkId) {
        let Some(here) = self.links.get_mut(&link) else { return };
        for (context, document) in std::mem::take(&mut here.waiting) {
            if let Some(shared) = here.shared.get_mut(&context) {
                shared.ready.insert(document);
            }
        }
        self.busy.insert(link);
    }

    fn snapshot_read(&mut self, at: At, snapshot: Option<Snapshot>) {
        let Some(here) = self.links.get_mut(&at.link) else { return };
        let Some(outgoing) = here.snapshot.as_mut().filter(|outgoing| outgoing.at == at) else {
            return;
        };
        match snapshot {
            Some(snapshot) => outgoing.snapshot = Some(snapshot),
            None => {
                here.snapshot = None;
                self.without_snapshot(at, "its early changes and their snapshot are gone");
            }
        }
        self.ready(at);
        self.wake_waiting(at.link);
    }

    /// Part of a document cannot be sent; the rest of it would be of no use.
    pub(super) fn without_snapshot(&mut self, at: At, reason: &str) {
        if let Some(follow) = self.follow(at) {
            follow.stage = Stage::Sending;
            follow.queue.clear();
            follow.unsaved.clear();
        }
        self.refuse(at.link, Refusal::new(Code::Failed, reason));
        self.ready(at);
    }

    fn failed(&mut self, request: StoreRequest, refusal: &Refusal) {
        match request {
            StoreRequest::LoadContext { context } => self.load_failed(context, refusal),
            StoreRequest::AppendAccess { context, .. }
            | StoreRequest::ReplaceAccess { context, .. } => self.access_failed(context, refusal),
            StoreRequest::LoadRemote { link, context, .. } => {
                // What was remembered only saves work.
                self.remote_loaded(link, context, Vec::new());
            }
            StoreRequest::LoadGraph { context, document } => {
                self.graph_failed(context, document, refusal);
            }
            StoreRequest::Read { link, context, document, .. } => {
                self.read_failed(At { link, context, document }, refusal.clone());
            }
            StoreRequest::ReadSnapshot { link, context, document } => {
                let at = At { link, context, document };
                if let Some(here) = self.links.get_mut(&link) {
                    here.snapshot.take_if(|outgoing| outgoing.at == at);
                }
                self.without_snapshot(at, &refusal.reason);
                self.wake_waiting(link);
            }
            StoreRequest::Append { context, document, link, changes } => {
                let at = At { link, context, document };
                for change in changes {
                    let Some(here) = self.document(at) else { return };
                    let Some(index) = here.graph.index(&change.header.hash) else { continue };
                    let gone = here.graph.forget(index);
                    self.unstorable(at, &gone, refusal);
                }
                self.after_storing(context, document);
            }
            StoreRequest::Cutoffs { context, .. } => self.cutoffs_failed(context),
            StoreRequest::Remove { context, document, changes } => {
                self.remove_failed(context, (document, changes));
            }
            StoreRequest::Lease { wanted } => {
                self.lease_done(*wanted, Answer::Refused(refusal.clone()));
            }
            StoreRequest::Remember { .. } => {}
        }
    }

    fn load_failed(&mut self, context: ContextId, refusal: &Refusal) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        if there.state == ContextState::Loading {
            return self.context_failed(context, refusal);
        }
        if std::mem::take(&mut there.reloads) {
            self.order_again(context);
        }
        let Some(there) = self.contexts.get_mut(&context) else { return };
        if let Some(link) = there.strangers.pop_front() {
            self.drop_context(link, context, refusal.clone());
        }
    }

    pub(super) fn context_failed(&mut self, context: ContextId, refusal: &Refusal) {
        for link in self.links_of(&context) {
            self.drop_context(link, context, refusal.clone());
        }
        let unused = |there: &mut super::document::Context| {
            there.links.is_empty() && there.state == ContextState::Loading
        };
        if self.contexts.get_mut(&context).is_some_and(unused) {
            self.contexts.remove(&context);
        }
        self.unpark_leases(context);
    }

    fn graph_failed(&mut self, context: ContextId, document: DocumentKey, refusal: &Refusal) {
        let Some(here) = self.document_of(&context, &document) else { return };
        here.state = GraphState::Unloaded;
        here.committed.clear();
        let parked = std::mem::take(&mut here.parked);
        let parked_saved = std::mem::take(&mut here.parked_saved);
        for (link, _, heads) in parked_saved {
            self.release(link, heads.len(), heads.len() * 32);
        }
        for (link, changes) in parked {
            let bytes = changes.changes.iter().map(|(bytes, _)| bytes.len()).sum::<usize>();
            self.release(link, changes.changes.len(), bytes);
        }
        for link in self.links_of(&context) {
            let at = At { link, context, document };
            let Some(follow) = self.follow(at) else { continue };
            follow.lost = true;
            let waits = !matches!(follow.stage, Stage::Sending | Stage::Receiving);
            if waits {
                self.refuse(link, refusal.clone());
            }
            if let Some(shared) = self.shared(link, &context)
                && shared.loading.remove(&document)
            {
                self.open_when_loaded(link, context);
            }
        }
    }

    fn read_failed(&mut self, at: At, refusal: Refusal) {
        let Some(here) = self.links.get_mut(&at.link) else { return };
        let Some(reading) = here.reading.take_if(|reading| reading.at == at) else { return };
        here.read_paused = true;
        here.waiting.insert((at.context, at.document));
        if let Some(follow) = self.follow(at) {
            reading.indices.into_iter().rev().for_each(|index| follow.queue.push_front(index));
        }
        self.refuse(at.link, refusal);
        self.retry_later(at.link);
    }

    /// A link has left a context: what waits there for it or from it is let go.
    pub(super) fn leave(&mut self, link: LinkId, context: ContextId, documents: Vec<DocumentKey>) {
        let now = self.now;
        let Some(there) = self.contexts.get_mut(&context) else { return };
        there.links.remove(&link);
        there.used = now;
        there.arrived.retain(|arrived| arrived.link != link);
        there.sequencing.leave(link);
        for document in &documents {
            let Some(here) = there.documents.get_mut(document) else { continue };
            here.watchers.remove(&link);
            here.parked.retain(|(from, _)| *from != link);
            here.parked_saved.retain(|(from, ..)| *from != link);
            here.deferred.retain(|_, waiting| {
                waiting.retain(|(from, _)| *from != link);
                !waiting.is_empty()
            });
            here.owed.retain(|_, owed| {
                owed.retain(|to| *to != link);
                !owed.is_empty()
            });
        }
        for document in documents {
            self.leave_held(link, context, document);
        }
        self.withdraw(link, context);
        self.forget_unknown(context);
        self.wake_when_idle(context);
    }

    /// A context that is not here and that nobody asks for any more takes no memory.
    pub(super) fn forget_unknown(&mut self, context: ContextId) {
        let Some(there) = self.contexts.get(&context) else { return };
        let unknown = there.state == ContextState::Loaded && there.access.is_empty();
        let idle = there.sequencing.is_idle() && there.writing.is_none();
        if unknown && idle && there.links.is_empty() && there.committed.is_empty() {
            self.contexts.remove(&context);
        }
    }
}
