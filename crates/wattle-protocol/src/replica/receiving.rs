//! Changes that arrive: from a link, as a snapshot, or from this replica's own application.

use super::Replica;
use super::access::Waiting;
use super::document::{Document, GraphState};
use super::follow::{At, Follow, Phase};
use super::judging::Look;
use super::link::Assembly;
use crate::change::{Change, Header};
use crate::graph::Arrival;
use crate::id::{Blob, ChangeHash, ContextId, DocumentKey, LinkId, Position};
use crate::identity::{Seal, Side};
use crate::io::{Event, Output};
use crate::limits::{
    CONTEXT_DOCUMENTS_MAX, DEFERRED_BYTES_MAX, DEFERRED_CHANGES_MAX, LINK_UNSTORED_BYTES_MAX,
    SNAPSHOT_BYTES_MAX,
};
use crate::message::{Changes, Code, Refusal, SnapshotPart};

impl Replica {
    pub(super) fn changes(&mut self, link: LinkId, changes: Changes) {
        let at = At { link, context: changes.context, document: changes.document };
        let Some(shared) = self.shared(link, &at.context) else {
            return self
                .refuse(link, Refusal::new(Code::Unknown, "the context is not open on this link"));
        };
        if shared.phase == Phase::Gathering {
            return self.refuse(link, Refusal::new(Code::Missing, "the context is not open yet"));
        }
        if !self.may_write(at) {
            return self.refuse_all(at, changes);
        }
        let Some(shared) = self.shared(link, &at.context) else { return };
        shared.follows.entry(at.document).or_insert_with(Follow::live);
        if !self.has_room_for(at) {
            return self
                .refuse(link, Refusal::new(Code::TooLarge, "too many documents in the context"));
        }
        if self.load_graph(at.context, at.document) {
            self.take_in(at, changes);
        } else {
            self.park(at, changes);
        }
    }

    /// Whether changes of a document are taken from a link, whoever wrote them.
    fn may_write(&self, at: At) -> bool {
        let Some(here) = self.links.get(&at.link) else { return false };
        let reads =
            here.shared.get(&at.context).is_some_and(|shared| shared.may_read(&at.document));
        let login = here.login.as_ref();
        reads && login.is_none_or(|login| login.rights.writes(at.document.scope))
    }

    /// Says no to each change, the same whether the document is here or not.
    fn refuse_all(&mut self, at: At, changes: Changes) {
        let refusal = Refusal::new(Code::Forbidden, "this link may not write this section");
        for (bytes, _) in changes.changes {
            let about = Header::parse(&bytes).ok().map(|header| header.hash);
            self.reject(at, Refusal { about, ..refusal.clone() });
        }
    }

    /// Makes a place for a document that is new here.
    fn has_room_for(&mut self, at: At) -> bool {
        let Some(context) = self.contexts.get_mut(&at.context) else { return false };
        if !context.documents.contains_key(&at.document) {
            if context.documents.len() >= CONTEXT_DOCUMENTS_MAX {
                return false;
            }
            context.documents.insert(at.document, Document::empty());
        }
        true
    }

    /// Keeps a frame until the graph is there.
    fn park(&mut self, at: At, changes: Changes) {
        let bytes = changes.changes.iter().map(|(bytes, _)| bytes.len()).sum::<usize>();
        if !self.reserve(at.link, changes.changes.len(), bytes) {
            if let Some(follow) = self.follow(at) {
                follow.lost = true;
            }
            return self.refuse(
                at.link,
                Refusal::new(Code::Busy, "too many changes wait for their document"),
            );
        }
        if let Some(document) = self.document(at) {
            document.parked.push((at.link, changes));
        }
    }

    /// Keeps a `Saved` behind the changes that it speaks of: it names some of them, and its cursor
    /// covers them, though they are not even looked at yet.
    pub(super) fn park_saved(&mut self, at: At, (cursor, heads): (Position, Vec<ChangeHash>)) {
        if !self.reserve(at.link, heads.len(), heads.len() * 32) {
            if let Some(follow) = self.follow(at) {
                follow.lost = true;
            }
        } else if let Some(document) = self.document(at) {
            document.parked_saved.push((at.link, cursor, heads));
        }
    }

