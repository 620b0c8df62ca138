//! What nobody may propose, and how each is refused.

use super::*;
use crate::identity::Signature;
use crate::limits::{AGENTS_OF_ONE_MAX, INVITATION_USES_MAX};

#[test]
fn each_proposal_that_its_author_may_not_make_has_its_code() {
    let mut world = World::staffed();
    world.does(MAIN, invite(TICKET, READER));
    world.does(OWNER, grant(7, MAINTAINER));
    world.does(OWNER, grant(8, READER));
    world.does(OWNER, revoke(8));
    let past = Grant { until: Some(1_000), ..plain(10, READER) };
    let service = Grant { kind: Kind::Service, ..plain(10, MAINTAINER) };
    let boss = Grant { kind: Kind::Agent, ..plain(10, MAINTAINER) };
    let agent_as_person = grant(AGENT, READER);
    let next = Action::SetSequencer { key: public(SPARE), term: 1 };
    let far = Action::SetSequencer { key: public(SPARE), term: 7 };
    let cases = [
        ("a stranger grants", NOBODY, grant(10, READER), Code::Forbidden),
        ("a stranger revokes", NOBODY, revoke(GUEST), Code::Forbidden),
        ("a stranger invites", NOBODY, invite(21, READER), Code::Forbidden),
        ("a stranger rotates", NOBODY, rotate(NOBODY, 10), Code::Forbidden),
        ("a reader grants", GUEST, grant(10, READER), Code::Forbidden),
        ("a reader sponsors more than it has", GUEST, agent(10, CONTRIBUTOR), Code::Excess),
        ("a reader invites", GUEST, invite(21, READER), Code::Forbidden),
        ("a contributor grants", CONTRI, grant(10, READER), Code::Forbidden),
        ("a contributor's agent writes rules", CONTRI, agent(10, MAINTAINER), Code::Excess),
        ("a maintainer makes an owner", MAIN, grant(10, Rights::ALL), Code::Excess),
        ("a maintainer invites an owner", MAIN, invite(21, Rights::ALL), Code::Excess),
        ("a maintainer changes its equal", MAIN, grant(7, READER), Code::Forbidden),
        ("a maintainer revokes its equal", MAIN, revoke(7), Code::Forbidden),
        ("a maintainer revokes an owner", MAIN, revoke(OWNER), Code::Forbidden),
        ("a maintainer adopts an agent", MAIN, agent(AGENT, READER), Code::Forbidden),
        ("a maintainer names the sequencer", MAIN, next, Code::Forbidden),
        ("a grant to oneself", OWNER, grant(OWNER, READER), Code::SelfGrant),
        ("an agent's grant to itself", AGENT, agent(AGENT, READER), Code::SelfGrant),
        ("an agent grants", AGENT, agent(10, READER), Code::Forbidden),
        ("an agent invites", AGENT, invite(21, READER), Code::Forbidden),
        ("an agent sponsors its sponsor", AGENT, agent(CONTRI, READER), Code::Cycle),
        ("an agent revokes its sponsor", AGENT, revoke(CONTRI), Code::Forbidden),
        ("an agent with power", OWNER, Action::Grant(boss), Code::Excess),
        ("a service with power", OWNER, Action::Grant(service), Code::Excess),
        ("an agent that becomes a person", OWNER, agent_as_person, Code::Invalid),
        ("a grant that is over", OWNER, Action::Grant(past), Code::Expired),
        ("a grant of nothing", OWNER, grant(10, Rights::NONE), Code::Invalid),
        ("a grant to a revoked key", OWNER, grant(8, READER), Code::Revoked),
        ("a grant to an invitation's key", OWNER, grant(TICKET, READER), Code::Invalid),
        ("a rotation to a member's key", MAIN, rotate(MAIN, GUEST), Code::Invalid),
        ("a rotation to a revoked key", MAIN, rotate(MAIN, 8), Code::Invalid),
        ("a rotation to an invitation's key", MAIN, rotate(MAIN, TICKET), Code::Invalid),
        ("a revoked key revokes", 8, revoke(GUEST), Code::Revoked),
        ("a revoked key is revoked", OWNER, revoke(8), Code::Revoked),
        ("nobody is revoked", OWNER, revoke(NOBODY), Code::Unknown),
        ("an end that has not come", OWNER, Action::Expire { key: public(GUEST) }, Code::Invalid),
        ("an end by another", SPARE, Action::Expire { key: public(GUEST) }, Code::NotSequencer),
        ("a term too far", OWNER, far, Code::NotSequencer),
    ];
    for (what, who, action, code) in cases {
        assert_eq!(world.tries(who, action), Err(code), "{what}");
    }
}

