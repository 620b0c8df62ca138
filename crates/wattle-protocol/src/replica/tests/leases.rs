//! Leases: who grants them, to whom, and what others are told.

use super::joining::{owned, relayed};
use super::net::acts::{reader, writer};
use super::net::{Net, key_of};
use crate::id::PublicKey;
use crate::lease::{Answer, Ask, Grant, Request, Subject};
use crate::limits::LEASES_WAITING_MAX;
use crate::message::{Code, Message};
use crate::wire;

const TAKE: Ask = Ask::Take { ttl_s: 60 };
const NOON: u64 = 1_800_000_000;

fn request(holder: PublicKey, claim: u8, ask: Ask) -> Request {
    Request { subject: Subject { scope: 1, item: [9; 16] }, claim: [claim; 16], holder, ask }
}

/// A relay that orders, its owner Ana, and two who may write, all on links.
fn working() -> (Net, [usize; 4]) {
    let (mut net, nodes) = relayed();
    let [relay, ana, bot, cat] = nodes;
    net.grant(ana, bot, writer(&[1]));
    net.grant(ana, cat, writer(&[1]));
    net.settle();
    for node in [bot, cat] {
        net.dial(node, relay);
        net.settle();
        net.keep_dialling(node, relay);
    }
    net.clock(NOON);
    (net, nodes)
}

fn granted(answer: Option<Answer>) -> Grant {
    let Some(Answer::Granted(grant)) = answer else { panic!("{answer:?}") };
    grant
}

fn code(answer: Option<Answer>) -> Code {
    let Some(Answer::Refused(refusal)) = answer else { panic!("{answer:?}") };
    refusal.code
}

#[test]
fn the_relay_grants_a_lease_to_one_and_tells_the_others_whose_it_is() {
    let (mut net, [relay, ana, bot, cat]) = working();
    let (bots, cats) = (net.key(bot), net.key(cat));
    let grant = granted(net.lease(bot, 1, request(bots, 1, TAKE)));
    assert!(grant.verify(&net.context()));
    let Grant { lease, sequencer, .. } = grant;
    assert_eq!((sequencer, lease.holder), (net.key(relay), bots));
    let log = net.log(ana);
    assert_eq!(log.sequencers().get(&(lease.fence.term, lease.fence.entry)), Some(&sequencer));
    let held = Some(Answer::Held { holder: bots, claim: [1; 16], until: lease.until });
    assert_eq!(net.lease(cat, 1, request(cats, 1, TAKE)), held);
    // Asked again, after an answer that was lost: the same.
    assert_eq!(granted(net.lease(bot, 2, request(bots, 1, TAKE))).lease, lease);
    assert_eq!(net.lease(bot, 3, request(bots, 1, Ask::Release)), Some(Answer::Free));
    let next = granted(net.lease(cat, 2, request(cats, 1, TAKE)));
    assert!(next.lease.fence > lease.fence);
}

#[test]
fn a_lease_ends_by_the_clock_of_the_one_who_grants() {
    let (mut net, [_, _, bot, cat]) = working();
    let (bots, cats) = (net.key(bot), net.key(cat));
    let lease = granted(net.lease(bot, 1, request(bots, 1, TAKE))).lease;
    net.pass(59_000);
    let renewed = granted(net.lease(bot, 2, request(bots, 1, TAKE))).lease;
    assert_eq!((renewed.fence, renewed.until > lease.until), (lease.fence, true));
    net.pass(59_000);
    assert!(matches!(net.lease(cat, 1, request(cats, 1, TAKE)), Some(Answer::Held { .. })));
    net.pass(2_000);
    assert_eq!(granted(net.lease(cat, 2, request(cats, 1, TAKE))).lease.holder, cats);
    assert!(matches!(net.lease(bot, 3, request(bots, 1, TAKE)), Some(Answer::Held { .. })));
}

#[test]
fn a_link_that_only_asks_opens_nothing() {
    let (mut net, [relay, _, bot, _]) = working();
    let bots = net.key(bot);
    net.cut_all();
    net.settle();
    assert_eq!(net.lease(bot, 1, request(bots, 1, TAKE)), None);
    let link = net.dial_to_ask(bot, relay);
    net.run();
    assert_eq!(granted(net.lease(bot, 2, request(bots, 1, TAKE))).lease.holder, bots);
    assert_eq!(net.received_changes(bot, link), 0);
    net.cut(link);
    net.run();
    assert_eq!(net.lease(bot, 3, request(bots, 1, TAKE)), None);
}