    /// Takes up room for changes that wait; answers whether there is any.
    pub(super) fn reserve(&mut self, link: LinkId, changes: usize, bytes: usize) -> bool {
        let Some(here) = self.links.get_mut(&link) else { return false };
        let waiting = &mut here.deferred;
        if waiting.changes + changes > DEFERRED_CHANGES_MAX
            || waiting.bytes + bytes > DEFERRED_BYTES_MAX
        {
            return false;
        }
        waiting.changes += changes;
        waiting.bytes += bytes;
        true
    }

    pub(super) fn release(&mut self, link: LinkId, changes: usize, bytes: usize) {
        if let Some(here) = self.links.get_mut(&link) {
            here.deferred.changes = here.deferred.changes.saturating_sub(changes);
            here.deferred.bytes = here.deferred.bytes.saturating_sub(bytes);
        }
    }

    pub(super) fn unpark(&mut self, context: ContextId, document: DocumentKey) {
        let Some(here) = self.document_of(&context, &document) else { return };
        for (link, changes) in std::mem::take(&mut here.parked) {
            let bytes = changes.changes.iter().map(|(bytes, _)| bytes.len()).sum::<usize>();
            self.release(link, changes.changes.len(), bytes);
            self.take_in(At { link, context, document }, changes);
        }
        self.unpark_saved(context, document);
    }

    /// What still has to wait is kept again.
    fn unpark_saved(&mut self, context: ContextId, document: DocumentKey) {
        let Some(here) = self.document_of(&context, &document) else { return };
        for (link, cursor, heads) in std::mem::take(&mut here.parked_saved) {
            self.release(link, heads.len(), heads.len() * 32);
            self.saved(At { link, context, document }, cursor, heads);
        }
    }

    fn take_in(&mut self, at: At, changes: Changes) {
        self.judge_all(at, changes.changes);
        self.reserve_held(at);
        if let Some(document) = self.document(at) {
            let first_unstored = document.graph.first_unstored();
            document.recent.evict(first_unstored);
        }
        let Some(follow) = self.follow(at) else { return };
        if changes.cursor > Position::default() {
            follow.arrived = follow.arrived.max(Some(changes.cursor));
        }
        if changes.done && follow.expects {
            if follow.expanding {
                follow.done_waits = true;
            } else {
                self.end_receiving(at);
            }
        }
        self.settle_cursor(at);
        let backlog = self.links.get(&at.link).map_or(0, |link| link.unstored_bytes);
        if backlog > LINK_UNSTORED_BYTES_MAX {
            self.close(
                at.link,
                Refusal::new(Code::Busy, "changes come faster than they can be stored"),
            );
        }
    }

    pub(super) fn waited_for(&mut self, at: At, hash: &ChangeHash) -> Vec<(LinkId, Change)> {
        let Some(document) = self.document(at) else { return Vec::new() };
        let waited = document.deferred.remove(hash).unwrap_or_default();
        for (link, change) in &waited {
            self.release(*link, 1, change.bytes.len());
        }
        waited
    }

    pub(super) fn accept(&mut self, at: At, change: Change) {
        let Some(document) = self.document(at) else { return };
        let (bytes, link) = (change.bytes.len(), Some(at.link));
        let arrival = Arrival { bytes, link, position: None };
        let Some(index) = document.graph.insert(&change.header, arrival) else { return };
        self.take(at, (index, change));
    }

    /// A change counts: it goes to the store, and a relay passes it on.
    pub(super) fn take(&mut self, at: At, (index, change): (u32, Change)) {
        let bytes = change.bytes.len();
        let (now, owes) = (self.now, self.owes_saved(at));
        let Some(document) = self.document(at) else { return };
        document.recent.insert(index, &change);
        document.used = now;
        document.frame = None;
        document.refused.remove(&change.header.hash);
        if owes {
            document.owed.entry(index).or_default().push(at.link);
        }
        if let Some(link) = self.links.get_mut(&at.link) {
            link.unstored_bytes += bytes;
        }
        self.stage(at, change);
        if index == 0 {
            self.announce(at.context, at.document);
            self.wake_when_idle(at.context);
        }
        if !self.config.loads_documents {
            self.ready_on_all(at.context, at.document);
        }
    }

