//! What happens when rights end: the cases of `docs/access.md`.

use super::joining::{owned, relayed};
use super::net::acts::writer;
use super::net::{Net, RELAY};
use crate::access::{Action, End, Grant, Kind, Rights};
use crate::io::Event;
use crate::message::Code;

/// A relay that orders, Ana who owns, and two who may write section 1; all have met the relay.
fn four() -> (Net, [usize; 4]) {
    let (mut net, nodes) = relayed();
    let [relay, ana, bot, eve] = nodes;
    net.grant(ana, bot, writer(&[1]));
    net.grant(ana, eve, writer(&[1]));
    net.settle();
    net.keep_dialling(bot, relay);
    net.keep_dialling(eve, relay);
    (net, nodes)
}

/// Bot has work of Eve's that nobody else had when Ana revoked her; Bot does not know yet.
fn with_late_work() -> (Net, [usize; 4]) {
    let (mut net, nodes) = four();
    let [relay, ana, bot, eve] = nodes;
    net.cut_all();
    net.write(eve, 1, 2);
    net.dial(eve, bot);
    net.settle();
    net.cut_all();
    net.keep_dialling(ana, relay);
    net.revoke(ana, eve);
    net.settle();
    (net, nodes)
}

#[test]
fn what_was_written_before_stays_and_the_link_is_closed_with_the_entry() {
    let (mut net, [relay, ana, bot, eve]) = four();
    net.write(eve, 1, 3);
    net.settle();
    let written = net.changes(eve, 1);
    let end = net.end_of(eve, relay);
    net.revoke(ana, eve);
    net.run();
    assert_eq!(net.closed(relay, end).map(|refusal| refusal.code), Some(Code::Revoked));
    assert_eq!(
        net.log(relay).member(&net.key(eve)).and_then(|eve| eve.ended),
        Some((End::Revoked, 4))
    );
    net.settle();
    net.write(ana, 1, 1);
    net.settle();
    assert!(net.changes(bot, 1).is_superset(&written));
    assert_eq!(net.changes(bot, 1), net.changes(ana, 1));
    assert_eq!(net.changes(eve, 1), written, "nothing new comes to it");
    // It learns why, and no more; and what it writes from here on is taken from it by nobody.
    assert_eq!(net.access(eve), net.access(relay));
    net.write(eve, 1, 2);
    net.dial(eve, relay);
    net.settle();
    assert!(net.told(eve).contains(&Code::Revoked));
    assert_eq!(net.changes(relay, 1), net.changes(ana, 1));
}

#[test]
fn late_work_of_a_revoked_author_is_taken_out_with_what_builds_on_it() {
    let (mut net, [relay, ana, bot, eve]) = four();
    net.cut_all();
    // Bot gets it from Eve's own machine, shows it, and writes on top of it.
    net.write(eve, 1, 2);
    net.dial(eve, bot);
    net.settle();
    let late: Vec<_> = net.changes(bot, 1).difference(&net.changes(ana, 1)).copied().collect();
    assert_eq!(late.len(), 2);
    net.write(bot, 1, 1);
    net.settle();
    net.cut_all();
    net.keep_dialling(ana, relay);
    net.revoke(ana, eve);
    net.settle();
    net.keep_dialling(bot, relay);
    assert_eq!(net.changes(bot, 1), net.changes(ana, 1));
    assert_eq!(net.changes(relay, 1), net.changes(ana, 1));
    assert_eq!(net.removed(bot).len(), 3, "with what was written on top");
    assert!(late.iter().all(|hash| net.removed(bot).contains(hash)));
    // And it goes on.
    net.write(bot, 1, 1);
    net.settle();
    assert_eq!(net.changes(bot, 1), net.changes(ana, 1));
    net.dial(eve, bot);
    net.settle();
    assert_eq!(net.changes(bot, 1), net.changes(ana, 1), "whoever delivers it");
}

#[test]
fn documents_that_are_not_in_memory_are_looked_through_too() {
    let (mut net, [relay, ana, bot, _]) = with_late_work();
    net.pass(200_000);
    net.pass(200_000);
    assert_eq!(net.replica(bot).documents_in_memory(), 0);
    net.keep_dialling(bot, relay);
    assert_eq!(net.changes(bot, 1), net.changes(ana, 1));
    assert_eq!(net.removed(bot).len(), 2);
}

