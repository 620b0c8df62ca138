//! What it costs to pass changes on to many, and how much of that is checking signatures.

use std::time::{Duration, Instant};

use tempfile::tempdir;
use wattle_protocol::Change;

use crate::client::{Client, Who};
use crate::process::Relay;
use crate::writer::{DOCUMENT, Writer, keypair, record, store};

const READERS: u64 = 50;
/// Set `WATTLE_FAN_OUT` for more.
const CHANGES: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checking_signatures_is_a_small_part_of_passing_changes_on() {
    let changes = std::env::var("WATTLE_FAN_OUT");
    let changes = changes.map_or(CHANGES, |text| text.parse().expect("a number"));
    let data = tempdir().unwrap();
    let relay = Relay::start(data.path());
    let record = record(44, &keypair(1));
    let ana = Client::start(relay.address, Who::new(keypair(1), &record)).await;
    ana.until("sync", |seen| seen.in_sync).await;
    let mut readers = Vec::new();
    for number in 0..READERS {
        let who = Who::at(keypair(2), &record, store(number));
        readers.push(Client::start(relay.address, who).await);
    }
    for reader in &readers {
        reader.until("sync", |seen| seen.in_sync).await;
    }
    let mut writer = Writer::new(keypair(1), record.id());
    let changes: Vec<_> = (0..changes).map(|_| writer.write(100)).collect();

    let verify = |change: &Change| {
        let (begun, seal) = (Instant::now(), change.seal.expect("it is sealed"));
        assert!(seal.verify(&record.id(), &DOCUMENT, &change.header));
        begun.elapsed()
    };
    // The quickest: others use this processor too.
    let verifying = changes.iter().map(verify).min().expect("there is one");

    let (busy, begun) = (relay.busy(), Instant::now());
    for change in &changes {
        // One by one, as people write: nothing is passed on together.
        let hash = change.header.hash;
        ana.commit(vec![change.clone()]);
        for reader in &readers {
            reader.until_has(&[hash]).await;
        }
    }
    let (busy, took) = (relay.busy().saturating_sub(busy), begun.elapsed());
    let count = u32::try_from(changes.len()).unwrap();
    let share = verifying.as_secs_f64() * f64::from(count) / busy.as_secs_f64();
    println!(
        "{count} changes to {READERS} readers: {:?} of the relay's processor each, {:?} of it for a signature ({:.1} %); {:.0} deliveries per second",
        busy / count,
        verifying,
        share * 100.0,
        f64::from(count) * READERS as f64 / took.as_secs_f64(),
    );
    assert!(busy > Duration::ZERO && share < 0.2, "{share}");
}
