//! Who dials a peer without being one.

use futures_util::{SinkExt, StreamExt};
use tempfile::tempdir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use wattle_sync::Peer;

use crate::support::{PATIENCE, add_rule, create, export, join, settled};

async fn knock(
    peer: &Peer,
    headers: &[(&'static str, &'static str)],
) -> Result<WebSocketStream<TcpStream>, Error> {
    let address = peer.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let mut request = format!("ws://{address}/sync").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_static(value));
    }
    Ok(client_async(request, stream).await?.0)
}

const PROTOCOL: (&str, &str) = ("sec-websocket-protocol", "wattle.1");

#[tokio::test]
async fn other_protocols_and_web_pages_are_refused_before_there_is_a_link() {
    let home = tempdir().unwrap();
    let peer = create(home.path(), "ana").await;
    for (headers, expected) in [
        (vec![], StatusCode::BAD_REQUEST),
        (vec![("sec-websocket-protocol", "wattle.9")], StatusCode::BAD_REQUEST),
        (vec![PROTOCOL, ("origin", "https://evil.example")], StatusCode::FORBIDDEN),
    ] {
        let Err(Error::Http(response)) = knock(&peer, &headers).await else { panic!("a link") };
        assert_eq!(response.status(), expected);
    }
    assert!(peer.status().await.unwrap().links.is_empty());
}

#[tokio::test]
async fn a_stranger_that_sends_nonsense_loses_its_link_and_nobody_else_does() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    let address = ana.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let bob = join(b.path(), "bob", &ana, &format!("wattle://{address}")).await;
    settled(&[&bob]).await;
    for message in [
        Message::binary(vec![0; 1 << 20]),
        Message::binary(vec![0; 5 * 1024]),
        Message::binary(vec![255; 40]),
        Message::binary(Vec::new()),
        Message::text("hello"),
    ] {
        let mut stranger = knock(&ana, &[PROTOCOL]).await.unwrap();
        // It may be cut off while it still sends.
        stranger.send(message).await.ok();
        let ended = async { while let Some(Ok(_)) = stranger.next().await {} };
        tokio::time::timeout(PATIENCE, ended).await.unwrap();
    }
    add_rule(&bob, "one").await;
    settled(&[&bob]).await;
    assert!(export(&ana).await.contains("one"));
    while ana.status().await.unwrap().links.len() != 1 {
        tokio::task::yield_now().await;
    }
}
