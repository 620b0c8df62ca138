//! A party that speaks frames by hand: an agent or a relay that somebody has changed.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Bytes, Message as Socketed};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};
use wattle_protocol::identity::{Challenge, Side, verify};
use wattle_protocol::limits::FRAME_BYTES_MAX;
use wattle_protocol::message::{Have, Hello, Message, Open};
use wattle_protocol::wire::{self, SUBPROTOCOL};
use wattle_protocol::{Blob, ContextId, Keypair, PublicKey, StoreId};

const PROTOCOL: &str = "Sec-WebSocket-Protocol";
const PATIENCE: Duration = Duration::from_secs(60);

/// One end of a link, after both keys are proved.
#[derive(Debug)]
pub struct Raw {
    socket: WebSocketStream<TcpStream>,
    /// Whose the other end is.
    pub theirs: PublicKey,
    /// Every frame that came since, as it came.
    pub heard: Vec<Vec<u8>>,
}

/// What comes from the other side.
#[derive(Debug)]
pub enum Heard {
    /// A frame.
    Message(Message),
    /// The end, with the number of its reason.
    Closed(u16),
}

/// Dials, and says nothing yet.
pub async fn connect(address: SocketAddr) -> WebSocketStream<TcpStream> {
    let mut request = format!("ws://{address}/sync").into_client_request().expect("a request");
    request.headers_mut().insert(PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let socket = TcpStream::connect(address).await.expect("it listens");
    client_async(request, socket).await.expect("it upgrades").0
}

impl Raw {
    /// Dials like an agent.
    pub async fn dial(address: SocketAddr, key: &Keypair) -> Self {
        Self::dial_from(address, key, StoreId([key.public().0[0]; 16])).await
    }

    /// The same from one of several stores of a key.
    pub async fn dial_from(address: SocketAddr, key: &Keypair, store: StoreId) -> Self {
        Self::greet(connect(address).await, (key, store), Side::Dials).await
    }

    /// Takes one link, like a relay.
    pub async fn accept(listener: &TcpListener, key: &Keypair) -> Self {
        let (socket, _) =
            timeout(PATIENCE, listener.accept()).await.expect("in time").expect("one");
        #[expect(clippy::result_large_err, reason = "the library gives the type")]
        let agree = |_: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
            response.headers_mut().insert(PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
            Ok(response)
        };
        let socket = accept_hdr_async(socket, agree).await.expect("it upgrades");
        let store = StoreId([key.public().0[0]; 16]);
        Self::greet(socket, (key, store), Side::Listens).await
    }

    async fn greet(
        socket: WebSocketStream<TcpStream>,
        (key, store): (&Keypair, StoreId),
        side: Side,
    ) -> Self {
        let theirs = PublicKey([0; 32]);
        let mut raw = Self { socket, theirs, heard: Vec::new() };
        let mine = key.public().0;
        let hello = Hello {
            version_min: 1,
            version_max: 1,
            store,
            key: key.public(),
            nonce: mine,
            takes_snapshots: side == Side::Dials,
            agent: "by hand".to_owned(),
            token: Blob::from(Vec::new()),
        };
        raw.say(&Message::Hello(hello)).await;
        let Heard::Message(Message::Hello(hello)) = raw.hear().await else { panic!("no hello") };
        raw.theirs = hello.key;
        let challenge = Challenge {
            prover: side,
            theirs: hello.nonce,
            mine,
            verifier_key: hello.key,
            prover_key: key.public(),
        };
        let signature = key.sign(&challenge.bytes());
        raw.say(&Message::Proof { signature }).await;
        let Heard::Message(Message::Proof { signature }) = raw.hear().await else {
            panic!("no proof")
        };
        let challenge = Challenge {
            prover: side.other(),
            theirs: mine,
            mine: hello.nonce,
            verifier_key: key.public(),
            prover_key: hello.key,
        };
        assert!(verify(&hello.key, &challenge.bytes(), &signature));
        raw.heard.clear();
        raw
    }

    /// Sends a frame.
    pub async fn say(&mut self, message: &Message) {
        let frame = Bytes::from_owner(wire::encode(message).0);
        self.socket.send(Socketed::Binary(frame)).await.expect("the link is up");
    }

    /// Opens a context with nothing but these, and hears until it is open.
    pub async fn open(&mut self, context: ContextId, documents: Vec<Have>) {
        let (access_entries, access_head, record, more) = (0, [0; 32], None, false);
        let open = Open { context, access_entries, access_head, record, documents, more };
        self.say(&Message::Open(open)).await;
        self.until(|message| matches!(message, Message::Opened(opened) if !opened.more)).await;
    }

    /// The next frame, or the end.
    pub async fn hear(&mut self) -> Heard {
        loop {
            let next = timeout(PATIENCE, self.socket.next()).await.expect("something comes");
            match next {
                Some(Ok(Socketed::Binary(frame))) => {
                    let message = wire::decode(&frame, FRAME_BYTES_MAX).expect("a frame");
                    self.heard.push(frame.to_vec());
                    return Heard::Message(message);
                }
                Some(Ok(Socketed::Close(Some(frame)))) => return Heard::Closed(frame.code.into()),
                Some(Ok(
                    Socketed::Text(_)
                    | Socketed::Ping(_)
                    | Socketed::Pong(_)
                    | Socketed::Frame(_)
                    | Socketed::Close(None),
                )) => {}
                Some(Err(_)) | None => return Heard::Closed(0),
            }
        }
    }

    /// Hears until something comes.
    pub async fn until(&mut self, mut so: impl FnMut(&Message) -> bool) -> Message {
        loop {
            match self.hear().await {
                Heard::Message(message) if so(&message) => return message,
                Heard::Message(_) => {}
                Heard::Closed(code) => panic!("closed with {code}"),
            }
        }
    }

    /// Hears until the end; answers the number of its reason.
    pub async fn until_closed(&mut self) -> u16 {
        loop {
            if let Heard::Closed(code) = self.hear().await {
                return code;
            }
        }
    }
}
