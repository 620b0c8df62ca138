//! The judge of leases: what sequencers count, and what they promise.

use std::collections::BTreeMap;

use wattle_protocol::PublicKey;
use wattle_protocol::lease::{ClaimName, Fence, Lease, Outcome, Subject, Wanted};

/// By which claim somebody holds a lease.
type Claim = (PublicKey, ClaimName);
/// One sequencer's time to order: its term, and the entry that named it.
type Reign = (u32, u64);

/// Every lease that was counted or promised so far.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    /// What stores answered last.
    counted: BTreeMap<(Reign, Subject), Lease>,
    /// What somebody was told that they have.
    promised: BTreeMap<(Reign, Subject), BTreeMap<Claim, Lease>>,
    /// To whom each fence was given.
    fences: BTreeMap<Fence, (Subject, Claim)>,
    /// The request with which somebody last gave a lease back.
    given_back: BTreeMap<(Subject, Claim), u64>,
}

impl Leases {
    /// **fences grow**: a lease on one thing has a greater fence than the one before it, and only the
    /// same claim keeps its fence.
    pub(crate) fn counted(&mut self, wanted: &Wanted, outcome: &Outcome) -> Result<(), String> {
        let Outcome::Granted(lease) = outcome else { return Ok(()) };
        let before = self.counted.insert((wanted.reign, lease.subject), *lease);
        let same = |before: &Lease| of(before) == of(lease) && before.fence == lease.fence;
        match before.filter(|before| !same(before) && lease.fence <= before.fence) {
            Some(before) => Err(format!("fence {} after {}", lease.fence, before.fence)),
            None => Ok(()),
        }
    }

    /// Somebody gives a lease back, with a request of this number.
    pub(crate) fn gives_back(&mut self, (subject, claim): (Subject, Claim), number: u64) {
        self.given_back.insert((subject, claim), number);
        for (_, held) in self.promised.iter_mut().filter(|((_, of), _)| *of == subject) {
            held.remove(&claim);
        }
    }

    /// **one lease**: who is told that they have a lease has it alone, until it ends by the sequencer's
    /// clock, or they give it back or may not write there any more; and no fence is given twice.
    pub(crate) fn promised(
        &mut self,
        (lease, number): (&Lease, u64),
        now_s: u64,
        may_write: impl Fn(&PublicKey) -> bool,
    ) -> Result<(), String> {
        let given = *self.fences.entry(lease.fence).or_insert_with(|| (lease.subject, of(lease)));
        if given != (lease.subject, of(lease)) {
            return Err(format!("fence {} is given twice", lease.fence));
        }
        // The answer to what was asked before it was given back.
        if self.given_back.get(&(lease.subject, of(lease))).is_some_and(|last| *last > number) {
            return Ok(());
        }
        let reign = (lease.fence.term, lease.fence.entry);
        let held = self.promised.entry((reign, lease.subject)).or_default();
        held.insert(of(lease), *lease);
        // Clocks of seconds differ by less than one.
        let live = |lease: &Lease| lease.until > now_s + 1 && may_write(&lease.holder);
        let mut others = held.values().filter(|other| of(other) != of(lease) && live(other));
        match others.next().filter(|_| live(lease)) {
            Some(other) => Err(format!("fences {} and {} at once", other.fence, lease.fence)),
            None => Ok(()),
        }
    }
}

const fn of(lease: &Lease) -> Claim {
    (lease.holder, lease.claim)
}
