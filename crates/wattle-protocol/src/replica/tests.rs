//! Replicas in one thread, with a clock of their own and stores in memory.

mod budgets;
mod endings;
mod joining;
mod leases;
mod net;
mod random;
mod runs;
mod trust;

use self::net::{Net, PEER, RELAY, document, frames};
use crate::io::Event;
use crate::limits::{HANDSHAKE_MS_MAX, IDLE_DOCUMENT_MS, LINK_UNDER_WAY_BYTES_MAX};
use crate::message::Code;

/// A relay and two peers that dial it.
fn star() -> (Net, usize, usize, usize) {
    let mut net = Net::new();
    let (relay, ana, bot) = (net.add(RELAY), net.add(PEER), net.add(PEER));
    net.found(ana);
    (net, relay, ana, bot)
}

#[test]
fn two_peers_end_equal_through_a_relay() {
    let (mut net, relay, ana, bot) = star();
    net.write(ana, 1, 40);
    net.dial(ana, relay);
    net.settle();
    net.dial(bot, relay);
    net.settle();
    net.write(bot, 1, 3);
    net.write(ana, 2, 5);
    net.settle();
    assert_eq!(net.store(ana), net.store(relay));
    assert_eq!(net.store(bot), net.store(relay));
    assert_eq!(net.heads(bot, 1).len(), 1);
    assert_eq!(net.changes(bot, 2), net.changes(ana, 2));
    assert_eq!(net.in_sync(ana), 1);
    assert_eq!(net.in_sync(bot), 1);
}

#[test]
fn two_peers_need_no_relay() {
    let mut net = Net::new();
    let (ana, bot) = (net.add(PEER), net.add(PEER));
    net.found(ana);
    net.share_record(ana, bot);
    net.write(ana, 1, 10);
    net.write(bot, 2, 10);
    net.write(bot, 1, 4);
    net.dial(ana, bot);
    net.settle();
    assert_eq!(net.changes(ana, 1), net.changes(bot, 1));
    assert_eq!(net.changes(ana, 2), net.changes(bot, 2));
    assert_eq!(net.changes(ana, 1).len(), 15);
    assert_eq!(net.in_sync(ana), 1);
}

#[test]
fn a_reconnect_sends_only_what_is_lacked() {
    let (mut net, relay, ana, bot) = star();
    net.write(ana, 1, 500);
    let up = net.dial(ana, relay);
    net.settle();
    let down = net.dial(bot, relay);
    net.settle();
    net.cut(down);
    net.write(ana, 1, 3);
    net.settle();
    let graphs = net.graph_loads(relay);
    let again = net.dial(bot, relay);
    net.settle();
    assert_eq!(net.changes(bot, 1), net.changes(ana, 1));
    // Three changes of some 120 bytes, and the handshake.
    let bytes = net.received_bytes(bot, again);
    assert!(bytes < 1500, "{bytes} bytes");
    net.cut(again);
    let nothing = net.dial(bot, relay);
    net.settle();
    let bytes = net.received_bytes(bot, nothing);
    assert!(bytes < 700, "{bytes} bytes for nothing");
    assert_eq!(net.graph_loads(relay), graphs, "a reader with the newest cursor needs no graph");
    net.cut(up);
}

#[test]
fn strangers_with_a_common_past_exchange_only_the_difference() {
    let (mut net, relay, ana, bot) = star();
    net.write(ana, 1, 300);
    let up = net.dial(ana, relay);
    let down = net.dial(bot, relay);
    net.settle();
    net.cut(up);
    net.cut(down);
    net.write(ana, 1, 7);
    net.write(bot, 1, 9);
    // These two have never met: there is no cursor, only heads and samples.
    let direct = net.dial(ana, bot);
    net.settle();
    assert_eq!(net.changes(ana, 1), net.changes(bot, 1));
    assert_eq!(net.changes(ana, 1).len(), 1 + 300 + 7 + 9);
    // The samples at 8 and 16 stand around the point where the two parted.
    assert!(net.received_changes(ana, direct) <= 9 + 8, "{}", net.received_changes(ana, direct));
    assert!(net.received_changes(bot, direct) <= 7 + 8, "{}", net.received_changes(bot, direct));
}

