//! Signatures that are missing, and those that prove something: receipts, forgers, forks.

use std::collections::BTreeSet;

use super::joining::relayed;
use super::net::acts::{Actor, writer};
use super::net::{Net, document, frames, key_of};
use crate::access::{End, Log};
use crate::change::tests::chunk::Chunk;
use crate::id::{Blob, Position};
use crate::identity::{Receipt, Seal};
use crate::io::Event;
use crate::message::{Code, Message};
use crate::wire;

/// The relay of a context that knows one who is no node: key 50, who may write section 1.
pub(super) fn with_eve() -> (Net, [usize; 4]) {
    let (mut net, nodes) = relayed();
    let [relay, ana, bot, _] = nodes;
    net.grant_key(ana, key_of(50).public(), writer(&[1]));
    net.grant(ana, bot, writer(&[1]));
    net.settle();
    net.keep_dialling(bot, relay);
    (net, nodes)
}

fn eve(seq: u64, message: &'static str) -> Actor {
    Actor { key: key_of(50).public(), seq, deps: vec![], message }
}

fn sealed(net: &Net, chunk: &Chunk) -> (Blob, Option<Seal>) {
    let (context, header) = (net.context(), chunk.header());
    (chunk.bytes(), Some(key_of(50).seal(&context, &document(1), &header, 1)))
}

#[test]
fn what_no_signature_covers_waits_and_goes_nowhere() {
    let (mut net, [relay, ana, bot, _]) = with_eve();
    let before = net.changes(relay, 1);
    let link = net.greet_as(relay, &key_of(50));
    let first = net.compose_as(relay, 1, &eve(1, ""));
    let second = Chunk { deps: vec![first.header().hash], seq: 2, author: None, ..first.clone() };
    let second = Chunk { start_op: first.start_op + 1, ..second };
    let bare = |chunk: &Chunk| (chunk.bytes(), None);
    net.raw(relay, link, frames::changes(net.context(), document(1), vec![bare(&first)]));
    net.settle();
    assert_eq!(net.changes(relay, 1), before);
    assert!(net.replica(relay).backlog(link) > 0, "it takes up room");
    net.raw(relay, link, frames::changes(net.context(), document(1), vec![sealed(&net, &second)]));
    net.settle();
    assert_eq!(net.changes(relay, 1).len(), before.len() + 2);
    assert_eq!(net.changes(bot, 1), net.changes(relay, 1));
    assert_eq!(net.changes(ana, 1), net.changes(relay, 1));
    assert_eq!(net.replica(relay).backlog(link), 0);
}

/// Over a direct link, before the honest one's changes are there: else it could hold that place.
#[test]
fn nobody_writes_under_an_actor_of_another_key() {
    let (mut net, [relay, ana, bot, eli]) = with_eve();
    net.grant(ana, eli, writer(&[1]));
    net.settle();
    net.keep_dialling(eli, relay);
    net.cut_all();
    net.write(eli, 1, 1);
    let before = net.changes(bot, 1);
    let honest: BTreeSet<_> = net.changes(eli, 1).difference(&before).copied().collect();
    assert_eq!(honest.len(), 1);
    let link = net.greet_as(bot, &key_of(50));
    let actor = net.actor_of(eli, 1);
    let taken = Chunk { actor, ..net.compose_as(bot, 1, &eve(1, "taken")) };
    net.raw(bot, link, frames::changes(net.context(), document(1), vec![sealed(&net, &taken)]));
    net.settle();
    assert_eq!(net.changes(bot, 1), before);
    assert_eq!(net.refused_raw(bot, link), vec![Code::ForeignActor]);
    net.keep_dialling(eli, relay);
    net.keep_dialling(bot, relay);
    assert!(net.changes(bot, 1).is_superset(&honest));
    assert_eq!(net.changes(bot, 1), net.changes(eli, 1));
}

#[test]
fn what_was_never_signed_is_forgotten_with_its_link() {
    let (mut net, [relay, ana, bot, _]) = with_eve();
    let link = net.greet_as(relay, &key_of(50));
    let chunk = net.compose_as(relay, 1, &eve(1, ""));
    let change = vec![(chunk.bytes(), None)];
    net.raw(relay, link, frames::changes(net.context(), document(1), change.clone()));
    net.run();
    net.hang_up(relay, link);
    net.settle();
    // Another one may bring it, and this time it comes with its signature.
    let again = net.greet_as(relay, &key_of(50));
    net.raw(relay, again, frames::changes(net.context(), document(1), change));
    let signed = vec![sealed(&net, &chunk)];
    net.raw(relay, again, frames::changes(net.context(), document(1), signed));
    net.settle();
    assert!(net.changes(relay, 1).contains(&chunk.header().hash));
    assert_eq!(net.changes(ana, 1), net.changes(relay, 1));
    assert_eq!(net.changes(bot, 1), net.changes(relay, 1));
}

