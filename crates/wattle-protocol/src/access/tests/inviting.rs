//! Invitations: made, taken up, withdrawn.

use super::*;
use crate::identity::Signature;

fn ticket(uses: u32, until: Option<u64>) -> Action {
    Action::Invite(Invitation { key: public(TICKET), rights: CONTRIBUTOR, uses, until })
}

#[test]
fn whoever_knows_the_secret_becomes_a_member() {
    let mut world = World::staffed();
    world.does(MAIN, ticket(2, None));
    world.does(10, redeem(TICKET, 10));
    assert_eq!(world.rights(10), CONTRIBUTOR);
    let member = world.log.member(&public(10)).unwrap();
    assert_eq!((member.by, member.name.as_str()), (public(MAIN), "new"));
    world.does(11, redeem(TICKET, 11));
    let (_, invited) = world.log.invitations().next().unwrap();
    assert_eq!((invited.used, invited.withdrawn), (2, false));
}

#[test]
fn an_invitation_ends_each_way_with_its_code() {
    let nothing = |_: &mut World| {};
    let used = |world: &mut World| world.does(10, redeem(TICKET, 10));
    let withdrawn = |world: &mut World| world.does(MAIN, revoke(TICKET));
    let by_owner = |world: &mut World| world.does(OWNER, revoke(TICKET));
    let late = |world: &mut World| world.time = 2_000;
    let host_gone = |world: &mut World| world.does(OWNER, revoke(MAIN));
    let host_less = |world: &mut World| world.does(OWNER, grant(MAIN, EDITOR));
    type Step = fn(&mut World);
    let cases: [(&str, Step, u8, Action, Code); 10] = [
        ("twice by one use", used, 11, redeem(TICKET, 11), Code::UsedUp),
        ("twice by one key", used, 10, redeem(TICKET, 10), Code::Replayed),
        ("by a member", nothing, GUEST, redeem(TICKET, GUEST), Code::Replayed),
        ("after its end", late, 10, redeem(TICKET, 10), Code::Expired),
        ("after it was withdrawn", withdrawn, 10, redeem(TICKET, 10), Code::Revoked),
        ("after an owner withdrew it", by_owner, 10, redeem(TICKET, 10), Code::Revoked),
        ("after its author was revoked", host_gone, 10, redeem(TICKET, 10), Code::Revoked),
        ("after its author may not invite", host_less, 10, redeem(TICKET, 10), Code::Revoked),
        ("one that there is not", nothing, 10, redeem(21, 10), Code::Unknown),
        ("by its own secret", nothing, TICKET, redeem(TICKET, TICKET), Code::Invalid),
    ];
    for (what, step, who, action, code) in cases {
        let mut world = World::staffed();
        world.does(MAIN, ticket(1, Some(2_000)));
        step(&mut world);
        assert_eq!(world.tries(who, action), Err(code), "{what}");
    }
}

#[test]
fn the_secret_signs_for_one_key() {
    let mut world = World::staffed();
    world.does(MAIN, ticket(5, None));
    for (what, action) in [
        ("another key's proof", redeem(TICKET, 11)),
        (
            "no proof",
            Action::Redeem {
                invitation: public(TICKET),
                name: String::new(),
                proof: Signature([0; 64]),
            },
        ),
    ] {
        assert_eq!(world.tries(10, action), Err(Code::BadSignature), "{what}");
    }
}

#[test]
fn a_revoked_key_does_not_come_back_by_an_invitation() {
    let mut world = World::staffed();
    world.does(MAIN, ticket(5, None));
    world.does(MAIN, revoke(GUEST));
    assert_eq!(world.tries(GUEST, redeem(TICKET, GUEST)), Err(Code::Revoked));
    // With another key, it does.
    world.does(10, redeem(TICKET, 10));
}

#[test]
fn an_invitation_gives_no_more_than_its_author_still_has() {
    let mut world = World::staffed();
    world.does(MAIN, ticket(5, None));
    let narrow = Rights { power: Power::Maintain, ..rights(&[TASKS, PEOPLE], &[PEOPLE]) };
    world.does(OWNER, grant(MAIN, narrow));
    world.does(10, redeem(TICKET, 10));
    assert_eq!(world.rights(10), rights(&[TASKS, PEOPLE], &[]));
}

#[test]
fn invitations_go_over_with_a_rotated_key() {
    let mut world = World::staffed();
    world.does(MAIN, ticket(1, None));
    world.does(MAIN, rotate(MAIN, 10));
    world.does(11, redeem(TICKET, 11));
    assert_eq!(world.log.member(&public(11)).unwrap().by, public(10));
}

#[test]
fn who_may_withdraw_one() {
    let cases = [
        (MAIN, Ok(())),
        (SPARE, Ok(())),
        (CONTRI, Err(Code::Forbidden)),
        (NOBODY, Err(Code::Forbidden)),
    ];
    for (who, result) in cases {
        let mut world = World::staffed();
        world.does(MAIN, ticket(1, None));
        assert_eq!(world.tries(who, revoke(TICKET)), result, "{who}");
    }
    let mut world = World::staffed();
    world.does(MAIN, ticket(1, None));
    world.does(MAIN, revoke(TICKET));
    assert_eq!(world.tries(MAIN, revoke(TICKET)), Err(Code::Revoked));
}