#[test]
fn whoever_may_not_write_there_gets_none() {
    let (mut net, [_, ana, bot, cat]) = working();
    let (bots, cats) = (net.key(bot), net.key(cat));
    let elsewhere = Subject { scope: 2, item: [9; 16] };
    let unknown = Request { subject: elsewhere, ..request(bots, 1, TAKE) };
    assert_eq!(code(net.lease(bot, 1, unknown)), Code::Unknown);
    // For somebody else, who is no agent of theirs.
    assert_eq!(code(net.lease(bot, 2, request(cats, 1, TAKE))), Code::Forbidden);
    let pass = Ask::Pass { to: key_of(50).public() };
    assert_eq!(code(net.lease(bot, 3, request(bots, 1, pass))), Code::Forbidden);
    assert_eq!(code(net.lease(bot, 4, request(bots, 0, TAKE))), Code::Invalid);
    net.grant(ana, bot, reader(&[1]));
    net.settle();
    assert_eq!(code(net.lease(bot, 5, request(bots, 1, TAKE))), Code::Forbidden);
}

#[test]
fn with_the_right_to_write_the_lease_ends() {
    let (mut net, [_, ana, bot, cat]) = working();
    let (bots, cats) = (net.key(bot), net.key(cat));
    let before = granted(net.lease(bot, 1, request(bots, 1, Ask::Take { ttl_s: 10_000 }))).lease;
    assert!(matches!(net.lease(cat, 1, request(cats, 1, TAKE)), Some(Answer::Held { .. })));
    net.revoke(ana, bot);
    net.settle();
    let after = granted(net.lease(cat, 2, request(cats, 1, TAKE))).lease;
    assert!(after.fence > before.fence);
}

#[test]
fn strangers_learn_nothing_of_a_context_by_asking() {
    let (mut net, [relay, ana, ..]) = working();
    granted(net.lease(ana, 1, request(net.key(ana), 1, TAKE)));
    let stranger = key_of(99).public();
    let link = net.greet_raw(relay);
    let mut codes = Vec::new();
    for context in [net.context(), crate::id::ContextId([0; 32])] {
        let before = net.sent_raw(relay, link).len();
        let message =
            Message::Lease { context, number: 9, request: request(stranger, 1, Ask::Look) };
        net.raw(relay, link, wire::encode(&message).to_vec());
        net.run();
        let frame = net.sent_raw(relay, link).split_off(before).pop().unwrap();
        let Ok(Message::Leased { answer, number: 9, .. }) = wire::decode(&frame, usize::MAX) else {
            panic!("no answer")
        };
        codes.push(*answer);
    }
    assert_eq!(codes[0], codes[1]);
    assert_eq!(code(codes.pop()), Code::Unknown);
}

#[test]
fn an_owner_that_orders_grants_by_itself_and_to_whoever_dials_it() {
    let (mut net, [_, ana, bot, _]) = owned();
    net.grant(ana, bot, writer(&[1]));
    net.settle();
    let (anas, bots) = (net.key(ana), net.key(bot));
    assert_eq!(code(net.lease(ana, 1, request(anas, 1, TAKE))), Code::Failed, "without a clock");
    net.clock(NOON);
    let first = granted(net.lease(ana, 2, request(anas, 1, TAKE))).lease;
    net.share_record(ana, bot);
    net.dial(bot, ana);
    net.settle();
    assert!(matches!(net.lease(bot, 1, request(bots, 1, TAKE)), Some(Answer::Held { .. })));
    assert_eq!(net.lease(ana, 3, request(anas, 1, Ask::Release)), Some(Answer::Free));
    assert!(granted(net.lease(bot, 2, request(bots, 1, TAKE))).lease.fence > first.fence);
}

#[test]
fn a_store_that_cannot_write_grants_nothing() {
    let (mut net, [relay, _, bot, _]) = working();
    let bots = net.key(bot);
    net.break_disk(relay, true);
    assert_eq!(code(net.lease(bot, 1, request(bots, 1, TAKE))), Code::Failed);
    net.break_disk(relay, false);
    assert_eq!(granted(net.lease(bot, 2, request(bots, 1, TAKE))).lease.fence.number, 1);
}

#[test]
fn whoever_asks_faster_than_is_answered_loses_the_link() {
    let (mut net, [relay, ..]) = working();
    let link = net.greet_raw(relay);
    net.hold_disk(relay, true);
    let (context, stranger) = (crate::id::ContextId([0; 32]), key_of(99).public());
    for number in 0..=LEASES_WAITING_MAX as u64 {
        let request = request(stranger, 1, Ask::Look);
        net.raw(relay, link, wire::encode(&Message::Lease { context, number, request }).to_vec());
    }
    net.run();
    assert_eq!(net.closed(relay, link).map(|refusal| refusal.code), Some(Code::Busy));
}
