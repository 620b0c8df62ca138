//! Where an entry belongs: its number, its chain, its signatures, its cutoffs.

use super::*;
use crate::access::Entry;
use crate::limits::ACCESS_ENTRY_BYTES_MAX;

/// The maintainer takes what the contributor has, who has written three changes; not appended yet.
fn next() -> (World, Entry) {
    let mut world = World::staffed();
    world.stores(CONTRI, (TASKS, 1), 3);
    let proposal = world.propose(MAIN, revoke(CONTRI));
    let entry = Entry::read(&world.order(&proposal).unwrap()).unwrap();
    (world, entry)
}

#[test]
fn an_entry_belongs_in_one_place() {
    let (world, entry) = next();
    let mut of_another = world.clone();
    let forged = of_another.proposal(MAIN, revoke(CONTRI)).sign(&key(NOBODY));
    let refused = of_another.propose(GUEST, revoke(CONTRI));
    let [one, two] = &entry.closes[..] else { panic!("the contributor and its agent") };
    let unsorted =
        Closure { upto: vec![(document(TASKS), vec![]), (document(RULES), vec![])], ..two.clone() };
    let twice = vec![(ActorId([1; 16]), 1), (ActorId([1; 16]), 2)];
    let twice = Closure { upto: vec![(document(TASKS), twice)], ..two.clone() };
    let with = |closes: Vec<Closure>| Entry { closes, ..entry.clone() };
    let cases = [
        (
            "of another context",
            Entry { context: crate::ContextId([0; 32]), ..entry.clone() },
            Code::Invalid,
        ),
        ("with an old number", Entry { number: 3, ..entry.clone() }, Code::Fork),
        ("with a later number", Entry { number: 9, ..entry.clone() }, Code::Fork),
        ("on another entry", Entry { previous: [0; 32], ..entry.clone() }, Code::Fork),
        ("of another term", Entry { term: 1, ..entry.clone() }, Code::NotSequencer),
        ("before the one before it", Entry { time: 999, ..entry.clone() }, Code::Invalid),
        ("with a forged proposal", Entry { proposal: forged, ..entry.clone() }, Code::BadSignature),
        ("with one that is refused", Entry { proposal: refused, ..entry.clone() }, Code::Forbidden),
        ("without cutoffs", with(vec![]), Code::Invalid),
        ("without its agent's cutoff", with(vec![one.clone()]), Code::Invalid),
        ("with one too many", with(vec![one.clone(), two.clone(), two.clone()]), Code::Invalid),
        ("with cutoffs in no order", with(vec![two.clone(), one.clone()]), Code::Invalid),
        ("with documents in no order", with(vec![one.clone(), unsorted]), Code::Invalid),
        ("with one actor twice", with(vec![one.clone(), twice]), Code::Invalid),
    ];
    for (what, entry, code) in cases {
        let mut log = world.log.clone();
        let refused = log.append(&entry.sign(&key(OWNER))).map_err(|refusal| refusal.code);
        assert_eq!(refused, Err(code), "{what}");
        assert_eq!(log, world.log, "{what} changed nothing");
    }
    assert_eq!(world.log.clone().append(&entry.sign(&key(OWNER))), Ok(()));
}

#[test]
fn only_the_sequencer_orders() {
    let (world, entry) = next();
    let own = Entry { sequencer: public(SPARE), ..entry.clone() };
    let bytes = entry.sign(&key(OWNER));
    let mut changed = bytes.to_vec();
    changed[40] ^= 1;
    let cases: [(&str, Blob, Code); 6] = [
        ("by another, who says so", own.sign(&key(SPARE)), Code::NotSequencer),
        ("by another in its name", entry.sign(&key(SPARE)), Code::BadSignature),
        ("changed on the way", changed.into(), Code::BadSignature),
        ("cut short", bytes[..bytes.len() - 1].into(), Code::Malformed),
        ("with a byte more", [&bytes[..], &[0]].concat().into(), Code::Malformed),
        ("far too long", vec![0; ACCESS_ENTRY_BYTES_MAX + 1].into(), Code::TooLarge),
    ];
    for (what, bytes, code) in cases {
        let refused = world.log.clone().append(&bytes).map_err(|refusal| refusal.code);
        assert_eq!(refused, Err(code), "{what}");
    }
}

#[test]
fn a_log_is_read_to_the_entry_that_does_not_hold() {
    let world = World::staffed();
    let read =
        |entries: &[Blob]| Log::read(entries).map_err(|(number, refusal)| (number, refusal.code));
    assert_eq!(read(&world.entries), Ok(world.log.clone()));
    assert_eq!(read(&[]), Err((0, Code::Unknown)));
    assert_eq!(read(&world.entries[1..]), Err((0, Code::Malformed)));
    let mut swapped = world.entries.clone();
    swapped.swap(2, 3);
    assert_eq!(read(&swapped), Err((2, Code::Fork)));
    let mut twice = world.entries.clone();
    twice.insert(2, twice[1].clone());
    assert_eq!(read(&twice), Err((2, Code::Fork)));
    let missing = [&world.entries[..1], &world.entries[2..]].concat();
    assert_eq!(read(&missing), Err((1, Code::Fork)));
    // A part of a log is a log: only who has more can tell.
    assert!(read(&world.entries[..3]).is_ok());
}

/// A key that has written under ever new actors can still be revoked, and costs nobody else anything.
#[test]
fn nobody_writes_so_much_that_they_cannot_be_revoked() {
    let mut world = World::staffed();
    world.stores(CONTRI, (TASKS, 1), 3);
    let tasks = world.stored.entry(public(AGENT)).or_default().entry(document(TASKS)).or_default();
    for number in 0..50_000_u32 {
        let mut actor = [7; 16];
        actor[..4].copy_from_slice(&number.to_be_bytes());
        tasks.insert(ActorId(actor), if number == 49_999 { 80 } else { 1 });
    }
    world.does(MAIN, revoke(CONTRI));
    assert_eq!(world.allows(CONTRI, (TASKS, 1), 3), Ok(()));
    let mut longest = [7; 16];
    longest[..4].copy_from_slice(&49_999_u32.to_be_bytes());
    let place = (ActorId(longest), 80, ChangeHash([1; 32]));
    assert_eq!(world.log.allows_at(&public(AGENT), &document(TASKS), place), Ok(()));
    let bytes = world.entries.last().unwrap();
    assert!(bytes.len() > ACCESS_ENTRY_BYTES_MAX / 4);
}
