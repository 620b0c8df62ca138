//! Answering who opens a context: with what is here, or as if it were not.

use std::collections::btree_map::Entry;

use super::Replica;
use super::access::{Writing, begin, frame_of};
use super::document::ContextState;
use super::follow::{At, Follow, Phase, Stage};
use super::waking::Timer;
use crate::access::Scopes;
use crate::id::{ChangeHash, ContextId, DocumentKey, LinkId, Position};
use crate::identity::Side;
use crate::io::{StoreRequest, Time};
use crate::limits::{PROPOSALS_WAITING_MAX, STRANGER_ANSWER_MS};
use crate::message::{Code, Message, Refusal};

impl Replica {
    pub(super) fn try_to_answer(&mut self, link: LinkId, context: ContextId) {
        let Some(shared) = self.links.get(&link).and_then(|link| link.shared.get(&context)) else {
            return;
        };
        let Some(there) = self.contexts.get(&context) else { return };
        let waits = !shared.owes_last || shared.is_stranger || shared.side == Side::Dials;
        if waits || there.state != ContextState::Loaded {
            return;
        }
        if there.log.is_none() {
            return self.try_to_found(link, context);
        }
        if self.is_expiring(&context) {
            return self.order(context);
        }
        if self.rights_on(link, &context).read != Scopes::default() {
            return self.answer(link, context);
        }
        let is_ordering = there.sequencing.waits_for(link);
        // Its own entries may make it a member.
        let brings = there.arrived.iter().any(|arrived| arrived.link == link)
            || there.writing.as_ref().is_some_and(|writing| writing.link == Some(link));
        if !is_ordering && !brings {
            self.answer_stranger(link, context);
        }
    }

    fn try_to_found(&mut self, link: LinkId, context: ContextId) {
        let accepts = self.config.accepts_new_contexts;
        let Some(here) = self.links.get(&link) else { return };
        let may = accepts && here.login.as_ref().is_none_or(|login| login.may_found(&context));
        let record = here.shared.get(&context).and_then(|shared| shared.record.clone());
        let Some(there) = self.contexts.get(&context) else { return };
        if there.writing.is_some() {
            return;
        }
        match (begin(record.as_ref(), &context), record) {
            (Ok(log), Some(record)) if may => {
                let writing = Writing { from: 0, entries: vec![record], log, link: Some(link) };
                self.write_access(context, writing);
            }
            (Ok(_) | Err(_), _) => self.answer_stranger(link, context),
        }
    }

    /// Says that there is no such context: to whoever is no member just as where there is none, after
    /// the same question to the store, and after the same time, however long that took.
    fn answer_stranger(&mut self, link: LinkId, context: ContextId) {
        if self.answer_former(link, context) {
            return;
        }
        let now = self.now;
        let Some(shared) = self.shared(link, &context) else { return };
        let due = answer_due(shared.stated_at);
        if shared.asked && now < due {
            self.timers.insert((due, Timer::Stranger(link, context)));
            return;
        }
        if shared.asked {
            let refusal = Refusal::new(Code::Unknown, "no such context here");
            return self.drop_context(link, context, refusal);
        }
        shared.is_stranger = true;
        if let Some(there) = self.contexts.get_mut(&context) {
            there.strangers.push_back(link);
            self.store(StoreRequest::LoadContext { context });
        }
    }

    /// Tells somebody who may not know of a context that there is none: as if their proposal had waited
    /// for it to come, as it does where there is none.
    pub(super) fn refuse_unheard(
        &mut self,
        link: LinkId,
        context: ContextId,
        (came, hash): (Time, ChangeHash),
    ) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        let unheard = &mut there.sequencing.unheard;
        let same = unheard.iter().find(|(.., other)| *other == hash);
        let due = same.map_or_else(|| answer_due(came), |(due, ..)| *due);
        let waits = unheard.iter().any(|(_, other, same)| (*other, *same) == (link, hash));
        if due <= self.now && !waits {
            self.refuse(link, unknown(hash));
        } else if !waits && unheard.len() < PROPOSALS_WAITING_MAX {
            unheard.push_back((due, link, hash));
            self.timers.insert((due, Timer::Unheard(context)));
        }
    }

    pub(super) fn tell_unheard(&mut self, context: ContextId) {
        let now = self.now;
        let Some(there) = self.contexts.get_mut(&context) else { return };
        let mut told = Vec::new();
        there.sequencing.unheard.retain(|(due, link, hash)| {
            let is_due = *due <= now;
            told.extend(is_due.then_some((*link, *hash)));
            !is_due
        });
        told.into_iter().for_each(|(link, hash)| self.refuse(link, unknown(hash)));
    }

    /// Whoever was a member learns that and why it is none any more, up to the entry that ended it.
    fn answer_former(&mut self, link: LinkId, context: ContextId) -> bool {
        let proved = self.links.get(&link).and_then(super::link::Link::proved);
        let there = self.contexts.get(&context);
        let log = there.and_then(|there| there.log.as_ref());
        let member = proved.zip(log).and_then(|(proved, log)| log.member(&proved.key));
        let Some((_, number)) = member.and_then(|member| member.ended) else { return false };
        self.note_stated_access(link, context);
        let from = self.shared(link, &context).and_then(|shared| shared.access);
        let last = usize::try_from(number + 1).unwrap_or(usize::MAX);
        let known = self.contexts.get(&context).and_then(|there| there.access.get(..last));
        let entries = known.zip(from).map(|(known, from)| frame_of(known, from));
        if let Some(entries) = entries.filter(|entries| !entries.is_empty())
            && let Some(here) = self.links.get_mut(&link)
        {
            let from = from.unwrap_or_default();
            here.control.push_back(Message::Access { context, from, entries });
        }
        self.drop_context(link, context, Refusal::new(Code::Revoked, "its rights have ended"));
        true
    }

    /// Takes a context from a link that cannot have it.
    pub(super) fn drop_context(&mut self, link: LinkId, context: ContextId, refusal: Refusal) {
        let Some(here) = self.links.get_mut(&link) else { return };
        let Some(shared) = here.shared.remove(&context) else { return };
        self.leave(link, context, shared.follows.into_keys().collect());
        self.refuse(link, refusal);
    }

    /// Both sides follow the context from here on; every document is stated.
    fn answer(&mut self, link: LinkId, context: ContextId) {
        self.note_stated_access(link, context);
        let reads = self.rights_on(link, &context).read;
        let Some(there) = self.contexts.get(&context) else { return };
        let documents: Vec<DocumentKey> = there.documents.keys().copied().collect();
        let shown = there.presence.keys().copied().collect();
        let Some(shared) = self.shared(link, &context) else { return };
        shared.reads = Some(reads);
        shared.follows.retain(|document, _| reads.contains(document.scope));
        shared.to_state.retain(|document| reads.contains(document.scope));
        if shared.phase == Phase::Gathering {
            shared.phase = Phase::Open;
            shared.presence = shown;
            for document in documents.into_iter().filter(|key| reads.contains(key.scope)) {
                if let Entry::Vacant(vacant) = shared.follows.entry(document) {
                    vacant.insert(Follow::default());
                    shared.to_state.insert(document);
                }
            }
            self.pass_on(context);
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
}

/// When whoever may know nothing of a context is answered.
pub(super) fn answer_due(asked: Time) -> Time {
    Time(asked.0.saturating_add(STRANGER_ANSWER_MS))
}

pub(super) fn unknown(proposal: ChangeHash) -> Refusal {
    Refusal { about: Some(proposal), ..Refusal::new(Code::Unknown, "no such context here") }
}
