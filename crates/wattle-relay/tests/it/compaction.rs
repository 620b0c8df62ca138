//! Long logs become snapshots, and nobody who reads them can tell.

use tempfile::tempdir;

use crate::client::{Client, Who};
use crate::process::{Relay, until};
use crate::writer::{Writer, keypair, record};

const OFTEN: [&str; 4] = ["--listen", "127.0.0.1:0", "--compact-after-changes", "100"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_log_is_folded_and_everyone_still_gets_all_of_it() {
    let data = tempdir().unwrap();
    let relay = Relay::start_with(data.path(), OFTEN);
    let record = record(6, &keypair(1));
    let ana = Client::start(relay.address, Who::new(keypair(1), &record)).await;
    let mut writer = Writer::new(keypair(1), record.id());
    let mut hashes = Vec::new();
    for round in 1..=4 {
        let changes: Vec<_> = (0..120 * round).map(|_| writer.write(30)).collect();
        let new: Vec<_> = changes.iter().map(|change| change.header.hash).collect();
        ana.commit(changes);
        ana.until_durable(&new).await;
        hashes.extend(new);
        until("a snapshot", || {
            (relay.metric("wattle_snapshots_total") >= f64::from(round)).then_some(())
        });
    }
    let bot = Client::start(relay.address, Who::new(keypair(2), &record)).await;
    bot.until_has(&hashes).await;
    assert!(bot.seen().snapshots > 0, "from nothing comes a snapshot, then the tail");
    assert_eq!(relay.metric("wattle_compactions_failed_total"), 0.0);
    relay.kill();
    let relay = Relay::start_with(data.path(), OFTEN);
    let late = Client::start(relay.address, Who::new(keypair(3), &record)).await;
    late.until_has(&hashes).await;
    assert_eq!(relay.metric("wattle_panics_total"), 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_grown_before_the_start_is_folded_too() {
    let data = tempdir().unwrap();
    let relay = Relay::start(data.path());
    let record = record(7, &keypair(1));
    let ana = Client::start(relay.address, Who::new(keypair(1), &record)).await;
    let mut writer = Writer::new(keypair(1), record.id());
    let changes: Vec<_> = (0..200).map(|_| writer.write(30)).collect();
    let hashes: Vec<_> = changes.iter().map(|change| change.header.hash).collect();
    ana.commit(changes);
    ana.until_durable(&hashes).await;
    assert_eq!(relay.metric("wattle_snapshots_total"), 0.0);
    relay.kill();
    let relay = Relay::start_with(data.path(), OFTEN);
    until("a snapshot", || (relay.metric("wattle_snapshots_total") >= 1.0).then_some(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_over_the_limit_is_left_as_it_is_and_served() {
    let data = tempdir().unwrap();
    let relay =
        Relay::start_with(data.path(), OFTEN.into_iter().chain(["--compact-ops-max", "50"]));
    let record = record(8, &keypair(1));
    let ana = Client::start(relay.address, Who::new(keypair(1), &record)).await;
    let mut writer = Writer::new(keypair(1), record.id());
    let changes: Vec<_> = (0..120).map(|_| writer.write(30)).collect();
    let hashes: Vec<_> = changes.iter().map(|change| change.header.hash).collect();
    ana.commit(changes);
    ana.until_durable(&hashes).await;
    until("the attempt", || (relay.metric("wattle_compactions_failed_total") >= 1.0).then_some(()));
    let bot = Client::start(relay.address, Who::new(keypair(2), &record)).await;
    bot.until_has(&hashes).await;
    assert_eq!(relay.metric("wattle_snapshots_total"), 0.0);
    let log = relay.logged().join("\n");
    assert!(log.contains("operations, over the limit of 50"), "{log}");
}
