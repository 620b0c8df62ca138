//! Proposals: ordering them where this replica is the sequencer, and passing them on where not.

use std::collections::{BTreeSet, VecDeque};

use super::Replica;
use super::access::Writing;
use super::answering::{answer_due, unknown};
use super::document::ContextState;
use super::waking::Timer;
use crate::access::{Action, Closure, Log, Proposal, proposal_hash};
use crate::id::{Blob, ChangeHash, ContextId, LinkId, PublicKey};
use crate::identity::Side;
use crate::io::{Event, Output, StoreRequest, Time};
use crate::limits::{LINK_CONTEXTS_MAX, PROPOSALS_WAITING_MAX, RETRY_MS};
use crate::message::{Code, Message, Refusal};

/// The proposals of a context that wait.
#[derive(Debug, Default)]
pub(super) struct Sequencing {
    /// In the order in which they came.
    waiting: VecDeque<Waiting>,
    step: Step,
    /// Refused, of links that may not know that the context is here: when they are told.
    pub(super) unheard: VecDeque<(Time, LinkId, ChangeHash)>,
    /// Nothing is ordered before this time: the store failed.
    paused: bool,
    /// The end date for which the timer is armed, and until when.
    pub(super) armed: Option<(u64, Time)>,
    /// With this many entries, no end date that has come can be written down.
    pub(super) expired_at: u64,
}

#[derive(Debug)]
struct Waiting {
    hash: ChangeHash,
    proposal: Blob,
    /// When.
    came: Time,
    /// It is of this replica's own application.
    own: bool,
    /// The sequencer does it without being asked.
    by_itself: bool,
    /// It builds on entries that are not here; the store was asked whether it has them.
    asked: bool,
    /// The links that brought it.
    from: BTreeSet<LinkId>,
    /// The links over which it was passed on.
    sent: BTreeSet<LinkId>,
}

/// How far the one that is being ordered has come.
#[derive(Debug, Default)]
enum Step {
    #[default]
    None,
    /// The store looks how far those who lose a right have come. What else they write has to wait.
    Cutoffs(ChangeHash, Vec<PublicKey>),
    /// The store takes in the entry.
    Entry(ChangeHash, Vec<PublicKey>),
}

impl Sequencing {
    /// Whether nothing waits that only this replica knows of.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && matches!(self.step, Step::None)
    }

    /// Whether a proposal that came over a link waits.
    pub(super) fn waits_for(&self, link: LinkId) -> bool {
        self.waiting.iter().any(|waiting| waiting.from.contains(&link))
    }

    /// Whether a key is about to lose a right, and its changes have to wait.
    pub(super) fn is_closing(&self, key: &PublicKey) -> bool {
        match &self.step {
            Step::None => false,
            Step::Cutoffs(_, keys) | Step::Entry(_, keys) => keys.contains(key),
        }
    }

    /// A link is gone: what only it wanted is let go, unless it is being ordered.
    pub(super) fn leave(&mut self, link: LinkId) {
        let under_way = self.step.hash();
        self.unheard.retain(|(_, other, _)| *other != link);
        self.waiting.retain_mut(|waiting| {
            waiting.from.remove(&link);
            waiting.sent.remove(&link);
            waiting.own
                || waiting.by_itself
                || !waiting.from.is_empty()
                || under_way == Some(waiting.hash)
        });
    }

    fn take(&mut self, hash: &ChangeHash) -> Option<Waiting> {
        let at = self.waiting.iter().position(|waiting| waiting.hash == *hash)?;
        self.waiting.remove(at)
    }
}

impl Step {
    fn hash(&self) -> Option<ChangeHash> {
        match self {
            Self::None => None,
            Self::Cutoffs(hash, _) | Self::Entry(hash, _) => Some(*hash),
        }
    }
}

impl Replica {
    /// This replica's own application wants something done.
    pub(super) fn propose(&mut self, context: ContextId, proposal: Blob) {
        self.load_context(context);
        self.wish(context, (proposal, None));
    }

    /// Somebody else wants something done, or passes that on.
    pub(super) fn proposed(&mut self, link: LinkId, context: ContextId, proposal: Blob) {
        let Some(here) = self.links.get_mut(&link) else { return };
        let allowed = match &here.login {
            Some(login) => login.contexts.as_ref().is_none_or(|all| all.contains(&context)),
            None => true,
        };
        if here.proposed.len() >= LINK_CONTEXTS_MAX && !here.proposed.contains(&context) {
            let about = Some(proposal_hash(&proposal));
            let refusal = Refusal::new(Code::TooLarge, "too many contexts on one link");
            return self.refuse(link, Refusal { about, ..refusal });
        }
        if !allowed {
            return self.refuse(link, unknown(proposal_hash(&proposal)));
        }
        here.proposed.insert(context);
        self.load_context(context);
        self.wish(context, (proposal, Some(link)));
    }

