//! Deadlines: what happens because time passes.

use super::Replica;
use super::document::ContextState;
use super::follow::{At, Stage};
use crate::id::{ContextId, DocumentKey, LinkId};
use crate::io::Time;
use crate::limits::{CURSOR_UPDATE_MS, IDLE_DOCUMENT_MS, RETRY_MS};
use crate::message::{Code, Refusal};

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The key must be proved by then.
    Handshake(LinkId),
    /// Documents that nobody used leave memory.
    Idle(ContextId),
    /// Presence that was not renewed ends.
    Presence(ContextId),
    /// The link may carry presence again.
    Pace(LinkId),
    /// Readers learn how far the log has become durable.
    Cursor(ContextId, DocumentKey),
    /// What failed for the moment is tried again.
    Retry(LinkId),
    /// Ordering goes on after the store has failed.
    Order(ContextId),
    /// Somebody who may know nothing of a context learns that their proposal is for none that is here.
    Unheard(ContextId),
    /// The same for what they opened.
    Stranger(LinkId, ContextId),
    /// Somebody's end date comes.
    Expiry(ContextId),
    /// The store is asked once more to take changes out.
    Remove(ContextId),
}

impl Replica {
    pub(super) fn wake_in(&mut self, ms: u64, timer: Timer) {
        self.timers.insert((Time(self.now.0.saturating_add(ms)), timer));
    }

    pub(super) fn wake(&mut self) {
        while let Some((at, timer)) = self.timers.first().copied().filter(|(at, _)| *at <= self.now)
        {
            self.timers.remove(&(at, timer));
            match timer {
                Timer::Handshake(link) => self.handshake_over(link),
                Timer::Idle(context) => self.idle(context),
                Timer::Presence(context) => self.presence_over(context),
                Timer::Pace(link) => {
                    self.busy.insert(link);
                }
                Timer::Cursor(context, document) => self.update_cursors(context, document),
                Timer::Retry(link) => self.retry(link),
                Timer::Order(context) => self.resume_ordering(context),
                Timer::Unheard(context) => self.tell_unheard(context),
                Timer::Stranger(link, context) => self.try_to_answer(link, context),
                Timer::Expiry(context) => self.end_date_comes(context),
                Timer::Remove(context) => self.remove_again(context),
            }
        }
    }

    fn handshake_over(&mut self, link: LinkId) {
        let Some(here) = self.links.get(&link) else { return };
        if here.proved().is_none() {
            self.close(link, Refusal::new(Code::Slow, "the key was not proved in time"));
        } else if here.logging_in.is_some() {
            self.close(link, Refusal::new(Code::Slow, "the login was not answered in time"));
        }
    }

    /// Arms the timer that lets a context's documents go, unless it is armed.
    pub(super) fn wake_when_idle(&mut self, context: ContextId) {
        let Some(here) = self.contexts.get_mut(&context) else { return };
        if !here.idle_due {
            here.idle_due = true;
            self.wake_in(IDLE_DOCUMENT_MS, Timer::Idle(context));
        }
    }

    fn idle(&mut self, id: ContextId) {
        let since = self.now.0.saturating_sub(IDLE_DOCUMENT_MS);
        let Some(context) = self.contexts.get(&id) else { return };
        let quiet: Vec<DocumentKey> = context
            .documents
            .iter()
            .filter(|(key, document)| {
                document.used.0 <= since
                    && document.is_quiet()
                    && context.links.iter().all(|link| self.is_settled(*link, id, **key))
            })
            .map(|(key, _)| *key)
            .collect();
        let Some(context) = self.contexts.get_mut(&id) else { return };
        context.idle_due = false;
        for key in quiet {
            if let Some(document) = context.documents.get_mut(&key) {
                document.unload();
            }
        }
        context.documents.retain(|_, document| document.last.0 > 0 || document.is_loaded());
        let loaded = context.documents.values().any(|document| document.is_loaded());
        let abandoned = context.links.is_empty()
            && context.state == ContextState::Loaded
            && context.is_settled();
        if abandoned && !loaded && context.used.0 <= since {
            self.contexts.remove(&id);
        } else if loaded || abandoned {
            self.wake_when_idle(id);
        }
    }

    /// Whether a link has everything of a document that it should.
    fn is_settled(&self, link: LinkId, context: ContextId, document: DocumentKey) -> bool {
        let Some(shared) = self.links.get(&link).and_then(|link| link.shared.get(&context)) else {
            return true;
        };
        let Some(follow) = shared.follows.get(&document) else { return true };
        let count = self
            .contexts
            .get(&context)
            .and_then(|context| context.documents.get(&document))
            .map_or(0, |document| document.graph.count());
        follow.stage == Stage::Sending
            && follow.queue.is_empty()
            && follow.next == count
            && follow.saved.is_empty()
            && follow.unsaved.is_empty()
            && follow.retry.is_none()
            && !follow.owes_done
            && !follow.owes_cursor
            && !shared.ready.contains(&document)
    }

    /// Something of a document has become durable: its readers learn how far, a little later.
    pub(super) fn update_later(&mut self, context: ContextId, document: DocumentKey) {
        let Some(here) = self.document_of(&context, &document) else { return };
        if !here.update_due {
            here.update_due = true;
            self.wake_in(CURSOR_UPDATE_MS, Timer::Cursor(context, document));
        }
    }

    fn update_cursors(&mut self, context: ContextId, document: DocumentKey) {
        let Some(here) = self.document_of(&context, &document) else { return };
        here.update_due = false;
        let last = here.last();
        for link in self.links_of(&context) {
            let at = At { link, context, document };
            let Some(follow) = self.follow(at) else { continue };
            if follow.told < last {
                follow.owes_cursor = true;
                self.ready(at);
            }
        }
    }

    pub(super) fn retry_later(&mut self, link: LinkId) {
        let Some(here) = self.links.get_mut(&link) else { return };
        if !here.retry_due {
            here.retry_due = true;
            self.wake_in(RETRY_MS, Timer::Retry(link));
        }
    }

    fn retry(&mut self, link: LinkId) {
        let Some(here) = self.links.get_mut(&link) else { return };
        here.retry_due = false;
        here.read_paused = false;
        let mut again = Vec::new();
        for (context, shared) in &here.shared {
            for (document, follow) in &shared.follows {
                if follow.retry.is_some() || !follow.queue.is_empty() {
                    again.push(At { link, context: *context, document: *document });
                }
            }
        }
        let contexts: Vec<ContextId> = here.shared.keys().copied().collect();
        for at in again {
            self.send_again(at);
        }
        contexts.into_iter().for_each(|context| self.pass_on(context));
    }

    /// Sends everything from the first change on that the other side could not take.
    fn send_again(&mut self, at: At) {
        let Some((follow, document)) = self.both(at) else { return };
        if let Some(first) = follow.retry.take() {
            let graph = &document.graph;
            let sent = (first..follow.next).filter(|index| {
                graph.is_live(*index)
                    && graph.link(*index) != Some(at.link)
                    && !follow.queue.contains(index)
            });
            let mut queue: Vec<u32> = sent.collect();
            queue.extend(&follow.queue);
            queue.sort_unstable();
            follow.queue = queue.into();
        }
        self.ready(at);
    }
}
