//! Who gets in, what they are told, and what not.

use std::collections::BTreeSet;

use super::net::acts::{reader, writer};
use super::net::{Net, PEER, RELAY, key_of};
use crate::access::{Action, Kind, Member, Proposal, Rights};
use crate::id::Blob;
use crate::io::{Event, Login};
use crate::limits::STRANGER_ANSWER_MS;
use crate::message::{Code, Message, Open, Refusal};
use crate::wire;

/// A relay and three peers. The first of these, Ana, owns the context and orders its log.
pub(super) fn owned() -> (Net, [usize; 4]) {
    let mut net = Net::new();
    let nodes = [RELAY, PEER, PEER, PEER].map(|kind| net.add(kind));
    let owner = net.key(nodes[1]);
    net.found_by(nodes[1], vec![owner], owner);
    (net, nodes)
}

/// The same, and the relay orders from here on.
pub(super) fn relayed() -> (Net, [usize; 4]) {
    let (mut net, nodes) = owned();
    let [relay, ana, ..] = nodes;
    net.write(ana, 1, 3);
    net.write(ana, 2, 3);
    net.dial(ana, relay);
    net.settle();
    net.hand_over(ana, relay, 0);
    net.settle();
    net.keep_dialling(ana, relay);
    assert_eq!(net.log(relay).sequencer(), net.key(relay));
    assert_eq!(net.store(relay), net.store(ana));
    (net, nodes)
}

#[test]
fn a_relay_that_is_no_member_is_given_nothing_but_the_record() {
    let (mut net, [relay, ana, ..]) = owned();
    net.write(ana, 1, 3);
    net.dial(ana, relay);
    net.settle();
    assert_eq!(net.access(relay), net.access(ana));
    assert_eq!(net.store(relay).len(), 0);
    assert_eq!(net.in_sync(ana), 0, "nothing was compared");
}

#[test]
fn an_owner_hands_over_and_from_then_on_the_relay_orders() {
    let (mut net, [relay, ana, bot, _]) = relayed();
    net.grant(ana, bot, writer(&[1]));
    net.settle();
    let member = net.log(relay).member(&net.key(bot)).cloned();
    assert_eq!(member.map(|member: Member| member.rights), Some(writer(&[1])));
    assert_eq!(net.access(relay), net.access(ana));
    assert_eq!(net.proposals_refused(ana), vec![]);
}

#[test]
fn whoever_has_an_invitation_joins_in_one_dial() {
    let (mut net, [relay, ana, bot, _]) = relayed();
    net.invite(ana, 77, 1, writer(&[1, 2]));
    net.settle();
    net.redeem(bot, 77);
    net.dial(bot, relay);
    net.settle();
    assert_eq!(net.access(bot), net.access(ana));
    assert_eq!(net.store(bot), net.store(ana));
    assert_eq!(net.in_sync(bot), 1);
    net.write(bot, 1, 2);
    net.settle();
    assert_eq!(net.store(bot), net.store(ana));
}

#[test]
fn an_invitation_is_taken_up_through_a_relay_that_does_not_order() {
    let (mut net, [relay, ana, bot, _]) = owned();
    net.write(ana, 1, 3);
    net.grant(ana, relay, Rights::ALL.and(&reader(&[1, 2, 3])));
    net.invite(ana, 77, 1, writer(&[1]));
    net.settle();
    net.keep_dialling(ana, relay);
    net.redeem(bot, 77);
    net.dial(bot, relay);
    net.settle();
    assert_eq!(net.log(relay).sequencer(), net.key(ana));
    assert_eq!(net.access(bot), net.access(ana));
    assert_eq!(net.store(bot), net.store(ana));
}

