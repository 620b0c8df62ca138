//! A late reader of a long document, and one who comes back: what they receive, in bytes.

use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::tempdir;
use wattle_context::{Edit, Op, Part, Splice, Value};
use wattle_relay::{Config, Relay, RelayHandle};
use wattle_sync::{Identity, Options, Parts, Peer, Typing};
use wattle_tests::invitation::invitation;

const PATIENCE: Duration = Duration::from_secs(300);
const EDITS: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_reader_takes_a_snapshot_and_one_who_returns_only_what_it_lacks() {
    let folder = tempdir().unwrap();
    let config =
        Config { listen: "127.0.0.1:0".to_owned(), ..Config::new(folder.path().join("relay")) };
    let relay = Relay::start(config).await.unwrap();
    let ana = Peer::create(options(folder.path(), "ana"), "a long text").await.unwrap();
    ana.dial(&format!("ws://{}", relay.address())).unwrap();
    let path = add_document(&ana).await;
    let raw = type_in(&ana, &path, EDITS).await;
    ana.settled(PATIENCE).await.unwrap();
    until_folded(&relay).await;

    let link = invitation(&ana, 1, relay.address()).await;
    let before = relay.stats().bytes_out;
    let late = Peer::join(options(folder.path(), "late"), &link).await.unwrap();
    late.settled(PATIENCE).await.unwrap();
    let joined = relay.stats().bytes_out - before;
    assert_eq!(body(&late).await.chars().count(), EDITS);
    assert_eq!(body(&late).await, body(&ana).await);
    late.close().await;

    type_in(&ana, &path, 3).await;
    ana.settled(PATIENCE).await.unwrap();
    let before = relay.stats().bytes_out;
    let back = Peer::open(options(folder.path(), "late")).await.unwrap();
    back.settled(PATIENCE).await.unwrap();
    let returned = relay.stats().bytes_out - before;
    assert_eq!(body(&back).await, body(&ana).await);

    println!("{EDITS} edits, {raw} bytes of changes");
    println!(
        "a late reader receives {joined} bytes, one who returns for 3 changes {returned} bytes"
    );
    assert!(joined < raw / 5, "a snapshot and a short tail");
    assert!(returned < 4_096, "the handshake and three changes");
    back.close().await;
    ana.close().await;
    relay.stop().await;
}

/// Types characters, many at a time; answers the bytes of the changes.
async fn type_in(peer: &Peer, path: &str, count: usize) -> u64 {
    let mut bytes = 0;
    for start in (0..count).step_by(100) {
        let typed = (start..count.min(start + 100)).map(|number| {
            let letter = char::from(b'a' + u8::try_from(number % 26).unwrap());
            let splices = vec![Splice { at: 0, delete: 0, insert: letter.to_string() }];
            let typing = Typing { path: path.to_owned(), splices, base: None };
            let peer = peer.clone();
            tokio::spawn(async move { peer.splice(typing, "").await.unwrap() })
        });
        for task in typed.collect::<Vec<_>>() {
            let edited = task.await.unwrap();
            bytes += edited.changes.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
        }
    }
    bytes
}

async fn add_document(peer: &Peer) -> String {
    let fields = [("title".to_owned(), "long".into()), ("body".to_owned(), "".into())];
    let edit = Edit {
        op: Op::Add,
        path: "documents".to_owned(),
        value: Value::Map(fields.into()),
        old: None,
        base: None,
        if_unchanged: false,
    };
    let edited = peer.edit(vec![edit], "begin").await.unwrap();
    format!("{}/body", edited.answers[0].path)
}

/// Until the relay has folded the text: all but a tail that is under its threshold.
async fn until_folded(relay: &RelayHandle) {
    let deadline = Instant::now() + PATIENCE;
    let mut last = (0, Instant::now());
    while relay.stats().snapshots == 0 || last.1.elapsed() < Duration::from_secs(3) {
        assert!(Instant::now() < deadline, "the relay makes no snapshot");
        if relay.stats().snapshots != last.0 {
            last = (relay.stats().snapshots, Instant::now());
        }
        tokio::task::yield_now().await;
    }
}

async fn body(peer: &Peer) -> String {
    let read = |context: &mut wattle_context::Context| {
        let id = *context.body_ids().first()?;
        context.document(&Part::Body(id))?;
        context.body(&id)
    };
    peer.view(Parts::All, read).await.unwrap().unwrap()
}

fn options(folder: &Path, name: &str) -> Options {
    let identity = Identity::load_or_create(&folder.join(name).join("config"), name).unwrap();
    Options::new(folder.join(name).join("context"), identity)
}
