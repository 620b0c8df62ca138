//! Opening a context over a link: what each side has, and what it is about to send.

use std::collections::btree_map::Entry;

use super::Replica;
use super::document::{Context, ContextState, Document, GraphState};
use super::follow::{At, Follow, Phase, Shared, Stage};
use super::link::refusal;
use crate::id::{Blob, ContextId, DocumentKey, LinkId, Position};
use crate::identity::{ContextRecord, Side};
use crate::io::{Event, Known, Output, StoreRequest, Summary};
use crate::limits::{CONTEXT_DOCUMENTS_MAX, LINK_CONTEXTS_MAX, LINK_STATED_HASHES_MAX};
use crate::message::{Code, Has, Have, Open, Opened};

impl Replica {
    /// The side that dialled: asks the store what it has, and what the other side was known to have.
    pub(super) fn start_opening(&mut self, link: LinkId, context: ContextId) {
        let Some(here) = self.links.get_mut(&link) else { return };
        let Some(proved) = here.proved() else { return };
        here.shared.insert(context, Shared::new(Side::Dials));
        self.store(StoreRequest::LoadRemote { link, remote: proved.store, context });
        self.join(link, context);
        self.try_to_open(link, context);
    }

    /// A link is about to follow a context.
    fn join(&mut self, link: LinkId, context: ContextId) {
        if let Entry::Vacant(vacant) = self.contexts.entry(context) {
            vacant.insert(Context::default());
            self.outbox.push_back(Output::Store(StoreRequest::LoadContext { context }));
        }
        if let Some(there) = self.contexts.get_mut(&context) {
            there.links.insert(link);
            there.used = self.now;
        }
    }

