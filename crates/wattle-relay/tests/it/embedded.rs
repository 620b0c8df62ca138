//! The relay as a part of another program.

use tempfile::tempdir;
use wattle_relay::{Config, Relay, StartError};

use crate::client::{Client, Who};
use crate::process::{get, until};
use crate::writer::{Writer, keypair, record};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_starts_counts_and_stops_within_a_program() {
    let data = tempdir().unwrap();
    let config = Config { listen: "127.0.0.1:0".to_owned(), ..Config::new(data.path()) };
    let relay = Relay::start(config.clone()).await.unwrap();
    assert!(matches!(Relay::start(config.clone()).await, Err(StartError::InUse { .. })));
    let record = record(10, &keypair(1));
    let ana = Client::start(relay.address(), Who::new(keypair(1), &record)).await;
    let mut writer = Writer::new(keypair(1), record.id());
    let change = writer.write(10);
    let hash = change.header.hash;
    ana.commit(vec![change]);
    ana.until_durable(&[hash]).await;
    let stats = until("the link that was dialled again to end", || {
        Some(relay.stats()).filter(|stats| stats.links == 1)
    });
    assert_eq!(stats.panics, 0);
    assert!(stats.changes_in >= 1 && stats.bytes_in > 0 && stats.bytes_out > 0, "{stats:?}");
    let address = relay.address();
    tokio::task::spawn_blocking(move || assert_eq!(get(address, "/healthz").0, 200)).await.unwrap();
    relay.stop().await;
    ana.until("the end", |seen| seen.ended).await;
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens any more");
    Relay::start(config).await.unwrap().stop().await;
}