    /// Adds a change to what the store will be asked to take in at the next poll.
    fn stage(&mut self, at: At, change: Change) {
        let same = |staged: &&mut (At, Vec<Change>)| {
            staged.0.context == at.context && staged.0.document == at.document
        };
        match self.staged.iter_mut().rev().find(same) {
            Some((last, changes)) if last.link == at.link => changes.push(change),
            Some(_) | None => self.staged.push((at, vec![change])),
        }
    }

    /// Whether the other side is told when its changes are durable here.
    ///
    /// A relay that was dialled is not: it keeps no account of what others have stored.
    pub(super) fn owes_saved(&self, at: At) -> bool {
        let Some(link) = self.links.get(&at.link) else { return false };
        let side = link.shared.get(&at.context).map(|shared| shared.side);
        side == Some(Side::Listens) || link.proved().is_some_and(|proved| proved.takes_snapshots)
    }

    pub(super) fn known(&mut self, at: At, hash: &ChangeHash) {
        if !self.owes_saved(at) {
            return;
        }
        let Some(document) = self.document(at) else { return };
        let Some(index) = document.graph.index(hash) else { return };
        if document.graph.position(index).is_none() {
            let owed = document.owed.entry(index).or_default();
            if !owed.contains(&at.link) {
                owed.push(at.link);
            }
            return;
        }
        self.owe_saved(at, index);
    }

    /// A change that came over this link is stored: its `Saved` is owed.
    pub(super) fn owe_saved(&mut self, at: At, index: u32) {
        let Some((follow, document)) = self.both(at) else { return };
        for dep in document.graph.deps(index) {
            follow.saved.remove(dep);
        }
        follow.saved.insert(index);
        if let Some(shared) = self.shared(at.link, &at.context) {
            shared.to_save.insert(at.document);
            self.busy.insert(at.link);
        }
    }

    pub(super) fn defer(&mut self, at: At, change: Change, missing: &[ChangeHash]) {
        let Some(first) = missing.first() else { return };
        let waits = self.document(at).is_some_and(|document| {
            document.deferred.get(first).is_some_and(|waiting| {
                waiting.iter().any(|(link, other)| {
                    *link == at.link && other.header.hash == change.header.hash
                })
            })
        });
        if waits {
            return;
        }
        if !self.reserve(at.link, 1, change.bytes.len()) {
            if let Some(follow) = self.follow(at) {
                follow.lost = true;
            }
            let about = Some(change.header.hash);
            let reason = "too many changes wait for what they build on";
            return self.refuse(at.link, Refusal { about, ..Refusal::new(Code::Missing, reason) });
        }
        if let Some(document) = self.document(at) {
            document.deferred.entry(*first).or_default().push((at.link, change));
        }
    }

    pub(super) fn reject(&mut self, at: At, refusal: Refusal) {
        let (link, document) = (at.link, at.document);
        self.outbox.push_back(Output::Event(Event::Rejected {
            link,
            document,
            refusal: refusal.clone(),
        }));
        self.refuse(link, refusal);
    }

    /// A document may have something to send on every link that follows it.
    pub(super) fn ready_on_all(&mut self, context: ContextId, document: DocumentKey) {
        let Some(there) = self.contexts.get(&context) else { return };
        for link in &there.links {
            let shared = self.links.get_mut(link).and_then(|link| link.shared.get_mut(&context));
            if let Some(shared) = shared.filter(|shared| shared.follows.contains_key(&document)) {
                shared.ready.insert(document);
                self.busy.insert(*link);
            }
        }
    }

