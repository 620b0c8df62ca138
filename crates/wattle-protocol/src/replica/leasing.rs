//! Leases: granting them where this replica orders the access log, and asking for them where not.
//!
//! Nothing of a lease is kept here: the store judges and counts in one transaction, and what is in
//! memory is only who waits for an answer.

use std::collections::{BTreeMap, VecDeque};

use super::Replica;
use super::document::ContextState;
use super::link::Link;
use crate::access::Log;
use crate::id::{ContextId, LinkId, PublicKey};
use crate::io::{Event, Output, StoreRequest};
use crate::lease::{Answer, Ask, ClaimName, Grant, Lease, Outcome, Request, Wanted};
use crate::limits::{LEASES_PER_SECOND_MAX, LEASES_WAITING_MAX, LINK_CONTEXTS_MAX};
use crate::message::{Code, Message, Refusal};

/// Requests that wait.
#[derive(Debug, Default)]
pub(super) struct Leasing {
    /// For their context to be loaded, in the order in which they came.
    parked: VecDeque<Asked>,
    /// For the answer of somebody else, by the application's number.
    asked: BTreeMap<u64, (LinkId, Asked)>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    /// The link that it came over; absent for this replica's own application.
    link: Option<LinkId>,
    number: u64,
    context: ContextId,
    request: Request,
}

impl Replica {
    /// This replica's own application wants something of a lease.
    pub(super) fn lease(&mut self, context: ContextId, (number, request): (u64, Request)) {
        self.load_context(context);
        self.take_up(Asked { link: None, number, context, request });
    }

    /// Somebody else does.
    pub(super) fn lease_asked(
        &mut self,
        link: LinkId,
        context: ContextId,
        (number, request): (u64, Request),
    ) {
        let now = self.now;
        let Some(here) = self.links.get_mut(&link) else { return };
        if here.control.len() + here.leases_waiting >= LEASES_WAITING_MAX {
            return self.close(link, Refusal::new(Code::Busy, "too many requests for leases wait"));
        }
        here.leases_waiting += 1;
        let asked = Asked { link: Some(link), number, context, request };
        if !here.leases.allows(now, LEASES_PER_SECOND_MAX) {
            let refusal = Refusal::new(Code::Busy, "too many requests for leases in one second");
            return self.answer_lease(asked, Answer::Refused(refusal));
        }
        if here.proposed.len() >= LINK_CONTEXTS_MAX && !here.proposed.contains(&context) {
            let refusal = Refusal::new(Code::TooLarge, "too many contexts on one link");
            return self.answer_lease(asked, Answer::Refused(refusal));
        }
        here.proposed.insert(context);
        self.load_context(context);
        self.take_up(asked);
    }

    /// A context has been loaded, or cannot be: what waited for it goes on.
    pub(super) fn unpark_leases(&mut self, context: ContextId) {
        let parked = std::mem::take(&mut self.leasing.parked);
        let (now, later) = parked.into_iter().partition(|asked| asked.context == context);
        self.leasing.parked = later;
        let now: VecDeque<Asked> = now;
        now.into_iter().for_each(|asked| self.take_up(asked));
    }

    fn take_up(&mut self, asked: Asked) {
        let there = self.contexts.get(&asked.context);
        if there.is_some_and(|there| there.state == ContextState::Loading) {
            return self.leasing.parked.push_back(asked);
        }
        self.wake_when_idle(asked.context);
        let there = self.contexts.get(&asked.context);
        let sequencer = there.and_then(|there| there.log.as_ref()).map(Log::sequencer);
        if asked.link.is_none() && sequencer != Some(self.config.key.public()) {
            return self.ask_for_lease(asked, sequencer);
        }
        match self.may_lease(&asked) {
            Ok(reign) => {
                let Asked { link, number, context, request } = asked;
                let now = self.unix_seconds();
                let wanted = Wanted { link, number, context, request, reign, now, void: None };
                self.store(StoreRequest::Lease { wanted: Box::new(wanted) });
            }
            Err(refusal) => self.answer_lease(asked, Answer::Refused(refusal)),
        }
    }

    /// Passes a request of this replica's application on to the sequencer, over the first link to it.
    fn ask_for_lease(&mut self, asked: Asked, sequencer: Option<PublicKey>) {
        let leads =
            |link: &Link| sequencer.is_some() && link.proved().map(|of| of.key) == sequencer;
        let Some((&id, link)) = self.links.iter_mut().find(|(_, link)| leads(link)) else {
            return self.tell_leased((asked.context, asked.number), None);
        };
        let Asked { number, context, request, .. } = asked;
        link.control.push_back(Message::Lease { context, number, request });
        self.busy.insert(id);
        self.leasing.asked.insert(number, (id, asked));
    }

