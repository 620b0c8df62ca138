//! Opening a context over a link: what each side has, and what it is about to send.

use std::collections::btree_map::Entry;

use super::Replica;
use super::access::frame_of;
use super::document::{Context, ContextState, Document, GraphState};
use super::follow::{At, Follow, Phase, Shared, Stage};
use crate::access::{Log, Scopes, entry_hash};
use crate::id::{Blob, ContextId, DocumentKey, LinkId, Position};
use crate::identity::Side;
use crate::io::{Event, Known, Output, StoreRequest, Summary};
use crate::limits::{CONTEXT_DOCUMENTS_MAX, LINK_CONTEXTS_MAX, LINK_STATED_HASHES_MAX};
use crate::message::{Code, Has, Have, Message, Open, Opened, Refusal};

impl Replica {
    /// The side that dialled: asks the store what it has, and what the other side was known to have.
    pub(super) fn start_opening(&mut self, link: LinkId, context: ContextId) {
        let Some(here) = self.links.get_mut(&link) else { return };
        let Some(proved) = here.proved() else { return };
        here.shared.insert(context, Shared::new(Side::Dials));
        self.store(StoreRequest::LoadRemote { link, remote: proved.store, context });
        self.join(link, context);
        // Before the context is opened: one of them may make this key a member.
        self.pass_on(context);
        self.try_to_open(link, context);
    }

    /// A link is about to follow a context.
    fn join(&mut self, link: LinkId, context: ContextId) {
        let asks = self.load_context(context);
        if let Some(shared) = self.shared(link, &context) {
            shared.asked |= asks;
        }
        if let Some(there) = self.contexts.get_mut(&context) {
            there.links.insert(link);
            there.used = self.now;
        }
    }

    /// Asks the store for a context, unless that was done. Answers whether it asks.
    pub(super) fn load_context(&mut self, context: ContextId) -> bool {
        let Entry::Vacant(vacant) = self.contexts.entry(context) else { return false };
        vacant.insert(Context::default());
        self.store(StoreRequest::LoadContext { context });
        true
    }

