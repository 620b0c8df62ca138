//! The pages, and what is no link.

use tempfile::tempdir;

use crate::process::{Relay, request};

#[test]
fn the_pages_tell_version_health_and_numbers() {
    let data = tempdir().unwrap();
    let relay = Relay::start(data.path());
    let (code, health) = relay.get("/healthz");
    assert_eq!(code, 200);
    assert!(health.contains(r#"{"status":"ok","version":""#), "{health}");
    let (code, front) = relay.get("/");
    assert_eq!(code, 200);
    assert!(front.contains("Wattle relay"), "{front}");
    let (code, _) = relay.get("/nothing");
    assert_eq!(code, 404);
    let (code, metrics) = relay.get("/metrics");
    assert_eq!(code, 200);
    for name in [
        "wattle_links 0",
        "wattle_documents 0",
        "wattle_panics_total 0",
        "wattle_commit_seconds_count 0",
        "wattle_fan_out_seconds_count 0",
        "wattle_appends_waiting 0",
        "wattle_build_info{version=\"",
        "# EOF",
    ] {
        assert!(metrics.contains(name), "{name} in\n{metrics}");
    }
}

#[test]
fn what_is_no_link_is_told_why() {
    let data = tempdir().unwrap();
    let relay = Relay::start_with(
        data.path(),
        ["--listen", "127.0.0.1:0", "--origins", "https://friend.example"],
    );
    let ask = |headers: &str| {
        let text = format!("GET /sync HTTP/1.1\r\nHost: x\r\nConnection: close{headers}\r\n\r\n",);
        request(relay.address, &text)
    };
    let websocket = |version: &str, more: &str| {
        ask(&format!(
            ", upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: {version}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=={more}"
        ))
    };
    let cases = [
        (ask(""), 426, "speaks WebSocket only"),
        (websocket("8", ""), 426, "speaks WebSocket version 13 only"),
        (websocket("13", ""), 400, "speaks the subprotocol wattle.1; the request offers none"),
        (
            websocket("13", "\r\nSec-WebSocket-Protocol: wattle.9, graphql-ws"),
            400,
            "the request offers wattle.9, graphql-ws",
        ),
        (
            websocket("13", "\r\nSec-WebSocket-Protocol: wattle.1\r\nOrigin: https://evil.example"),
            403,
            "pages of https://evil.example may not open links here",
        ),
        (
            websocket(
                "13",
                "\r\nSec-WebSocket-Protocol: wattle.9\r\nOrigin: https://friend.example",
            ),
            400,
            "wattle.9",
        ),
    ];
    for ((code, answer), expected, sentence) in cases {
        assert_eq!(code, expected, "{answer}");
        assert!(answer.contains(sentence), "{sentence:?} in {answer}");
    }
}

#[test]
fn a_slow_request_and_too_many_connections_cost_nobody_else() {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    let data = tempdir().unwrap();
    let relay =
        Relay::start_with(data.path(), ["--listen", "127.0.0.1:0", "--connections-max", "3"]);
    let mut slow = TcpStream::connect(relay.address).unwrap();
    slow.write_all(b"GET /healthz HTT").unwrap();
    let _second = TcpStream::connect(relay.address).unwrap();
    let (code, _) = relay.get("/healthz");
    assert_eq!(code, 200, "the third");
    let _third = crate::process::until("the last one to be counted off", || {
        (relay.get("/healthz").0 == 200).then(|| TcpStream::connect(relay.address).unwrap())
    });
    let mut answer = String::new();
    slow.set_read_timeout(Some(crate::process::PATIENCE)).unwrap();
    slow.read_to_string(&mut answer).unwrap();
    assert!(!answer.contains("200 OK"), "headers that do not come are not waited for: {answer}");
}