    fn wish(&mut self, context: ContextId, (proposal, link): (Blob, Option<LinkId>)) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        let hash = proposal_hash(&proposal);
        let waiting = &mut there.sequencing.waiting;
        if let Some(same) = waiting.iter_mut().find(|same| same.hash == hash) {
            same.own |= link.is_none();
            same.from.extend(link);
            return;
        }
        let (own, from) = (link.is_none(), link.into_iter().collect());
        let (by_itself, sent) = (false, BTreeSet::new());
        let new =
            Waiting { hash, proposal, came: self.now, own, by_itself, asked: false, from, sent };
        if waiting.len() >= PROPOSALS_WAITING_MAX {
            let refusal = Refusal::new(Code::Busy, "too many proposals wait to be ordered");
            if there.log.is_some() || own {
                self.refuse_proposal(context, &new, &refusal);
            }
            return;
        }
        waiting.push_back(new);
        if !own && there.log.is_none() {
            self.timers.insert((answer_due(self.now), Timer::Order(context)));
        }
        self.order(context);
    }

    /// Orders the next proposal, where this replica orders; passes all on, where not.
    pub(super) fn order(&mut self, context: ContextId) {
        while let Some((hash, proposal)) = self.next_to_order(context) {
            let now = self.unix_seconds();
            let Some(there) = self.contexts.get_mut(&context) else { return };
            let judged = match &there.log {
                Some(log) => log.judge(&proposal, now),
                None => Err(unknown(hash)),
            };
            let waiting = &mut there.sequencing.waiting;
            let builds_on_more = waiting
                .iter_mut()
                .find(|waiting| waiting.hash == hash && waiting.own && !waiting.asked);
            match (judged, builds_on_more) {
                (Err(refusal), Some(waiting)) if refusal.code == Code::Missing => {
                    // Another process on the same store knows more.
                    waiting.asked = true;
                    self.reload(context);
                }
                (Err(refusal), _) => {
                    let gone = there.sequencing.take(&hash);
                    gone.iter().for_each(|gone| self.refuse_proposal(context, gone, &refusal));
                }
                (Ok(keys), _) if keys.is_empty() => {
                    there.sequencing.step = Step::Entry(hash, keys);
                    self.write_entry(context, Vec::new());
                }
                (Ok(keys), _) => {
                    there.sequencing.step = Step::Cutoffs(hash, keys.clone());
                    self.flush_staged();
                    self.store(StoreRequest::Cutoffs { context, keys });
                }
            }
        }
        self.pass_on(context);
        self.arm_expiry(context);
    }

    /// The next proposal that this replica orders, when it can.
    fn next_to_order(&mut self, context: ContextId) -> Option<(ChangeHash, Blob)> {
        let (own, now, tick) = (self.config.key.public(), self.unix_seconds(), self.now);
        let there = self.contexts.get_mut(&context)?;
        if there.state != ContextState::Loaded || there.writing.is_some() || there.reloads {
            return None;
        }
        let sequencing = &mut there.sequencing;
        if !matches!(sequencing.step, Step::None) || sequencing.paused {
            return None;
        }
        let Some(log) = &there.log else {
            // Whoever brought it may be about to bring the context too. If not, they are told what
            // strangers are told of every context.
            let mut foreign = sequencing.waiting.iter().filter(|waiting| !waiting.own);
            let foreign = foreign.find(|waiting| answer_due(waiting.came) <= tick)?;
            return Some((foreign.hash, foreign.proposal.clone()));
        };
        sequencing.waiting.retain(|waiting| !log.has(&waiting.hash));
        if log.sequencer() != own {
            sequencing.waiting.retain(|waiting| !waiting.by_itself);
            let next = sequencing.waiting.iter().find(|waiting| waiting.passes_by(log, &own))?;
            return Some((next.hash, next.proposal.clone()));
        }
        let due = log.due(now).filter(|_| sequencing.expired_at != log.entries());
        if let Some(key) = due {
            let expiry = self.config.expiry(log, key);
            if log.judge(&expiry, now).is_ok() {
                sequencing.waiting.push_front(Waiting::by_itself(expiry));
            } else {
                sequencing.expired_at = log.entries();
            }
        }
        let next = sequencing.waiting.front()?;
        Some((next.hash, next.proposal.clone()))
    }

    /// The store knows how far those who lose a right have come.
    pub(super) fn cutoffs(&mut self, context: ContextId, closes: Vec<Closure>) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        let Step::Cutoffs(hash, keys) = &there.sequencing.step else { return };
        there.sequencing.step = Step::Entry(*hash, keys.clone());
        self.write_entry(context, closes);
    }

    pub(super) fn cutoffs_failed(&mut self, context: ContextId) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        if matches!(there.sequencing.step, Step::Cutoffs(..)) {
            self.order_again(context);
        }
    }

    /// The proposal that is being ordered becomes an entry.
    fn write_entry(&mut self, context: ContextId, closes: Vec<Closure>) {
        let now = self.unix_seconds();
        let Some(there) = self.contexts.get_mut(&context) else { return };
        let Step::Entry(hash, _) = &there.sequencing.step else { return };
        let (hash, waiting) = (*hash, &there.sequencing.waiting);
        let ordered = waiting.iter().find(|waiting| waiting.hash == hash).zip(there.log.as_ref());
        let entry = ordered.map(|(waiting, log)| {
            let entry = log.sequence(&waiting.proposal, (now, closes), &self.config.key)?;
            let mut log = log.clone();
            log.append(&entry)?;
            Ok((entry, log))
        });
        match entry {
            Some(Ok((entry, log))) => {
                let from = there.access.len() as u64;
                let writing = Writing { from, entries: vec![entry], log, link: None };
                self.write_access(context, writing);
            }
            Some(Err(refusal)) => {
                there.sequencing.step = Step::None;
                let gone = there.sequencing.take(&hash);
                gone.iter().for_each(|gone| self.refuse_proposal(context, gone, &refusal));
                self.order(context);
            }
            None => {
                there.sequencing.step = Step::None;
                self.order(context);
            }
        }
    }

    /// What was ordered is an entry.
    pub(super) fn ordered(&mut self, context: ContextId) {
        if let Some(there) = self.contexts.get_mut(&context) {
            there.sequencing.step = Step::None;
        }
    }

    /// The store could not: once more, a little later.
    pub(super) fn order_again(&mut self, context: ContextId) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        there.sequencing.step = Step::None;
        there.sequencing.paused = true;
        self.wake_in(RETRY_MS, Timer::Order(context));
    }

    pub(super) fn resume_ordering(&mut self, context: ContextId) {
        if let Some(there) = self.contexts.get_mut(&context) {
            there.sequencing.paused = false;
            self.order(context);
            self.forget_unknown(context);
        }
    }

    fn refuse_proposal(&mut self, context: ContextId, refused: &Waiting, refusal: &Refusal) {
        let refusal = Refusal { about: Some(refused.hash), ..refusal.clone() };
        if refused.own {
            let (proposal, refusal) = (refused.hash, refusal.clone());
            let event = Event::ProposalRefused { context, proposal, refusal };
            self.outbox.push_back(Output::Event(event));
        }
        for link in &refused.from {
            self.outbox.push_back(Output::Event(Event::ProposalDeclined {
                link: *link,
                context,
                proposal: refused.proposal.clone(),
                refusal: refusal.clone(),
            }));
            if self.is_known(*link, &context) || tells_nothing_new(refusal.code) {
                self.refuse(*link, refusal.clone());
            } else {
                self.refuse_unheard(*link, context, (refused.came, refused.hash));
            }
            self.try_to_answer(*link, context);
        }
    }

    /// Whether the key at the other end is or was a member.
    pub(super) fn is_known(&self, link: LinkId, context: &ContextId) -> bool {
        let proved = self.links.get(&link).and_then(super::link::Link::proved);
        let log = self.contexts.get(context).and_then(|there| there.log.as_ref());
        proved.zip(log).is_some_and(|(proved, log)| log.member(&proved.key).is_some())
    }

    /// Passes on what somebody else has to order.
    pub(super) fn pass_on(&mut self, context: ContextId) {
        let own = self.config.key.public();
        let Some(there) = self.contexts.get(&context) else { return };
        let sequencer = there.log.as_ref().map(Log::sequencer);
        if sequencer == Some(own) || there.sequencing.waiting.is_empty() {
            return;
        }
        self.refuse_strangers(context);
        for link in self.links_of(&context) {
            let Some(here) = self.links.get(&link) else { continue };
            let (Some(proved), Some(shared)) = (here.proved(), here.shared.get(&context)) else {
                continue;
            };
            let orders = sequencer == Some(proved.key);
            let known = shared.side == Side::Dials || self.is_known(link, &context) || orders;
            let Some(there) = self.contexts.get_mut(&context) else { return };
            let Some(here) = self.links.get_mut(&link) else { continue };
            for waiting in &mut there.sequencing.waiting {
                let may = orders || (waiting.own && known);
                if may && !waiting.from.contains(&link) && waiting.sent.insert(link) {
                    let proposal = waiting.proposal.clone();
                    here.control.push_back(Message::Propose { context, proposal });
                    self.busy.insert(link);
                }
            }
        }
    }

    /// What nobody is known to be allowed to want is not passed on.
    fn refuse_strangers(&mut self, context: ContextId) {
        let now = self.unix_seconds();
        let Some(there) = self.contexts.get(&context) else { return };
        let Some(log) = &there.log else { return };
        let mut refused = Vec::new();
        for waiting in &there.sequencing.waiting {
            let known =
                waiting.own || waiting.from.iter().any(|link| self.is_known(*link, &context));
            if !known && let Err(refusal) = log.judge(&waiting.proposal, now) {
                refused.push((waiting.hash, refusal));
            }
        }
        for (hash, refusal) in refused {
            let Some(there) = self.contexts.get_mut(&context) else { return };
            let gone = there.sequencing.take(&hash);
            gone.iter().for_each(|gone| self.refuse_proposal(context, gone, &refusal));
        }
    }

    /// Somebody to whom a proposal was passed on has refused it. Answers whether it was one.
    pub(super) fn proposal_refused(&mut self, link: LinkId, refusal: &Refusal) -> bool {
        let Some(hash) = refusal.about else { return false };
        let sent = |waiting: &&mut Waiting| waiting.hash == hash && waiting.sent.contains(&link);
        let found = self.contexts.iter_mut().find_map(|(context, there)| {
            let waiting = there.sequencing.waiting.iter_mut().find(sent)?;
            Some((*context, there.log.is_some(), waiting))
        });
        let Some((context, is_here, waiting)) = found else { return false };
        if waiting.own && refusal.code == Code::Unknown && is_here {
            // The context, or this side's place in it, may come there later.
            return true;
        }
        if !refusal.code.is_permanent() {
            waiting.sent.remove(&link);
            self.retry_later(link);
            return true;
        }
        let gone = self.contexts.get_mut(&context).and_then(|there| there.sequencing.take(&hash));
        gone.iter().for_each(|gone| self.refuse_proposal(context, gone, refusal));
        true
    }

    /// The sequencer itself wants something done.
    pub(super) fn propose_itself(&mut self, context: ContextId, action: Action) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        let Some(log) = &there.log else { return };
        let waiting = Waiting::by_itself(self.config.by_sequencer(log, action));
        let waits = there.sequencing.waiting.iter().any(|other| other.hash == waiting.hash);
        if !waits && there.sequencing.waiting.len() < PROPOSALS_WAITING_MAX {
            there.sequencing.waiting.push_back(waiting);
            self.order(context);
        }
    }
}