#[test]
fn a_key_under_two_changes_with_one_number_is_frozen_and_the_first_stays() {
    let (mut net, [relay, ana, bot, _]) = with_eve();
    let link = net.greet_as(relay, &key_of(50));
    let (one, two) =
        (net.compose_as(relay, 1, &eve(1, "one")), net.compose_as(relay, 1, &eve(1, "two")));
    for chunk in [&one, &two] {
        net.raw(
            relay,
            link,
            frames::changes(net.context(), document(1), vec![sealed(&net, chunk)]),
        );
        net.settle();
    }
    let ended = net.log(relay).member(&key_of(50).public()).and_then(|eve| eve.ended);
    assert_eq!(ended.map(|(end, _)| end), Some(End::Frozen));
    for node in [ana, bot, relay] {
        assert!(net.changes(node, 1).contains(&one.header().hash));
        assert!(!net.changes(node, 1).contains(&two.header().hash));
        assert_eq!(net.access(node), net.access(relay));
    }
    assert_eq!(net.closed(relay, link).map(|refusal| refusal.code), Some(Code::Revoked));
}

#[test]
fn durable_means_a_receipt_of_the_other_side() {
    let (mut net, [relay, ana, ..]) = with_eve();
    net.write(ana, 1, 1);
    net.settle();
    let receipts = net.events(ana).iter().filter_map(|event| {
        let Event::Receipt { context, document, heads, receipt, .. } = event else { return None };
        Some((*context, *document, heads.clone(), receipt.clone()))
    });
    let (context, key, heads, receipt) = receipts.collect::<Vec<_>>().pop().unwrap();
    assert_eq!(heads, net.heads(relay, 1));
    assert_eq!(receipt.key, net.key(relay));
    assert!(receipt.verify((&context, &key), &heads));
}

#[test]
fn a_receipt_that_does_not_hold_counts_for_nothing() {
    let (mut net, [_, ana, ..]) = with_eve();
    net.cut_all();
    net.write(ana, 1, 1);
    let link = net.welcome_as(ana, &key_of(50));
    let (context, key, heads) = (net.context(), document(1), net.heads(ana, 1));
    net.opened_raw(ana, link);
    let by = |secret: u8| Receipt::sign(&key_of(secret), (&context, &key), &heads, 1);
    let cases = [(by(51), 0), (Receipt { epoch: 2, ..by(50) }, 0), (by(50), 1)];
    for (receipt, count) in cases {
        let (heads, receipt, cursor) = (heads.clone(), Some(receipt), Position::default());
        let document = key;
        let saved = Message::Saved { context, document, cursor, heads, receipt };
        net.raw(ana, link, wire::encode(&saved).to_vec());
        net.run();
        let durable = |event: &&Event| {
            matches!(event, Event::Durable { remote, known, .. }
                if remote.0 == [77; 16] && known.durable == net.heads(ana, 1))
        };
        assert_eq!(net.events(ana).iter().filter(durable).count(), count);
    }
}

#[test]
fn two_entries_with_one_number_are_proof_of_a_lie() {
    let (mut net, [relay, ana, bot, _]) = with_eve();
    let entries = net.access(bot);
    // The relay shows Bot another third entry than it has shown to everybody else.
    let log = Log::read(&entries[..2]).unwrap();
    let proposal = net.proposal(ana, crate::access::Action::Revoke { key: net.key(ana) });
    assert!(log.judge(&proposal, 0).is_err(), "the last owner stays");
    let grant = net.grant_of(key_of(60).public(), writer(&[2]));
    let proposal = net.proposal_as(ana, grant, 2);
    let lie = log.sequence(&proposal, (0, vec![]), &key_of(relay as u8 + 1)).unwrap();
    net.cut_all();
    let link = net.welcome_as(bot, &key_of(1));
    net.opened_raw(bot, link);
    let access = Message::Access { context: net.context(), from: 2, entries: vec![lie.clone()] };
    net.raw(bot, link, wire::encode(&access).to_vec());
    net.settle();
    let forked = net.events(bot).iter().find_map(|event| {
        let Event::Forked { entries, .. } = event else { return None };
        Some(entries.clone())
    });
    assert_eq!(forked, Some([entries[2].clone(), lie]));
    assert_eq!(net.access(bot), entries, "what came first stays");
}

#[test]
fn a_signature_that_does_not_hold_spoils_nothing() {
    let (mut net, [relay, ana, ..]) = with_eve();
    let link = net.greet_as(relay, &key_of(50));
    let first = net.compose_as(relay, 1, &eve(1, ""));
    let (start_op, deps) = (first.start_op + 1, vec![first.header().hash]);
    let second = Chunk { deps, seq: 2, author: None, start_op, ..first.clone() };
    let (bytes, seal) = sealed(&net, &first);
    let forged = seal.map(|seal| Seal { epoch: 9, ..seal });
    let good = vec![(bytes.clone(), seal), sealed(&net, &second)];
    for changes in [vec![(bytes, forged)], good] {
        net.raw(relay, link, frames::changes(net.context(), document(1), changes));
        net.settle();
    }
    assert!(net.changes(relay, 1).contains(&second.header().hash));
    assert_eq!(net.changes(ana, 1), net.changes(relay, 1));
}