    pub(super) fn context_loaded(
        &mut self,
        id: ContextId,
        access: Vec<Blob>,
        documents: Vec<Summary>,
    ) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        if context.state != ContextState::Loading {
            return;
        }
        context.state = ContextState::Loaded;
        context.access = access;
        for summary in documents {
            context.documents.insert(summary.document, Document::listed(summary));
        }
        for (document, changes) in std::mem::take(&mut context.committed) {
            self.committed(id, document, changes);
        }
        for link in self.links_of(&id) {
            match self.shared(link, &id).map(|shared| shared.side) {
                Some(Side::Dials) => self.try_to_open(link, id),
                Some(Side::Listens) => self.try_to_answer(link, id),
                None => {}
            }
        }
        self.wake_when_idle(id);
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
        let documents: Vec<DocumentKey> = there.documents.keys().copied().collect();
        let Some(shared) = self.shared(link, &context) else { return };
        if shared.phase != Phase::Gathering || !shared.loading.is_empty() {
            return;
        }
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
        let context = open.context;
        let Some(here) = self.links.get_mut(&link) else { return };
        if here.dials.is_some() {
            return self.close(link, refusal(Code::Malformed, "only the side that dialled opens"));
        }
        if !here.shared.contains_key(&context) && here.shared.len() >= LINK_CONTEXTS_MAX {
            return self.refuse(link, refusal(Code::TooLarge, "too many contexts on one link"));
        }
        let hashes: usize =
            open.documents.iter().map(|have| have.heads.len() + have.samples.len()).sum();
        here.stated_hashes += hashes;
        let shared = here.shared.entry(context).or_insert_with(|| Shared::new(Side::Listens));
        if here.stated_hashes > LINK_STATED_HASHES_MAX
            || shared.follows.len() + open.documents.len() > CONTEXT_DOCUMENTS_MAX
        {
            return self.close(link, refusal(Code::TooLarge, "too much stated at once"));
        }
        shared.access = open.access_entries;
        if open.record.is_some() {
            shared.record = open.record;
        }
        for have in open.documents {
            state(shared, have);
        }
        shared.owes_last = !open.more;
        self.join(link, context);
        if !open.more {
            self.try_to_answer(link, context);
        }
    }

    pub(super) fn try_to_answer(&mut self, link: LinkId, context: ContextId) {
        let accepts = self.config.accepts_new_contexts;
        let Some(shared) = self.links.get(&link).and_then(|link| link.shared.get(&context)) else {
            return;
        };
        let Some(there) = self.contexts.get_mut(&context) else { return };
        if !shared.owes_last || there.state != ContextState::Loaded {
            return;
        }
        if !there.access.is_empty() {
            return self.answer(link, context);
        }
        match shared.record.clone().filter(|record| accepts && is_record_of(record, &context)) {
            Some(record) => {
                there.state = ContextState::Founding;
                there.access.push(record.clone());
                self.store(StoreRequest::AppendAccess { context, from: 0, entries: vec![record] });
            }
            None => {
                self.drop_context(link, context, refusal(Code::Unknown, "no such context here"))
            }
        }
    }

    /// Takes a context from a link that cannot have it.
    pub(super) fn drop_context(
        &mut self,
        link: LinkId,
        context: ContextId,
        refusal: crate::message::Refusal,
    ) {
        let Some(here) = self.links.get_mut(&link) else { return };
        let Some(shared) = here.shared.remove(&context) else { return };
        self.leave(link, context, shared.follows.into_keys().collect());
        self.refuse(link, refusal);
    }

    /// Both sides follow the context from here on; every document is stated.
    fn answer(&mut self, link: LinkId, context: ContextId) {
        let Some(there) = self.contexts.get(&context) else { return };
        let documents: Vec<DocumentKey> = there.documents.keys().copied().collect();
        let shown = there.presence.keys().copied().collect();
        let Some(shared) = self.shared(link, &context) else { return };
        if shared.phase == Phase::Gathering {
            shared.phase = Phase::Open;
            shared.presence = shown;
            for document in documents {
                if let Entry::Vacant(vacant) = shared.follows.entry(document) {
                    vacant.insert(Follow::default());
                    shared.to_state.insert(document);
                }
            }
        }
        self.busy.insert(link);
    }

    /// Decides for a document whether anything is to be sent, at the moment at which it is stated:
    /// most often that needs no graph.
    pub(super) fn answer_one(&mut self, at: At) {
        let Some((follow, document)) = self.both(at) else {
            // Only the other side has it: it will come.
            if let Some(follow) = self.follow(at) {
                follow.stage = Stage::Sending;
                follow.stated = Vec::new();
            }
            return;
        };
        let last = document.last();
        let caught_up = follow.after == last
            || document.durable_heads().iter().all(|head| follow.stated.contains(head));
        follow.owes_done = !caught_up && last > Position::default();
        if caught_up && !document.is_loaded() {
            follow.stage = Stage::Sending;
            follow.told = last;
            self.forget_stated(at);
            return;
        }
        follow.stage = Stage::Planning;
        if self.load_graph(at.context, at.document) {
            self.plan(at);
        }
    }

    /// What was stated has been acted on, and makes room for more.
    pub(super) fn forget_stated(&mut self, at: At) {
        let Some(follow) = self.follow(at) else { return };
        let stated = std::mem::take(&mut follow.stated).len();
        if let Some(link) = self.links.get_mut(&at.link) {
            link.stated_hashes = link.stated_hashes.saturating_sub(stated);
        }
    }

    /// The other side answers what this side has opened.
    pub(super) fn opened(&mut self, link: LinkId, opened: Opened) {
        let context = opened.context;
        let Some(shared) = self.shared(link, &context) else { return };
        if shared.side != Side::Dials || shared.phase == Phase::Gathering {
            return self.close(link, refusal(Code::Malformed, "nothing was opened"));
        }
        if shared.follows.len() + opened.documents.len() > 2 * CONTEXT_DOCUMENTS_MAX {
            return self.close(link, refusal(Code::TooLarge, "too many documents"));
        }
        shared.access = opened.access_entries;
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
            for document in documents {
                let Some(shared) = self.shared(link, &context) else { return };
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
            if shared.phase == Phase::Open {
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

/// Whether bytes are the record that a context's id is the hash of.
pub(super) fn is_record_of(record: &Blob, context: &ContextId) -> bool {
    ContextRecord::from_bytes(record).is_ok_and(|record| record.id() == *context)
}