#[test]
fn a_late_reader_gets_a_snapshot_in_one_round_trip() {
    let (mut net, relay, ana, bot) = star();
    net.write(ana, 1, 1000);
    net.dial(ana, relay);
    net.settle();
    net.compact(relay, 1, 900);
    net.write(ana, 1, 20);
    net.settle();
    let down = net.dial(bot, relay);
    net.settle();
    assert_eq!(net.changes(bot, 1), net.changes(ana, 1));
    let snapshots =
        net.events(bot).iter().filter(|event| matches!(event, Event::Snapshot { .. })).count();
    assert_eq!(snapshots, 1);
    assert_eq!(net.in_sync(bot), 1);
    // One for the handshake, one for the opening: nothing waits for another.
    assert_eq!(net.trips(down), 2);
    assert!(net.received_changes(bot, down) <= 1021 - 900);
}

#[test]
fn live_changes_go_to_everyone_but_their_sender() {
    let (mut net, relay, ana, bot) = star();
    let up = net.dial(ana, relay);
    let down = net.dial(bot, relay);
    net.settle();
    let (sent, got) = (net.received_changes(ana, up), net.received_changes(bot, down));
    for _ in 0..10 {
        net.write(ana, 1, 1);
        net.settle();
    }
    assert_eq!(net.received_changes(ana, up), sent, "no echo");
    assert_eq!(net.received_changes(bot, down) - got, 11);
    assert_eq!(net.changes(bot, 1).len(), 11);
}

#[test]
fn a_relay_does_not_wait_for_its_disk_and_acknowledges_nothing_before() {
    let (mut net, relay, ana, bot) = star();
    net.dial(ana, relay);
    net.dial(bot, relay);
    net.settle();
    net.hold_disk(relay, true);
    net.write(ana, 1, 2);
    net.run();
    assert_eq!(net.changes(bot, 1).len(), 3);
    assert_eq!(net.changes(relay, 1).len(), 0);
    assert_eq!(net.durable_at(ana, relay, 1), vec![]);
    net.hold_disk(relay, false);
    net.settle();
    assert_eq!(net.changes(relay, 1).len(), 3);
    assert_eq!(net.durable_at(ana, relay, 1), net.heads(ana, 1));
}

#[test]
fn a_failed_append_acknowledges_nothing_and_is_tried_again() {
    let (mut net, relay, ana, bot) = star();
    net.dial(ana, relay);
    net.dial(bot, relay);
    net.settle();
    net.break_disk(relay, true);
    net.write(ana, 1, 2);
    net.run();
    assert_eq!(net.durable_at(ana, relay, 1), vec![]);
    let refused = net.events(ana).iter().any(
        |event| matches!(event, Event::Refused { refusal, .. } if refusal.code == Code::Failed),
    );
    assert!(refused);
    net.break_disk(relay, false);
    net.settle();
    assert_eq!(net.changes(relay, 1), net.changes(ana, 1));
    assert_eq!(net.changes(relay, 1), net.changes(bot, 1));
    assert_eq!(net.durable_at(ana, relay, 1), net.heads(ana, 1));
}

#[test]
fn a_slow_reader_costs_the_others_nothing() {
    let (mut net, relay, ana, bot) = star();
    let slow = net.add(PEER);
    net.dial(ana, relay);
    net.dial(bot, relay);
    let link = net.dial(slow, relay);
    net.settle();
    net.clog(link);
    for _ in 0..60 {
        net.write(ana, 1, 100);
        net.settle();
        assert_eq!(net.changes(bot, 1).len(), net.changes(ana, 1).len());
    }
    let status =
        net.replica(relay).links().find(|status| status.link == net.end(link, relay)).unwrap();
    assert!(status.under_way <= 2 * LINK_UNDER_WAY_BYTES_MAX, "{}", status.under_way);
    let memory = net.replica(relay).memory();
    assert!(memory < 2 * 1024 * 1024, "{memory} bytes");
    net.unclog(link);
    net.settle();
    assert_eq!(net.changes(slow, 1), net.changes(ana, 1));
}