#[test]
fn a_store_that_cannot_take_changes_out_is_asked_again() {
    let (mut net, [relay, ana, bot, _]) = with_late_work();
    let entries = net.access(relay);
    // The log came, by another process; the changes cannot be taken out yet.
    net.dial(bot, ana);
    net.break_disk(bot, true);
    net.committed_access(bot, entries);
    net.run();
    assert_eq!(net.removed(bot).len(), 0);
    net.break_disk(bot, false);
    net.settle();
    assert_eq!(net.removed(bot).len(), 2);
}

#[test]
fn of_two_owners_who_revoke_each_other_the_first_one_ordered_stays() {
    for first_is_ana in [true, false] {
        let (mut net, [relay, ana, bot, _]) = four();
        net.grant(ana, bot, Rights::ALL);
        net.settle();
        net.keep_dialling(bot, relay);
        net.cut_all();
        net.revoke(ana, bot);
        net.revoke(bot, ana);
        net.write(ana, 1, 1);
        net.write(bot, 1, 1);
        net.settle();
        let (first, second) = if first_is_ana { (ana, bot) } else { (bot, ana) };
        net.keep_dialling(first, relay);
        net.dial(second, relay);
        net.settle();
        let log = net.log(relay);
        assert_eq!(log.rights(&net.key(first)), Rights::ALL);
        assert_eq!(log.rights(&net.key(second)), Rights::NONE);
        assert_eq!(net.proposals_refused(first), vec![]);
        assert_eq!(net.proposals_refused(second), vec![Code::Revoked]);
        assert_eq!(net.access(second), net.access(first), "it learns why");
        assert_eq!(net.changes(first, 1), net.changes(relay, 1));
    }
}

#[test]
fn who_is_revoked_while_their_work_is_on_its_way_keeps_what_was_stored_first() {
    let (mut net, [relay, ana, bot, eve]) = four();
    net.hold_disk(relay, true);
    net.write(eve, 1, 2);
    net.run();
    net.revoke(ana, eve);
    net.run();
    net.write(eve, 1, 2);
    net.run();
    net.hold_disk(relay, false);
    net.settle();
    net.keep_dialling(ana, relay);
    net.keep_dialling(bot, relay);
    assert_eq!(net.changes(relay, 1), net.changes(ana, 1));
    assert_eq!(net.changes(relay, 1), net.changes(bot, 1));
    let log = net.log(relay);
    assert_eq!(log.rights(&net.key(eve)), Rights::NONE);
}

#[test]
fn an_end_date_is_written_down_by_the_one_who_orders() {
    let (mut net, [relay, ana, bot, eve]) = four();
    net.clock(1_000);
    let (key, kind, rights) = (net.key(eve), Kind::Person, writer(&[1]));
    let (name, until, edits_per_minute) = ("eve".into(), Some(1_060), None);
    let grant = Grant { key, name, kind, rights, until, edits_per_minute };
    net.propose(ana, Action::Grant(grant));
    net.settle();
    net.write(eve, 1, 1);
    net.settle();
    assert_eq!(net.changes(eve, 1), net.changes(bot, 1));
    net.pass(61_000);
    net.settle();
    let ended = net.log(relay).member(&key).and_then(|eve| eve.ended);
    assert_eq!(ended.map(|(end, _)| end), Some(End::Expired));
    assert_eq!(net.access(bot), net.access(relay));
    assert_eq!(net.access(ana), net.access(relay));
    assert_eq!(net.changes(bot, 1), net.changes(relay, 1));
}

#[test]
fn an_end_date_that_came_while_nobody_looked_counts_before_anybody_is_answered() {
    let (mut net, [relay, ana, _, eve]) = four();
    net.clock(1_000);
    let (key, kind, rights) = (net.key(eve), Kind::Person, writer(&[1]));
    let (name, until, edits_per_minute) = ("eve".into(), Some(1_060), None);
    let grant = Grant { key, name, kind, rights, until, edits_per_minute };
    net.propose(ana, Action::Grant(grant));
    net.settle();
    net.cut_all();
    net.pass(500_000);
    net.pass(500_000);
    assert_eq!(net.replica(relay).contexts_in_memory(), 0);
    net.dial(eve, relay);
    net.settle();
    assert!(net.told(eve).contains(&Code::Revoked));
}