    pub(super) fn context_loaded(
        &mut self,
        id: ContextId,
        access: Vec<Blob>,
        documents: Vec<Summary>,
    ) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        if context.state != ContextState::Loading {
            return self.loaded_again(id, access);
        }
        let log = match access.is_empty() {
            true => None,
            false => match Log::read(&access) {
                Ok(log) => Some(log),
                Err((number, refusal)) => {
                    let reason = format!("its access entry {number} does not hold: {refusal}");
                    return self.context_failed(id, &Refusal::new(Code::Failed, &reason));
                }
            },
        };
        context.state = ContextState::Loaded;
        context.access = access;
        context.log = log;
        for summary in documents {
            context.documents.insert(summary.document, Document::listed(summary));
        }
        for (document, changes) in std::mem::take(&mut context.committed) {
            self.committed(id, document, changes);
        }
        self.order(id);
        for link in self.links_of(&id) {
            match self.shared(link, &id).map(|shared| shared.side) {
                Some(Side::Dials) => self.try_to_open(link, id),
                Some(Side::Listens) => self.try_to_answer(link, id),
                None => {}
            }
        }
        self.go_on(id);
        self.unpark_leases(id);
        self.forget_unknown(id);
        self.wake_when_idle(id);
    }

    /// The store was asked once more: for a newer log, or because of somebody who must not learn that
    /// the context is here.
    fn loaded_again(&mut self, id: ContextId, access: Vec<Blob>) {
        let Some(there) = self.contexts.get_mut(&id) else { return };
        if std::mem::take(&mut there.reloads) {
            self.access_committed(id, access);
            self.order(id);
        }
        let Some(there) = self.contexts.get_mut(&id) else { return };
        let Some(link) = there.strangers.pop_front() else { return };
        let Some(shared) = self.shared(link, &id) else { return };
        shared.is_stranger = false;
        shared.asked = true;
        self.try_to_answer(link, id);
    }

    pub(super) fn remote_loaded(&mut self, link: LinkId, context: ContextId, known: Vec<Known>) {
        if let Some(shared) = self.shared(link, &context) {
            shared.known.get_or_insert(known);
            self.try_to_open(link, context);
        }
    }

    /// Once both answers of the store are there: what is known is noted, and the graphs of documents
    /// that were never compared with the other side are loaded, for their samples.
    fn try_to_open(&mut self, link: LinkId, context: ContextId) {
        let Some(there) = self.contexts.get(&context) else { return };
        if there.state != ContextState::Loaded {
            return;
        }
        let mut documents: Vec<DocumentKey> = there.documents.keys().copied().collect();
        let reads = there.log.is_some().then(|| self.rights_on(link, &context).read);
        let Some(shared) = self.shared(link, &context) else { return };
        if shared.phase != Phase::Gathering || !shared.loading.is_empty() {
            return;
        }
        shared.reads = reads;
        documents.retain(|document| shared.may_read(document));
        let Some(known) = shared.known.clone() else { return };
        for document in documents {
            let at = At { link, context, document };
            let mut follow = Follow::default();
            if let Some(known) = known.iter().find(|known| known.document == document) {
                follow.cursor = known.cursor;
                follow.durable.clone_from(&known.durable);
            }
            let met = follow.cursor > Position::default();
            let Some(here) = self.document(at) else { continue };
            let covered = here.durable_heads().iter().all(|head| follow.durable.contains(head));
            let needs_graph = !met && !covered && !here.is_loaded();
            let Some(shared) = self.shared(link, &context) else { return };
            shared.follows.insert(document, follow);
            if needs_graph {
                shared.loading.insert(document);
                self.load_graph(context, document);
            }
        }
        self.open_when_loaded(link, context);
    }

    pub(super) fn open_when_loaded(&mut self, link: LinkId, context: ContextId) {
        let Some(shared) = self.shared(link, &context) else { return };
        if shared.phase == Phase::Gathering
            && shared.side == Side::Dials
            && shared.known.is_some()
            && shared.loading.is_empty()
        {
            shared.phase = Phase::Opening;
            shared.to_state = shared.follows.keys().copied().collect();
            shared.owes_last = true;
            self.busy.insert(link);
        }
    }

    /// Somebody who may read the context by the log here does not know that, or not this side: it gets
    /// the whole log, once, and the context is opened anew.
    pub(super) fn insist(&mut self, link: LinkId, refused: &Refusal) -> bool {
        let here = self.links.get(&link);
        let Some(context) = here.and_then(|here| here.dials) else { return false };
        let may = self.rights_on(link, &context).read != Scopes::default();
        let Some(there) = self.contexts.get(&context) else { return false };
        let access = there.access.clone();
        let Some(shared) = self.shared(link, &context) else { return false };
        let opening = shared.phase == Phase::Opening && !shared.owes_last;
        let unknown = refused.code == Code::Unknown && refused.about.is_none();
        if !may || !opening || !unknown || std::mem::replace(&mut shared.insisted, true) {
            return false;
        }
        shared.to_state = shared.follows.keys().copied().collect();
        shared.owes_last = true;
        let Some(here) = self.links.get_mut(&link) else { return false };
        here.control.push_back(Message::Open(Open {
            context,
            access_entries: access.len() as u64,
            access_head: access.last().map(|entry| entry_hash(entry)).unwrap_or_default(),
            record: access.first().cloned(),
            documents: Vec::new(),
            more: true,
        }));
        let mut from = 0;
        while from < access.len() as u64 {
            let entries = frame_of(&access, from);
            let next = from + entries.len() as u64;
            here.control.push_back(Message::Access { context, from, entries });
            from = next;
        }
        self.busy.insert(link);
        true
    }

    /// Asks the store for a graph, unless it is there or on its way. Answers whether it is there.
    pub(super) fn load_graph(&mut self, context: ContextId, document: DocumentKey) -> bool {
        let Some(here) = self.document_of(&context, &document) else { return false };
        match here.state {
            GraphState::Loaded => return true,
            GraphState::Loading => return false,
            GraphState::Unloaded => {}
        }
        here.state = GraphState::Loading;
        self.store(StoreRequest::LoadGraph { context, document });
        self.wake_when_idle(context);
        false
    }

    /// The other side has dialled and opens a context.
    pub(super) fn open(&mut self, link: LinkId, open: Open) {
        let (context, now) = (open.context, self.now);
        let Some(here) = self.links.get_mut(&link) else { return };
        if here.side == Side::Dials {
            return self
                .close(link, Refusal::new(Code::Malformed, "only the side that dialled opens"));
        }
        if !here.shared.contains_key(&context) && here.shared.len() >= LINK_CONTEXTS_MAX {
            return self
                .refuse(link, Refusal::new(Code::TooLarge, "too many contexts on one link"));
        }
        let hashes: usize =
            open.documents.iter().map(|have| have.heads.len() + have.samples.len()).sum();
        here.stated_hashes += hashes;
        let shared = here.shared.entry(context).or_insert_with(|| Shared::new(Side::Listens));
        if here.stated_hashes > LINK_STATED_HASHES_MAX
            || shared.follows.len() + open.documents.len() > CONTEXT_DOCUMENTS_MAX
        {
            return self.close(link, Refusal::new(Code::TooLarge, "too much stated at once"));
        }
        shared.stated_at = now;
        shared.stated_access = (open.access_entries, open.access_head);
        if open.record.is_some() {
            shared.record = open.record;
        }
        for have in open.documents {
            if shared.may_read(&have.document) {
                state(shared, have);
            }
        }
        shared.owes_last = !open.more;
        self.join(link, context);
        if !open.more {
            self.try_to_answer(link, context);
        }
    }

    /// The other side answers what this side has opened.
    pub(super) fn opened(&mut self, link: LinkId, opened: Opened) {
        let context = opened.context;
        let Some(shared) = self.shared(link, &context) else { return };
        if shared.side != Side::Dials || shared.phase == Phase::Gathering {
            return self.close(link, Refusal::new(Code::Malformed, "nothing was opened"));
        }
        if shared.follows.len() + opened.documents.len() > 2 * CONTEXT_DOCUMENTS_MAX {
            return self.close(link, Refusal::new(Code::TooLarge, "too many documents"));
        }
        shared.stated_access = (opened.access_entries, opened.access_head);
        self.note_stated_access(link, context);
        for has in opened.documents {
            self.has(At { link, context, document: has.document }, has);
        }
        if !opened.more {
            self.opened_last(link, context);
        }
    }

    fn has(&mut self, at: At, has: Has) {
        let Some(proved) = self.links.get(&at.link).and_then(super::link::Link::proved) else {
            return;
        };
        let Some(shared) = self.shared(at.link, &at.context) else { return };
        if !shared.may_read(&at.document) {
            return;
        }
        if !shared.in_sync {
            shared.behind.insert(at.document);
        }
        let follow = shared.follows.entry(at.document).or_default();
        if has.sends {
            follow.expects = true;
            follow.stage = Stage::Receiving;
        } else if has.cursor > Position::default() {
            follow.arrived = Some(has.cursor);
        }
        follow.durable.clone_from(&has.heads);
        follow.stated = has.heads;
        let known =
            Known { document: at.document, cursor: follow.cursor, durable: follow.durable.clone() };
        if !known.durable.is_empty() {
            self.note_durable(proved.store, at.context, known);
        }
        if !has.sends {
            self.end_receiving(at);
        }
    }

    pub(super) fn note_durable(
        &mut self,
        remote: crate::id::StoreId,
        context: ContextId,
        known: Known,
    ) {
        self.outbox.push_back(Output::Event(Event::Durable {
            remote,
            context,
            known: known.clone(),
        }));
        self.store(StoreRequest::Remember { remote, context, known });
    }

    /// All that the other side has is stated; what it did not name, it does not have.
    fn opened_last(&mut self, link: LinkId, context: ContextId) {
        let Some(there) = self.contexts.get(&context) else { return };
        let documents: Vec<DocumentKey> = there.documents.keys().copied().collect();
        let shown = there.presence.keys().copied().collect();
        let Some(shared) = self.shared(link, &context) else { return };
        if shared.phase == Phase::Opening {
            shared.phase = Phase::Open;
            shared.presence = shown;
            self.outbox.push_back(Output::Event(Event::Opened { link, context }));
            for document in documents {
                let Some(shared) = self.shared(link, &context) else { return };
                if !shared.may_read(&document) {
                    continue;
                }
                let follow = shared.follows.entry(document).or_default();
                if follow.stage == Stage::Receiving && !follow.expects && !follow.reopened {
                    shared.behind.insert(document);
                    self.end_receiving(At { link, context, document });
                }
            }
        }
        self.busy.insert(link);
        self.check_in_sync(link, context);
    }

    /// A document has appeared: every link that follows its context follows it.
    pub(super) fn announce(&mut self, context: ContextId, document: DocumentKey) {
        for link in self.links_of(&context) {
            let Some(shared) = self.shared(link, &context) else { continue };
            if shared.phase == Phase::Open && shared.may_read(&document) {
                shared.follows.entry(document).or_insert_with(Follow::live);
            }
        }
    }
}

fn state(shared: &mut Shared, have: Have) {
    let follow = shared.follows.entry(have.document).or_default();
    follow.stage = Stage::Receiving;
    follow.queue.clear();
    follow.after = have.cursor;
    follow.told = have.cursor;
    follow.stated = have.heads;
    follow.stated.extend(have.samples);
    shared.to_state.insert(have.document);
}