#[test]
fn a_proposal_is_signed_by_its_author_for_one_context() {
    let mut world = World::staffed();
    let good = world.proposal(OWNER, grant(10, READER));
    let elsewhere = Proposal { context: crate::ContextId([0; 32]), ..good.clone() };
    let ahead = Proposal { based_on: 99, ..good.clone() };
    let named = Grant { name: "x".repeat(65), ..plain(10, READER) };
    let named = Proposal { action: Action::Grant(named), ..good.clone() };
    let stolen = Action::Rotate { new: public(10), proof: Signature([7; 64]) };
    let stolen = Proposal { action: stolen, ..good.clone() };
    let bytes = good.sign(&key(OWNER));
    let mut changed = bytes.to_vec();
    changed[70] ^= 1;
    let cases: [(&str, Blob, Code); 9] = [
        ("signed by another", good.sign(&key(NOBODY)), Code::BadSignature),
        ("changed after it was signed", changed.into(), Code::BadSignature),
        ("of another context", elsewhere.sign(&key(OWNER)), Code::Invalid),
        ("of a later log", ahead.sign(&key(OWNER)), Code::Missing),
        ("with too long a name", named.sign(&key(OWNER)), Code::TooLarge),
        ("to a key that did not sign", stolen.sign(&key(OWNER)), Code::BadSignature),
        ("cut short", bytes[..bytes.len() - 1].into(), Code::Malformed),
        ("with a byte more", [&bytes[..], &[0]].concat().into(), Code::Malformed),
        ("far too long", vec![0; 3_000].into(), Code::TooLarge),
    ];
    for (what, proposal, code) in cases {
        assert_eq!(world.order(&proposal), Err(code), "{what}");
    }
    assert!(world.order(&bytes).is_ok());
}

#[test]
fn a_proposal_counts_once() {
    let mut world = World::staffed();
    let proposal = world.propose(MAIN, grant(10, READER));
    let entry = world.order(&proposal).unwrap();
    let hash = crate::access::proposal_hash(&proposal);
    assert!(!world.log.has(&hash));
    world.takes(entry);
    assert!(world.log.has(&hash));
    assert_eq!(world.order(&proposal), Err(Code::Replayed));
    // What it gave cannot come back after it was taken.
    world.does(MAIN, revoke(10));
    assert_eq!(world.order(&proposal), Err(Code::Replayed));
}

/// Nobody can fill the log up against the others.
#[test]
fn agents_and_uses_have_limits() {
    let mut log = World::staffed().log;
    let mut agents = |context, who: u8, number: u32| {
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(&number.to_be_bytes());
        secret[4] = who;
        let key = Keypair::from_secret(&secret).public();
        let grant = Grant { key, kind: Kind::Agent, ..plain(who, READER) };
        let (author, action) = (public(who), Action::Grant(grant));
        let mut nonce = [who; 16];
        nonce[..4].copy_from_slice(&number.to_be_bytes());
        let proposal = Proposal { context, based_on: 1, nonce, author, action };
        let proposal = proposal.sign(&super::key(who));
        let entry = log.sequence(&proposal, (0, vec![]), &super::key(OWNER));
        entry.and_then(|entry| log.append(&entry)).map_err(|refusal| refusal.code)
    };
    let context = record().id();
    for number in 1..AGENTS_OF_ONE_MAX {
        assert_eq!(agents(context, CONTRI, number as u32), Ok(()));
    }
    assert_eq!(agents(context, CONTRI, 0), Err(Code::TooLarge));
    assert_eq!(agents(context, GUEST, 0), Ok(()));

    let mut world = World::staffed();
    for uses in [0, INVITATION_USES_MAX + 1] {
        let many = Invitation { key: public(TICKET), rights: READER, uses, until: None };
        assert_eq!(world.tries(MAIN, Action::Invite(many)), Err(Code::TooLarge));
    }
    assert_eq!(world.tries(MAIN, invite(TICKET, Rights::NONE)), Err(Code::Invalid));
}
