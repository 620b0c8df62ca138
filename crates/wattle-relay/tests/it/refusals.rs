//! Bytes that nobody should trust: each costs the link that it came over, and no other.

use futures_util::{SinkExt, StreamExt};
use tempfile::tempdir;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use wattle_protocol::message::{Hello, Message as Frame};
use wattle_protocol::{Blob, StoreId, wire};

use crate::client::{Client, Socket, Who, dial};
use crate::process::{PATIENCE, Relay};
use crate::writer::{Writer, keypair, record};

/// Reads until the relay says why it closes.
async fn closed(socket: &mut Socket) -> (u16, String) {
    let reading = async {
        while let Some(message) = socket.next().await {
            if let Ok(Message::Close(Some(frame))) = message {
                return (frame.code.into(), frame.reason.to_string());
            }
        }
        panic!("the socket ended without a reason");
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("it closes in time")
}

fn hello() -> Hello {
    Hello {
        version_min: 1,
        version_max: 1,
        store: StoreId([9; 16]),
        key: keypair(9).public(),
        nonce: [9; 32],
        takes_snapshots: true,
        agent: "test".to_owned(),
        token: Blob::from(Vec::new()),
    }
}

async fn after(message: Message) -> (u16, String) {
    let data = tempdir().unwrap();
    let relay = Relay::start(data.path());
    let record = record(4, &keypair(1));
    let other = Client::start(relay.address, Who::new(keypair(1), &record)).await;
    other.until("sync", |seen| seen.in_sync).await;
    let mut socket = dial(relay.address).await;
    socket.send(message).await.unwrap();
    let reason = closed(&mut socket).await;
    let mut writer = Writer::new(keypair(1), record.id());
    let change = writer.write(10);
    let hash = change.header.hash;
    other.commit(vec![change]);
    other.until_durable(&[hash]).await;
    assert_eq!(relay.metric("wattle_panics_total"), 0.0);
    reason
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_is_malformed() {
    let (code, reason) = after(Message::Binary(Bytes::from_static(b"\x01\xff\xff\xff"))).await;
    assert_eq!(code, 4400, "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_message_is_malformed() {
    let (code, reason) = after(Message::text("hello")).await;
    assert_eq!((code, reason.as_str()), (4400, "frames are binary messages, not text"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_frame_before_the_proof_is_too_large() {
    let (code, reason) = after(Message::Binary(Bytes::from(vec![1; 100_000]))).await;
    assert_eq!((code, reason.as_str()), (4413, "over 4096 bytes before the proof"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_version_is_told_apart() {
    let hello = Hello { version_min: 7, version_max: 9, ..hello() };
    let frame = wire::encode(&Frame::Hello(hello));
    let (code, reason) = after(Message::Binary(Bytes::from_owner(frame.0))).await;
    assert_eq!(code, 4406, "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_hello_in_place_of_the_proof_is_refused() {
    let data = tempdir().unwrap();
    let relay = Relay::start(data.path());
    let mut socket = dial(relay.address).await;
    let frame = wire::encode(&Frame::Hello(hello()));
    for _ in 0..2 {
        socket.send(Message::Binary(Bytes::from_owner(frame.0.clone()))).await.unwrap();
    }
    let (code, reason) = closed(&mut socket).await;
    assert!((4400..4500).contains(&code), "{code} {reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_before_the_proof_is_slow() {
    let data = tempdir().unwrap();
    let relay = Relay::start(data.path());
    let mut socket = dial(relay.address).await;
    let (code, reason) = closed(&mut socket).await;
    assert_eq!(code, 4408, "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announced_length_is_not_made_room_for() {
    let data = tempdir().unwrap();
    let relay = Relay::start(data.path());
    let mut sockets = Vec::new();
    for _ in 0..100 {
        let mut socket = dial(relay.address).await;
        // The header of a binary message of 2 GiB, and a few bytes of it.
        let header = [0x82, 0xff, 0, 0, 0, 0, 0x80, 0, 0, 0, 1, 2, 3, 4, 5, 6];
        socket.get_mut().write_all(&header).await.unwrap();
        sockets.push(socket);
    }
    for socket in &mut sockets {
        let (code, reason) = closed(socket).await;
        assert_eq!(code, 4413, "{reason}");
    }
    assert!(relay.resident_bytes() < 64 * 1024 * 1024, "{} bytes", relay.resident_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_that_do_not_begin_are_few_at_a_time() {
    let data = tempdir().unwrap();
    let relay =
        Relay::start_with(data.path(), ["--listen", "127.0.0.1:0", "--handshakes-max", "1"]);
    let mut first = dial(relay.address).await;
    let (code, answer) = crate::process::request(
        relay.address,
        "GET /sync HTTP/1.1\r\nHost: x\r\nConnection: close, upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: wattle.1\r\n\r\n",
    );
    assert_eq!(code, 503, "{answer}");
    assert!(answer.contains("too many links begin at once"), "{answer}");
    closed(&mut first).await;
    let record = record(5, &keypair(1));
    let next = Client::start(relay.address, Who::new(keypair(1), &record)).await;
    next.until("sync", |seen| seen.in_sync).await;
}