#[test]
fn what_one_link_does_wrong_touches_no_other() {
    let good = frames::hello_of_version(1, 1);
    let cases: Vec<(&str, Vec<u8>, Code)> = vec![
        ("nothing", vec![], Code::Malformed),
        ("another coding", vec![9, 1, 2], Code::Malformed),
        ("half a frame", good[..good.len() / 2].to_vec(), Code::Malformed),
        ("a frame and a byte", [&good[..], &[0]].concat(), Code::Malformed),
        ("too long before the proof", vec![1; 5000], Code::TooLarge),
        ("another version", frames::hello_of_version(7, 9), Code::Version),
        ("no hello", frames::proof(), Code::Unproved),
    ];
    for (what, frame, code) in cases {
        let (mut net, relay, ana, bot) = star();
        net.dial(ana, relay);
        net.dial(bot, relay);
        net.settle();
        let bad = net.listen_raw(relay);
        net.raw(relay, bad, frame);
        net.run();
        assert_eq!(net.closed(relay, bad).map(|refusal| refusal.code), Some(code), "{what}");
        net.write(ana, 1, 1);
        net.settle();
        assert_eq!(net.changes(bot, 1).len(), 2, "{what}");
    }
}

#[test]
fn a_version_that_nobody_shares_is_refused_by_name() {
    let mut net = Net::new();
    let relay = net.add(RELAY);
    let link = net.listen_raw(relay);
    net.raw(relay, link, frames::hello_of_version(7, 9));
    net.run();
    let reason = net.closed(relay, link).unwrap().reason;
    assert_eq!(reason, "this side speaks protocol versions 1 to 1, the other 7 to 9");
}

#[test]
fn a_link_that_proves_nothing_in_time_is_closed() {
    let mut net = Net::new();
    let relay = net.add(RELAY);
    let link = net.listen_raw(relay);
    net.run();
    net.pass(HANDSHAKE_MS_MAX + 1);
    assert_eq!(net.closed(relay, link).map(|refusal| refusal.code), Some(Code::Slow));
}

#[test]
fn nobody_proves_a_key_with_an_echo() {
    let mut net = Net::new();
    let relay = net.add(RELAY);
    let (one, two) = (net.listen_raw(relay), net.listen_raw(relay));
    net.run();
    // Each link is given what the relay said on the other one.
    let (hello_one, hello_two) = (net.sent_raw(relay, one), net.sent_raw(relay, two));
    net.raw(relay, one, hello_two[0].to_vec());
    net.raw(relay, two, hello_one[0].to_vec());
    net.run();
    let (proof_one, proof_two) = (net.sent_raw(relay, one), net.sent_raw(relay, two));
    net.raw(relay, one, proof_two[1].to_vec());
    net.raw(relay, two, proof_one[1].to_vec());
    net.run();
    assert_eq!(net.closed(relay, one).map(|refusal| refusal.code), Some(Code::Unproved));
    assert_eq!(net.closed(relay, two).map(|refusal| refusal.code), Some(Code::Unproved));
}

#[test]
fn who_joins_with_the_id_alone_gets_the_record() {
    let (mut net, relay, ana, bot) = star();
    net.dial(ana, relay);
    net.settle();
    assert_eq!(net.access(bot).len(), 0);
    net.dial(bot, relay);
    net.settle();
    assert_eq!(net.access(bot), net.access(ana));
    let stranger = net.add(PEER);
    let nowhere = net.add(RELAY);
    net.dial(stranger, nowhere);
    net.settle();
    let refused = net.events(stranger).iter().any(
        |event| matches!(event, Event::Refused { refusal, .. } if refusal.code == Code::Unknown),
    );
    assert!(refused, "a relay does not know a context of which it was only told the id");
}

#[test]
fn presence_is_passed_on_renewed_and_withdrawn() {
    let (mut net, relay, ana, bot) = star();
    let up = net.dial(ana, relay);
    net.dial(bot, relay);
    net.settle();
    net.present(ana, "editing rules");
    net.run();
    assert_eq!(net.presence(bot), vec!["editing rules"]);
    let late = net.add(PEER);
    net.dial(late, relay);
    net.run();
    assert_eq!(net.presence(late), vec!["editing rules"]);
    net.cut(up);
    net.run();
    assert_eq!(net.presence(bot), vec!["editing rules", ""]);
}

#[test]
fn documents_that_nobody_edits_leave_memory_and_come_back() {
    let (mut net, relay, ana, bot) = star();
    net.write(ana, 1, 20);
    net.dial(ana, relay);
    net.dial(bot, relay);
    net.settle();
    net.pass(2 * IDLE_DOCUMENT_MS);
    net.pass(2 * IDLE_DOCUMENT_MS);
    assert_eq!(net.replica(relay).documents_in_memory(), 0);
    assert_eq!(net.replica(relay).deadline(), None, "silent");
    net.write(bot, 1, 2);
    net.settle();
    assert_eq!(net.changes(ana, 1), net.changes(bot, 1));
    assert_eq!(net.changes(ana, 1).len(), 23);
}

