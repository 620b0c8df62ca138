//! More than somebody may write, or than a store takes: later, and never lost.

use super::joining::relayed;
use super::net::acts::writer;
use crate::access::{Action, Grant, Kind};
use crate::message::Code;

#[test]
fn an_agent_over_its_budget_comes_through_later_and_holds_up_nobody() {
    let (mut net, [relay, ana, bot, agent]) = relayed();
    net.grant(ana, bot, writer(&[1]));
    let (key, kind, rights) = (net.key(agent), Kind::Agent, writer(&[1, 2]));
    let (name, until, edits_per_minute) = ("agent".into(), None, Some(3));
    net.propose(ana, Action::Grant(Grant { key, name, kind, rights, until, edits_per_minute }));
    net.settle();
    net.keep_dialling(bot, relay);
    net.keep_dialling(agent, relay);
    for _ in 0..9 {
        net.write(agent, 2, 1);
    }
    net.write(bot, 1, 9);
    net.run();
    assert!(net.told(agent).contains(&Code::OverBudget));
    assert_eq!(net.changes(bot, 1), net.changes(ana, 1));
    assert!(net.changes(relay, 2).len() < net.changes(agent, 2).len());
    for _ in 0..20 {
        net.pass(15_000);
    }
    assert_eq!(net.changes(relay, 2), net.changes(agent, 2));
    assert_eq!(net.changes(ana, 2), net.changes(agent, 2));
    assert_eq!(net.durable_at(agent, relay, 2), net.heads(agent, 2));
}

#[test]
fn a_person_and_their_agents_share_and_others_have_their_own() {
    let (mut net, [relay, ana, bot, agent]) = relayed();
    net.grant(ana, bot, writer(&[1]));
    let (key, kind, rights) = (net.key(agent), Kind::Agent, writer(&[1, 2]));
    let (name, until, edits_per_minute) = ("agent".into(), None, None);
    net.propose(ana, Action::Grant(Grant { key, name, kind, rights, until, edits_per_minute }));
    net.settle();
    net.cut_all();
    net.configure(relay, |config| config.changes_per_second_max = Some(1));
    net.keep_dialling(ana, relay);
    net.keep_dialling(bot, relay);
    net.keep_dialling(agent, relay);
    net.write(ana, 2, 8);
    net.run();
    net.write(agent, 2, 8);
    net.write(bot, 1, 8);
    net.run();
    assert!(net.changes(relay, 1).is_superset(&net.changes(bot, 1)), "its own share");
    assert!(net.changes(relay, 2).len() < 3 + 1 + 16, "one share for both");
    for _ in 0..10 {
        net.pass(15_000);
    }
    assert_eq!(net.store(relay), net.store(ana));
    assert_eq!(net.changes(relay, 2), net.changes(agent, 2));
}

#[test]
fn a_full_store_says_so_and_takes_it_when_there_is_room() {
    let (mut net, [relay, ana, ..]) = relayed();
    net.fill_disk(relay, true);
    net.write(ana, 1, 2);
    net.run();
    assert!(net.told(ana).contains(&Code::Quota));
    assert_ne!(net.changes(relay, 1), net.changes(ana, 1));
    net.fill_disk(relay, false);
    net.settle();
    assert_eq!(net.changes(relay, 1), net.changes(ana, 1));
    assert_eq!(net.durable_at(ana, relay, 1), net.heads(ana, 1));
}
