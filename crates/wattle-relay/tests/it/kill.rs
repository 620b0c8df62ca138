//! What was said to be durable is there after the relay was killed.

use std::collections::BTreeSet;

use tempfile::tempdir;
use wattle_protocol::ChangeHash;

use crate::client::{Client, Seen, Who};
use crate::process::Relay;
use crate::writer::{Writer, keypair, record};

/// Set `WATTLE_KILLS` for more.
const KILLS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_to_be_durable_survives_every_kill() {
    let kills = std::env::var("WATTLE_KILLS").map_or(KILLS, |text| text.parse().expect("a number"));
    let data = tempdir().unwrap();
    let record = record(3, &keypair(1));
    let reader = Who::new(keypair(200), &record);
    let mut writers = [1, 2].map(|number| {
        let writer = Writer::new(keypair(number), record.id());
        (Who::new(keypair(number), &record), writer)
    });
    let mut durable: BTreeSet<ChangeHash> = BTreeSet::new();
    let mut new: Vec<ChangeHash> = Vec::new();
    for round in 0..kills {
        let relay = Relay::start(data.path());
        // It has everything that earlier rounds have shown to be there.
        Client::start(relay.address, reader.clone()).await.until_has(&new).await;
        let mut clients = Vec::new();
        for (who, writer) in &mut writers {
            let client = Client::start(relay.address, who.clone()).await;
            client.until("sync", |seen| seen.in_sync).await;
            (0..60).for_each(|_| client.commit(vec![writer.write(50)]));
            clients.push(client);
        }
        // Each round is killed at another moment of the load.
        let wanted = 1 + round * 37 % 50;
        let of_load = |seen: &Seen| seen.durable.difference(&durable).count() >= wanted;
        clients[0].until("some that are durable", of_load).await;
        relay.kill();
        new.clear();
        for client in &clients {
            let seen = client.until("the end", |seen| seen.ended).await;
            new.extend(seen.durable.difference(&durable));
        }
        assert!(new.len() >= wanted, "round {round}");
        durable.extend(&new);
    }
    let relay = Relay::start(data.path());
    let late = Client::start(relay.address, Who::new(keypair(201), &record)).await;
    let all: Vec<_> = durable.iter().copied().collect();
    late.until_has(&all).await;
    println!("{kills} kills, {} durable changes, none missing", all.len());
}
