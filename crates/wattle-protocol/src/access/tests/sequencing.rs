//! Who orders: handed over, passed by, and what freezes a forger.

use super::*;
use crate::access::{Contested, End};
use crate::identity::{Seal, seal_bytes_of};

const RELAY: u8 = 8;

fn name(who: u8, term: u32) -> Action {
    Action::SetSequencer { key: public(who), term }
}

#[test]
fn the_sequencer_hands_over() {
    let mut world = World::staffed();
    world.does(OWNER, name(RELAY, 0));
    assert_eq!((world.log.sequencer(), world.log.term()), (public(RELAY), 0));
    let read_all = Rights { read: Scopes::ALL, ..Rights::NONE };
    assert_eq!(world.rights(RELAY), read_all, "it reads what it keeps, and writes nothing");
    assert_eq!(world.allows(RELAY, (TASKS, 1), 1), Err(Code::Forbidden));
    assert_eq!(world.tries(OWNER, grant(10, READER)), Err(Code::NotSequencer));
    world.sequencer = RELAY;
    world.does(OWNER, grant(10, READER));
}

#[test]
fn an_owner_passes_a_lost_sequencer_by() {
    let mut world = World::staffed();
    world.does(OWNER, name(RELAY, 0));
    // The relay is gone. An owner orders its own proposal, in the next term and in no other way.
    world.sequencer = SPARE;
    assert_eq!(world.tries(SPARE, name(SPARE, 0)), Err(Code::NotSequencer));
    assert_eq!(world.tries(SPARE, grant(10, READER)), Err(Code::NotSequencer));
    assert_eq!(world.tries(OWNER, name(OWNER, 1)), Err(Code::NotSequencer), "another's proposal");
    let mut named = world.clone();
    world.does(SPARE, name(SPARE, 1));
    assert_eq!((world.log.sequencer(), world.log.term()), (public(SPARE), 1));
    world.does(SPARE, grant(10, READER));
    // Whoever is named may order it too.
    named.sequencer = 9;
    named.does(OWNER, name(9, 1));
    assert_eq!(named.log.sequencer(), public(9));
}

#[test]
fn a_sequencer_that_was_passed_by_orders_no_more() {
    let mut world = World::staffed();
    world.sequencer = SPARE;
    world.does(SPARE, name(SPARE, 1));
    world.sequencer = OWNER;
    assert_eq!(world.tries(OWNER, grant(10, READER)), Err(Code::NotSequencer));
    assert_eq!(world.tries(OWNER, name(OWNER, 1)), Err(Code::NotSequencer));
    world.does(OWNER, name(OWNER, 2));
}

#[test]
fn a_sequencer_that_rotates_goes_on() {
    let mut world = World::staffed();
    world.does(OWNER, rotate(OWNER, 10));
    assert_eq!((world.log.sequencer(), world.log.term()), (public(10), 0));
    world.sequencer = 10;
    world.does(10, grant(11, READER));
}

fn contested(actor: u8) -> Contested {
    let (actor, seq, keep) = (ActorId([actor; 16]), 4, ChangeHash([4; 32]));
    Contested { document: document(TASKS), actor, seq, keep }
}

fn signed(who: u8, contested: &Contested, hash: ChangeHash) -> (ChangeHash, Seal) {
    let place = (contested.actor, contested.seq, hash);
    let bytes = seal_bytes_of((&record().id(), &contested.document), place, 1);
    (hash, Seal { epoch: 1, key: public(who), signature: key(who).sign(&bytes) })
}

fn freeze(who: u8, contested: Contested, proof: [(ChangeHash, Seal); 2]) -> Action {
    Action::Freeze { key: public(who), contested, proof }
}

fn forger(who: u8) -> Action {
    let place = contested(1);
    freeze(who, place, [place.keep, ChangeHash([9; 32])].map(|hash| signed(who, &place, hash)))
}

#[test]
fn two_signatures_for_one_place_freeze_a_key() {
    let mut world = World::staffed();
    world.stores(CONTRI, (TASKS, 1), 4);
    world.does(OWNER, forger(CONTRI));
    let frozen = world.log.member(&public(CONTRI)).unwrap();
    assert_eq!(frozen.ended, Some((End::Frozen, 5)));
    assert_eq!(world.rights(AGENT), Rights::NONE, "and its agents");
    assert_eq!(world.allows(CONTRI, (TASKS, 1), 4), Ok(()));
    let other = (ActorId([1; 16]), 4, ChangeHash([9; 32]));
    let refused = world.log.allows_at(&public(CONTRI), &document(TASKS), other);
    assert_eq!(refused.map_err(|refusal| refusal.code), Err(Code::Contradiction));
    assert_eq!(world.allows(CONTRI, (TASKS, 1), 5), Err(Code::Revoked));
    assert_eq!(world.tries(OWNER, forger(CONTRI)), Err(Code::Replayed));
}

#[test]
fn what_is_no_proof_freezes_nobody() {
    let mut world = World::staffed();
    let place = contested(1);
    let other = ChangeHash([9; 32]);
    let good = [place.keep, other].map(|hash| signed(CONTRI, &place, hash));
    let same = [place.keep, place.keep].map(|hash| signed(CONTRI, &place, hash));
    let swapped = [good[1], good[0]];
    let by_two = [good[0], signed(GUEST, &place, other)];
    let elsewhere = [good[0], signed(CONTRI, &contested(2), other)];
    let renamed = [good[0], (ChangeHash([8; 32]), good[1].1)];
    let cases = [
        ("one change twice", CONTRI, same, Code::BadSignature),
        ("what stays is the other one", CONTRI, swapped, Code::BadSignature),
        ("one of them is another's", CONTRI, by_two, Code::BadSignature),
        ("one is of another place", CONTRI, elsewhere, Code::BadSignature),
        ("one is of another change", CONTRI, renamed, Code::BadSignature),
        ("both are another's", GUEST, good, Code::BadSignature),
        ("of nobody", NOBODY, good, Code::Unknown),
    ];
    for (what, who, proof, code) in cases {
        assert_eq!(world.tries(OWNER, freeze(who, place, proof)), Err(code), "{what}");
    }
    assert_eq!(world.tries(SPARE, forger(CONTRI)), Err(Code::NotSequencer));
}

/// A forger can name any actor: it harms its own changes alone.
#[test]
fn a_forger_decides_nothing_for_others() {
    let mut world = World::staffed();
    world.does(OWNER, grant(10, CONTRIBUTOR));
    world.does(OWNER, forger(CONTRI));
    let theirs = (ActorId([1; 16]), 4, ChangeHash([9; 32]));
    assert_eq!(world.log.allows_at(&public(10), &document(TASKS), theirs), Ok(()));
}

#[test]
fn the_last_owner_is_not_frozen_but_its_second_change_is_refused() {
    let mut world = World::staffed();
    world.does(OWNER, revoke(SPARE));
    world.does(OWNER, forger(OWNER));
    assert_eq!(world.rights(OWNER), Rights::ALL);
    let other = (ActorId([1; 16]), 4, ChangeHash([9; 32]));
    let refused = world.log.allows_at(&public(OWNER), &document(TASKS), other);
    assert_eq!(refused.map_err(|refusal| refusal.code), Err(Code::Contradiction));
}