    pub(super) fn snapshot_part(&mut self, link: LinkId, part: SnapshotPart) {
        let at = At { link, context: part.context, document: part.document };
        let wanted = self.config.loads_documents
            && self.follow(at).is_some_and(|follow| follow.expects && !follow.expanding);
        let Some(here) = self.links.get_mut(&link) else { return };
        if here.assembly.is_none() && part.offset == 0 && part.total <= SNAPSHOT_BYTES_MAX as u64 {
            let (total, seals) = (part.total, part.seals);
            here.assembly = Some(Assembly { at, total, bytes: Vec::new(), seals });
        }
        let fits = |assembly: &&mut Assembly| {
            assembly.at == at
                && assembly.total == part.total
                && assembly.bytes.len() as u64 == part.offset
                && !part.bytes.is_empty()
                && part.offset + part.bytes.len() as u64 <= part.total
        };
        let Some(assembly) = here.assembly.as_mut().filter(|_| wanted).filter(fits) else {
            return self
                .close(link, Refusal::new(Code::Malformed, "a part of a snapshot out of place"));
        };
        assembly.bytes.extend_from_slice(&part.bytes);
        if (assembly.bytes.len() as u64) < assembly.total {
            return;
        }
        let Some(Assembly { bytes, seals, .. }) = here.assembly.take() else { return };
        if let Some(follow) = self.follow(at) {
            follow.expanding = true;
            if part.cursor > Position::default() {
                follow.arrived = Some(part.cursor);
            }
        }
        let At { link, context, document } = at;
        let bytes = Blob::from(bytes);
        self.outbox.push_back(Output::Event(Event::Snapshot {
            link,
            context,
            document,
            bytes,
            seals,
        }));
    }

    pub(super) fn expanded(&mut self, at: At, changes: Vec<(Blob, Option<Seal>)>) {
        let what = Waiting::Expanded(at.document, changes);
        let Some(Waiting::Expanded(_, changes)) = self.behind_entries(at.link, at.context, what)
        else {
            return;
        };
        let Some(follow) = self.follow(at) else { return };
        follow.expanding = false;
        let done = std::mem::take(&mut follow.done_waits);
        let cursor = Position::default();
        let (context, document) = (at.context, at.document);
        let changes = Changes { context, document, changes, cursor, done };
        if !self.has_room_for(at) {
            return;
        }
        if self.load_graph(context, document) {
            self.take_in(at, changes);
        } else if let Some(here) = self.document(at) {
            // What came behind the snapshot builds on it.
            here.parked.insert(0, (at.link, changes));
        }
        self.unpark_saved(at.context, at.document);
    }

    /// This replica has written changes, durably.
    pub(super) fn committed(
        &mut self,
        context: ContextId,
        document: DocumentKey,
        changes: Vec<(Change, Position)>,
    ) {
        let now = self.now;
        let Some(there) = self.contexts.get_mut(&context) else { return };
        if there.state == super::document::ContextState::Loading {
            return there.committed.push((document, changes));
        }
        let has_links = !there.links.is_empty();
        let here = there.documents.entry(document).or_insert_with(Document::empty);
        here.used = now;
        if here.state == GraphState::Unloaded {
            note_committed(here, &changes);
            if has_links {
                self.load_graph(context, document);
            } else {
                here.settled = here.last;
            }
            return;
        }
        here.committed.extend(changes);
        if here.is_loaded() {
            self.place_committed(context, document);
        }
    }

    /// Adds what was committed to the graph, once it is loaded.
    pub(super) fn place_committed(&mut self, context: ContextId, document: DocumentKey) {
        let at = At { link: LinkId(u64::MAX), context, document };
        let Some(here) = self.document(at) else { return };
        let changes = std::mem::take(&mut here.committed);
        let is_new = here.graph.count() == 0;
        let mut refused = false;
        for (change, position) in changes {
            let Some(here) = self.document(at) else { return };
            let hash = change.header.hash;
            if let Some(index) = here.graph.index(&hash) {
                self.stored(at, index, position);
                continue;
            }
            let bytes = change.bytes.len();
            let arrival = Arrival { bytes, link: None, position: Some(position) };
            let Some(index) = here.graph.insert(&change.header, arrival) else {
                here.committed.push((change, position));
                continue;
            };
            here.recent.insert(index, &change);
            refused |= !self.is_allowed(at, index);
            for (link, change) in self.waited_for(at, &hash) {
                self.judge(At { link, ..at }, change, Look::Now);
            }
        }
        self.after_storing(context, document);
        if refused {
            self.judge_document(context, document);
        }
        if is_new {
            self.announce(context, document);
            self.wake_when_idle(context);
        }
        self.ready_on_all(context, document);
    }
}

/// Keeps the summary right while the graph is not in memory.
fn note_committed(document: &mut Document, changes: &[(Change, Position)]) {
    for (change, position) in changes {
        if *position > document.last {
            document.last = *position;
            document.heads.retain(|head| !change.header.deps.contains(head));
            document.heads.push(change.header.hash);
        }
    }
}