/// What it is, what Ana and another one do before, and how the invitation is refused.
type Case = (&'static str, fn(&mut Net, usize, usize), Code);

#[test]
fn an_invitation_that_does_not_hold_is_refused_by_its_own_code() {
    let cases: [Case; 4] = [
        (
            "used up",
            |net, ana, other| {
                net.invite(ana, 77, 1, writer(&[1]));
                net.settle();
                net.redeem(other, 77);
                net.keep_dialling(other, 0);
            },
            Code::UsedUp,
        ),
        (
            "withdrawn",
            |net, ana, _| {
                net.invite(ana, 77, 1, writer(&[1]));
                let key = key_of(77).public();
                net.propose(ana, Action::Revoke { key });
            },
            Code::Revoked,
        ),
        (
            "of somebody without rights",
            |net, ana, other| {
                net.grant(ana, other, Rights::ALL);
                net.settle();
                net.keep_dialling(other, 0);
                net.invite(other, 77, 1, writer(&[1]));
                net.settle();
                net.revoke(ana, other);
            },
            Code::Revoked,
        ),
        ("unknown", |_, _, _| {}, Code::Unknown),
    ];
    for (what, prepare, code) in cases {
        let (mut net, [relay, ana, bot, cy]) = relayed();
        prepare(&mut net, ana, cy);
        net.settle();
        net.redeem(bot, 77);
        net.dial(bot, relay);
        net.settle();
        assert_eq!(net.proposals_refused(bot), vec![code], "{what}");
        assert!(net.told(bot).contains(&Code::Unknown), "{what}: the context is not here for it");
        assert_eq!(net.store(bot).len(), 0, "{what}");
        assert_eq!(net.access(bot).len(), 0, "{what}");
    }
}

#[test]
fn a_stranger_cannot_tell_a_context_from_none() {
    let ask = |founded: bool, used: bool| {
        let (mut net, [relay, ana, bot, _]) = relayed();
        if !used {
            net.cut_all();
            net.pass(500_000);
            net.pass(500_000);
            assert_eq!(net.replica(relay).contexts_in_memory(), 0);
        }
        if !founded {
            // A relay that has never heard of it.
            let other = net.add(RELAY);
            net.configure(other, |config| config.accepts_new_contexts = false);
            let loads = net.loads(other);
            net.redeem(bot, 5);
            net.dial(bot, other);
            net.settle();
            return (net.heard(bot), net.loads(other) - loads);
        }
        let loads = net.loads(relay);
        net.redeem(bot, 5);
        net.dial(bot, relay);
        net.settle();
        let _ = ana;
        (net.heard(bot), net.loads(relay) - loads)
    };
    let (nowhere, asked) = ask(false, true);
    for used in [true, false] {
        let (here, loads) = ask(true, used);
        assert_eq!(here, nowhere);
        // One for the proposal and one for the opening: where it is in memory, the first is not needed.
        assert!(loads <= asked && loads >= 1, "{loads} and {asked}");
    }
}

/// Where a context is that a stranger asks for.
#[derive(Clone, Copy)]
enum Place {
    InMemory,
    OnDisk,
    Nowhere,
}

#[test]
fn a_stranger_is_answered_at_one_time_wherever_the_context_is() {
    for store_ms in [0, 100] {
        let [memory, disk, nowhere] =
            [Place::InMemory, Place::OnDisk, Place::Nowhere].map(|place| told(place, store_ms));
        let codes: Vec<Code> = nowhere.iter().map(|(_, refusal)| refusal.code).collect();
        assert_eq!(codes, [Code::Unknown, Code::Unknown], "the proposal, and the context");
        assert!(nowhere.iter().all(|(at, _)| *at == STRANGER_ANSWER_MS), "{nowhere:?}");
        assert_eq!((memory, disk), (nowhere.clone(), nowhere), "with a store of {store_ms} ms");
    }
}

/// What somebody without rights is told who proposes, opens and sends entries; and after how long.
fn told(place: Place, store_ms: u64) -> Vec<(u64, Refusal)> {
    let (mut net, [relay, ..]) = relayed();
    let node = match place {
        Place::InMemory => relay,
        Place::OnDisk => {
            net.cut_all();
            net.pass(500_000);
            net.pass(500_000);
            assert_eq!(net.replica(relay).contexts_in_memory(), 0);
            relay
        }
        Place::Nowhere => net.add(RELAY),
    };
    let (context, stranger) = (net.context(), key_of(60));
    let link = net.greet_as(node, &stranger);
    let before = net.sent_raw(node, link).len();
    let (author, action) = (stranger.public(), Action::Revoke { key: net.key(relay) });
    let proposal = Proposal { context, based_on: 1, nonce: [1; 16], author, action };
    let proposal = proposal.sign(&stranger);
    let (access_entries, access_head, record, documents) = (0, [0; 32], None, vec![]);
    let open = Open { context, access_entries, access_head, record, documents, more: false };
    let entries = vec![Blob::from(vec![1; 100])];
    net.hold_disk(node, true);
    for message in [
        Message::Propose { context, proposal },
        Message::Open(open),
        Message::Access { context, from: 1, entries },
    ] {
        net.raw(node, link, wire::encode(&message).to_vec());
    }
    let mut told = Vec::new();
    for ms in 0..2 * STRANGER_ANSWER_MS {
        net.hold_disk(node, ms < store_ms);
        net.run();
        for frame in net.sent_raw(node, link).into_iter().skip(before + told.len()) {
            let message = wire::decode(&frame, usize::MAX).unwrap();
            let Message::Refused(refusal) = message else { panic!("{message:?}") };
            told.push((ms, refusal));
        }
        net.pass(1);
    }
    told
}

#[test]
fn a_proposal_outlives_a_side_that_does_not_know_the_context() {
    let (mut net, [relay, ana, bot, _]) = relayed();
    net.cut_all();
    let other = net.add(RELAY);
    net.configure(other, |config| config.accepts_new_contexts = false);
    net.grant(ana, bot, writer(&[1]));
    net.dial(ana, other);
    net.settle();
    assert_eq!(net.proposals_refused(ana), vec![]);
    net.cut_all();
    net.keep_dialling(ana, relay);
    net.settle();
    assert!(net.log(relay).member(&net.key(bot)).is_some());
    assert_eq!(net.access(ana), net.access(relay));
}

#[test]
fn no_frame_names_a_document_to_who_may_not_read_it() {
    let (mut net, [relay, ana, bot, _]) = relayed();
    net.grant(ana, bot, writer(&[1]));
    net.settle();
    let link = net.keep_dialling(bot, relay);
    net.write(ana, 2, 3);
    net.write(ana, 3, 3);
    net.write(ana, 1, 3);
    net.settle();
    assert_eq!(net.named(bot, link), BTreeSet::from([1]));
    assert_eq!(net.changes(bot, 1), net.changes(ana, 1));
    assert_eq!(net.store(bot).len(), 1);
    // What it says about the others is refused, whether they are there or not.
    for scope in [2, 9] {
        net.write(bot, scope, 1);
    }
    net.dial(bot, relay);
    net.settle();
    assert!(!net.named(bot, link).contains(&2));
    assert_eq!(net.changes(relay, 9).len(), 0);
    assert_eq!(net.changes(relay, 2), net.changes(ana, 2));
    assert!(net.told(bot).contains(&Code::Forbidden));
}

#[test]
fn an_agent_of_a_reader_and_presence_stay_within_what_is_granted() {
    let (mut net, [relay, ana, bot, stranger]) = relayed();
    net.grant(ana, bot, reader(&[1]));
    net.settle();
    net.keep_dialling(bot, relay);
    net.dial(stranger, relay);
    net.settle();
    net.present(ana, "here");
    net.settle();
    assert_eq!(net.presence(bot), vec!["here"]);
    assert_eq!(net.presence(stranger), Vec::<String>::new());
    net.write(bot, 1, 1);
    net.settle();
    assert_eq!(net.changes(relay, 1), net.changes(ana, 1));
    assert_eq!(net.removed(bot).len(), 1, "a reader writes nothing, not even at home");
}

#[test]
fn a_login_is_asked_for_first_and_caps_what_a_key_may_do() {
    let (mut net, [relay, ana, bot, _]) = relayed();
    net.grant(ana, bot, writer(&[1, 2]));
    net.settle();
    net.configure(relay, |config| config.asks_logins = true);
    net.cut_all();
    let link = net.dial(bot, relay);
    net.run();
    let end = net.end(link, relay);
    let asked =
        |event: &Event| matches!(event, Event::Login { key, .. } if *key == key_of(3).public());
    assert_eq!(net.events(relay).iter().filter(|event| asked(event)).count(), 1);
    assert_eq!(net.in_sync(bot), 0, "nothing is taken in before the login");
    let contexts = Some(vec![net.context()]);
    net.login(relay, end, Login { contexts, rights: reader(&[2, 3]), founds: false });
    net.settle();
    assert_eq!(net.in_sync(bot), 1);
    assert_eq!(net.store(bot).keys().map(|key| key.scope).collect::<Vec<_>>(), vec![2]);
    net.write(bot, 2, 1);
    net.settle();
    assert_eq!(net.changes(relay, 2), net.changes(ana, 2), "the login may only read");
}

#[test]
fn a_login_decides_who_founds() {
    for founds in [true, false] {
        let (mut net, [relay, ana, ..]) = owned();
        net.configure(relay, |config| config.asks_logins = true);
        let link = net.dial(ana, relay);
        net.run();
        let end = net.end(link, relay);
        net.login(relay, end, Login { contexts: None, rights: Rights::ALL, founds });
        net.settle();
        assert_eq!(net.access(relay).len(), usize::from(founds));
    }
}

#[test]
fn a_relay_that_fell_behind_learns_from_a_member_that_it_does_not_know_yet() {
    let (mut net, [relay, ana, bot, _]) = relayed();
    let old = net.access(relay);
    net.grant(ana, bot, writer(&[1]));
    net.settle();
    net.keep_dialling(bot, relay);
    net.cut_all();
    // Its disk is that of the day before.
    net.set_access(relay, old);
    net.configure(relay, |_| {});
    net.write(bot, 1, 2);
    net.keep_dialling(bot, relay);
    assert_eq!(net.access(relay), net.access(ana));
    assert_eq!(net.changes(relay, 1), net.changes(bot, 1));
    assert_eq!(net.log(relay).member(&net.key(bot)).map(|member| member.kind), Some(Kind::Person));
}