    /// The sequencer's term and the entry that named it, if this is it and the request may be made.
    fn may_lease(&self, asked: &Asked) -> Result<(u32, u64), Refusal> {
        let Request { subject, claim, holder, ask } = asked.request;
        let unknown = || Refusal::new(Code::Unknown, "no such context here");
        let there = self.contexts.get(&asked.context).and_then(|there| there.log.as_ref());
        let log = there.ok_or_else(unknown)?;
        let own = self.config.key.public();
        let (asks, rights) = match asked.link {
            Some(link) => {
                let proved = self.links.get(&link).and_then(Link::proved);
                let proved = proved.ok_or_else(unknown)?;
                (proved.key, self.rights_on(link, &asked.context))
            }
            None => (own, log.rights(&own)),
        };
        if !rights.reads(subject.scope) {
            return Err(unknown());
        }
        let writes = |key: &PublicKey| log.rights(key).writes(subject.scope);
        let sponsored = log.member(&holder).is_some_and(|member| member.sponsor == Some(asks));
        if !rights.writes(subject.scope) || !writes(&holder) || (holder != asks && !sponsored) {
            let reason = "a lease is for who may write there, or for an agent of theirs";
            return Err(Refusal::new(Code::Forbidden, reason));
        }
        if let Ask::Pass { to } = ask
            && !writes(&to)
        {
            return Err(Refusal::new(Code::Forbidden, "whom it is passed to may not write there"));
        }
        if claim == ClaimName::default() {
            return Err(Refusal::new(Code::Invalid, "a claim without a name"));
        }
        if log.sequencer() != own {
            return Err(Refusal::new(Code::NotSequencer, "only the sequencer grants leases"));
        }
        if self.clock.0 == 0 {
            return Err(Refusal::new(Code::Failed, "the time of day is not known yet"));
        }
        Ok(log.reign())
    }

    /// The store has judged.
    pub(super) fn leased(&mut self, wanted: Wanted, outcome: Outcome) {
        let there = self.contexts.get(&wanted.context).and_then(|there| there.log.as_ref());
        let own = self.config.key.public();
        let Some(log) = there.filter(|log| log.sequencer() == own && log.reign() == wanted.reign)
        else {
            let refusal = Refusal::new(Code::NotSequencer, "the sequencer has just changed");
            return self.lease_done(wanted, Answer::Refused(refusal));
        };
        let writes = |lease: &Lease| log.rights(&lease.holder).writes(lease.subject.scope);
        let answer = match outcome {
            Outcome::Granted(lease) if writes(&lease) => {
                Answer::Granted(Grant::sign(&self.config.key, &wanted.context, lease))
            }
            Outcome::Granted(_) => Answer::Refused(Refusal::new(
                Code::Revoked,
                "the right to write there has just ended",
            )),
            Outcome::Held(lease) if !writes(&lease) && wanted.void != Some(lease.fence) => {
                // With the right to write there its lease has ended.
                let void = Some(lease.fence);
                let wanted = Box::new(Wanted { void, ..wanted });
                return self.store(StoreRequest::Lease { wanted });
            }
            Outcome::Held(Lease { holder, claim, until, .. }) => {
                Answer::Held { holder, claim, until }
            }
            Outcome::Free => Answer::Free,
            Outcome::TooMany => {
                Answer::Refused(Refusal::new(Code::TooLarge, "too many leases are held at once"))
            }
        };
        self.lease_done(wanted, answer);
    }

    pub(super) fn lease_done(&mut self, wanted: Wanted, answer: Answer) {
        let Wanted { link, number, context, request, .. } = wanted;
        self.answer_lease(Asked { link, number, context, request }, answer);
    }

    fn answer_lease(&mut self, asked: Asked, answer: Answer) {
        let Asked { link, number, context, .. } = asked;
        let Some(link) = link else { return self.tell_leased((context, number), Some(answer)) };
        let Some(here) = self.links.get_mut(&link) else { return };
        here.leases_waiting = here.leases_waiting.saturating_sub(1);
        let answer = Box::new(answer);
        here.control.push_back(Message::Leased { context, number, answer });
        self.busy.insert(link);
    }

    /// The sequencer has answered.
    pub(super) fn lease_answered(
        &mut self,
        link: LinkId,
        context: ContextId,
        (number, answer): (u64, Answer),
    ) {
        let waits = |(to, asked): &(LinkId, Asked)| *to == link && asked.context == context;
        let Some((_, asked)) = self.leasing.asked.get(&number).filter(|asked| waits(asked)) else {
            return;
        };
        let proved = self.links.get(&link).and_then(Link::proved);
        let holds = match &answer {
            Answer::Granted(grant) => {
                let Request { subject, claim, holder, .. } = asked.request;
                let Grant { lease, sequencer, .. } = grant;
                (lease.subject, lease.claim, lease.holder) == (subject, claim, holder)
                    && proved.map(|of| of.key) == Some(*sequencer)
                    && grant.verify(&context)
            }
            Answer::Held { .. } | Answer::Free | Answer::Refused(_) => true,
        };
        self.leasing.asked.remove(&number);
        // What does not hold is no answer.
        self.tell_leased((context, number), Some(answer).filter(|_| holds));
    }

    /// A link is gone, and with it whom it would have been asked of, or who would have been answered.
    pub(super) fn leases_broken(&mut self, link: LinkId) {
        self.leasing.parked.retain(|asked| asked.link != Some(link));
        let broken = self.leasing.asked.values().filter(|(to, _)| *to == link);
        let broken: Vec<Asked> = broken.map(|(_, asked)| *asked).collect();
        self.leasing.asked.retain(|_, (to, _)| *to != link);
        for asked in broken {
            self.tell_leased((asked.context, asked.number), None);
        }
    }

    fn tell_leased(&mut self, (context, number): (ContextId, u64), answer: Option<Answer>) {
        self.outbox.push_back(Output::Event(Event::Leased { context, number, answer }));
    }
}
