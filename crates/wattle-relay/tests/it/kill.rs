//! What was said to be durable is there after the relay was killed.

use std::collections::BTreeSet;

use tempfile::tempdir;
use wattle_protocol::ChangeHash;

use crate::client::{Client, Who};
use crate::process::Relay;
use crate::writer::{Writer, keypair, record};

/// Set `WATTLE_KILLS` for more.
const KILLS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_to_be_durable_survives_every_kill() {
    let kills = std::env::var("WATTLE_KILLS").map_or(KILLS, |text| text.parse().expect("a number"));
    let data = tempdir().unwrap();
    let record = record(3, &keypair(1));
    let mut durable: BTreeSet<ChangeHash> = BTreeSet::new();
    for round in 0..kills {
        let relay = Relay::start(data.path());
        let reader = Client::start(relay.address, Who::new(keypair(200), &record)).await;
        let durable_so_far: Vec<_> = durable.iter().copied().collect();
        reader.until_has(&durable_so_far).await;
        let clients = [
            (Client::start(relay.address, Who::new(keypair(1), &record)).await, 1),
            (Client::start(relay.address, Who::new(keypair(2), &record)).await, 2),
        ];
        for (client, number) in &clients {
            client.until("sync", |seen| seen.in_sync).await;
            let mut actor = [*number; 16];
            actor[..8].copy_from_slice(&(round as u64).to_be_bytes());
            let mut writer = Writer::new(keypair(*number), record.id(), actor);
            for _ in 0..200 {
                client.commit(vec![writer.write(50)]);
            }
        }
        // Each round is killed at another moment of the load.
        let wanted = 1 + round * 37 % 150;
        let before: usize = durable.len();
        let (first, _) = &clients[0];
        first.until("some that are durable", |seen| seen.durable.len() >= wanted).await;
        relay.kill();
        for (client, _) in &clients {
            let seen = client.until("the end", |seen| seen.ended).await;
            durable.extend(seen.durable);
        }
        assert!(durable.len() > before, "round {round} has added nothing");
    }
    let relay = Relay::start(data.path());
    let reader = Client::start(relay.address, Who::new(keypair(200), &record)).await;
    let all: Vec<_> = durable.iter().copied().collect();
    reader.until_has(&all).await;
}