impl Waiting {
    /// What the sequencer does without being asked.
    fn by_itself(proposal: Blob) -> Self {
        let (from, sent) = (BTreeSet::new(), BTreeSet::new());
        let hash = proposal_hash(&proposal);
        let came = Time::default();
        Self { hash, proposal, came, own: false, by_itself: true, asked: false, from, sent }
    }

    /// Whether its author, whose replica this is, names a sequencer with the next term: that needs
    /// nothing of the present one.
    fn passes_by(&self, log: &Log, own: &PublicKey) -> bool {
        let read = if self.own { Proposal::read(&self.proposal).ok() } else { None };
        read.is_some_and(|proposal| match proposal.action {
            Action::SetSequencer { term, .. } => {
                proposal.author == *own && Some(term) == log.term().checked_add(1)
            }
            Action::Grant(_)
            | Action::Revoke { .. }
            | Action::Rotate { .. }
            | Action::Invite(_)
            | Action::Redeem { .. }
            | Action::Expire { .. }
            | Action::Freeze { .. } => false,
        })
    }
}

impl super::Config {
    fn expiry(&self, log: &Log, key: PublicKey) -> Blob {
        let action = Action::Expire { key };
        self.by_sequencer(log, action)
    }

    /// A proposal of the sequencer itself: one of its kind at each place in the log.
    pub(super) fn by_sequencer(&self, log: &Log, action: Action) -> Blob {
        let nonce = log.head().first_chunk().copied().unwrap_or_default();
        let (context, based_on, author) = (log.context(), log.entries(), self.key.public());
        Proposal { context, based_on, nonce, author, action }.sign(&self.key)
    }
}

/// Only who knows an invitation's secret learns these.
fn tells_nothing_new(code: Code) -> bool {
    matches!(code, Code::UsedUp | Code::Expired | Code::Revoked | Code::Busy)
}
