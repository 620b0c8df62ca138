//! Who is here and what they do: passed on, kept for a while, never stored.

use super::Replica;
use super::document::Presence;
use super::waking::Timer;
use crate::id::{Blob, ContextId, LinkId, PublicKey};
use crate::io::{Event, Output, Time};
use crate::limits::{PRESENCE_BYTES_MAX, PRESENCE_MAX, PRESENCE_PER_SECOND_MAX, PRESENCE_TTL_MS};
use crate::message::Message;

type Who = (PublicKey, [u8; 16]);

impl Replica {
    /// What this replica shows of itself.
    pub(super) fn present(&mut self, context: ContextId, body: Blob) {
        if body.len() > PRESENCE_BYTES_MAX || !self.contexts.contains_key(&context) {
            return;
        }
        self.presence_count += 1;
        let who = (self.config.key.public(), self.config.session);
        let until = Time(self.now.0 + PRESENCE_TTL_MS);
        let shown = Presence { count: self.presence_count, body, link: None, until };
        self.show(context, who, shown);
    }

    pub(super) fn presence(
        &mut self,
        link: LinkId,
        context: ContextId,
        (key, session, count, body): (PublicKey, [u8; 16], u64, Blob),
    ) {
        let now = self.now;
        let Some(here) = self.links.get_mut(&link) else { return };
        // A sender keeps to the limit by its own clock; the tolerance is for the difference.
        if !here.presence_in.allows(now, 2 * PRESENCE_PER_SECOND_MAX)
            || !here.shared.get(&context).is_some_and(super::follow::Shared::is_open)
        {
            return;
        }
        let Some(there) = self.contexts.get(&context) else { return };
        let who = (key, session);
        let own = who == (self.config.key.public(), self.config.session);
        let seen = there.presence.get(&who);
        let full = seen.is_none() && there.presence.len() >= PRESENCE_MAX;
        if own || full || seen.is_some_and(|seen| seen.count >= count) {
            return;
        }
        let until = Time(now.0 + PRESENCE_TTL_MS);
        let event = Event::Presence { context, key, session, body: body.clone() };
        self.outbox.push_back(Output::Event(event));
        self.show(context, who, Presence { count, body, link: Some(link), until });
    }

    /// Keeps what somebody shows, and passes it on to everyone but the link that it came over.
    fn show(&mut self, context: ContextId, who: Who, shown: Presence) {
        let from = shown.link;
        let Some(there) = self.contexts.get_mut(&context) else { return };
        there.presence.insert(who, shown);
        for link in self.links_of(&context) {
            if Some(link) == from {
                continue;
            }
            if let Some(shared) = self.shared(link, &context) {
                shared.presence.insert(who);
                self.busy.insert(link);
            }
        }
        self.watch_presence(context);
    }

    fn watch_presence(&mut self, context: ContextId) {
        let now = self.now;
        let Some(there) = self.contexts.get_mut(&context) else { return };
        let Some(first) = there.presence.values().map(|seen| seen.until).min() else { return };
        if !there.presence_due {
            there.presence_due = true;
            self.wake_in(first.0.saturating_sub(now.0), Timer::Presence(context));
        }
    }

    pub(super) fn presence_over(&mut self, context: ContextId) {
        let now = self.now;
        let Some(there) = self.contexts.get_mut(&context) else { return };
        there.presence_due = false;
        let over: Vec<(Who, bool)> = there
            .presence
            .iter()
            .filter(|(_, presence)| presence.until <= now)
            .map(|(who, presence)| (*who, presence.body.is_empty()))
            .collect();
        for (who, gone) in over {
            there.presence.remove(&who);
            if !gone {
                let (key, session) = who;
                let body = Blob::from(Vec::new());
                self.outbox.push_back(Output::Event(Event::Presence {
                    context,
                    key,
                    session,
                    body,
                }));
            }
        }
        self.watch_presence(context);
    }

    /// Those who were seen over a link that is gone are gone.
    pub(super) fn withdraw(&mut self, link: LinkId, context: ContextId) {
        let Some(there) = self.contexts.get(&context) else { return };
        let gone: Vec<(Who, u64)> = there
            .presence
            .iter()
            .filter(|(_, seen)| seen.link == Some(link) && !seen.body.is_empty())
            .map(|(who, seen)| (*who, seen.count))
            .collect();
        for ((key, session), count) in gone {
            let body = Blob::from(Vec::new());
            let event = Event::Presence { context, key, session, body: body.clone() };
            self.outbox.push_back(Output::Event(event));
            let until = Time(self.now.0 + PRESENCE_TTL_MS);
            let shown = Presence { count: count.saturating_add(1), body, link: None, until };
            self.show(context, (key, session), shown);
        }
    }

    /// The next presence to pass on over a link, as often as the limit allows.
    pub(super) fn presence_frame(&mut self, link: LinkId, context: ContextId) -> Option<Message> {
        let now = self.now;
        let here = self.links.get_mut(&link)?;
        let shared = here.shared.get_mut(&context)?;
        let there = self.contexts.get(&context)?;
        if !shared.is_open() {
            return None;
        }
        shared.presence.retain(|who| there.presence.contains_key(who));
        let who = *shared.presence.first()?;
        if !here.presence_out.allows(now, PRESENCE_PER_SECOND_MAX) {
            let wait = (here.presence_out.since.0 + 1000).saturating_sub(now.0);
            self.wake_in(wait, Timer::Pace(link));
            return None;
        }
        shared.presence.remove(&who);
        let seen = there.presence.get(&who)?;
        let (key, session) = who;
        Some(Message::Presence {
            context,
            key,
            session,
            count: seen.count,
            body: seen.body.clone(),
        })
    }
}
