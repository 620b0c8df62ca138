//! Changes between clients, through the relay.

use tempfile::tempdir;

use crate::client::{Client, Who};
use crate::process::{Relay, until};
use crate::writer::{Writer, keypair, record};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clients_exchange_changes_and_learn_what_is_durable() {
    let data = tempdir().unwrap();
    let relay = Relay::start(data.path());
    let record = record(1, &keypair(1));
    let ana = Client::start(relay.address, Who::new(keypair(1), &record)).await;
    let bot = Client::start(relay.address, Who::new(keypair(2), &record)).await;
    ana.until("sync", |seen| seen.in_sync).await;
    bot.until("sync", |seen| seen.in_sync).await;
    let mut by_ana = Writer::new(keypair(1), record.id());
    let mut by_bot = Writer::new(keypair(2), record.id());
    let (mut of_ana, mut of_bot) = (Vec::new(), Vec::new());
    for _ in 0..50 {
        let (first, second) = (by_ana.write(20), by_bot.write(20));
        of_ana.push(first.header.hash);
        of_bot.push(second.header.hash);
        ana.commit(vec![first]);
        bot.commit(vec![second]);
    }
    ana.until_has(&of_bot).await;
    bot.until_has(&of_ana).await;
    ana.until_durable(&of_ana).await;
    bot.until_durable(&of_bot).await;
    until("the links that were dialled again to end", || {
        (relay.metric("wattle_links") == 2.0).then_some(())
    });
    assert_eq!(relay.metric("wattle_panics_total"), 0.0);
    assert!(relay.metric("wattle_changes_in_total") >= 101.0, "and the genesis");
    assert!(relay.metric("wattle_fan_out_seconds_count") > 0.0);
    assert!(relay.metric("wattle_commit_seconds_count") > 0.0);
    drop((ana, bot));
    until("the links to end", || (relay.metric("wattle_links") == 0.0).then_some(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_later_gets_what_was_there_before_also_after_a_restart() {
    let data = tempdir().unwrap();
    let relay = Relay::start(data.path());
    let record = record(2, &keypair(1));
    let ana = Client::start(relay.address, Who::new(keypair(1), &record)).await;
    let mut writer = Writer::new(keypair(1), record.id());
    let changes: Vec<_> = (0..300).map(|_| writer.write(100)).collect();
    let hashes: Vec<_> = changes.iter().map(|change| change.header.hash).collect();
    ana.commit(changes);
    ana.until_durable(&hashes).await;
    let bot = Client::start(relay.address, Who::new(keypair(2), &record)).await;
    bot.until_has(&hashes).await;
    relay.terminate();
    let (status, log) = relay.wait();
    assert!(status.success(), "{log:?}");
    let gone = ana.until("the end", |seen| seen.ended).await;
    assert_eq!(gone.closed.map(|(code, _)| code), Some(4510), "going away");
    let relay = Relay::start(data.path());
    let late = Client::start(relay.address, Who::new(keypair(3), &record)).await;
    late.until_has(&hashes).await;
}