#[test]
fn a_store_that_lost_its_end_is_healed() {
    let (mut net, relay, ana, bot) = star();
    net.write(ana, 1, 20);
    net.dial(ana, relay);
    let down = net.dial(bot, relay);
    net.settle();
    net.cut(down);
    // The cursor says that everything is here, and it is not.
    net.lose(bot, 1, 5);
    net.dial(bot, relay);
    net.settle();
    assert_eq!(net.changes(bot, 1), net.changes(ana, 1));
    assert_eq!(net.in_sync(bot), 2);
}

#[test]
fn a_change_that_a_peer_cannot_apply_goes_no_further() {
    let mut net = Net::new();
    let (ana, bot, eve) = (net.add(PEER), net.add(PEER), net.add(PEER));
    net.found(ana);
    net.share_record(ana, bot);
    net.share_record(ana, eve);
    net.dial(eve, bot);
    net.dial(bot, ana);
    net.settle();
    net.poison(bot, 1, 1);
    net.write(eve, 1, 1);
    net.write(eve, 1, 1);
    net.settle();
    assert_eq!(net.changes(bot, 1).len(), 2);
    assert_eq!(net.changes(ana, 1), net.changes(bot, 1));
    let rejected = net.events(bot).iter().any(
        |event| matches!(event, Event::Rejected { refusal, .. } if refusal.code == Code::Invalid),
    );
    assert!(rejected);
}

#[test]
fn a_bad_change_is_refused_and_the_rest_of_its_batch_is_not() {
    let (mut net, relay, ana, _) = star();
    net.write(ana, 1, 1);
    net.dial(ana, relay);
    net.settle();
    let link = net.end_of(ana, relay);
    let mut chunks = net.compose(ana, 1, 2);
    let mut all = net.sealed(ana, 1, &chunks);
    chunks[0].start_op = 0;
    all.insert(0, (chunks[0].bytes(), None));
    net.raw(relay, link, frames::changes(net.context(), document(1), all));
    net.settle();
    assert_eq!(net.changes(relay, 1).len(), 4);
}

#[test]
fn equal_inputs_give_equal_outputs() {
    let run = || {
        let (mut net, relay, ana, bot) = star();
        net.write(ana, 1, 50);
        net.dial(ana, relay);
        let down = net.dial(bot, relay);
        net.settle();
        net.cut(down);
        net.write(ana, 2, 5);
        net.write(bot, 1, 5);
        net.settle();
        net.dial(bot, relay);
        net.settle();
        net.trace()
    };
    assert_eq!(run(), run());
}

#[test]
fn changes_that_arrive_before_what_they_build_on_wait_for_it() {
    let (mut net, relay, ana, _) = star();
    net.write(ana, 1, 1);
    net.dial(ana, relay);
    net.settle();
    let link = net.end_of(ana, relay);
    let chunks = net.compose(ana, 1, 5);
    for chunk in chunks.iter().rev() {
        let sealed = net.sealed(ana, 1, std::slice::from_ref(chunk));
        let frame = frames::changes(net.context(), document(1), sealed);
        net.raw(relay, link, frame);
    }
    net.settle();
    assert_eq!(net.changes(relay, 1).len(), 2 + 5);
    assert_eq!(net.replica(relay).backlog(link), 0);
}

#[test]
fn a_long_catching_up_does_not_hold_up_other_documents() {
    let (mut net, relay, ana, bot) = star();
    net.write(ana, 1, 8_000);
    net.dial(ana, relay);
    net.settle();
    let link = net.dial(bot, relay);
    net.clog(link);
    net.run();
    net.trickle(link);
    // The first frames of the long document are under way; now somebody edits another one.
    net.write(ana, 2, 1);
    net.run();
    while net.trickle(link) {}
    let order = net.received_order(bot, link);
    let live = order.iter().position(|document| *document == 2).unwrap();
    let behind = order.iter().skip(live).filter(|document| **document == 1).count();
    assert!(behind >= 5, "{order:?}");
    net.unclog(link);
    net.settle();
    assert_eq!(net.store(bot), net.store(ana));
}
