//! Many idle links and one slow reader: what they cost in memory, and what they cost others in time.

use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::client::{Client, Who};
use crate::process::{Relay, until};
use crate::writer::{Writer, keypair, record, store};

/// Set `WATTLE_LINKS` for more.
const LINKS: u64 = 100;
/// What an idle link may cost, kernel apart.
const LINK_BYTES_MAX: u64 = 48 * 1024;
/// Written past the slow reader: more than its socket takes.
const FLOOD_BYTES: usize = 32 * 1024 * 1024;
const FLOOD_CHANGE_BYTES: usize = 128 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_links_are_small_and_a_slow_reader_delays_nobody() {
    let links = std::env::var("WATTLE_LINKS").map_or(LINKS, |text| text.parse().expect("a number"));
    let data = tempdir().unwrap();
    // What the compactor takes for a large document is not what is measured here.
    let relay =
        Relay::start_with(data.path(), ["--listen", "127.0.0.1:0", "--compact-bytes-max", "0"]);
    let quiet = record(11, &keypair(1));
    let owner = Client::start(relay.address, Who::new(keypair(1), &quiet)).await;
    owner.until("sync", |seen| seen.in_sync).await;
    let warm = idle(&relay, 1000..1010).await;
    let before = relay.resident_bytes();
    let idle = idle(&relay, 2000..2000 + links).await;
    let each = relay.resident_bytes().saturating_sub(before) / links;
    println!("{links} idle links: {each} bytes of the relay each");
    assert!(each < LINK_BYTES_MAX, "{each} bytes");
    let all = (1 + idle.len() + warm.len()) as f64;
    until("the links that were dialled again to end", || {
        (relay.metric("wattle_links") == all).then_some(())
    });

    let record = record(12, &keypair(1));
    let ana = Client::start(relay.address, Who::new(keypair(1), &record)).await;
    let fast = Client::start(relay.address, Who::new(keypair(2), &record)).await;
    let slow = Client::start(relay.address, Who::new(keypair(3), &record)).await;
    for client in [&ana, &fast, &slow] {
        client.until("sync", |seen| seen.in_sync).await;
    }
    let mut writer = Writer::new(keypair(1), record.id());
    let alone = latencies(&mut writer, &ana, &fast).await;
    println!("edit to reader: p50 {:?}, p99 {:?}", alone.0, alone.1);

    slow.stall();
    let quiet = relay.resident_bytes();
    for _ in 0..FLOOD_BYTES / FLOOD_CHANGE_BYTES {
        let change = writer.write(FLOOD_CHANGE_BYTES);
        let hash = change.header.hash;
        ana.commit(vec![change]);
        fast.until_has(&[hash]).await;
    }
    until("the slow reader to be behind", || {
        (relay.metric("wattle_under_way_bytes") > 0.0).then_some(())
    });
    let grown = relay.resident_bytes().saturating_sub(quiet);
    println!("a slow reader {FLOOD_BYTES} bytes behind: the relay has grown by {grown} bytes");
    assert!(grown < 24 * 1024 * 1024, "{grown} bytes");
    let beside = latencies(&mut writer, &ana, &fast).await;
    println!("beside a slow reader: p50 {:?}, p99 {:?}", beside.0, beside.1);
    assert!(beside.0 < 5 * alone.0 + Duration::from_millis(20), "{beside:?} after {alone:?}");
    assert!(!slow.seen().ended);
}

/// Clients that follow a context in which nothing happens.
async fn idle(relay: &Relay, numbers: std::ops::Range<u64>) -> Vec<Client> {
    let record = record(11, &keypair(1));
    let mut clients = Vec::new();
    for number in numbers {
        let who = Who::at(keypair(2), &record, store(number));
        clients.push(Client::start(relay.address, who).await);
    }
    for client in &clients {
        client.until("sync", |seen| seen.in_sync).await;
    }
    clients
}

/// From the commit of a small change until a reader has it: the median, and all but one of a hundred.
async fn latencies(writer: &mut Writer, from: &Client, to: &Client) -> (Duration, Duration) {
    let mut times = Vec::new();
    for _ in 0..300 {
        let change = writer.write(100);
        let hash = change.header.hash;
        let begun = Instant::now();
        from.commit(vec![change]);
        to.until_has(&[hash]).await;
        times.push(begun.elapsed());
    }
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}
