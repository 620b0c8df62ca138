//! Agents: never more than whom they work for.

use super::*;
use crate::access::End;

#[test]
fn an_agent_follows_its_sponsor() {
    let mut world = World::staffed();
    world.stores(AGENT, (TASKS, 2), 4);
    assert_eq!(world.rights(AGENT), CONTRIBUTOR);
    world.does(MAIN, grant(CONTRI, READER));
    assert_eq!(world.rights(AGENT), READER);
    assert_eq!(world.allows(AGENT, (TASKS, 2), 4), Ok(()), "what it had written stays");
    assert_eq!(world.allows(AGENT, (TASKS, 2), 5), Err(Code::Forbidden));
    // More than was granted to it, it never has.
    world.does(MAIN, grant(CONTRI, EDITOR));
    assert_eq!(world.rights(AGENT), CONTRIBUTOR);
    assert_eq!(world.allows(AGENT, (PEOPLE, 2), 1), Err(Code::Forbidden));
    assert_eq!(world.allows(AGENT, (TASKS, 3), 1), Ok(()));
}

#[test]
fn an_agent_ends_with_its_sponsor() {
    let mut world = World::staffed();
    world.stores(CONTRI, (TASKS, 1), 2);
    world.stores(AGENT, (TASKS, 2), 4);
    world.does(MAIN, revoke(CONTRI));
    assert_eq!(world.rights(AGENT), Rights::NONE);
    assert_eq!(world.log.member(&public(AGENT)).unwrap().ended, Some((End::Revoked, 5)));
    let allowed = [
        (CONTRI, 1, 2, Ok(())),
        (CONTRI, 1, 3, Err(Code::Revoked)),
        (AGENT, 2, 4, Ok(())),
        (AGENT, 2, 5, Err(Code::Revoked)),
    ];
    for (who, actor, seq, result) in allowed {
        assert_eq!(world.allows(who, (TASKS, actor), seq), result, "{who} {seq}");
    }
    assert_eq!(world.tries(OWNER, agent(AGENT, READER)), Err(Code::Revoked), "and for ever");
}

#[test]
fn agents_go_over_with_a_rotated_key() {
    let mut world = World::staffed();
    world.stores(AGENT, (TASKS, 2), 4);
    world.does(CONTRI, rotate(CONTRI, 10));
    let member = world.log.member(&public(AGENT)).unwrap();
    assert_eq!((member.sponsor, member.rights), (Some(public(10)), CONTRIBUTOR));
    assert_eq!(world.allows(AGENT, (TASKS, 2), 5), Ok(()), "it goes on where it was");
    world.does(10, revoke(AGENT));
    assert_eq!(world.allows(AGENT, (TASKS, 2), 5), Err(Code::Revoked));
}

#[test]
fn an_agent_can_change_its_own_key_and_leave() {
    let mut world = World::staffed();
    world.does(AGENT, rotate(AGENT, 10));
    let member = world.log.member(&public(10)).unwrap();
    assert_eq!((member.sponsor, member.kind), (Some(public(CONTRI)), Kind::Agent));
    world.does(10, revoke(10));
    assert_eq!(world.rights(10), Rights::NONE);
}

#[test]
fn an_owner_can_take_an_agent_over() {
    let mut world = World::staffed();
    world.does(OWNER, agent(AGENT, EDITOR));
    assert_eq!(world.rights(AGENT), EDITOR);
    assert_eq!(world.tries(CONTRI, revoke(AGENT)), Err(Code::Forbidden));
    world.does(MAIN, revoke(CONTRI));
    assert_eq!(world.rights(AGENT), EDITOR, "it works for the owner now");
}

#[test]
fn a_sponsor_changes_what_its_agent_has() {
    let mut world = World::staffed();
    let brief = Grant {
        kind: Kind::Agent,
        until: Some(2_000),
        edits_per_minute: Some(6),
        ..plain(AGENT, READER)
    };
    world.does(CONTRI, Action::Grant(brief));
    let member = world.log.member(&public(AGENT)).unwrap();
    assert_eq!((member.until, member.edits_per_minute), (Some(2_000), Some(6)));
    assert_eq!(member.since, 4);
    assert_eq!(world.rights(AGENT), READER);
}
