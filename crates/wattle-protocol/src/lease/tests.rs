use super::*;
use crate::id::ContextId;

const CONTEXT: ContextId = ContextId([1; 32]);
const ANA: PublicKey = PublicKey([2; 32]);
const BOT: PublicKey = PublicKey([3; 32]);
const TASK: Subject = Subject { scope: 4, item: [9; 16] };

fn wanted(holder: PublicKey, claim: u8, ask: Ask) -> Wanted {
    let request = Request { subject: TASK, claim: [claim; 16], holder, ask };
    let (number, reign) = (1, (0, 0));
    Wanted { link: None, number, context: CONTEXT, request, reign, now: 1_000, void: None }
}

const TAKE: Ask = Ask::Take { ttl_s: 60 };

fn held() -> Lease {
    wanted(ANA, 1, TAKE).lease(7)
}

#[test]
fn what_nobody_holds_is_counted_anew() {
    assert_eq!(wanted(ANA, 1, TAKE).judge(None), Verdict::Count);
    let over = Wanted { now: held().until, ..wanted(BOT, 2, TAKE) };
    assert_eq!(over.judge(Some(&held())), Verdict::Count);
    let void = Wanted { void: Some(held().fence), ..wanted(BOT, 2, TAKE) };
    assert_eq!(void.judge(Some(&held())), Verdict::Count);
    for ask in [Ask::Look, Ask::Release, Ask::Pass { to: BOT }] {
        assert_eq!(wanted(ANA, 1, ask).judge(None), Verdict::Stands(Outcome::Free));
    }
}

#[test]
fn others_are_told_who_holds_it() {
    let same_key = wanted(ANA, 2, TAKE).judge(Some(&held()));
    assert_eq!(same_key, Verdict::Stands(Outcome::Held(held())));
    for ask in [TAKE, Ask::Look, Ask::Release, Ask::Pass { to: BOT }] {
        let told = wanted(BOT, 1, ask).judge(Some(&held()));
        assert_eq!(told, Verdict::Stands(Outcome::Held(held())));
    }
}

#[test]
fn whoever_asks_again_has_the_same_lease_and_never_for_shorter() {
    let again = Wanted { now: 1_030, ..wanted(ANA, 1, TAKE) }.judge(Some(&held()));
    let longer = Lease { until: 1_090, ..held() };
    assert_eq!(again, Verdict::Keep(longer, Outcome::Granted(longer)));
    let shorter = wanted(ANA, 1, Ask::Take { ttl_s: 1 }).judge(Some(&held()));
    assert_eq!(shorter, Verdict::Keep(held(), Outcome::Granted(held())));
    let look = wanted(ANA, 1, Ask::Look).judge(Some(&held()));
    assert_eq!(look, Verdict::Stands(Outcome::Granted(held())));
}

#[test]
fn a_new_reign_counts_its_own_numbers() {
    let later = Wanted { reign: (1, 5), ..wanted(ANA, 1, TAKE) };
    assert_eq!(later.judge(Some(&held())), Verdict::Count);
    assert!(later.lease(1).fence > held().fence);
    let other = Wanted { reign: (1, 5), ..wanted(BOT, 1, TAKE) };
    assert_eq!(other.judge(Some(&held())), Verdict::Stands(Outcome::Held(held())));
}

#[test]
fn what_was_passed_on_waits_for_whom_it_was_passed_to() {
    let Verdict::Keep(passed, Outcome::Free) =
        wanted(ANA, 1, Ask::Pass { to: BOT }).judge(Some(&held()))
    else {
        panic!("it was not passed on")
    };
    assert_eq!((passed.holder, passed.claim), (BOT, [0; 16]));
    assert!(passed.until <= held().until);
    assert_eq!(wanted(BOT, 8, TAKE).judge(Some(&passed)), Verdict::Count);
    let before = wanted(ANA, 1, TAKE).judge(Some(&passed));
    assert_eq!(before, Verdict::Stands(Outcome::Held(passed)));
    assert_eq!(wanted(ANA, 1, Ask::Release).judge(Some(&held())), Verdict::Drop);
}

#[test]
fn a_lease_cannot_be_wished_for_ever() {
    let long = wanted(ANA, 1, Ask::Take { ttl_s: u32::MAX }).lease(1);
    assert_eq!(long.until, 1_000 + u64::from(LEASE_TTL_S_MAX));
    assert_eq!(wanted(ANA, 1, Ask::Take { ttl_s: 0 }).lease(1).until, 1_001);
}

#[test]
fn a_signature_covers_every_field() {
    let key = Keypair::from_secret(&[4; 32]);
    let grant = Grant::sign(&key, &CONTEXT, held());
    assert!(grant.verify(&CONTEXT));
    assert!(!grant.verify(&ContextId([2; 32])));
    let fence = held().fence;
    let others = [
        Lease { subject: Subject { scope: 3, ..TASK }, ..held() },
        Lease { subject: Subject { item: [8; 16], ..TASK }, ..held() },
        Lease { claim: [2; 16], ..held() },
        Lease { holder: BOT, ..held() },
        Lease { fence: Fence { term: 1, ..fence }, ..held() },
        Lease { fence: Fence { entry: 1, ..fence }, ..held() },
        Lease { fence: Fence { number: 8, ..fence }, ..held() },
        Lease { until: 1, ..held() },
    ];
    for lease in others {
        assert!(!Grant { lease, ..grant }.verify(&CONTEXT), "{lease:?}");
    }
}