#[test]
fn an_owner_passes_a_lost_sequencer_by() {
    let (mut net, [relay, ana, bot, _]) = four();
    let other = net.add(RELAY);
    net.cut_all();
    net.hand_over(ana, other, 1);
    net.settle();
    assert_eq!(net.log(ana).term(), 1);
    net.keep_dialling(ana, other);
    net.cut_all();
    net.keep_dialling(bot, other);
    assert_eq!(net.access(bot), net.access(ana));
    net.write(bot, 1, 1);
    net.settle();
    assert_eq!(net.changes(bot, 1), net.changes(other, 1));
    // The old one comes back: it is nobody now, and is given nothing.
    let before = net.store(relay);
    net.dial(bot, relay);
    net.dial(ana, relay);
    net.settle();
    assert_eq!((net.store(relay), net.access(relay).len()), (before, 4));
    assert_eq!(net.access(bot), net.access(ana));
}

#[test]
fn entries_that_an_owner_passed_by_are_replaced() {
    let (mut net, [relay, ana, bot, eve]) = four();
    let other = net.add(RELAY);
    net.grant(ana, bot, Rights::ALL);
    net.settle();
    net.cut_all();
    // Bot goes on with the old relay while Ana names another one.
    net.keep_dialling(bot, relay);
    net.revoke(bot, eve);
    net.settle();
    net.hand_over(ana, other, 1);
    net.settle();
    net.keep_dialling(ana, other);
    assert_ne!(net.access(bot), net.access(ana));
    net.keep_dialling(bot, other);
    assert_eq!(net.access(bot), net.access(ana));
    assert_eq!(net.log(bot).rights(&net.key(eve)), writer(&[1]));
}

#[test]
fn who_was_an_owner_cannot_undo_that_by_passing_the_sequencer_by() {
    let (mut net, [relay, ana, bot, _]) = four();
    let other = net.add(RELAY);
    net.grant(ana, bot, Rights::ALL);
    net.settle();
    net.keep_dialling(bot, relay);
    net.cut_all();
    net.revoke(ana, bot);
    net.hand_over(bot, other, 1);
    net.settle();
    assert_eq!(net.log(bot).term(), 1, "it may still believe so");
    net.keep_dialling(ana, relay);
    let ordered = net.access(relay);
    assert_eq!(net.log(relay).rights(&net.key(bot)), Rights::NONE);
    net.dial(bot, relay);
    net.settle();
    assert_eq!((net.access(relay), net.access(ana)), (ordered.clone(), ordered));
}

#[test]
fn another_process_that_was_first_costs_one_more_try() {
    let (mut net, [_, ana, bot, eve]) = owned();
    net.grant(ana, bot, writer(&[1]));
    net.settle();
    // Another process of Ana's has ordered something, and this one has not heard of it.
    let (mut twin, _) = owned();
    twin.grant(ana, bot, writer(&[1]));
    twin.settle();
    twin.grant(ana, 0, writer(&[2]));
    twin.settle();
    net.set_access(ana, twin.access(ana));
    net.grant(ana, eve, writer(&[3]));
    // No time passes: it is tried again as soon as it is known what came first.
    net.run();
    assert_eq!(net.log(ana).entries(), 4);
    assert_eq!(net.log(ana).rights(&net.key(eve)), writer(&[3]));
    let grown = |event: &&Event| matches!(event, Event::Access { .. });
    assert!(net.events(ana).iter().filter(grown).count() >= 3);
}

#[test]
fn rights_that_grow_let_a_member_see_more_after_it_dials_again() {
    let (mut net, [relay, ana, bot, _]) = four();
    let end = net.end_of(bot, relay);
    net.grant(ana, bot, writer(&[1, 2]));
    net.settle();
    assert_eq!(net.closed(relay, end).map(|refusal| refusal.code), Some(Code::RightsChanged));
    net.keep_dialling(bot, relay);
    assert_eq!(net.store(bot), net.store(ana));
}
