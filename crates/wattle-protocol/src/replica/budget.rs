//! How many changes are taken in: of an author with a budget, and of a person with all their agents.

use super::Replica;
use super::follow::At;
use super::judging::Judged;
use crate::access::Log;
use crate::admit::Verdict;
use crate::change::Change;
use crate::id::PublicKey;
use crate::io::Time;
use crate::message::Code;

/// Shares that are kept; those that are full again are let go.
const SHARES_MAX: usize = 10_000;
/// How many seconds of a share may be used at once.
const BURST_SECONDS: u32 = 10;
/// What a change costs of a share that is given in changes per second, and in changes per minute.
const PER_SECOND: u64 = 1_000;
const PER_MINUTE: u64 = 60_000;

/// What is left of a share, in units of which each millisecond adds as many as there are changes.
#[derive(Debug)]
pub(super) struct Bucket {
    left: u64,
    at: Time,
}

/// A share: so many changes, in so many milliseconds.
#[derive(Clone, Copy, Debug)]
struct Share {
    changes: u32,
    cost: u64,
    capacity: u64,
}

impl Share {
    fn per_minute(changes: u32) -> Self {
        Self { changes, cost: PER_MINUTE, capacity: u64::from(changes) * PER_MINUTE }
    }

    fn per_second(changes: u32) -> Self {
        let burst = u64::from(changes.saturating_mul(BURST_SECONDS));
        Self { changes, cost: PER_SECOND, capacity: burst * PER_SECOND }
    }
}

impl Bucket {
    fn full(share: Share, now: Time) -> Self {
        Self { left: share.capacity, at: now }
    }

    fn fill(&mut self, share: Share, now: Time) {
        let passed = now.0.saturating_sub(self.at.0);
        let more = passed.saturating_mul(u64::from(share.changes));
        *self = Self { left: self.left.saturating_add(more).min(share.capacity), at: now };
    }

    /// Pays for one change, unless too little is left.
    fn pay(&mut self, share: Share, now: Time) -> bool {
        self.fill(share, now);
        match self.left.checked_sub(share.cost) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

impl Replica {
    /// Refuses, for the moment, what is over the budget of its author or the share of who brings it.
    ///
    /// An author's budget is kept where the work leaves the machines of its group: what others bring
    /// was counted before.
    pub(super) fn within_budget(&mut self, at: At, change: &Change, verdict: Judged) -> Judged {
        if !matches!(verdict, Judged::Admit(Verdict::Accept | Verdict::Hold)) {
            return verdict;
        }
        let (now, header) = (self.now, &change.header);
        let proved = self.links.get(&at.link).and_then(super::link::Link::proved);
        let Some(there) = self.contexts.get_mut(&at.context) else { return verdict };
        let (Some(proved), Some(log)) = (proved, &there.log) else { return verdict };
        let group = group_of(log, &proved.key);
        if let Some(most) = self.config.changes_per_second_max {
            let share = Share::per_second(most);
            if self.shares.len() >= SHARES_MAX {
                self.shares.retain(|_, bucket| {
                    bucket.fill(share, now);
                    bucket.left < share.capacity
                });
            }
            let bucket = self.shares.entry(group).or_insert_with(|| Bucket::full(share, now));
            if !bucket.pay(share, now) {
                let reason = "more changes than one person and their agents may send at once";
                return Judged::refuse(header, Code::OverBudget, reason);
            }
        }
        let here = there.documents.get(&at.document);
        let actor = here.and_then(|here| here.graph.actor(&header.actor));
        let author = actor.map_or(header.author, |(.., author)| author);
        let Some(author) = author.filter(|author| group_of(log, author) == group) else {
            return verdict;
        };
        let Some(most) = log.member(&author).and_then(|member| member.edits_per_minute) else {
            return verdict;
        };
        let share = Share::per_minute(most);
        let bucket = there.budgets.entry(author).or_insert_with(|| Bucket::full(share, now));
        if bucket.pay(share, now) {
            return verdict;
        }
        Judged::refuse(header, Code::OverBudget, "more edits per minute than its author may make")
    }
}

/// A person and all agents of theirs: they share.
fn group_of(log: &Log, key: &PublicKey) -> PublicKey {
    log.member(key).and_then(|member| member.sponsor).unwrap_or(*key)
}
