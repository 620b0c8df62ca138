//! Leases: one holder at a time, and numbers that are never given twice.

use wattle_protocol::PublicKey;
use wattle_protocol::lease::{Ask, Fence, Lease, Outcome, Request, Subject, Wanted};
use wattle_protocol::limits::LEASES_OF_ONE_MAX;

use crate::conformance::made::{CONTEXT, ELSEWHERE};
use crate::conformance::{Clause, Open, Unmet, equal};

/// What this file tries.
pub(super) const CLAUSES: &[Clause] = &[
    ("a lease has one holder, in one batch and over several handles", one_holder),
    ("a number is never given twice, also after its lease has ended", numbers),
    ("a lease survives", survives),
    ("each context counts for itself, and each subject has its own lease", apart),
    ("whoever holds very many leases gets no more until some have ended", bounded),
];

const ANA: PublicKey = PublicKey([200; 32]);
const BOT: PublicKey = PublicKey([100; 32]);
const TAKE: Ask = Ask::Take { ttl_s: 60 };

fn subject(number: u16) -> Subject {
    let mut item = [9; 16];
    let [high, low] = number.to_be_bytes();
    (item[0], item[1]) = (high, low);
    Subject { scope: 4, item }
}

fn wanted(holder: PublicKey, subject: Subject, (ask, now): (Ask, u64)) -> Wanted {
    let request = Request { subject, claim: [1; 16], holder, ask };
    Wanted { link: None, number: 1, context: CONTEXT, request, reign: (2, 3), now, void: None }
}

fn lease(holder: PublicKey, subject: Subject, (number, until): (u64, u64)) -> Lease {
    let fence = Fence { term: 2, entry: 3, number };
    Lease { subject, claim: [1; 16], holder, fence, until }
}

fn one_holder(mut open: Open) -> Result<(), Unmet> {
    let (mut ours, mut theirs) = (open(), open());
    let task = subject(1);
    let held = lease(ANA, task, (1, 1_060));
    let both = [wanted(ANA, task, (TAKE, 1_000)), wanted(BOT, task, (TAKE, 1_000))];
    equal(ours.lease(&both)?, vec![Outcome::Granted(held), Outcome::Held(held)])?;
    equal(theirs.lease(&[wanted(BOT, task, (TAKE, 1_059))])?, vec![Outcome::Held(held)])?;
    let longer = Lease { until: 1_110, ..held };
    equal(theirs.lease(&[wanted(ANA, task, (TAKE, 1_050))])?, vec![Outcome::Granted(longer)])?;
    let look = wanted(BOT, task, (Ask::Look, 1_050));
    equal(ours.lease(&[look])?, vec![Outcome::Held(longer)])?;
    let after = lease(BOT, task, (2, 1_170));
    equal(ours.lease(&[wanted(BOT, task, (TAKE, 1_110))])?, vec![Outcome::Granted(after)])?;
    let void = Wanted { void: Some(after.fence), ..wanted(ANA, task, (TAKE, 1_111)) };
    let next = lease(ANA, task, (3, 1_171));
    equal(ours.lease(&[void])?, vec![Outcome::Granted(next)])
}

fn numbers(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    let task = subject(1);
    for number in 1..=3 {
        let held = lease(ANA, task, (number, 1_060));
        equal(store.lease(&[wanted(ANA, task, (TAKE, 1_000))])?, vec![Outcome::Granted(held)])?;
        let release = wanted(ANA, task, (Ask::Release, 1_001));
        equal(store.lease(&[release, release])?, vec![Outcome::Free, Outcome::Free])?;
    }
    // Everything has expired, and is dropped with the next grant.
    let late = wanted(BOT, subject(2), (TAKE, 9_000));
    let held = lease(BOT, subject(2), (4, 9_060));
    equal(open().lease(&[late])?, vec![Outcome::Granted(held)])
}

fn survives(mut open: Open) -> Result<(), Unmet> {
    let task = subject(1);
    let held = lease(ANA, task, (1, 1_060));
    equal(open().lease(&[wanted(ANA, task, (TAKE, 1_000))])?, vec![Outcome::Granted(held)])?;
    let pass = wanted(ANA, task, (Ask::Pass { to: BOT }, 1_001));
    equal(open().lease(&[wanted(BOT, task, (TAKE, 1_001))])?, vec![Outcome::Held(held)])?;
    equal(open().lease(&[pass])?, vec![Outcome::Free])?;
    let passed = Lease { holder: BOT, claim: [0; 16], ..held };
    equal(open().lease(&[wanted(ANA, task, (TAKE, 1_002))])?, vec![Outcome::Held(passed)])?;
    let next = lease(BOT, task, (2, 1_062));
    equal(open().lease(&[wanted(BOT, task, (TAKE, 1_002))])?, vec![Outcome::Granted(next)])
}

fn apart(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    let task = subject(1);
    let here = wanted(ANA, task, (TAKE, 1_000));
    let elsewhere = Wanted { context: ELSEWHERE, ..wanted(BOT, task, (TAKE, 1_000)) };
    let other = Subject { scope: 5, ..task };
    let outcomes = store.lease(&[here, elsewhere, wanted(BOT, other, (TAKE, 1_000))])?;
    let first = Outcome::Granted(lease(ANA, task, (1, 1_060)));
    let second = Outcome::Granted(lease(BOT, task, (1, 1_060)));
    let third = Outcome::Granted(lease(BOT, other, (2, 1_060)));
    equal(outcomes, vec![first, second, third])
}

fn bounded(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    let max = u16::try_from(LEASES_OF_ONE_MAX).unwrap_or(u16::MAX);
    let all: Vec<Wanted> =
        (0..max).map(|number| wanted(ANA, subject(number), (TAKE, 1_000))).collect();
    let granted = |outcome: &&Outcome| matches!(outcome, Outcome::Granted(_));
    let outcomes = store.lease(&all)?;
    equal(outcomes.iter().filter(granted).count(), LEASES_OF_ONE_MAX)?;
    let one_more = subject(max);
    equal(store.lease(&[wanted(ANA, one_more, (TAKE, 1_000))])?, vec![Outcome::TooMany])?;
    let next = u64::from(max) + 1;
    let other = lease(BOT, one_more, (next, 1_060));
    equal(store.lease(&[wanted(BOT, one_more, (TAKE, 1_000))])?, vec![Outcome::Granted(other)])?;
    let later = lease(ANA, one_more, (next + 1, 2_060));
    equal(store.lease(&[wanted(ANA, one_more, (TAKE, 2_000))])?, vec![Outcome::Granted(later)])
}
