//! The ends of rights, and what stays: the table of `docs/access.md`, as far as the log decides it.

use super::*;
use crate::access::End;

/// The contributor has stored three changes as actor 1, and works on.
fn working() -> World {
    let mut world = World::staffed();
    world.stores(CONTRI, (TASKS, 1), 3);
    world
}

#[test]
fn up_to_the_cutoff_for_ever_and_beyond_it_nothing() {
    let rotate_away = |world: &mut World| world.does(CONTRI, rotate(CONTRI, 10));
    let leave = |world: &mut World| world.does(CONTRI, revoke(CONTRI));
    let taken = |world: &mut World| world.does(MAIN, revoke(CONTRI));
    let expire = |world: &mut World| {
        world.does(MAIN, Action::Grant(Grant { until: Some(1_001), ..plain(CONTRI, CONTRIBUTOR) }));
        world.time = 1_001;
        world.does(OWNER, Action::Expire { key: public(CONTRI) });
    };
    type Step = fn(&mut World);
    let ends: [(Step, End, Code); 4] = [
        (taken, End::Revoked, Code::Revoked),
        (leave, End::Revoked, Code::Revoked),
        (rotate_away, End::Rotated, Code::Revoked),
        (expire, End::Expired, Code::Expired),
    ];
    for (end, why, code) in ends {
        let mut world = working();
        end(&mut world);
        assert_eq!(world.rights(CONTRI), Rights::NONE);
        let number = world.log.entries() - 1;
        assert_eq!(world.log.member(&public(CONTRI)).unwrap().ended, Some((why, number)));
        for (actor, seq, result) in
            [(1, 1, Ok(())), (1, 3, Ok(())), (1, 4, Err(code)), (2, 1, Err(code))]
        {
            assert_eq!(world.allows(CONTRI, (TASKS, actor), seq), result, "{why:?} {actor} {seq}");
        }
        assert_eq!(world.allows(CONTRI, (RULES, 1), 1), Err(code), "what it never could");
        assert_eq!(world.tries(CONTRI, agent(11, READER)), Err(code));
    }
}

#[test]
fn of_a_smaller_role_only_what_was_lost_ends() {
    let mut world = World::staffed();
    world.does(OWNER, grant(10, EDITOR));
    world.stores(10, (TASKS, 1), 5);
    world.stores(10, (PEOPLE, 1), 2);
    world.does(OWNER, grant(10, CONTRIBUTOR));
    for (scope, seq, result) in [
        (PEOPLE, 2, Ok(())),
        (PEOPLE, 3, Err(Code::Forbidden)),
        (TASKS, 5, Ok(())),
        (TASKS, 6, Ok(())),
        (RULES, 1, Err(Code::Forbidden)),
    ] {
        assert_eq!(world.allows(10, (scope, 1), seq), result, "{scope} {seq}");
    }
    assert_eq!(world.log.member(&public(10)).unwrap().ended, None);
}

#[test]
fn who_only_read_needs_no_cutoff() {
    let mut world = World::staffed();
    let proposal = world.propose(MAIN, revoke(GUEST));
    assert_eq!(world.log.judge(&proposal, 0), Ok(vec![]));
    let mut less = World::staffed();
    let narrow = rights(&[TASKS], &[TASKS]);
    let proposal = less.propose(MAIN, grant(CONTRI, narrow));
    assert_eq!(less.log.judge(&proposal, 0), Ok(vec![]), "it reads less, and writes as before");
}

#[test]
fn rights_can_grow_and_shrink_again() {
    let mut world = working();
    world.does(MAIN, grant(CONTRI, READER));
    world.does(MAIN, grant(CONTRI, EDITOR));
    world.stores(CONTRI, (PEOPLE, 2), 6);
    world.does(MAIN, revoke(CONTRI));
    for (scope, actor, seq, result) in [
        (TASKS, 1, 3, Ok(())),
        (PEOPLE, 2, 6, Ok(())),
        (PEOPLE, 2, 7, Err(Code::Revoked)),
        (TASKS, 2, 1, Err(Code::Revoked)),
    ] {
        assert_eq!(world.allows(CONTRI, (scope, actor), seq), result, "{scope} {actor} {seq}");
    }
}

#[test]
fn of_two_who_revoke_each_other_the_first_stands() {
    for (first, second) in [(OWNER, SPARE), (SPARE, OWNER)] {
        let mut world = World::staffed();
        let one = world.propose(first, revoke(second));
        let two = world.propose(second, revoke(first));
        let entry = world.order(&one).unwrap();
        world.takes(entry);
        assert_eq!(world.order(&two), Err(Code::Revoked));
        assert_eq!(world.log.member(&public(first)).unwrap().rights, Rights::ALL);
    }
}

#[test]
fn the_last_owner_stays() {
    let mut world = World::staffed();
    world.does(OWNER, revoke(SPARE));
    let until = Grant { until: Some(9_000), ..plain(10, Rights::ALL) };
    world.does(OWNER, Action::Grant(until));
    assert_eq!(world.tries(OWNER, revoke(OWNER)), Err(Code::Invalid), "the other one's end comes");
    assert_eq!(world.tries(10, grant(OWNER, READER)), Err(Code::Invalid));
    world.does(OWNER, rotate(OWNER, 11));
    assert_eq!(world.rights(11), Rights::ALL, "another key is no other owner");
}

#[test]
fn with_the_recovery_key_a_lost_one_is_replaced() {
    let mut world = World::staffed();
    world.does(SPARE, grant(10, Rights::ALL));
    world.does(SPARE, revoke(OWNER));
    assert_eq!(world.rights(10), Rights::ALL);
    assert_eq!(world.tries(OWNER, revoke(10)), Err(Code::Revoked));
}

#[test]
fn an_end_date_binds_before_its_entry_is_there() {
    let mut world = World::staffed();
    let brief = Grant { until: Some(2_000), ..plain(10, MAINTAINER) };
    world.does(OWNER, Action::Grant(brief));
    assert_eq!((world.log.next_end(), world.log.due(1_999)), (Some(2_000), None));
    assert_eq!(world.log.due(2_000), Some(public(10)));
    world.time = 1_999;
    world.does(10, grant(11, READER));
    world.time = 2_000;
    assert_eq!(world.tries(10, grant(12, READER)), Err(Code::Expired));
    world.does(OWNER, Action::Expire { key: public(10) });
    assert_eq!((world.log.next_end(), world.log.due(9_999)), (None, None));
    assert_eq!(world.rights(11), READER, "what it had given stays");
}

#[test]
fn an_end_date_can_be_put_off() {
    let mut world = World::staffed();
    let until = |until| Action::Grant(Grant { until: Some(until), ..plain(10, READER) });
    world.does(OWNER, until(2_000));
    world.time = 2_500;
    world.does(OWNER, until(3_000));
    let expire = Action::Expire { key: public(10) };
    assert_eq!(world.tries(OWNER, expire), Err(Code::Invalid));
    assert_eq!(world.rights(10), READER);
}
